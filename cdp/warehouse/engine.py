"""The interface of an engine: Ibis expressions in, Arrow out, tables written whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import ibis
import pyarrow as pa

from cdp.core.errors import NotFound
from cdp.lake import TableColumn


class Engine(Protocol):
    """A place that stores tables of workspaces and runs Ibis expressions over them.

    Errors of the engine arrive as `cdp.core.errors.EngineError` (with `retryable`), an interrupted query as
    `cdp.core.errors.Cancelled`, a missing table as `NotFound` with code `table_missing`.
    """

    name: str

    def table(self, workspace: Any, name: str) -> ibis.Table:
        """A table as an expression."""
        ...

    def columns(self, workspace: Any, name: str) -> list[TableColumn]: ...

    def execute(self, expression: ibis.Expr) -> pa.Table:
        """The whole result; for small results only."""
        ...

    def batches(self, expression: ibis.Expr, size: int = 65_536) -> Iterator[pa.RecordBatch]:
        """The result in record batches of about `size` rows, never all in memory."""
        ...

    def scalar(self, expression: ibis.Expr) -> Any:
        """The single value of a one-row, one-column result."""
        ...

    def create_table_as(
        self,
        workspace: Any,
        name: str,
        expression: ibis.Expr,
        *,
        sort: Sequence[str] = (),
        partition: Sequence[str] = (),
    ) -> int:
        """Write the result as a new table in one transaction; returns its rows.

        An existing table of that name is replaced. `sort` are columns, `partition` are the engine's partition
        expressions, such as `year("at")`.
        """
        ...

    def drop(self, workspace: Any, name: str) -> None:
        """Drop the table if it exists."""
        ...


_engines: dict[str, Engine] = {}


def register_engine(source: str, engine: Engine) -> None:
    _engines[source] = engine


def get_engine(source: str = "lake") -> Engine:
    """The engine of a data source; `lake` is built in."""
    try:
        return _engines[source]
    except KeyError:
        raise NotFound(f"There is no engine for the data source {source!r}.", code="source_missing") from None
