"""From an audience version to the ledger: one row per person, with the cause where no message goes out.

Members stream from the engine in Arrow batches and go into PostgreSQL by COPY. Everything may run twice: a second
run finds the rows of the first by their unique key.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from cdp.core.errors import ValidationFailed
from cdp.core.identifiers import ID_TYPES
from cdp.crypto.at_rest import encrypt_text
from cdp.jobs import JobContext
from insight.audiences import queries as audiences
from marketing.channels.base import provider_type
from marketing.delivery.models import FilterReason, Recipient, SendOut
from marketing.delivery.targets import target_hash

ROWS = 10_000
_COLUMNS = ("person", "person_hash", "target", "values", "state", "reason")


@dataclass(frozen=True)
class Variable:
    """How a template variable gets its text: a tag of the person, or a replacement, or nobody is written to."""

    name: str
    dataset: str
    tag: str
    format: str = ""
    missing: str = "replace"
    value: str = ""

    @property
    def source(self) -> tuple[str, str]:
        return self.dataset, self.tag


def variables_of(send_out: SendOut) -> list[Variable]:
    known = ("dataset", "tag", "format", "missing", "value")
    return [
        Variable(name, **{key: value for key, value in given.items() if key in known})
        for name, given in send_out.variables.items()
    ]


def resolve(send_out: SendOut, job: JobContext) -> None:
    """Write the ledger of a send-out and mark it resolved."""
    version = send_out.audience_version
    if version is None:
        raise ValidationFailed(
            _("The audience has no computed version yet. Refresh it first."), code="audience_empty"
        )
    kind = provider_type(send_out.provider)
    column = audiences.target_column(version, kind.id_type)
    if column is None:
        raise ValidationFailed(
            _("The audience holds no column of the ID type “%(type)s”.")
            % {"type": ID_TYPES[kind.id_type].label},
            code="no_usable_id",
        )
    variables = variables_of(send_out)
    tags = list(dict.fromkeys(item.source for item in variables if item.tag))
    done = 0
    for batch in audiences.member_batches(version, columns=[column], tags=tags, size=ROWS):
        _copy(send_out, _rows(send_out, kind.id_type, batch, column, variables, tags))
        done += batch.num_rows
        job.progress(30 * done / max(1, version.count), done=done, total=version.count)
    _suppress(send_out)
    _limit(send_out)
    SendOut.objects.filter(pk=send_out.pk).update(resolved_at=timezone.now())


def _rows(
    send_out: SendOut,
    id_type: str,
    batch: pa.RecordBatch,
    column: str,
    variables: list[Variable],
    tags: list[tuple[str, str]],
) -> Iterator[tuple[Any, ...]]:
    """Ledger rows of a batch. Its columns: user_unique_id, the target, then one per tag, in their order."""
    normalise = ID_TYPES[id_type].normalise
    people = batch.column("user_unique_id").to_pylist()
    targets = people if column == "user_unique_id" else batch.column(column).to_pylist()
    first_tag = batch.num_columns - len(tags)
    values = [batch.column(first_tag + index).to_pylist() for index in range(len(tags))]
    place = {source: index for index, source in enumerate(tags)}
    for row, (person, raw) in enumerate(zip(people, targets, strict=True)):
        target = normalise(raw) if raw else None
        texts, missing = _texts(variables, {source: values[index][row] for source, index in place.items()})
        if target is None:
            reason = FilterReason.INVALID if raw else FilterReason.NO_ID
            yield person, f"none:{person}"[:64], "", "{}", Recipient.State.FILTERED, reason
        elif missing:
            digest = target_hash(send_out.workspace_id, send_out.channel, target)
            yield (
                person,
                digest,
                encrypt_text(target),
                "{}",
                Recipient.State.FILTERED,
                FilterReason.MISSING_VALUE,
            )
        else:
            digest = target_hash(send_out.workspace_id, send_out.channel, target)
            yield person, digest, encrypt_text(target), texts, Recipient.State.QUEUED, ""


def _texts(variables: list[Variable], found: dict[tuple[str, str], Any]) -> tuple[Any, bool]:
    """The person's variable texts, and whether one without a value forbids writing to them."""
    texts: dict[str, str] = {}
    for item in variables:
        text = as_text(found.get(item.source) if item.tag else None, item.format)
        if text == "" and item.missing == "skip":
            return {}, True
        texts[item.name] = text or item.value
    return texts, False


