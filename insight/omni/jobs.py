"""Jobs of omni-domain insight."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from admin_center.organizations.models import Workspace
from cdp.core.errors import Cancelled, DomainError, NotFound
from cdp.jobs import JobContext, JobKind, register
from insight.datasources.models import SourceTable
from insight.omni import pack as packs
from insight.omni import receiving, uses
from insight.omni.models import Intake, TagPack


@register
class InstallPack(JobKind):
    """Copies a pack; then every workspace of the organization recognises its people anew."""

    kind = "omni.install"
    label = gettext_lazy("Install a tag pack")
    queue = "compute"

    def run(self, job: JobContext) -> dict[str, Any]:
        row = TagPack.objects.select_related("organization").filter(pk=job.params["pack"]).first()
        if row is None:
            raise Cancelled()
        found = SourceTable.objects.in_workspace(job.workspace).in_bulk(list(job.params["tables"].values()))
        if len(found) < len(job.params["tables"]):
            raise NotFound(_("A table of the pack has been removed."), code="table_missing")
        packs.write(row, {key: found[pk] for key, pk in job.params["tables"].items()}, job)
        for workspace in Workspace.objects.filter(organization=row.organization_id):
            if Intake.objects.in_workspace(workspace).filter(current=True).exists():
                receiving.start_recognition(workspace)
        return {"devices": row.devices, "tags": len(row.tags)}

    def on_failed(self, job: JobContext, error: DomainError) -> None:
        TagPack.objects.filter(pk=job.params["pack"], state=TagPack.State.INSTALLING).update(
            state=TagPack.State.FAILED
        )


@register
class Recognise(JobKind):
    """Matches what was pushed with the pack."""

    kind = "omni.recognise"
    label = gettext_lazy("Recognise IDs for omni-domain insight")
    queue = "compute"

    def run(self, job: JobContext) -> dict[str, Any]:
        found = receiving.recognise(job.workspace, job)
        while receiving.is_waiting(job.workspace):
            # Another push came in meanwhile, and has found this job at work.
            found = receiving.recognise(job.workspace, job)
        uses.count_day(job.workspace, job)
        return found

    def on_failed(self, job: JobContext, error: DomainError) -> None:
        rows = Intake.objects.in_workspace(job.workspace).filter(state=Intake.State.WAITING)
        rows.update(state=Intake.State.FAILED)
