"""Before it leaves: which other send-outs reach the same people, whom caps would hold, who is suppressed.

A job looks once and keeps the answer. People are the same where the message goes to the same address or number; between
channels, where the audiences know them by the same identifier.
"""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from typing import Any

from django.db.models import F
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cdp.core.access import Access
from cdp.core.errors import DomainError
from cdp.jobs import JobContext, JobKind, register, start_job
from cdp.jobs.models import Job
from insight.audiences import gathering
from marketing.delivery import conflict_stage, decrypting, sealing
from marketing.delivery.models import SendOut
from marketing.delivery.targets import id_type_of

MOST = 50
FRESH = timedelta(minutes=15)


def start(access: Access, send_out: SendOut) -> Job:
    """Look now; answers the job that already looks, where there is one."""
    access.require(f"marketing.{send_out.channel}.view")
    return start_job(
        FindConflicts.kind,
        workspace=send_out.workspace,
        access=access,
        params={"send_out": send_out.pk},
        subject=send_out,
        title=_("Conflicts of “%(name)s”") % {"name": send_out.name},
        dedupe_key=f"conflicts:{send_out.pk}",
    )


def latest_job(send_out: SendOut) -> Job | None:
    """The last look, whatever came of it."""
    rows = Job.objects.filter(kind=FindConflicts.kind, subject_id=send_out.pk, workspace=send_out.workspace)
    return rows.order_by("-created_at").first()


def found(access: Access, send_out: SendOut) -> dict[str, Any] | None:
    """What was found last, with `outdated` where it was of something else or too long ago; None where nobody looked.

    Send-outs of channels that the person does not see are counted without their names.
    """
    job = (
        Job.objects.filter(
            kind=FindConflicts.kind,
            subject_id=send_out.pk,
            workspace=send_out.workspace,
            status=Job.Status.SUCCEEDED,
        )
        .order_by("-created_at")
        .first()
    )
    if job is None or not job.result:
        return None
    kept: dict[str, Any] = dict(job.result)
    checked = parse_datetime(kept["checked_at"])
    stale = checked is None or timezone.now() - checked > FRESH
    kept["outdated"] = stale or kept.pop("of") != _fingerprint(send_out)
    kept.pop("of", None)
    kept["others"] = [
        row if access.can(f"marketing.{row['channel']}.view") else {**row, "id": "", "name": ""}
        for row in kept["others"]
    ]
    return kept


def _fingerprint(send_out: SendOut) -> str:
    """Changes with whatever the answer depends on, as far as it is this send-out's own."""
    versions = sealing.current(send_out)
    keys = [row.pk if row else "" for row in (*versions.included, *versions.excluded)]
    parts = [
        keys,
        str(send_out.scheduled_at or ""),
        send_out.provider_id,
        send_out.template_id,
        send_out.state,
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def look(send_out: SendOut, job: JobContext) -> dict[str, Any]:
    """`people` who can be reached; `suppressed` and `capped` of them; `others` with how many they share."""
    others = list(
        SendOut.objects.in_workspace(send_out.workspace)
        .filter(state__in=SendOut.LIVE)
        .exclude(pk=send_out.pk)
        .select_related("provider", "template", "audience", "audience_version", "workspace")
        .order_by(F("scheduled_at").asc(nulls_last=True))
    )
    others = sorted(others, key=lambda row: row.channel != send_out.channel)[:MOST]
    with conflict_stage.staged(send_out) as stage:
        counts = stage.counts()
        written = stage.shared([row for row in others if row.resolved_at is not None])
    rows = []
    for place, other in enumerate(others, start=1):
        job.progress(40 + 60 * place / len(others), done=place, total=len(others))
        shared = written.get(other.pk, 0) if other.resolved_at is not None else _planned(send_out, other)
        if other.resolved_at is not None and not conflict_stage.comparable(send_out, other):
            shared = None
        if shared != 0:
            rows.append(_row(send_out, other, shared))
    rows.sort(key=lambda row: (not row["same_channel"], -(row["shared"] or 0)))
    return {**counts, "others": rows, "checked_at": timezone.now().isoformat(), "of": _fingerprint(send_out)}


def _row(send_out: SendOut, other: SendOut, shared: int | None) -> dict[str, Any]:
    return {
        "id": other.pk,
        "name": other.name,
        "channel": other.channel,
        "state": other.state,
        "scheduled_at": other.scheduled_at.isoformat() if other.scheduled_at else None,
        "same_channel": other.channel == send_out.channel,
        "shared": shared,
    }


def _planned(send_out: SendOut, other: SendOut) -> int | None:
    """People that two audiences share, counted in the engine; None where they cannot be compared."""
    if send_out.resend_of_id or other.resend_of_id or not conflict_stage.comparable(send_out, other):
        return None
    try:
        crowds = [crowd_of(row) for row in (send_out, other)]
        return gathering.shared(*crowds, by_target=conflict_stage.by_target(send_out, other))
    except DomainError:
        return None


def crowd_of(send_out: SendOut) -> gathering.Crowd:
    """Everybody that it would go to now. Raises ValidationFailed where an audience has not been computed."""
    versions = sealing.current(send_out)
    return gathering.Crowd(
        conflict_stage.computed(versions.included),
        conflict_stage.computed(versions.excluded),
        id_type_of(send_out),
        decrypting.is_encrypted(send_out),
    )


@register
class FindConflicts(JobKind):
    """Compare a send-out with the others that wait or are under way."""

    kind = "send_out.conflicts"
    label = gettext_lazy("Look for conflicts")
    queue = "compute"
    quiet = True

    def run(self, job: JobContext) -> dict[str, Any]:
        send_out = SendOut.objects.select_related(
            "workspace", "provider", "template", "audience", "audience_version"
        ).get(pk=job.params["send_out"], workspace=job.workspace)
        job.phase(_("Comparing with other send-outs"), progress=5)
        return look(send_out, job)
