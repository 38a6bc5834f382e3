"""What the workspace allows towards people: quiet hours, and caps on the messages that one person gets.

Both are for promotions. A notice (of an order, say) goes out at any hour, is not capped, and does not count.
A day is the workspace's calendar day; seven days are this day and the six before it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _

from admin_center.organizations.models import Workspace
from admin_center.organizations.settings import MessageCap, QuietHours, WorkspaceSettings, workspace_settings
from cdp.core import locks
from cdp.core.timezones import local_now
from marketing.content.models import Template
from marketing.delivery.models import FilterReason, Recipient, SendOut, Suppression

_LEDGER = Recipient._meta.db_table


@dataclass
class Held(Exception):
    """Raised inside a running send-out that must wait: it goes on by itself at `until`."""

    until: datetime
    reason: str


@dataclass(frozen=True)
class Quiet:
    """Quiet hours that are on: messages wait until then (delay), or people are left out (skip)."""

    until: datetime
    action: str


def is_promotion(send_out: SendOut) -> bool:
    """Whether quiet hours and caps hold. Once content is frozen, its purpose counts and not the template's."""
    return send_out.content.get("purpose", send_out.template.purpose) != Template.Purpose.NOTICE


def quiet_now(send_out: SendOut) -> Quiet | None:
    """The quiet hours that hold for the message at this moment; None outside of them, and for notices."""
    if not is_promotion(send_out):
        return None
    workspace, settings = _in_force(send_out)
    until = settings.quiet_hours.until(local_now(workspace))
    return Quiet(until, settings.quiet_hours.action) if until is not None else None


def keep_quiet(send_out: SendOut) -> None:
    """In quiet hours raises Held, or leaves out everybody still queued where the workspace says so."""
    quiet = quiet_now(send_out)
    if quiet is None:
        return
    if quiet.action == "delay":
        raise Held(quiet.until, _("Quiet hours."))
    send_out.recipients.filter(state=Recipient.State.QUEUED).update(
        state=Recipient.State.FILTERED, reason=FilterReason.QUIET_HOURS
    )


def quiet_hours_of(send_out: SendOut) -> QuietHours | None:
    """The quiet hours that it keeps to; None where it keeps to none."""
    quiet = _in_force(send_out)[1].quiet_hours
    return quiet if quiet.enabled and is_promotion(send_out) else None


def _in_force(send_out: SendOut) -> tuple[Workspace, WorkspaceSettings]:
    """Read anew: a change of the settings holds for what is being sent right now."""
    workspace = Workspace.objects.get(pk=send_out.workspace_id)
    return workspace, workspace_settings(workspace)


def cap_of(send_out: SendOut) -> MessageCap | None:
    """The cap in force; None where there is no limit."""
    if not is_promotion(send_out):
        return None
    _workspace, settings = _in_force(send_out)
    cap: MessageCap = getattr(settings.caps, send_out.channel)
    return cap if cap.per_day or cap.per_week else None


def lock(send_out: SendOut) -> None:
    """Until the end of the transaction, no other send-out of the workspace's channel claims people.

    Two send-outs at once can then not both take a person's last allowed message.
    """
    locks.hold(f"cap:{send_out.workspace_id}:{send_out.channel}")


NO_LIMIT = 1_000_000_000


def leave_out(send_out: SendOut, *, rows: Iterable[int] | None = None) -> int:
    """Leave out queued recipients who are suppressed or capped; all of them, or these rows. Returns how many.

    For a cap to be exact, hold `lock` from here to the claim.
    """
    only = list(rows) if rows is not None else None
    return _leave_out_suppressed(send_out, only) + _leave_out_capped(send_out, only)


def _leave_out_suppressed(send_out: SendOut, rows: list[int] | None) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            UPDATE {_LEDGER} r
               SET state = 'filtered', reason = CASE
                   WHEN p.reason IN ('hard_bounce', 'soft_bounce') THEN %(bounced)s ELSE %(other)s END
              FROM {Suppression._meta.db_table} p
             WHERE r.send_out_id = %(send_out)s AND r.state = 'queued' {_only("r.id", rows)}
               AND p.workspace_id = %(workspace)s AND p.channel = %(channel)s AND p.target_hash = r.person_hash
               AND p.signature = ANY(%(signatures)s)
            """,
            {
                **_names(send_out, rows),
                "signatures": signatures(send_out),
                "bounced": FilterReason.BOUNCED.value,
                "other": FilterReason.SUPPRESSED.value,
            },
        )
        return int(cursor.rowcount)


def signatures(send_out: SendOut) -> list[str]:
    """Suppressions of these signatures count: those of none always, those of its own where it is a promotion."""
    if not is_promotion(send_out) or send_out.signature is None:
        return [""]
    return ["", str(send_out.content.get("sign_name") or send_out.signature.text)]


def _leave_out_capped(send_out: SendOut, rows: list[int] | None) -> int:
    """Leave out people whose messages of the last seven days have used up the cap. A failed one was not got."""
    cap = cap_of(send_out)
    if cap is None:
        return 0
    now = local_now(send_out.workspace)
    midnight = datetime.combine(now.date(), time(), tzinfo=now.tzinfo)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            UPDATE {_LEDGER} r SET state = 'filtered', reason = %(capped)s
              FROM (
                SELECT q.person_hash
                  FROM {_LEDGER} q JOIN {SendOut._meta.db_table} s ON s.id = q.send_out_id
                 WHERE s.workspace_id = %(workspace)s AND s.channel = %(channel)s AND s.id <> %(send_out)s
                   AND coalesce(s.content ->> 'purpose', 'promotion') <> 'notice'
                   AND q.state IN ('handing', 'handed', 'delivered', 'unknown') AND q.handed_at >= %(week)s
                   {_only("q.person_hash", rows, f"SELECT person_hash FROM {_LEDGER} WHERE id = ANY(%(rows)s)")}
                 GROUP BY q.person_hash
                HAVING count(*) FILTER (WHERE q.handed_at >= %(day)s) >= %(per_day)s OR count(*) >= %(per_week)s
              ) u
             WHERE r.send_out_id = %(send_out)s AND r.state = 'queued' {_only("r.id", rows)}
               AND u.person_hash = r.person_hash
            """,
            {
                **_names(send_out, rows),
                "capped": FilterReason.CAPPED.value,
                "day": midnight,
                "week": midnight - timedelta(days=6),
                "per_day": cap.per_day or NO_LIMIT,
                "per_week": cap.per_week or NO_LIMIT,
            },
        )
        return int(cursor.rowcount)


def _only(column: str, rows: list[int] | None, among: str = "") -> str:
    """A restriction to the given rows; nothing where all are meant."""
    if rows is None:
        return ""
    return f"AND {column} IN ({among})" if among else f"AND {column} = ANY(%(rows)s)"


def _names(send_out: SendOut, rows: list[int] | None) -> dict[str, Any]:
    named = {"send_out": send_out.pk, "workspace": send_out.workspace_id, "channel": send_out.channel}
    return named if rows is None else {**named, "rows": rows}
