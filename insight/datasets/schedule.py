"""Periodic refresh of datasets."""

from __future__ import annotations

import logging
import re
from datetime import datetime, time, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from cdp.core.errors import ValidationFailed
from cdp.core.timezones import zone
from insight.datasets.models import Dataset

log = logging.getLogger(__name__)
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")


def check(policy: Any, kind: str) -> dict[str, Any]:
    """A refresh policy in its stored form: off, every day at a time, or (user tags) every some hours.

    Raises ValidationFailed at the field `refresh`.
    """
    if not isinstance(policy, dict):
        raise _wrong(_("An object is needed here."))
    unknown = sorted(set(policy) - {"every", "at", "hours"})
    if unknown:
        raise _wrong(_("Unknown field: %(names)s.") % {"names": ", ".join(map(str, unknown))})
    every = policy.get("every", "off")
    if every == "off":
        return {"every": "off"}
    if every == "day":
        at = str(policy.get("at", "05:00"))
        if not _CLOCK.fullmatch(at):
            raise _wrong(_("Give the time as hh:mm."))
        return {"every": "day", "at": at}
    hours = policy.get("hours")
    if every == "hours" and kind == Dataset.Kind.USER_TAGS and type(hours) is int and 1 <= hours <= 23:
        return {"every": "hours", "hours": hours}
    raise _wrong(_("Choose off, day with a time, or (user tags) every 1 to 23 hours."))


def describe(policy: dict[str, Any]) -> str:
    """The policy in words; empty where there is none."""
    if policy.get("every") == "day":
        return _("Every day at %(time)s") % {"time": policy["at"]}
    if policy.get("every") == "hours":
        return _("Every %(hours)d hours") % {"hours": policy["hours"]}
    return ""


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
    """Start every refresh that is due: once after a downtime, and none while one is running.

    Each dataset on its own: one that cannot be started keeps its place and stops no other.
    """
    from insight.datasets.services import queue_refresh

    started = 0
    now = timezone.now()
    for key in Dataset.objects.filter(next_refresh_at__lte=now).values_list("pk", flat=True):
        try:
            with transaction.atomic():
                rows = Dataset.objects.select_for_update(skip_locked=True, of=("self",))
                dataset = (
                    rows.filter(pk=key, next_refresh_at__lte=now).select_related("workspace", "owner").first()
                )
                if dataset is None:
                    continue
                Dataset.objects.filter(pk=key).update(next_refresh_at=next_time(dataset, now))
                queue_refresh(dataset, owner=dataset.owner)
                started += 1
        except Exception:
            log.exception("The refresh of %s could not be started.", key)
    return started
