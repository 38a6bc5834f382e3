"""What the sandbox remembers of push messages beyond batches and messages: files of devices, and payloads."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

from marketing.sandbox.database import Database

KEPT_SECONDS = 7 * 86_400
_REPORTED = """
    SELECT m.id, m.biz_id, m.recipient, m.code, m.due_at, p.receipt_url, p.receipt_type,
           json_extract(p.payload, '$.alias_type') AS alias_type
      FROM messages m JOIN pushes p ON p.biz_id = m.biz_id
"""


class PushStore(Database):
    """The part of the store for push messages."""

    def add_file(self, app_key: str, content: str) -> str:
        """Keep a file of devices; returns its number."""
        file_id, now = f"PF{uuid.uuid4().hex}", time.time()
        with self._transaction() as connection:
            connection.execute("DELETE FROM push_files WHERE created_at < ?", (now - KEPT_SECONDS,))
            connection.execute("INSERT INTO push_files VALUES (?, ?, ?, ?)", (file_id, app_key, content, now))
        return file_id

    def file(self, app_key: str, file_id: str) -> str | None:
        found: str | None = self._value(
            "SELECT content FROM push_files WHERE file_id = ? AND app_key = ?", (file_id, app_key)
        )
        return found

    def add_browser(self, *, private: str, auth: str, server_key: str, answer: int, reaction: str) -> str:
        """A browser that has subscribed; returns its number."""
        key = uuid.uuid4().hex
        with self._transaction() as connection:
            connection.execute(
                "INSERT INTO browsers VALUES (?, ?, ?, ?, ?, ?)",
                (key, private, auth, server_key, answer, reaction),
            )
        return key

    def browser(self, key: str) -> dict[str, Any] | None:
        rows = self._rows("SELECT * FROM browsers WHERE id = ?", (key,))
        return rows[0] if rows else None

    def kept_key(self, name: str) -> str | None:
        found: str | None = self._value("SELECT private FROM keys WHERE name = ?", (name,))
        return found

    def keep_key(self, name: str, private: str) -> str:
        """Keep a signing key; returns the one that holds, which may be another's who was first."""
        with self._transaction() as connection:
            connection.execute("INSERT OR IGNORE INTO keys VALUES (?, ?)", (name, private))
        return self.kept_key(name) or private

    def add_push(
        self, biz_id: str, *, payload: dict[str, Any], receipt_url: str, receipt_type: int, expires_at: float
    ) -> None:
        with self._transaction() as connection:
            connection.execute(
                "INSERT INTO pushes VALUES (?, ?, ?, ?, ?)",
                (biz_id, json.dumps(payload, ensure_ascii=False), receipt_url, receipt_type, expires_at),
            )

    def push(self, biz_id: str) -> dict[str, Any] | None:
        """The payload of a push."""
        found = self._value("SELECT payload FROM pushes WHERE biz_id = ?", (biz_id,))
        return json.loads(found) if found else None

    def push_counts(self, biz_id: str, app_key: str) -> dict[str, int] | None:
        """Devices of an app's push, and those on which it was opened or swiped away by now."""
        if not self._value("SELECT 1 FROM batches WHERE biz_id = ? AND sender = ?", (biz_id, app_key)):
            return None
        row = self._rows(
            "SELECT count(*) AS total, coalesce(sum(code = 'OPENED' AND due_at <= ?), 0) AS opened,"
            " coalesce(sum(code = 'IGNORED' AND due_at <= ?), 0) AS ignored FROM messages WHERE biz_id = ?",
            (time.time(), time.time(), biz_id),
        )[0]
        return dict(row)

    def react(self, number: int, code: str) -> None:
        """The phone's owner taps the message or swipes it away."""
        with self._transaction() as connection:
            connection.execute(
                "UPDATE messages SET code = ?, state = 'delivered', due_at = ?, to_push = 1"
                " WHERE id = ? AND channel = 'push'",
                (code, time.time(), number),
            )

    def devices_to_report(self, limit: int) -> list[dict[str, Any]]:
        return self._rows(
            f"{_REPORTED} WHERE m.to_push = 1 AND m.channel = 'push' AND m.due_at <= ? AND p.receipt_url <> ''"
            " ORDER BY m.biz_id, m.id LIMIT ?",
            (time.time(), limit),
        )
