"""The job that brings the message events of a workspace up to date."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cdp.core import audit
from cdp.core.access import Access
from cdp.jobs import JobContext, JobKind, register, start_job
from cdp.jobs.models import Job
from marketing.channels.models import Provider
from marketing.outcomes import writing

POINTS = tuple(f"marketing.{channel}.view" for channel in Provider.Channel.values)
"""Whoever sees send-outs of any channel may see what is recorded of them, and bring it up to date."""


@register
class WriteEvents(JobKind):
    kind = "message_events.write"
    label = gettext_lazy("Update message events")
    queue = "compute"
    quiet = True

    def run(self, job: JobContext) -> dict[str, Any]:
        job.phase(_("Comparing with the send-outs"), progress=5)
        return {"changed": writing.write_all(job.workspace, whole=bool(job.params.get("whole")))}


def point_of(access: Access) -> str:
    """The point by which the person may; one that they lack where there is none."""
    return next((point for point in POINTS if access.can(point)), POINTS[0])


def update(access: Access) -> Job:
    """Compare all of the workspace's events with the ledger now; while a run is under way, that one is answered.

    Raises PermissionDenied for people who see no send-outs.
    """
    access.require(point_of(access))
    job = _start(access.workspace, access=access, whole=True)
    audit.record(access, "message_events.updated", access.workspace)
    return job


def start_due() -> int:
    """Start a run wherever one is due; returns how many."""
    due = list(writing.due_workspaces())
    for workspace in due:
        _start(workspace)
    return len(due)


def _start(workspace: Any, *, access: Access | None = None, whole: bool = False) -> Job:
    return start_job(
        WriteEvents.kind,
        workspace=workspace,
        access=access,
        params={"whole": whole},
        dedupe_key=f"message_events:{workspace.pk}",
    )
