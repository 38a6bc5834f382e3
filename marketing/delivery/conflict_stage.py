"""The people of a send-out in a temporary table, compared with suppressions, caps and other ledgers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, time, timedelta
from typing import Any

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from cdp.core import timezones
from cdp.core.errors import ValidationFailed
from cdp.core.identifiers import ID_TYPES
from insight.audiences import gathering
from insight.audiences.models import AudienceVersion
from marketing.delivery import contact_policy, decrypting, hashed, sealing
from marketing.delivery.failed import failed_of
from marketing.delivery.models import Recipient, SendOut, Suppression
from marketing.delivery.targets import id_type_of

_LEDGER = Recipient._meta.db_table
_REACHED = "('queued', 'handing', 'handed', 'delivered', 'unknown')"
ROWS = 10_000


def by_target(one: SendOut, other: SendOut) -> bool:
    """Whether both write to the same kind of address."""
    return one.channel == other.channel and id_type_of(one) == id_type_of(other)


def comparable(one: SendOut, other: SendOut) -> bool:
    """Whether people of one can be found among those of the other."""
    if one.audience is None or other.audience is None:
        # Who answered a message stands in the ledger alone.
        return other.resolved_at is not None and by_target(one, other)
    same_source = one.audience.source == other.audience.source
    if other.resolved_at is not None:
        return by_target(one, other) or one.audience.known_by == other.audience.known_by
    same_people = one.audience.known_by == other.audience.known_by
    return same_source and (by_target(one, other) or same_people)


def computed(versions: Sequence[AudienceVersion | None]) -> list[AudienceVersion]:
    """Raises ValidationFailed where one is missing."""
    found = [row for row in versions if row is not None]
    if len(found) < len(versions):
        raise ValidationFailed(
            _("The audience has no computed version yet. Refresh it first."), code="audience_empty"
        )
    return found


@contextmanager
def staged(send_out: SendOut) -> Iterator[Stage]:
    """The stage, as long as the block lasts. Raises as `gathering.batches`."""
    with _table() as cursor:
        if send_out.resolved_at is not None or send_out.resend_of is not None:
            rows = send_out.recipients.filter(state=Recipient.State.QUEUED)
            if send_out.resolved_at is None and send_out.resend_of is not None:
                rows = failed_of(send_out.resend_of)
            statement, params = rows.values("person", "person_hash").query.sql_with_params()
            cursor.execute(f"INSERT INTO conflict_stage {statement}", params)
        else:
            _fill(cursor, _people(send_out))
        yield _ready(cursor, send_out)


@contextmanager
def staged_crowd(send_out: SendOut, crowd: gathering.Crowd) -> Iterator[Stage]:
    """The same of people with clear IDs, for a send-out that is not saved yet."""
    with _table() as cursor:
        _fill(cursor, _targets(send_out, crowd, None))
        yield _ready(cursor, send_out)


@contextmanager
def _table() -> Iterator[Any]:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE conflict_stage (person text, person_hash text) ON COMMIT DROP")
        yield cursor
        cursor.execute("DROP TABLE conflict_stage")


def _fill(cursor: Any, lots: Iterator[list[tuple[str, str]]]) -> None:
    # The connection is not asked for anything else while it takes rows.
    for people in lots:
        with cursor.copy("COPY conflict_stage FROM STDIN") as copy:
            for row in people:
                copy.write_row(row)


def _ready(cursor: Any, send_out: SendOut) -> Stage:
    cursor.execute("CREATE INDEX ON conflict_stage (person_hash)")
    cursor.execute("CREATE INDEX ON conflict_stage (person)")
    cursor.execute("ANALYZE conflict_stage")
    return Stage(send_out)


def _people(send_out: SendOut) -> Iterator[list[tuple[str, str]]]:
    """Person and hash of everybody who can be reached, some at a time."""
    id_type = id_type_of(send_out)
    versions = sealing.current(send_out)
    encrypted = decrypting.is_encrypted(send_out)
    crowd = gathering.Crowd(computed(versions.included), computed(versions.excluded), id_type, encrypted)
    yield from _targets(send_out, crowd, decrypting.Decryptor(send_out) if encrypted else None)


def _targets(
    send_out: SendOut, crowd: gathering.Crowd, decryptor: decrypting.Decryptor | None
) -> Iterator[list[tuple[str, str]]]:
    kind = ID_TYPES[crowd.id_type]
    for batch in gathering.batches(crowd, ROWS):
        columns = (batch.column(name).to_pylist() for name in ("user_unique_id", "target", "excluded"))
        targets = (
            (person, decryptor.read(raw) if decryptor else raw)
            for person, raw, banned in zip(*columns, strict=True)
            if raw and not banned
        )
        normalised = [
            (person, target)
            for person, clear in targets
            if clear and (target := kind.normalise(clear, encryption=crowd.form)) is not None
        ]
        known = hashed.digests(send_out, crowd, (target for _person, target in normalised))
        yield [(person, known[target]) for person, target in normalised]


class Stage:
    """What can be asked of the staged people."""

    def __init__(self, send_out: SendOut) -> None:
        self.send_out = send_out

    def counts(self) -> dict[str, int]:
        """`people` with different targets; of them `suppressed`, and of the others those that caps would hold."""
        with connection.cursor() as cursor:
            cursor.execute(
                f"""
                SELECT count(DISTINCT c.person_hash), count(DISTINCT p.target_hash)
                  FROM conflict_stage c LEFT JOIN {Suppression._meta.db_table} p
                    ON p.workspace_id = %s AND p.channel = %s AND p.target_hash = c.person_hash
                   AND p.signature = ANY(%s)
                """,
                [
                    self.send_out.workspace_id,
                    self.send_out.channel,
                    contact_policy.signatures(self.send_out),
                ],
            )
            people, suppressed = cursor.fetchone()
        return {"people": people, "suppressed": suppressed, "capped": self._capped()}

    def _capped(self) -> int:
        """As `contact_policy.leave_out` counts, at the moment at which it is to leave."""
        send_out, cap = self.send_out, contact_policy.cap_of(self.send_out)
        if cap is None:
            return 0
        zone = timezones.zone(send_out.workspace)
        leaves = max(send_out.scheduled_at or timezone.now(), timezone.now()).astimezone(zone)
        midnight = datetime.combine(leaves.date(), time(), tzinfo=zone)
        with connection.cursor() as cursor:
            cursor.execute(
                f"""
                SELECT count(*) FROM (
                  SELECT q.person_hash
                    FROM {_LEDGER} q JOIN {SendOut._meta.db_table} s ON s.id = q.send_out_id
                   WHERE s.workspace_id = %(workspace)s AND s.channel = %(channel)s AND s.id <> %(send_out)s
                     AND coalesce(s.content ->> 'purpose', 'promotion') = 'promotion'
                     AND q.state IN ('handing', 'handed', 'delivered', 'unknown') AND q.handed_at >= %(week)s
                     AND q.person_hash IN (SELECT person_hash FROM conflict_stage)
                     AND NOT EXISTS (
                       SELECT 1 FROM {Suppression._meta.db_table} p
                        WHERE p.workspace_id = %(workspace)s AND p.channel = %(channel)s
                          AND p.target_hash = q.person_hash)
                   GROUP BY q.person_hash
                  HAVING count(*) FILTER (WHERE q.handed_at >= %(day)s) >= %(per_day)s OR count(*) >= %(per_week)s
                ) held
                """,
                {
                    "workspace": send_out.workspace_id,
                    "channel": send_out.channel,
                    "send_out": send_out.pk,
                    "day": midnight,
                    "week": midnight - timedelta(days=6),
                    "per_day": cap.per_day or contact_policy.NO_LIMIT,
                    "per_week": cap.per_week or contact_policy.NO_LIMIT,
                },
            )
            return int(cursor.fetchone()[0])

    def shared(self, others: Sequence[SendOut]) -> dict[str, int]:
        """How many of the staged people stand in other ledgers and get, or have got, their message; by send-out."""
        targets = [row.pk for row in others if by_target(self.send_out, row)]
        return {
            **self._joined("person_hash", targets),
            **self._joined("person", [row.pk for row in others if row.pk not in targets]),
        }

    def _joined(self, column: str, keys: Sequence[Any]) -> dict[str, int]:
        if not keys:
            return {}
        with connection.cursor() as cursor:
            cursor.execute(
                f"""
                SELECT q.send_out_id, count(DISTINCT q.{column})
                  FROM {_LEDGER} q JOIN conflict_stage c ON c.{column} = q.{column}
                 WHERE q.send_out_id = ANY(%s) AND q.state IN {_REACHED} GROUP BY q.send_out_id
                """,
                [list(keys)],
            )
            return dict(cursor.fetchall())
