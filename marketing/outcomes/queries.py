"""Reading what is recorded of messages."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from cdp.core.access import Access
from cdp.jobs.models import Job
from insight.datasets import rights
from marketing.outcomes.jobs import WriteEvents
from marketing.outcomes.models import EventRun, EventTable


def event_tables(workspace: Any) -> QuerySet[EventTable]:
    return EventTable.objects.in_workspace(workspace).select_related("table", "dataset")


def updated_at(workspace: Any) -> datetime | None:
    """When the events were last brought up to date."""
    return EventRun.objects.filter(workspace=workspace).values_list("ran_at", flat=True).first()


def active_job(workspace: Any) -> Job | None:
    """The run that is under way."""
    rows = Job.objects.filter(workspace=workspace, kind=WriteEvents.kind, status__in=Job.ACTIVE)
    return rows.first()


def seen_datasets(access: Access) -> set[str]:
    """IDs of those of the datasets that the person may open."""
    if not access.can("insight.dataset.view"):
        return set()
    mine = EventTable.objects.in_workspace(access.workspace).values("dataset")
    return set(rights.visible(access).filter(pk__in=mine).values_list("pk", flat=True))
