"""The campaigns of the demo workspace: a season with two campaigns, and two independent ones of which one is over."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from cdp.core.access import Access
from insight.campaigns import links, services
from insight.campaigns.models import Campaign

SEASON, AGAIN, BIRTHDAY, STORES, CARE = "冬季焕新", "老客回访", "会员生日礼", "门店体验周", "沉睡会员唤醒"


def load(access: Access, today: date) -> dict[str, Campaign]:
    """The campaigns by name; those that are there stay as they are."""
    first, last = today - timedelta(days=30), today + timedelta(days=45)
    season = _one(
        access,
        {
            "name": SEASON,
            "code": "winter",
            "is_main": True,
            "starts": first,
            "ends": last,
            "type": "大促",
            "budget": 300000,
            "goal": 2400000,
            "description": "换季主推，线上线下同步。",
        },
    )
    inside = {"parent": season.pk}
    days = timedelta(days=1)
    rows = [
        {"name": STORES, "code": "store-week", "starts": today - 18 * days, "ends": today - 12 * days}
        | {"type": "线下", "budget": 60000, "goal": 320000},
        {
            **inside,
            "name": AGAIN,
            "code": "winter-again",
            "starts": today - 6 * days,
            "ends": today + 14 * days,
        }
        | {"type": "大促", "budget": 120000, "goal": 900000},
        {**inside, "name": BIRTHDAY, "code": "winter-birthday", "starts": first, "ends": last}
        | {"type": "会员", "budget": 30000, "goal": 150000},
        {"name": CARE, "code": "wake-up", "starts": today + 3 * days, "ends": today + 24 * days}
        | {"type": "会员", "budget": 20000, "goal": 100000},
    ]
    return {row.name: row for row in [season, *(_one(access, values) for values in rows)]}


def link_audiences(access: Access, campaigns: dict[str, Campaign], audiences: dict[str, list[Any]]) -> None:
    """`audiences` has lists by the names of campaigns."""
    for name, rows in audiences.items():
        for row in rows:
            known = Campaign.objects.filter(pk__in=links.ids_of("audience", row.pk))
            links.link(access, "audience", row, [*known, campaigns[name]])


def _one(access: Access, values: dict[str, Any]) -> Campaign:
    found = Campaign.objects.in_workspace(access.workspace).filter(code=values["code"]).first()
    return found or services.create(access, values)
