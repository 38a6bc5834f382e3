"""An audience of the demo that has been computed week by week."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from cdp.core.access import Access
from cdp.demo import steps
from insight.audiences import services as audiences
from insight.audiences import snapshots
from insight.audiences.models import Audience, AudienceVersion

NAME = "近 90 天活跃买家"
WEEKS = 10
DAYS = 90


def load(access: Access, behaviour: str, day: date) -> Audience:
    """The buyers of 90 days as they were on one day of each of the last weeks, a snapshot each, then those of today."""
    found = Audience.objects.in_workspace(access.workspace).filter(name=NAME).first()
    for weeks in range(WEEKS, 0, -1):
        if found is not None and found.version > WEEKS - weeks:
            continue
        last = day - timedelta(days=7 * weeks + 1)
        window = {"kind": "between", "from": str(last - timedelta(days=DAYS - 1)), "to": str(last)}
        found = _computed(access, found, _rule(behaviour, window))
        _put_back(found, timedelta(weeks=weeks), last)
    assert found is not None
    if found.version == WEEKS:
        found = _computed(access, found, _rule(behaviour, {"kind": "last_days", "days": DAYS}))
    return found


def _rule(behaviour: str, window: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "behaviour", "dataset": behaviour, "type": ["购买"], "window": window}


def _computed(access: Access, audience: Audience | None, rule: dict[str, Any]) -> Audience:
    if audience is None:
        data = {"name": NAME, "rule": rule, "remark": "每周计算一次，可以看规模和构成的变化"}
        audience = audiences.create(access, data)
    else:
        audiences.update(access, audience, {"rule": rule})
    steps.finish_all(access, "audience.refresh")
    audience.refresh_from_db()
    return audience


def _put_back(audience: Audience, ago: timedelta, day: date) -> None:
    """Date the version to the day that it shows, and keep it."""
    version = AudienceVersion.objects.get(audience=audience, number=audience.version)
    AudienceVersion.objects.filter(pk=version.pk).update(created_at=version.created_at - ago, as_of=day)
    version.refresh_from_db()
    snapshots.keep(version, audience)