DATE_FORMATS = {
    "yyyy-MM-dd": "%Y-%m-%d",
    "yyyy/MM/dd": "%Y/%m/%d",
    "yyyy年M月d日": "{0.year}年{0.month}月{0.day}日",
    "MM-dd": "%m-%d",
    "M月d日": "{0.month}月{0.day}日",
    "yyyy-MM-dd HH:mm": "%Y-%m-%d %H:%M",
    "yyyy-MM-dd HH:mm:ss": "%Y-%m-%d %H:%M:%S",
    "HH:mm": "%H:%M",
}


def as_text(value: Any, pattern: str = "") -> str:
    """A tag value as it stands in a message: no trailing zeros, several values joined, dates as asked for."""
    if value is None:
        return ""
    if isinstance(value, list):
        return "、".join(str(part) for part in value)
    if isinstance(value, datetime | date):
        known = DATE_FORMATS.get(pattern) or ("%Y-%m-%d %H:%M" if isinstance(value, datetime) else "%Y-%m-%d")
        return known.format(value) if "{" in known else value.strftime(known)
    if isinstance(value, float | Decimal):
        return format(Decimal(str(value)).normalize(), "f")
    return str(value)


def _copy(send_out: SendOut, rows: Iterator[tuple[Any, ...]]) -> None:
    """COPY rows into a temporary table, then take over those that the ledger does not have yet."""
    import json

    table = Recipient._meta.db_table
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMP TABLE ledger_stage (person text, person_hash text, target text, "
            '"values" jsonb, state text, reason text) ON COMMIT DROP'
        )
        with cursor.copy(f"COPY ledger_stage ({', '.join(_quoted())}) FROM STDIN") as copy:  # type: ignore[attr-defined]
            for person, digest, target, texts, state, reason in rows:
                payload = texts if isinstance(texts, str) else json.dumps(texts, ensure_ascii=False)
                copy.write_row((person, digest, target, payload, str(state), str(reason)))
        cursor.execute(
            f"""
            INSERT INTO {table} (send_out_id, {", ".join(_quoted())}, code, detail, provider_message_id)
            SELECT %s, {", ".join(_quoted())}, '', '', '' FROM ledger_stage
            ON CONFLICT (send_out_id, person_hash) DO NOTHING
            """,
            [send_out.pk],
        )
        cursor.execute("DROP TABLE ledger_stage")


def _quoted() -> list[str]:
    return [f'"{column}"' for column in _COLUMNS]


def _suppress(send_out: SendOut) -> None:
    """Leave out whoever has unsubscribed or cannot be reached."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            UPDATE {Recipient._meta.db_table} r
               SET state = %s, reason = CASE WHEN s.reason = 'hard_bounce' THEN %s ELSE %s END
              FROM delivery_suppression s
             WHERE r.send_out_id = %s AND r.state = %s
               AND s.workspace_id = %s AND s.channel = %s AND s.target_hash = r.person_hash
            """,
            [
                Recipient.State.FILTERED,
                FilterReason.BOUNCED,
                FilterReason.SUPPRESSED,
                send_out.pk,
                Recipient.State.QUEUED,
                send_out.workspace_id,
                send_out.channel,
            ],
        )


def _limit(send_out: SendOut) -> None:
    """Keep only the set number of people: those with the smallest hash, so a second run keeps the same ones."""
    if not send_out.limit:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            UPDATE {Recipient._meta.db_table} SET state = %s, reason = %s
             WHERE send_out_id = %s AND state = %s AND id IN (
                   SELECT id FROM {Recipient._meta.db_table} WHERE send_out_id = %s AND state = %s
                    ORDER BY md5(send_out_id || person_hash), id OFFSET %s)
            """,
            [
                Recipient.State.FILTERED,
                FilterReason.LIMIT,
                send_out.pk,
                Recipient.State.QUEUED,
                send_out.pk,
                Recipient.State.QUEUED,
                send_out.limit,
            ],
        )
