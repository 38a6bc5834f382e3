"""The sandbox's SQLite database."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_SCHEMA = (Path(__file__).parent / "schema.sql").read_text()


class Database:
    """Safe to use from several threads. `path` None keeps everything in memory."""

    def __init__(self, path: Path | None, *, kept_bodies: int) -> None:
        if path:
            path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(
            path or ":memory:", check_same_thread=False, isolation_level=None, timeout=30
        )
        self._connection.row_factory = sqlite3.Row
        self._lock = threading.RLock()
        self._kept_bodies = kept_bodies
        self._bodies = 0
        with self._lock:
            # What a crash of the machine may lose here is only play mail.
            self._connection.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;" + _SCHEMA)
            # A batch that was being read when the process died has sent nothing, so its outId is free again.
            self._connection.execute("DELETE FROM batches WHERE sent = 0")

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def _rows(self, statement: str, values: Sequence[Any] = ()) -> list[dict[str, Any]]:
        with self._lock:
            return [dict(row) for row in self._connection.execute(statement, values)]

    def _value(self, statement: str, values: Sequence[Any] = ()) -> Any:
        with self._lock:
            row = self._connection.execute(statement, values).fetchone()
        return row[0] if row else None
