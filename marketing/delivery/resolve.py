"""From audiences to the ledger: one row per person, with the cause where no message goes out.

Members stream from the engine in Arrow batches and go into PostgreSQL by COPY. Everything may run twice: a second
run finds the rows of the first by their unique key.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence

import pyarrow as pa
from django.db import connection, transaction
from django.utils import timezone

from cdp.core.identifiers import ID_TYPES
from cdp.crypto.at_rest import encrypt_text
from cdp.jobs import JobContext
from insight.audiences import gathering
from marketing.channels import carriers
from marketing.delivery import (
    contact_policy,
    contents,
    copying,
    decrypting,
    hashed,
    plans,
    releasing,
    split,
    targeting,
    windows,
    without_device,
)
from marketing.delivery.decrypting import Decryptor
from marketing.delivery.models import NOBODY, FilterReason, Recipient, SendOut
from marketing.delivery.targets import last_digits
from marketing.delivery.variables import Variable, names_in, texts_of, variables_of

ROWS = 10_000
_COLUMNS = (
    "person",
    "person_hash",
    "target",
    "values",
    "variant",
    "state",
    "reason",
    "ending",
    "in_audiences",
    "zone",
)
_Row = tuple[str, str, str, dict[str, str], int, str, str, str, int, str]


def resolve(send_out: SendOut, job: JobContext) -> None:
    """Write the ledger of a send-out and mark it resolved."""
    if send_out.resend_of_id:
        copying.write_failed(send_out)
    else:
        _write_members(send_out, job)
    contact_policy.leave_out(send_out)
    without_device.leave_out(send_out)
    plans.leave_out_served(send_out)
    releasing.set_times(send_out)
    _limit(send_out)
    split.keep_back(send_out)
    SendOut.objects.filter(pk=send_out.pk).update(resolved_at=timezone.now())


def _write_members(send_out: SendOut, job: JobContext) -> None:
    crowd = targeting.pinned(send_out)
    lots = _Lots(send_out)
    decryptor = decrypting.Decryptor(send_out) if crowd.encrypted else None
    done = 0
    for batch in gathering.batches(crowd, ROWS, tags=lots.tags, owner=send_out.owner):
        if decryptor and not done:
            decryptor.check(batch.column("target").to_pylist())
        # Whose hashed IDs they are is asked before the connection takes rows.
        _copy(send_out, list(_rows(send_out, crowd, batch, lots, decryptor)))
        done += batch.num_rows
        job.progress(30 * done / max(1, crowd.at_most), done=done, total=crowd.at_most)


class _Lots:
    """Which variant somebody gets, and the variables of each variant."""

    def __init__(self, send_out: SendOut) -> None:
        self.send_out = send_out
        self.shares = [row.share for row in send_out.variants.all()]
        self.variables: list[list[Variable]] = [
            variables_of(send_out, names_in(content), content.get("defaults", {}))
            for content in contents.all_of(send_out.content)
        ]
        self.carriers: list[list[str] | None] = [
            content.get("carriers") for content in contents.all_of(send_out.content)
        ]
        self._prefixes = carriers.own_table(send_out.provider)
        window = send_out.window
        self.home = send_out.workspace.time_zone if window else ""
        self.zone_tag = (window["dataset"], window["tag"]) if window.get("tag") else None
        sources = [item.source for variables in self.variables for item in variables if item.tag]
        self.tags = list(dict.fromkeys([*sources, *([self.zone_tag] if self.zone_tag else [])]))

    def variant_of(self, person: str) -> int:
        return split.variant_of(self.send_out, self.shares, person)

    def is_barred(self, variant: int, number: str) -> bool:
        """Whether it is a digital SMS that the number's carrier has not approved."""
        approving = self.carriers[variant]
        return approving is not None and carriers.carrier_of(number, self._prefixes) not in approving


