"""The work of a push."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from admin_center.organizations.settings import workspace_settings
from cdp.core import audit
from cdp.core.access import Access
from cdp.core.errors import Cancelled, Conflict, DomainError, PermissionDenied
from cdp.jobs import JobContext, JobKind, register
from insight.audiences import queries
from insight.audiences.models import AudienceVersion
from insight.datasets import rights, tag_uses
from insight.datasets.models import TagUse
from insight.pushes import fields, services
from insight.pushes.models import Push
from insight.pushes.targets import TARGETS, Target
from insight.pushes.targets.base import BATCH, Head, Row, Writer

_PROGRESS = ("state", "users", "ids", "skipped", "updated_at")


class RunPush(JobKind):
    """Reads the members in batches and hands them on. A second run begins anew under the same ID of the push."""

    label = gettext_lazy("Push an audience")
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
                _("The interface is gone, or there is no right to push this audience there any more.")
            )
        version = _begun(row) or queries.latest_version(row.audience)
        if version is None:
            raise Conflict(_("The audience has not been computed yet."), code="audience_empty")
        row.version, row.version_number = version, version.number
        row.state, row.started_at, row.users, row.ids, row.skipped = (
            Push.State.PUSHING,
            timezone.now(),
            0,
            0,
            0,
        )
        row.save(update_fields=["version", "version_number", *_PROGRESS, "started_at"])
        job.phase(_("Connecting"), progress=2)
        writer = self.target.open(_config(row), _head(row, version), row.workspace)
        try:
            job.phase(_("Pushing"), progress=5)
            self._write(job, row, version, writer)
            job.check_cancelled()
            row.message = writer.finish(row.users, row.ids)
        except BaseException:
            writer.abort()
            raise
        row.state = Push.State.PARTLY if row.skipped else Push.State.SUCCEEDED
        row.ended_at = timezone.now()
        row.save(update_fields=[*_PROGRESS, "message", "ended_at"])
        access = rights.access_of(row.owner, row.workspace)
        _count_tags(access, row)
        audit.record(
            access,
            "audience.push_ended",
            row.audience,
            detail={"push": row.pk, "interface": row.interface_name, "users": row.users, "ids": row.ids},
        )
        return {"users": row.users, "ids": row.ids, "skipped": row.skipped}

    def _write(self, job: JobContext, row: Push, version: AudienceVersion, writer: Writer) -> None:
        total = version.count or 1
        for batch in _batches(row, version):
            rows, left_out = _rows(batch, row.fields)
            if rows:
                writer.write(rows)
            row.users += len(rows)
            row.skipped += left_out
            row.ids += sum(
                item.fields[field["alias"]] is not None
                for item in rows
                for field in row.fields
                if field["kind"] == "id"
            )
            done = row.users + row.skipped
            job.progress(5 + 90 * min(1, done / total), done=done, total=version.count)

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
    related = ("audience__workspace", "audience__owner", "interface", "version", "workspace", "owner")
    return rows.select_related(*related).filter(pk=job.params["push"]).first()


def _begun(row: Push) -> AudienceVersion | None:
    """The version that a run which was broken off has pushed a part of: what has arrived must fit the rest."""
    interrupted = row.state == Push.State.PUSHING and row.version is not None
    return row.version if interrupted and row.version.dropped_at is None else None  # type: ignore[union-attr]


def _config(row: Push) -> dict[str, Any]:
    return dict(row.interface.config or {}) if row.interface else {}


def _head(row: Push, version: AudienceVersion) -> Head:
    ids = {field["alias"]: field for field in row.fields if field["kind"] == "id"}
    return Head(
        push_id=row.pk,
        audience_id=row.audience_id,
        audience_name=row.audience.name,
        version=version.number,
        time=row.created_at,
        columns=[field["alias"] for field in row.fields],
        options={**row.options, "ids": ids},
    )


def _batches(row: Push, version: AudienceVersion) -> Iterator[pa.RecordBatch]:
    """The members with the chosen columns, read with the rights of the one whose push it is."""
    columns = [field["column"] for field in row.fields if field["kind"] == "id"]
    tags = [(field["dataset"], field["column"]) for field in row.fields if field["kind"] == "tag"]
    return queries.member_batches(version, columns, BATCH, tags=tags, owner=row.owner)


def _rows(batch: pa.RecordBatch, chosen: list[dict[str, Any]]) -> tuple[list[Row], int]:
    """The users of a batch, and how many were left out because none of the chosen IDs is known of them."""
    values: dict[str, list[Any]] = {}
    number = 0
    for field in chosen:
        if field["kind"] == "tag":
            values[field["alias"]] = batch.column(f"tag_{number}").to_pylist()
            number += 1
            continue
        found = batch.column(field["column"]).to_pylist()
        hashed = fields.hashing(field)
        values[field["alias"]] = [value and hashed(value) for value in found] if hashed else found
    ids = [values[field["alias"]] for field in chosen if field["kind"] == "id"]
    keys = _keys(batch, chosen)
    rows, left_out = [], 0
    for place, key in enumerate(keys):
        if all(column[place] is None for column in ids):
            left_out += 1
        else:
            rows.append(Row(key, {name: column[place] for name, column in values.items()}))
    return rows, left_out


def _count_tags(access: Access, row: Push) -> None:
    for dataset, column in (
        (field["dataset"], field["column"]) for field in row.fields if field["kind"] == "tag"
    ):
        tag_uses.record(access, dataset, [column], TagUse.Kind.PUSH)


def _keys(batch: pa.RecordBatch, chosen: list[dict[str, Any]]) -> list[str]:
    """The identifiers; hashed like the identifier's own field where that is hashed."""
    keys: list[str] = batch.column("user_unique_id").to_pylist()
    own = next((field for field in chosen if field["column"] == "user_unique_id"), None)
    hashed = fields.hashing(own) if own else None
    return [hashed(key) for key in keys] if hashed else keys


def _kind_of(target: Target) -> type[JobKind]:
    return type(
        f"Push{target.key.title()}",
        (RunPush,),
        {"kind": f"push.{target.key}", "gate": f"push.{target.key}", "target": target},
    )


for _target in TARGETS:
    register(_kind_of(_target))
