"""Computing an audience: a new table in the lake, then one transaction that moves the pointer.

Until that transaction the version before is the audience. Each attempt writes a table of its own number, so a worker
that was taken for dead and its successor never touch each other's. A version is published only if its number is higher
than the current one's; so tables with lower numbers that nobody has published can be dropped.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable
from typing import Any, NoReturn, Protocol

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from cdp.core import audit, timezones
from cdp.core.access import Access
from cdp.core.errors import Cancelled, Conflict, DomainError, NotFound
from cdp.jobs.models import Job
from cdp.jobs.services import active_job, cancel_job, start_job
from cdp.warehouse import get_engine
from insight.audiences import membership, origins, snapshots, visibility
from insight.audiences.models import Audience, AudienceVersion
from insight.datasets import storage

MANUAL = "audience.refresh"
PERIODIC = "audience.refresh_periodic"
ATTEMPTS = 5


class Context(Protocol):
    """What the computation needs of the job that it runs in."""

    params: dict[str, Any]
    row: Job

    def phase(self, text: Any, progress: int | None = None) -> None: ...

    def log(self, text: Any, level: str = "info") -> None: ...

    def check_cancelled(self) -> None: ...


def refresh(
    access: Access, audience: Audience, *, snapshot: bool | None = None, datasets_first: bool = False
) -> Job:
    """Start a manual refresh; `snapshot` None means as the audience is set.

    `datasets_first`: those datasets that the audience reads and the person manages are refreshed before it.
    Raises ActionNotSupported, Conflict: audience_is_draft, too_many_snapshots.
    """
    visibility.check_change(access, audience)
    origins.require(audience, "refresh")
    if audience.draft:
        raise Conflict(
            _("This is a draft. Open it and save it as an audience; then it is computed."),
            code="audience_is_draft",
        )
    wanted = audience.auto_snapshot if snapshot is None else snapshot
    if wanted and not snapshots.has_room(audience):
        raise Conflict(
            _(
                "The audience has %(limit)d snapshots, the most there may be. Delete one, or refresh without snapshot."
            )
            % {"limit": snapshots.LIMIT},
            code="too_many_snapshots",
        )
    job = request(access, audience, snapshot=wanted, datasets_first=datasets_first)
    audit.record(
        access,
        "audience.refreshed",
        audience,
        detail={"snapshot": wanted, "datasets_first": datasets_first, "job": job.pk},
    )
    return job


def refresh_many(
    access: Access,
    audiences: Iterable[Audience],
    *,
    snapshot: bool | None = None,
    datasets_first: bool = False,
) -> tuple[list[tuple[Audience, Job]], list[tuple[Audience, DomainError]]]:
    """Start a manual refresh of each; (started, refused with the reason)."""
    started, refused = [], []
    for audience in audiences:
        try:
            job = refresh(access, audience, snapshot=snapshot, datasets_first=datasets_first)
            started.append((audience, job))
        except DomainError as error:
            refused.append((audience, error))
    return started, refused


def request(
    access: Access | None,
    audience: Audience,
    *,
    snapshot: bool,
    periodic: bool = False,
    datasets_first: bool = False,
) -> Job:
    """Queue a refresh, or join the active one of the same definition, which then does what this one asks for too."""
    asked = {name: True for name, on in (("snapshot", snapshot), ("datasets_first", datasets_first)) if on}
    with transaction.atomic():
        row = Audience.objects.select_for_update(of=("self",)).get(pk=audience.pk)
        active = active_job(row)
        if (
            active is not None
            and not periodic
            and active.kind == PERIODIC
            and active.status == Job.Status.QUEUED
        ):
            # Somebody asks for it now: it must not wait behind the periodic ones.
            cancel_job(active)
            active = None
        job = start_job(
            PERIODIC if periodic else MANUAL,
            workspace=row.workspace,
            access=access,
            owner=row.owner,
            params={"audience": row.pk, "snapshot": False, **asked},
            subject=row,
            title=_("Refresh audience “%(name)s”") % {"name": row.name},
            dedupe_key=f"audience.refresh:{row.pk}:{_digest(row)}",
        )
        if active is None or active.pk != job.pk:
            Audience.objects.filter(pk=row.pk).update(state=Audience.State.WAITING, reason="", reason_code="")
            audience.state = Audience.State.WAITING
        elif asked:
            Job.objects.filter(pk=job.pk).update(params={**job.params, **asked})
    return job


def _digest(audience: Audience) -> str:
    """Equal for equal definitions: an edit must not join the job that computes what was before."""
    text = json.dumps(_asked(audience), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _asked(audience: Audience) -> list[Any]:
    """What decides who is in the audience, and with which IDs."""
    return [audience.rule, audience.save_ids, audience.limit, audience.ids_from]


def stop(access: Access | None, audience: Audience) -> None:
    """Cancel what is still computing the audience."""
    active = active_job(audience)
    if active is not None:
        cancel_job(active, access)


def compute(audience: Audience, job: Context, kind: AudienceVersion.Kind) -> AudienceVersion | None:
    """Compute and publish a new version inside the job; the version that is current afterwards.

    None where another job has taken over after an edit. Raises DomainError with a reason for the person.
    """
    for _number in range(ATTEMPTS):
        audience = (
            Audience.objects.select_related("workspace", "current").filter(pk=audience.pk).first() or _gone()
        )
        Audience.objects.filter(pk=audience.pk).update(
            state=Audience.State.RUNNING, reason="", reason_code=""
        )
        version = _attempt(audience, job, kind)
        if version is not None:
            return version
        if _others(audience.pk, job.row).exists():
            job.log(_("The audience was changed meanwhile; another job computes it."))
            return None
        job.log(_("The audience was changed meanwhile; it is computed again."))
    raise Conflict(_("The audience was changed again and again while it was computed."), retryable=True)


def _others(audience_id: str, job: Job) -> QuerySet[Job]:
    """Other active jobs of the audience."""
    rows = Job.objects.filter(
        subject_type=Audience._meta.label_lower, subject_id=audience_id, status__in=Job.ACTIVE
    )
    return rows.exclude(pk=job.pk)


def _attempt(audience: Audience, job: Context, kind: AudienceVersion.Kind) -> AudienceVersion | None:
    """One computation; None where the audience was edited before its result could be published."""
    started = time.monotonic()
    today = timezones.today(audience.workspace)
    engine = get_engine(audience.source)
    job.phase(_("Reading the rule"), progress=5)
    members = membership.members_of(audience, today)
    number = _next_number(audience)
    table = f"{audience.pk}_v{number}"
    job.phase(_("Writing the members"), progress=20)
    count = engine.create_table_as(audience.workspace, table, members.expression)
    job.phase(_("Counting IDs and comparing with the version before"), progress=80)
    stats = membership.id_stats(engine, audience.workspace, table, members, count)
    joined, left = membership.difference(engine, audience, table, count)
    job.phase(_("Publishing"), progress=95)
    version = AudienceVersion(
        workspace=audience.workspace,
        audience=audience,
        number=number,
        table_name=table,
        count=count,
        joined=joined,
        left=left,
        user_id_type=members.user_id_type,
        user_id_encryption=members.user_id_encryption,
        save_ids=list(audience.save_ids),
        id_stats=stats,
        rule=audience.rule,
        rule_version=audience.rule_version,
        limit=audience.limit,
        as_of=today,
        dataset_versions=members.dataset_versions,
        audience_versions=members.audience_versions,
        kind=kind,
        seconds=round(time.monotonic() - started, 3),
        created_by=job.row.owner,
    )
    current = _publish(audience, version, job)
    leftovers = range(audience.version + 1, number) if current == version else [number]
    drop_unpublished(audience, leftovers)
    return current


def _publish(audience: Audience, version: AudienceVersion, job: Context) -> AudienceVersion | None:
    """Move the pointer, keeping the replaced version as a snapshot where that was asked for.

    The version that is current then: another one where a later attempt was quicker; None after an edit.
    """
    with transaction.atomic():
        row = (
            Audience.objects.select_for_update(of=("self",))
            .select_related("current", "workspace")
            .filter(pk=audience.pk)
            .first()
        )
        # Asked inside the transaction: a worker that lost its lease must not publish after its successor.
        job.check_cancelled()
        if row is None:
            _gone()
        if _asked(row) != _asked(audience):
            return None
        if row.current is not None and row.version > version.number:
            return row.current
        params = Job.objects.filter(pk=job.row.pk).values_list("params", flat=True).first() or {}
        version.save(force_insert=True)
        if params.get("snapshot") and params.get("audience") == row.pk:
            kept = row.current if row.current is not None and row.current.dropped_at is None else version
            snapshots.keep(
                kept, row, automatic=bool(row.auto_snapshot or version.kind == version.Kind.PERIODIC)
            )
        Audience.objects.filter(pk=row.pk).update(
            current=version,
            version=version.number,
            count=version.count,
            user_id_type=version.user_id_type,
            state=Audience.State.SUCCEEDED,
            reason="",
            reason_code="",
            refreshed_at=timezone.now(),
            updated_at=timezone.now(),
        )
    return version


def failed(audience_id: str, job: Job, error: DomainError) -> None:
    """Note on the audience why its refresh ended without success; its last good version stays usable."""
    audience = Audience.objects.filter(pk=audience_id).first()
    if audience is None or _others(audience_id, job).exists():
        return
    state: dict[str, Any] = {"state": Audience.State.FAILED, "reason": str(error), "reason_code": error.code}
    if error.code == Cancelled.code:
        settled = Audience.State.SUCCEEDED if audience.current_id else Audience.State.DRAFT
        state = {"state": settled}
    Audience.objects.filter(
        pk=audience.pk, state__in=(Audience.State.WAITING, Audience.State.RUNNING)
    ).update(**state)


def _next_number(audience: Audience) -> int:
    Audience.objects.filter(pk=audience.pk).update(numbers_used=F("numbers_used") + 1)
    return int(Audience.objects.values_list("numbers_used", flat=True).get(pk=audience.pk))


def drop_unpublished(audience: Audience, numbers: Iterable[int]) -> None:
    """Drop the tables of attempts that were written and never published."""
    wanted = list(numbers)
    published = set(audience.versions.filter(number__in=wanted).values_list("number", flat=True))
    tables = [f"{audience.pk}_v{number}" for number in wanted if number not in published]
    storage.drop_named(audience.workspace_id, audience.source, tables)


def _gone() -> NoReturn:
    raise NotFound(_("The audience has been deleted meanwhile."))
