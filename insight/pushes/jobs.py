"""The work of a push."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from admin_center.organizations.settings import workspace_settings
from cdp.core import audit
from cdp.core.access import Access
from cdp.core.errors import Cancelled, DomainError, PermissionDenied
from cdp.jobs import JobContext, JobKind, register
from insight.datasets import rights, tag_uses
from insight.datasets.models import TagUse
from insight.pushes import services, sources
from insight.pushes.models import Push
from insight.pushes.targets import TARGETS, Target
from insight.pushes.targets.base import Head, Writer
from insight.pushes.values import Outgoing

_PROGRESS = ("state", "users", "ids", "skipped", "undecryptable", "updated_at")


class RunPush(JobKind):
    """Reads the users in batches and hands them on. A second run begins anew under the same ID of the push."""

    label = gettext_lazy("Push to a system outside")
    queue = "default"
    target: Target

    def gate_limit(self, workspace: Any) -> int:
        return self.target.concurrency or workspace_settings(workspace).push_concurrency

    def run(self, job: JobContext) -> dict[str, Any]:
        row = _row(job)
        if row is None:
            raise Cancelled()
        if row.state in (Push.State.SUCCEEDED, Push.State.PARTLY):
            return {"users": row.users, "ids": row.ids}
        if not services.owner_may(row):
            raise PermissionDenied(
                _("The interface is gone, or there is no right to push this there any more.")
            )
        content = sources.of(row.subject).content(row)
        outgoing = Outgoing(row.fields, row.workspace)
        row.version, row.version_number, row.day = content.version, content.number, content.day
        row.state, row.started_at = Push.State.PUSHING, timezone.now()
        row.users = row.ids = row.skipped = row.undecryptable = 0
        row.save(update_fields=["version", "version_number", "day", *_PROGRESS, "started_at"])
        job.phase(_("Connecting"), progress=2)
        writer = self.target.open(_config(row), _head(row), row.workspace)
        try:
            job.phase(_("Pushing"), progress=5)
            self._write(job, row, content, outgoing, writer)
            job.check_cancelled()
            row.message = writer.finish(row.users, row.ids)
        except BaseException:
            writer.abort()
            raise
        partly = row.skipped or row.undecryptable
        row.state = Push.State.PARTLY if partly else Push.State.SUCCEEDED
        row.ended_at = timezone.now()
        row.save(update_fields=[*_PROGRESS, "message", "ended_at"])
        access = rights.access_of(row.owner, row.workspace)
        _count_tags(access, row)
        audit.record(
            access,
            services.action(row, "push_ended"),
            row.subject,
            detail={"push": row.pk, "interface": row.interface_name, "users": row.users, "ids": row.ids},
        )
        return {"users": row.users, "ids": row.ids, "skipped": row.skipped}

    def _write(
        self, job: JobContext, row: Push, content: sources.Content, outgoing: Outgoing, writer: Writer
    ) -> None:
        total = content.users or 1
        for batch in content.batches:
            rows, left_out = outgoing.rows(batch)
            if rows:
                writer.write(rows)
            row.users += len(rows)
            row.skipped += left_out
            row.undecryptable = outgoing.undecryptable
            row.ids += sum(
                item.fields[field["alias"]] is not None
                for item in rows
                for field in row.fields
                if field["kind"] == "id"
            )
            done = row.users + row.skipped
            job.progress(5 + 90 * min(1, done / total), done=done, total=content.users)

    def on_failed(self, job: JobContext, error: DomainError) -> None:
        row = _row(job)
        if row is None or row.state not in Push.ACTIVE:
            return
        cancelled = error.code == Cancelled.code
        row.state = Push.State.CANCELLED if cancelled else Push.State.FAILED
        row.message = "" if cancelled else str(error)
        row.error_code = "" if cancelled else error.code[:40]
        row.seen, row.ended_at = cancelled, timezone.now()
        row.save(update_fields=["state", "message", "error_code", "seen", "ended_at", "updated_at"])


def _row(job: JobContext) -> Push | None:
    rows = Push.objects.in_workspace(job.workspace)
    subject = ("audience__workspace", "audience__owner", "dataset__workspace", "dataset__owner")
    related = (*subject, "interface", "version", "workspace", "owner")
    return rows.select_related(*related).filter(pk=job.params["push"]).first()


def _config(row: Push) -> dict[str, Any]:
    return dict(row.interface.config or {}) if row.interface else {}


def _head(row: Push) -> Head:
    source = sources.of(row.subject)
    ids = {field["alias"]: field for field in row.fields if field["kind"] == "id"}
    return Head(
        push_id=row.pk,
        source_id=row.subject.pk,
        name=row.subject.name,
        version=row.version_number or 0,
        time=row.created_at,
        columns=[field["alias"] for field in row.fields],
        options={**row.options, "ids": ids},
        kind=source.kind,
        schema=source.schema,
    )


def _count_tags(access: Access, row: Push) -> None:
    for dataset, column in (
        (field["dataset"], field["column"]) for field in row.fields if field["kind"] == "tag"
    ):
        tag_uses.record(access, dataset, [column], TagUse.Kind.PUSH)


def _kind_of(target: Target) -> type[JobKind]:
    return type(
        f"Push{target.key.title()}",
        (RunPush,),
        {"kind": f"push.{target.key}", "gate": f"push.{target.key}", "target": target},
    )


for _target in TARGETS:
    register(_kind_of(_target))