def _rows(
    send_out: SendOut, crowd: gathering.Crowd, batch: pa.RecordBatch, lots: _Lots, decryptor: Decryptor | None
) -> Iterator[_Row]:
    """Ledger rows of a batch. Its columns: user_unique_id, target, excluded, parts, then one per tag in order."""
    kind, form = ID_TYPES[crowd.id_type], crowd.form
    people, targets, excluded, parts = (
        batch.column(name).to_pylist() for name in ("user_unique_id", "target", "excluded", "parts")
    )
    first_tag = batch.num_columns - len(lots.tags)
    values = [batch.column(first_tag + index).to_pylist() for index in range(len(lots.tags))]
    place = {source: index for index, source in enumerate(lots.tags)}
    left_out = Recipient.State.FILTERED
    clears = [decryptor.read(raw) if decryptor and raw else raw for raw in targets]
    normalised = [kind.normalise(clear, encryption=form) if clear else None for clear in clears]
    known = hashed.digests(send_out, crowd, (target for target in normalised if target))
    rows = zip(people, targets, clears, normalised, excluded, parts, strict=True)
    for row, (person, raw, clear, target, banned, bits) in enumerate(rows):
        if banned:
            # Their address is no business of this send-out, and must not stand in the way of somebody else's.
            yield person, _nobody(person), "", {}, 0, left_out, FilterReason.EXCLUDED, "", bits, ""
            continue
        if raw and clear is None:
            yield person, _nobody(person), "", {}, 0, left_out, FilterReason.UNDECRYPTABLE, "", bits, ""
            continue
        if target is None:
            reason = FilterReason.INVALID if raw else FilterReason.NO_ID
            yield person, _nobody(person), "", {}, 0, left_out, reason, "", bits, ""
            continue
        variant = lots.variant_of(person)
        texts, missing = texts_of(
            lots.variables[variant], {source: values[index][row] for source, index in place.items()}
        )
        digest = known[target]
        kept = encrypt_text(target)
        ending = last_digits(send_out.channel, target)
        if lots.is_barred(variant, target):
            yield person, digest, kept, {}, variant, left_out, FilterReason.CARRIER, ending, bits, ""
        elif missing:
            yield person, digest, kept, {}, variant, left_out, FilterReason.MISSING_VALUE, ending, bits, ""
        else:
            said = windows.zone_name(values[place[lots.zone_tag]][row]) if lots.zone_tag else ""
            zone = said or lots.home
            yield person, digest, kept, texts, variant, Recipient.State.QUEUED, "", ending, bits, zone


def _nobody(person: str) -> str:
    """What stands in place of the target's hash for somebody without a target of their own; `_NOBODY` in SQL."""
    return NOBODY + hashlib.md5(person.encode(), usedforsecurity=False).hexdigest()


_NOBODY = f"'{NOBODY}' || md5(s.person)"


def _copy(send_out: SendOut, rows: Sequence[_Row]) -> None:
    """COPY rows into a temporary table, then take over those that the ledger does not have yet.

    Of several people with one target the first gets the message; the others stand there as left out.
    """
    table, columns = Recipient._meta.db_table, ", ".join(_quoted())
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMP TABLE ledger_stage (person text, person_hash text, target text, "
            '"values" jsonb, variant smallint, state text, reason text, ending text, in_audiences smallint, '
            "zone text) ON COMMIT DROP"
        )
        with cursor.copy(f"COPY ledger_stage ({columns}) FROM STDIN") as copy:  # type: ignore[attr-defined]
            for person, digest, target, texts, variant, state, reason, ending, bits, zone in rows:
                payload = json.dumps(texts, ensure_ascii=False)
                kept = (person, digest, target, payload, variant, str(state), str(reason), ending, bits, zone)
                copy.write_row(kept)
        cursor.execute(
            f"""
            INSERT INTO {table} (send_out_id, {columns}, code, detail, provider_message_id)
            SELECT %s, {columns}, '', '', '' FROM ledger_stage
            ON CONFLICT (send_out_id, person_hash) DO NOTHING
            """,
            [send_out.pk],
        )
        cursor.execute(
            f"""
            INSERT INTO {table} (send_out_id, {columns}, code, detail, provider_message_id)
            SELECT %s, s.person, {_NOBODY}, '', '{{}}', 0, %s, %s, '', s.in_audiences, '', '', '', ''
              FROM ledger_stage s JOIN {table} r ON r.send_out_id = %s AND r.person_hash = s.person_hash
             WHERE r.person <> s.person
            ON CONFLICT (send_out_id, person_hash) DO NOTHING
            """,
            [send_out.pk, Recipient.State.FILTERED, FilterReason.DUPLICATE, send_out.pk],
        )
        cursor.execute("DROP TABLE ledger_stage")


def _quoted() -> list[str]:
    return [f'"{column}"' for column in _COLUMNS]


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
