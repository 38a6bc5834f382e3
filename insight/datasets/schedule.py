"""Periodic refresh of datasets."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from cdp.core.errors import ValidationFailed
from cdp.core.timezones import zone
from insight.datasets.models import Dataset


def check(policy: dict[str, Any], kind: str) -> dict[str, Any]:
    """A refresh policy in its stored form; raises ValidationFailed."""
    every = policy.get("every", "off")
    if every == "off":
        return {"every": "off"}
    if every == "day":
        try:
            time.fromisoformat(str(policy.get("at", "05:00")))
        except ValueError:
            raise _wrong(_("Give the time as hh:mm.")) from None
        return {"every": "day", "at": str(policy.get("at", "05:00"))[:5]}
    hours = policy.get("hours")
    if every == "hours" and kind == Dataset.Kind.USER_TAGS and isinstance(hours, int) and 1 <= hours <= 23:
        return {"every": "hours", "hours": hours}
    raise _wrong(_("Choose off, day with a time, or (user tags) every 1 to 23 hours."))


def _wrong(message: str) -> ValidationFailed:
    return ValidationFailed(message, errors={"refresh": [message]})


def next_time(dataset: Dataset, after: datetime) -> datetime | None:
    """When the dataset is to be refreshed next."""
    policy = dataset.refresh or {}
    if policy.get("every") == "hours":
        return after + timedelta(hours=policy["hours"])
    if policy.get("every") != "day":
        return None
    local = after.astimezone(zone(dataset.workspace))
    wanted = datetime.combine(local.date(), time.fromisoformat(policy["at"]), local.tzinfo)
    return wanted if wanted > local else wanted + timedelta(days=1)


def start_due() -> int:
    """Start every refresh that is due: once after a downtime, and none while one is running."""
    from insight.datasets.services import queue_refresh

    started = 0
    now = timezone.now()
    with transaction.atomic():
        due = Dataset.objects.select_for_update(skip_locked=True, of=("self",)).filter(
            next_refresh_at__lte=now
        )
        for dataset in due.select_related("workspace", "owner"):
            Dataset.objects.filter(pk=dataset.pk).update(next_refresh_at=next_time(dataset, now))
            queue_refresh(dataset, owner=dataset.owner)
            started += 1
    return started
