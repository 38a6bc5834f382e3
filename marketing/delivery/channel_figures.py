"""The numbers of mails and SMS, per send-out: people, and for SMS also segments, which is what platforms bill."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from django.db import connection
from django.db.models import Count, Q

from marketing.channels.capabilities import Billing
from marketing.channels.models import Provider
from marketing.content import rendering, sms_length
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

    PostgreSQL puts each person's values in the place of variables and measures the text as `sms_length.measure` does:
    nobody's row leaves it. Without variables all texts are as long.
    """
    rows = [row for send_out in send_outs for row in _pieces(send_out)]
    if not rows:
        return {}
    places = ", ".join(["(%s, %s, %s::text[], %s::int, %s)"] * len(rows))
    counted = ", ".join(f"coalesce(sum(s.parts) FILTER (WHERE {which}), 0)" for which in _SQL.values())
    sql = f"""
        SELECT r.send_out_id, {counted}
          FROM {Recipient._meta.db_table} r
          JOIN (VALUES {places}) AS m (send_out_id, variant, pieces, parts, gsm)
            ON m.send_out_id = r.send_out_id AND m.variant = r.variant
          LEFT JOIN LATERAL (
               SELECT string_agg(CASE WHEN n.place %% 2 = 1 THEN n.piece ELSE r."values" ->> n.piece END, ''
                                 ORDER BY n.place) AS text
                 FROM unnest(m.pieces) WITH ORDINALITY AS n (piece, place)) AS t ON m.parts IS NULL
         CROSS JOIN LATERAL (SELECT coalesce(m.parts, {_parts_sql()}) AS parts) AS s
         GROUP BY r.send_out_id
    """
    with connection.cursor() as cursor:
        cursor.execute(sql, [value for row in rows for value in row])
        return {key: dict(zip(COUNTS, map(int, found), strict=True)) for key, *found in cursor.fetchall()}


def _parts_sql() -> str:
    """The parts of `t.text`. Characters of two units are first written as two, the first of which ends no part."""

    def of(double: str, alphabet: sms_length.Alphabet) -> str:
        units = f"regexp_replace(t.text, '{double}', E'\\x1bx', 'g')"
        return (
            f"CASE WHEN char_length({units}) <= {alphabet.single} THEN 1 "
            f"ELSE regexp_count({units}, E'.{{0,{alphabet.part - 1}}}[^\\x1b]') END"
        )

    extension = "".join(f"\\{sign}" if sign in "^\\[]~{}|" else sign for sign in sms_length.GSM_EXTENSION)
    basic = sms_length.GSM_BASIC.replace("-", "\\-").replace("'", "''").replace("%", "%%")
    gsm = of(f"[{extension}]", sms_length.GSM7)
    ucs2 = of("[\\U00010000-\\U0010FFFF]", sms_length.UCS2)
    return f"CASE WHEN m.gsm AND t.text !~ '[^{basic}{extension}]' THEN {gsm} ELSE {ucs2} END"


def _pieces(send_out: SendOut) -> Iterator[tuple[str, int, list[str], int | None, bool]]:
    """Per variant its text, cut at the variables, whose names stand between the pieces.

    Then the parts of texts that are the same for everybody, and whether it is billed by the GSM alphabet where it can.
    """
    for variant, content in enumerate(contents.all_of(send_out.content)):
        text = parameters.PARAMETER.sub("x" * codes.PARAMETER_LENGTH, str(content.get("text", "")))
        signed = sms_length.signed(str(content.get("sign_name", "")), content.get("signature_form", ""))
        billing = content.get("billing", Billing.UCS2)
        whole = signed + text + sms_rules.unsubscribe(send_out, str(content.get("text", "")))
        pieces = rendering.VARIABLE.split(whole)
        fixed = None
        if "parts" in content:
            fixed = 1
        elif len(pieces) == 1:
            fixed = sms_length.measure(whole, billing).parts
        yield send_out.pk, variant, pieces, fixed, billing == Billing.GSM7
