"""What the sandbox remembers: templates, batches, messages and replies, in one SQLite database."""

from __future__ import annotations

import json
import time
import uuid
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from marketing.sandbox.outcomes import DELIVERED, Outcome
from marketing.sandbox.push_store import PushStore

_PRUNE_EVERY = 500
QUEUED = "queue:"
"""In place of an address: reports and replies wait in a queue until they are fetched."""
_LISTED = """
    SELECT m.id, m.channel, m.biz_id, m.recipient, m.params, m.at, m.state, m.code, m.detail, m.due_at, m.preview,
           coalesce(m.sender, b.sender, '') AS sender, coalesce(m.subject, b.subject, '') AS subject,
           coalesce(b.text, '') AS text, coalesce(b.html, '') AS html, coalesce(b.out_id, '') AS out_id,
           coalesce(b.template_code, '') AS template_code
      FROM messages m LEFT JOIN batches b ON b.biz_id = m.biz_id
"""


@dataclass(frozen=True)
class Batch:
    """The content that one call sends to many recipients. `out_id` None: the caller gave no number."""

    channel: str
    out_id: str | None
    sender: str
    subject: str = ""
    text: str = ""
    html: str = ""
    template_code: str = ""
    inbound_url: str = ""
    """Where answers to it are handed over; empty for the callback of all."""


@dataclass(frozen=True)
class Wanted:
    """Which messages are looked for; what is empty does not matter. `text` may be part of any text of a message."""

    to: str = ""
    channel: str = ""
    out_id: str = ""
    text: str = ""


