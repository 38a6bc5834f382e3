"""How a campaign's page shows revenue against the goal, and cost against the budget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from insight.campaigns.models import Campaign
from insight.campaigns.outcome import Outcome


@dataclass(frozen=True)
class Reached:
    """A bar of the panel: what was planned and what is reached of it; of `unknown` tasks that is not known.

    `each` is what was planned per person reached; texts are empty where there is no such amount.
    """

    amount: str
    planned: str
    each: str
    share: float | None
    others: Sequence[str]
    unknown: int

    @property
    def percent(self) -> int:
        """How far the bar goes; more than was planned fills it."""
        return min(100, round(100 * (self.share or 0)))


def revenue(obj: Campaign, reached: Outcome) -> Reached:
    """Amounts have no currency in the data; beside a goal they are taken to be in the goal's."""
    spent, currency = reached.money, obj.goal_currency
    amount = "" if spent.revenue is None else money(spent.revenue, currency if obj.goal is not None else "")
    planned = "" if obj.goal is None else money(obj.goal, currency)
    each = "" if reached.goal_each is None else money(reached.goal_each, currency)
    return Reached(amount, planned, each, reached.goal_share, (), spent.revenue_unknown)


def cost(obj: Campaign, reached: Outcome) -> Reached:
    """What was spent in other currencies than that of the budget stands beside it."""
    costs, currency = reached.money.costs, obj.budget_currency
    main = currency if currency in costs else next(iter(costs), "")
    others = [money(amount, name) for name, amount in costs.items() if name != main]
    return Reached(
        money(costs[main], main) if costs else "",
        "" if obj.budget is None else money(obj.budget, currency),
        "" if reached.budget_each is None else money(reached.budget_each, currency),
        reached.budget_share,
        others,
        reached.money.cost_unknown,
    )


def money(amount: Any, currency: str) -> str:
    """1,200 CNY; a dash without an amount."""
    if amount is None:
        return "–"
    return (
        f"{amount:,.0f} {currency}".strip() if amount == int(amount) else f"{amount:,.2f} {currency}".strip()
    )
