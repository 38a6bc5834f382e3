"""What the tasks of a campaign have reached, beside what was planned: days, budget and goal."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from cdp.core.access import Access
from insight.campaigns import links, rights
from insight.campaigns.models import Campaign


@dataclass(frozen=True)
class Outcome:
    """`results` are the figures of `links.RESULTS`; `passed` of `days` are over, today included.

    `budget_each` and `goal_each` are budget and revenue goal per person to whom a message was delivered (per message
    that was sent where no task tells what was delivered); None without one of the two.
    """

    results: dict[str, int]
    days: int
    passed: int
    budget_each: Decimal | None
    goal_each: Decimal | None

    @property
    def share(self) -> int:
        """Days that are over, in percent."""
        return round(100 * self.passed / self.days)


def of(access: Access, campaign: Campaign, today: date) -> Outcome:
    """A main campaign's outcome is that of the campaigns below it which the person may see."""
    below = rights.visible(access).filter(parent=campaign) if campaign.is_main else [campaign]
    results = links.results(links.belongings(access, *below))
    reached = results["delivered"] or results["sent"]
    days = (campaign.ends - campaign.starts).days + 1
    passed = min(days, max(0, (today - campaign.starts).days + 1))
    return Outcome(results, days, passed, _each(campaign.budget, reached), _each(campaign.goal, reached))


def _each(amount: Decimal | None, people: int) -> Decimal | None:
    return None if amount is None or not people else (amount / people).quantize(Decimal("0.01"))
