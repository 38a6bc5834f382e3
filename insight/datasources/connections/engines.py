"""Databases outside as engines: one for each source that datasets may live in, opened when it is first asked for."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.utils.translation import gettext as _

from cdp.core.errors import EngineError, NotFound
from cdp.warehouse.postgres_engine import PostgresEngine
from insight.datasources.connections.diagnosis import diagnose, reachable
from insight.datasources.connections.dialects import PostgreSQL, dialect_of
from insight.datasources.models import Connection

PREFIX = "src"
_lock = threading.Lock()
_open: dict[str, SourceEngine] = {}
_inherited: list[SourceEngine] = []


class SourceEngine(PostgresEngine):
    """The engine of a source as it was saved at one time.

    Where the database cannot be asked, the error has the code of the step that fails, as a test of the source has it.
    """

    def __init__(self, source: Connection) -> None:
        dialect = dialect_of(source)
        assert isinstance(dialect, PostgreSQL)
        super().__init__(dialect.conninfo(source, reachable(source)))
        self.source = source
        self.process = os.getpid()

    @contextmanager
    def _connection(self) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
        try:
            with super()._connection() as connection:
                yield connection
        except EngineError as error:
            if error.code != "engine_busy":
                raise
            found = diagnose(self.source)
            if found.ok:
                raise
            # The next one asks again where the host name leads.
            forget(self.source.pk)
            raise found.broken() from error


def engine_of(source_id: str) -> SourceEngine:
    """The engine of a source, a new one after each edit. Raises NotFound (source_missing), DomainError (502)."""
    source = Connection.objects.filter(pk=source_id).first()
    if source is None or not source.push_down:
        raise NotFound(_("There is no such data source that datasets may live in."), code="source_missing")
    found = _open.get(source_id)
    if found is not None and _is_current(found, source):
        return found
    with _lock:
        found = _open.get(source_id)
        if found is None or not _is_current(found, source):
            _put_away(found)
            found = _open[source_id] = SourceEngine(source)
    return found


def _is_current(engine: SourceEngine, source: Connection) -> bool:
    return engine.process == os.getpid() and engine.source.edit_version == source.edit_version


def forget(source_id: str) -> None:
    """Close the engine of a source; queries that are running end before."""
    with _lock:
        _put_away(_open.pop(source_id, None))


def _put_away(engine: SourceEngine | None) -> None:
    if engine is not None and engine.process == os.getpid():
        engine.close()
    elif engine is not None:
        # A parent's connections must not be closed from a child: they are kept from the garbage collector instead.
        _inherited.append(engine)
