"""The interface of an engine: Ibis expressions in, Arrow out, tables written whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import ibis
import pyarrow as pa
from django.utils.translation import gettext as _

from cdp.core.errors import NotFound
from cdp.lake import TableColumn
from cdp.lake.names import quote

Shared: TypeAlias = Mapping[str, ibis.Table]
BATCH = 65_536
"""Rows of a record batch, unless told otherwise."""


class Transaction(Protocol):
    """Statements in an engine's own SQL that take effect together or not at all."""

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """What a statement gives; nothing where it gives no rows."""
        ...

    def create_table_as(
        self, name: str, query: str, *, sort: Sequence[str] = (), partition: Sequence[str] = ()
    ) -> int:
        """As the engine's own, of a SELECT."""
        ...

    def path(self, name: str) -> str:
        """The full, quoted name of one of the workspace's tables."""
        ...

    def scratch(self, name: str, columns: Mapping[str, str]) -> str:
        """Make a table for this transaction alone, to be dropped before its end; returns its name in SQL.

        `columns` gives the type of each.
        """
        ...

    def keep_table(self, name: str, columns: Mapping[str, str], *, key: str = "") -> None:
        """Make a table for parts to be put into by `replace`, where it is missing.

        `columns` gives the type of each; `key` is one by whose values very many rows are found and replaced.
        """
        ...

    def replace(self, name: str, condition: str, query: str) -> None:
        """Put the rows of a SELECT in the place of those that a condition holds for.

        The lake has no locks: there, jobs have to see to it that two do not replace the same part at once.
        """
        ...


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

    def tables(self, workspace: Any) -> list[str]:
        """Names of the workspace's tables."""
        ...

    def path(self, workspace: Any, name: str) -> str:
        """A table's full, quoted name in the engine's SQL."""
        ...

    def sql(self, expression: ibis.Expr) -> str:
        """The expression as a SELECT in the engine's own SQL."""
        ...

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """What a SELECT in the engine's own SQL gives; for small results only."""
        ...

    def execute(self, expression: ibis.Expr, shared: Shared | None = None) -> pa.Table:
        """The whole result; for small results only.

        Each of `shared` is computed once, however often the expression reads it: as a table of that name and schema
        without a database. Where a part is written into an expression itself, it is computed at each of its places.
        """
        ...

    def batches(self, expression: ibis.Expr, size: int = BATCH) -> Iterator[pa.RecordBatch]:
        """The result in record batches of about `size` rows, never all in memory."""
        ...

    def scalar(self, expression: ibis.Expr) -> Any:
        """The single value of a one-row, one-column result."""
        ...

    def create_table_as(
        self,
        workspace: Any,
        name: str,
        expression: ibis.Expr | str,
        *,
        sort: Sequence[str] = (),
        partition: Sequence[str] = (),
    ) -> int:
        """Write the result as a new table in one transaction; returns its rows.

        An existing table of that name is replaced. `expression` may be a SELECT in the engine's own SQL. `sort` are
        columns, `partition` are partition expressions of the lake, such as `year("at")`.
        """
        ...

    def transaction(self, workspace: Any) -> AbstractContextManager[Transaction]:
        """What is written within it is there at its end, or nothing of it. Ask for tables before it begins."""
        ...

    def load(self, workspace: Any, name: str, file: Path) -> int:
        """Write the rows of a Parquet file as a new table, piece by piece; returns their number.

        An existing table of that name is replaced.
        """
        ...

    def drop(self, workspace: Any, name: str) -> None:
        """Drop the table if it exists."""
        ...

    def set_view(self, workspace: Any, name: str, table: str) -> None:
        """Let `name` stand for a table; it may have stood for another one before."""
        ...

    def drop_view(self, workspace: Any, name: str) -> None:
        """Drop the view if it exists."""
        ...


def with_shared(statement: str, shared: Mapping[str, str]) -> str:
    """A SELECT that reads the results of other ones by their names."""
    if not shared:
        return statement
    parts = ", ".join(f"{quote(name)} AS MATERIALIZED ({part})" for name, part in shared.items())
    return f"WITH {parts} SELECT * FROM ({statement}) found"


_engines: dict[str, Engine] = {}
_finders: dict[str, Callable[[str], Engine]] = {}


def register_engine(source: str, engine: Engine) -> None:
    _engines[source] = engine


def register_finder(prefix: str, finder: Callable[[str], Engine]) -> None:
    """Let `finder` answer for the data sources whose ID begins with `prefix` and an underscore."""
    _finders[prefix] = finder


def get_engine(source: str = "lake") -> Engine:
    """The engine of a data source; `lake` is built in. Raises NotFound with code `source_missing`."""
    found = _engines.get(source)
    if found is not None:
        return found
    finder = _finders.get(source.partition("_")[0])
    if finder is None:
        raise NotFound(_("The data source is no longer there."), code="source_missing")
    return finder(source)
