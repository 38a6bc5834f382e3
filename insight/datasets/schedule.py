"""Periodic refresh of datasets. Policies are those of `cdp.core.schedules`; by the hour for user tags only."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from admin_center.organizations.settings import workspace_settings
from cdp.core import schedules
from cdp.core.schedules import DEFAULTS, PARTS, describe
from insight.datasets.models import TAG_KINDS, Dataset

__all__ = ["DEFAULTS", "PARTS", "check", "describe", "next_time", "of_kind", "start_due"]

log = logging.getLogger(__name__)
SETTINGS = {Dataset.Kind.RFM: "rfm_update", Dataset.Kind.AIPL: "aipl_update"}
"""Models are computed every day unless told otherwise, at the time that the workspace sets for all of a kind."""
RETRY = timedelta(hours=1)


def of_kind(workspace: Any, kind: str) -> dict[str, Any]:
    """The policy that a dataset of the kind begins with."""
    setting = SETTINGS.get(Dataset.Kind(kind))
    if setting is None:
        return {}
    return {"every": "day", "at": f"{getattr(workspace_settings(workspace), setting):%H:%M}"}


def follow_settings(workspace: Any, changed: dict[str, Any]) -> None:
    """Move the daily computation of all models to the workspace's new times."""
    for kind, setting in SETTINGS.items():
        if setting in changed:
            rows = Dataset.objects.in_workspace(workspace).filter(kind=kind, refresh__every="day")
            for row in rows.select_for_update().select_related("workspace"):
                row.refresh = {**row.refresh, "at": str(changed[setting])[:5]}
                row.next_refresh_at = next_time(row, timezone.now())
                row.save(update_fields=["refresh", "next_refresh_at"])


def check(policy: Any, kind: str) -> dict[str, Any]:
    """A refresh policy in its stored form. Raises ValidationFailed with paths below `refresh`."""
    if isinstance(policy, dict) and policy.get("every") == "hour" and kind not in TAG_KINDS:
        raise schedules.wrong("every", _("Only user tags can be refreshed by the hour."))
    return schedules.check(policy)


def next_time(dataset: Dataset, after: datetime) -> datetime | None:
    """When the dataset is to be refreshed next: the first moment of its policy later than `after` (aware)."""
    return schedules.next_time(dataset.refresh or {}, dataset.workspace, after)


def start_due() -> int:
    """Start every refresh that is due: once after a downtime, and none while one is running.

    Each dataset on its own: one that cannot be started is tried again in an hour and stops no other.
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
                queue_refresh(dataset, owner=dataset.owner, periodic=True)
                started += 1
        except Exception:
            log.exception("The refresh of %s could not be started.", key)
            Dataset.objects.filter(pk=key).update(next_refresh_at=now + RETRY)
    return started