class Store(PushStore):
    """Everything that the sandbox remembers, in one place."""

    # Templates

    def save_template(self, channel: str, fields: dict[str, Any], code: str = "") -> str:
        """Create a template, or replace the one with this code; either way its review begins. Returns the code."""
        code = code or f"{channel.upper()}_{uuid.uuid4().hex[:12]}"
        now = time.time()
        with self._transaction() as connection:
            connection.execute(
                "INSERT INTO templates VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT (code) DO UPDATE SET fields = excluded.fields, submitted_at = excluded.submitted_at",
                (code, channel, json.dumps(fields), now, now),
            )
        return code

    def template(self, channel: str, code: str) -> dict[str, Any] | None:
        rows = self._rows("SELECT * FROM templates WHERE channel = ? AND code = ?", (channel, code))
        return {**rows[0], "fields": json.loads(rows[0]["fields"])} if rows else None

    # Batches

    def open_batch(self, batch: Batch) -> tuple[str, bool]:
        """Claim the batch's outId: its receipt number, and whether it is new.

        After a new one comes `send_batch` or `drop_batch`; until then another call with its outId has to wait.
        """
        biz_id = uuid.uuid4().hex
        with self._transaction() as connection:
            known = self._value(
                "SELECT biz_id FROM batches WHERE channel = ? AND out_id = ?", (batch.channel, batch.out_id)
            )
            if known:
                return known, False
            connection.execute(
                "INSERT INTO batches (biz_id, channel, out_id, sender, subject, text, html, template_code, accepted_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    biz_id,
                    batch.channel,
                    batch.out_id,
                    batch.sender,
                    batch.subject,
                    batch.text,
                    batch.html,
                    batch.template_code,
                    time.time(),
                ),
            )
            if batch.inbound_url:
                connection.execute("INSERT INTO inbound VALUES (?, ?)", (biz_id, batch.inbound_url))
        return biz_id, True

    def is_sent(self, biz_id: str) -> bool:
        return bool(self._value("SELECT sent FROM batches WHERE biz_id = ?", (biz_id,)))

    def drop_batch(self, biz_id: str) -> None:
        with self._transaction() as connection:
            connection.execute("DELETE FROM batches WHERE biz_id = ?", (biz_id,))
            connection.execute("DELETE FROM inbound WHERE biz_id = ?", (biz_id,))

    def send_batch(
        self,
        biz_id: str,
        channel: str,
        recipients: Iterable[tuple[str, str | None, Outcome]],
        *,
        receipt_seconds: float,
        late_seconds: float,
        push: bool,
    ) -> None:
        """Write a message per recipient (address, its own values as JSON, outcome), all or none."""
        now = time.time()
        due = {"soon": now + receipt_seconds, "late": now + late_seconds, "never": None}
        replies: list[tuple[Any, ...]] = []

        def rows() -> Iterator[tuple[Any, ...]]:
            for recipient, params, outcome in recipients:
                ending = (outcome.state, outcome.code, outcome.detail, due[outcome.report])
                yield (channel, biz_id, recipient, params, now, *ending, push)
                if outcome.reply:
                    tell = push or bool(self._inbound_url(biz_id))
                    replies.append((recipient, outcome.reply, now + receipt_seconds, tell, biz_id, recipient))

        with self._transaction() as connection:
            connection.executemany(
                "INSERT INTO messages (channel, biz_id, recipient, params, at, state, code, detail, due_at, to_push)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                rows(),
            )
            connection.executemany(
                "INSERT INTO replies (message_id, recipient, text, at, to_push)"
                " SELECT min(id), ?, ?, ?, ? FROM messages WHERE biz_id = ? AND recipient = ?",
                replies,
            )
            connection.execute("UPDATE batches SET sent = 1 WHERE biz_id = ?", (biz_id,))

    def reports(
        self, channel: str, out_id: str, *, since: float, until: float, limit: int, offset: int
    ) -> tuple[int, list[dict[str, Any]]]:
        """How many recipients of a batch have reported, and a page of them, in an order that later reports keep."""
        condition = (
            " WHERE m.biz_id = (SELECT biz_id FROM batches WHERE channel = ? AND out_id = ?"
            " AND accepted_at BETWEEN ? AND ?) AND m.due_at <= ?"
        )
        values = (channel, out_id, since, until, time.time())
        with self._lock:
            count = self._value(f"SELECT count(*) FROM messages m{condition}", values)
            page = f"{_LISTED}{condition} ORDER BY m.due_at, m.id LIMIT ? OFFSET ?"
            return count, self._rows(page, (*values, limit, offset))

    # Mails by SMTP

    def add_mails(
        self, recipients: Sequence[str], *, sender: str, subject: str, preview: str, raw: bytes
    ) -> list[int]:
        """A message per recipient of one mail; returns their numbers."""
        now = time.time()
        packed = zlib.compress(raw, 3)
        numbers: list[int] = []
        with self._transaction() as connection:
            for recipient in recipients:
                number = connection.execute(
                    "INSERT INTO messages"
                    " (channel, recipient, sender, subject, preview, at, state, code, detail, due_at)"
                    " VALUES ('email', ?, ?, ?, ?, ?, ?, '250', '', ?)",
                    (recipient, sender, subject, preview, now, DELIVERED.state, now),
                ).lastrowid
                assert number is not None
                connection.execute("INSERT INTO bodies VALUES (?, ?)", (number, packed))
                numbers.append(number)
            self._bodies += len(numbers)
            if self._bodies >= _PRUNE_EVERY:
                self._bodies = 0
                connection.execute(
                    "DELETE FROM bodies WHERE message_id <= "
                    "(SELECT message_id FROM bodies ORDER BY message_id DESC LIMIT 1 OFFSET ?)",
                    (self._kept_bodies,),
                )
        return numbers

    def raw(self, number: int) -> bytes | None:
        """The source of a mail; None where it is not kept (any more)."""
        packed = self._value("SELECT raw FROM bodies WHERE message_id = ?", (number,))
        return zlib.decompress(packed) if packed else None

    # Reading

    def messages(
        self, wanted: Wanted, *, before: int = 0, after: int = 0, limit: int = 50
    ) -> list[dict[str, Any]]:
        """The latest messages that fit, newest first, with numbers between `before` and `after`."""
        condition, values = _filter(wanted)
        if before:
            condition, values = [*condition, "m.id < ?"], [*values, before]
        if after:
            condition, values = [*condition, "m.id > ?"], [*values, after]
        where = " WHERE " + " AND ".join(condition) if condition else ""
        return self._rows(f"{_LISTED}{where} ORDER BY m.id DESC LIMIT ?", [*values, limit])

    def count(self, wanted: Wanted) -> int:
        condition, values = _filter(wanted)
        where = " WHERE " + " AND ".join(condition) if condition else ""
        joined = " LEFT JOIN batches b ON b.biz_id = m.biz_id" if wanted.out_id or wanted.text else ""
        return int(self._value(f"SELECT count(*) FROM messages m{joined}{where}", values))

    def counts(self) -> dict[str, int]:
        """Messages of each channel, exact."""
        rows = self._rows("SELECT channel, count(*) AS n FROM messages GROUP BY channel")
        return {row["channel"]: row["n"] for row in rows}

    def recipients(self) -> dict[str, int]:
        """Distinct recipients of each channel: fewer than messages where somebody got more than one."""
        rows = self._rows("SELECT channel, count(DISTINCT recipient) AS n FROM messages GROUP BY channel")
        return {row["channel"]: row["n"] for row in rows}

    def message(self, number: int) -> dict[str, Any] | None:
        rows = self._rows(f"{_LISTED} WHERE m.id = ?", (number,))
        return rows[0] if rows else None

    def clear(self) -> None:
        """Forget all messages, batches and replies; templates stay."""
        with self._transaction() as connection:
            for table in ("messages", "bodies", "batches", "replies", "inbound", "pushes", "push_files"):
                connection.execute(f"DELETE FROM {table}")

    # Replies and pushing

    def add_reply(self, recipient: str, text: str, *, push: bool, message_id: int | None = None) -> int:
        """What a recipient answers, to the message `message_id` or to the latest SMS that they got."""
        with self._transaction() as connection:
            if message_id is None:
                message_id = self._value(
                    "SELECT max(id) FROM messages WHERE recipient = ? AND channel = 'sms'", (recipient,)
                )
            biz_id = self._value("SELECT biz_id FROM messages WHERE id = ?", (message_id,))
            push = push or bool(self._inbound_url(biz_id))
            number = connection.execute(
                "INSERT INTO replies (message_id, recipient, text, at, to_push) VALUES (?, ?, ?, ?, ?)",
                (message_id, recipient, text, time.time(), push),
            ).lastrowid
        assert number is not None
        return number

    def _inbound_url(self, biz_id: str | None) -> str:
        return str(self._value("SELECT url FROM inbound WHERE biz_id = ?", (biz_id,)) or "")

    def replies(self, message_id: int) -> list[dict[str, Any]]:
        return self._rows("SELECT * FROM replies WHERE message_id = ? ORDER BY id", (message_id,))

    def reports_to_push(self, limit: int) -> list[dict[str, Any]]:
        return self._rows(
            f"{_LISTED} WHERE m.to_push = 1 AND m.channel IN ('sms', 'email') AND m.due_at <= ?"
            " AND NOT EXISTS (SELECT 1 FROM inbound i WHERE i.biz_id = m.biz_id AND i.url = ?)"
            " ORDER BY m.due_at LIMIT ?",
            (time.time(), QUEUED, limit),
        )

    def queued_reports(self, limit: int, offset: int) -> list[dict[str, Any]]:
        """Reports of batches whose `inbound_url` is QUEUED, until they are `pushed`."""
        return self._rows(
            f"{_LISTED} JOIN inbound i ON i.biz_id = m.biz_id WHERE i.url = ? AND m.to_push = 1 AND m.due_at <= ?"
            " ORDER BY m.due_at, m.id LIMIT ? OFFSET ?",
            (QUEUED, time.time(), limit, offset),
        )

    def results_to_report(self, limit: int) -> list[dict[str, Any]]:
        """Of people that the own system was called for; `text` is the call's body, `sender` the webhook."""
        return self._rows(
            f"{_LISTED} WHERE m.to_push = 1 AND m.channel = 'custom' AND m.due_at <= ? ORDER BY m.due_at, m.id LIMIT ?",
            (time.time(), limit),
        )

    def replies_to_push(self, limit: int) -> list[dict[str, Any]]:
        return self._rows(
            "SELECT r.*, coalesce(b.sender, '') AS sender, coalesce(b.out_id, '') AS out_id,"
            " coalesce(i.url, '') AS url FROM replies r"
            " LEFT JOIN messages m ON m.id = r.message_id LEFT JOIN batches b ON b.biz_id = m.biz_id"
            " LEFT JOIN inbound i ON i.biz_id = m.biz_id"
            " WHERE r.to_push = 1 AND r.at <= ? AND coalesce(i.url, '') <> ? ORDER BY r.id LIMIT ?",
            (time.time(), QUEUED, limit),
        )

    def queued_replies(self, limit: int, offset: int) -> list[dict[str, Any]]:
        """Replies to such batches."""
        return self._rows(
            "SELECT r.*, b.sender FROM replies r JOIN messages m ON m.id = r.message_id"
            " JOIN batches b ON b.biz_id = m.biz_id JOIN inbound i ON i.biz_id = m.biz_id"
            " WHERE i.url = ? AND r.to_push = 1 AND r.at <= ? ORDER BY r.id LIMIT ? OFFSET ?",
            (QUEUED, time.time(), limit, offset),
        )

    def pushed(self, table: str, numbers: Iterable[int]) -> None:
        """Note that these rows of `messages` or `replies` have reached the callback."""
        with self._transaction() as connection:
            connection.executemany(
                f"UPDATE {table} SET to_push = 0 WHERE id = ?", [(number,) for number in numbers]
            )


def _filter(wanted: Wanted) -> tuple[list[str], list[Any]]:
    condition: list[str] = []
    values: list[Any] = []
    for clause, value in (
        ("m.recipient = ?", wanted.to),
        ("m.channel = ?", wanted.channel),
        ("b.out_id = ?", wanted.out_id),
    ):
        if value:
            condition.append(clause)
            values.append(value)
    if wanted.text:
        pattern = "%" + wanted.text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        columns = (
            "m.recipient",
            "m.subject",
            "m.preview",
            "m.sender",
            "b.text",
            "b.subject",
            "b.sender",
            "m.params",
        )
        condition.append("(" + " OR ".join(f"{column} LIKE ? ESCAPE '\\'" for column in columns) + ")")
        values += [pattern] * len(columns)
    return condition, values
