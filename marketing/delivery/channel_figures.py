"""The numbers of mails and SMS, per send-out: people, and for SMS also segments, which is what platforms bill."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from django.db import connection
from django.db.models import Count, Q

from marketing.channels.models import Provider
from marketing.content import rendering
from marketing.delivery import comparing, contents, sms_rules
from marketing.delivery.bounces.model import FailureReason
from marketing.delivery.models import Recipient, SendOut
from marketing.links import codes, parameters

_STATES = Recipient.State
COUNTS = ("sent", "delivered", "failed", "invalid")
_WHICH = {
    "sent": Q(state__in=comparing.SENT),
    "delivered": Q(state=_STATES.DELIVERED),
    "failed": Q(state=_STATES.FAILED),
    "invalid": Q(state=_STATES.FAILED, reason=FailureReason.GONE),
}

_SQL = {
    "sent": f"r.state IN ({comparing.SENT_SQL})",
    "delivered": "r.state = 'delivered'",
    "failed": "r.state = 'failed'",
    "invalid": "r.state = 'failed' AND r.reason = 'gone'",
}
"""The same in SQL."""


def of(send_out: SendOut) -> dict[str, Any]:
    """The figures of one send-out."""
    return of_all([send_out])[send_out.pk]


def of_all(send_outs: Iterable[SendOut], *, weighed: bool = True) -> dict[str, dict[str, Any]]:
    """`people` and `segments` by key of the send-out, each with COUNTS; without `weighed` segments are not counted.

    Those whose recipients are gone are as they were counted last. Failed people whose address does not exist are
    `invalid` as well. A mail is one segment.
    """
    rows = list(send_outs)
    kept = [row for row in rows if row.rows_deleted_at is None]
    people = _people(kept)
    weights = segments(row for row in kept if weighed and row.channel == Provider.Channel.SMS)
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        if row.rows_deleted_at is not None:
            found[row.pk] = row.counters.get("figures") or _before(row)
        else:
            counted = people.get(row.pk, dict.fromkeys(COUNTS, 0))
            found[row.pk] = {"people": counted, "segments": weights.get(row.pk, counted)}
    return found


def _before(row: SendOut) -> dict[str, Any]:
    """Of send-outs whose recipients went before segments were counted."""
    counted = {name: row.counters.get(name, 0) for name in COUNTS}
    return {"people": counted, "segments": counted}


def _people(rows: list[SendOut]) -> dict[str, dict[str, int]]:
    counted = (
        Recipient.objects.filter(send_out__in=rows)
        .order_by()
        .values("send_out")
        .annotate(**{name: Count("pk", filter=which) for name, which in _WHICH.items()})
    )
    found: list[dict[str, Any]] = [dict(row) for row in counted]
    return {row["send_out"]: {name: row[name] for name in COUNTS} for row in found}


def segments(send_outs: Iterable[SendOut]) -> dict[str, dict[str, int]]:
    """Of SMS whose recipients are kept, by key: COUNTS of the SMS that they are billed as.

    A text is filled by putting values in the place of variables, so its length is that of the rest and of the values:
    PostgreSQL adds them up for each person, and nobody's row leaves it.
    """
    lengths = [row for send_out in send_outs for row in _lengths(send_out)]
    if not lengths:
        return {}
    places = ", ".join(["(%s, %s, %s, %s::text[], %s)"] * len(lengths))
    counted = ", ".join(f"coalesce(sum(s.parts) FILTER (WHERE {which}), 0)" for which in _SQL.values())
    sql = f"""
        SELECT r.send_out_id, {counted}
          FROM {Recipient._meta.db_table} r
          JOIN (VALUES {places}) AS m (send_out_id, variant, fixed, names, whole)
            ON m.send_out_id = r.send_out_id AND m.variant = r.variant
         CROSS JOIN LATERAL (
               SELECT m.fixed + coalesce(sum(char_length(r."values" ->> n.name)), 0) AS characters
                 FROM unnest(m.names) AS n (name)) AS l
         CROSS JOIN LATERAL (
               SELECT CASE WHEN m.whole OR l.characters <= {rendering.SMS_SINGLE} THEN 1
                           ELSE ceil(l.characters / {rendering.SMS_PART}.0) END AS parts) AS s
         GROUP BY r.send_out_id
    """
    with connection.cursor() as cursor:
        cursor.execute(sql, [value for row in lengths for value in row])
        return {key: dict(zip(COUNTS, map(int, found), strict=True)) for key, *found in cursor.fetchall()}


def _lengths(send_out: SendOut) -> Iterator[tuple[str, int, int, list[str], bool]]:
    """Per variant: characters without values, the variables as often as they stand there, whether it is digital."""
    for variant, content in enumerate(contents.all_of(send_out.content)):
        text = str(content.get("text", ""))
        names = [name for name in rendering.VARIABLE.findall(text) if not name.startswith(parameters.PREFIX)]
        bare = rendering.VARIABLE.sub("", parameters.PARAMETER.sub("x" * codes.PARAMETER_LENGTH, text))
        ending = sms_rules.unsubscribe(send_out, text)
        fixed = rendering.sms_length(str(content.get("sign_name", "")), bare, ending).characters
        yield send_out.pk, variant, fixed, names, "parts" in content
