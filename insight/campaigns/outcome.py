"""What the tasks of a campaign have reached, beside what was planned: days, budget and goal."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from cdp.core.access import Access
from insight.campaigns import links, rights
from insight.campaigns.models import Campaign


@dataclass(frozen=True)
class Money:
    """Revenue and cost of the tasks that have reached anybody; of so many of the `tasks` each is not known.

    `revenue` is None where it is known of none. It has no currency: amounts are as they stand in the data. Nothing is
    converted either: `costs` are by currency.
    """

    tasks: int
    revenue: Decimal | None
    revenue_unknown: int
    costs: dict[str, Decimal]
    cost_unknown: int


@dataclass(frozen=True)
class Outcome:
    """`results` are the figures of `links.RESULTS`; `passed` of `days` are over, today included.

    `budget_each` and `goal_each` are budget and revenue goal per person to whom a message was delivered (per message
    that was sent where no task tells what was delivered); None without one of the two. `budget_share` is what has been
    spent of the budget, in its currency, `goal_share` what has been taken of the goal, both of 1.
    """

    results: dict[str, int]
    money: Money
    days: int
    passed: int
    budget_each: Decimal | None
    goal_each: Decimal | None
    budget_share: float | None
    goal_share: float | None

    @property
    def share(self) -> int:
        """Days that are over, in percent."""
        return round(100 * self.passed / self.days)


def of(access: Access, campaign: Campaign, today: date) -> Outcome:
    """A main campaign's outcome is that of the campaigns below it which the person may see."""
    below = rights.visible(access).filter(parent=campaign) if campaign.is_main else [campaign]
    parts = links.belongings(access, *below)
    results, spent = links.results(parts), money(parts)
    reached = results["delivered"] or results["sent"]
    days = (campaign.ends - campaign.starts).days + 1
    passed = min(days, max(0, (today - campaign.starts).days + 1))
    return Outcome(
        results,
        spent,
        days,
        passed,
        budget_each=_each(campaign.budget, reached),
        goal_each=_each(campaign.goal, reached),
        budget_share=_share(spent.costs.get(campaign.budget_currency), campaign.budget),
        goal_share=_share(spent.revenue, campaign.goal),
    )


def money(parts: Iterable[tuple[links.LinkedKind, list[links.Linked]]]) -> Money:
    """Of all tasks together; those that have reached nobody yet have neither revenue nor cost."""
    tasks = [row for kind, rows in parts if kind.has_money for row in rows if row.results.get("sent")]
    revenues = [row.revenue for row in tasks if row.revenue is not None]
    priced = [(row.currency, row.cost) for row in tasks if row.cost is not None]
    costs: dict[str, Decimal] = {}
    for currency, cost in sorted(priced):
        costs[currency] = costs.get(currency, Decimal(0)) + cost
    return Money(
        tasks=len(tasks),
        revenue=sum(revenues, Decimal(0)) if revenues else None,
        revenue_unknown=len(tasks) - len(revenues),
        costs=costs,
        cost_unknown=len(tasks) - len(priced),
    )


def _each(amount: Decimal | None, people: int) -> Decimal | None:
    return None if amount is None or not people else (amount / people).quantize(Decimal("0.01"))


def _share(part: Decimal | None, whole: Decimal | None) -> float | None:
    return None if part is None or not whole else float(part / whole)
