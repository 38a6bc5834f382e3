"""Parquet files: their columns and first rows, and loading them as tables of the lake."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from django.utils.translation import gettext as _

from cdp import lake
from cdp.core.errors import ValidationFailed
from cdp.lake.names import literal, quote
from insight.datasources.files import check_names
from insight.datasources.importing import check_same, type_name

_NESTED = re.compile(r"STRUCT|MAP|UNION|VARIANT|BLOB|GEOMETRY|\[")


def load(workspace: Any, path: Path, table: str, *, append_to: str = "") -> int:
    """A Parquet file as a table of the lake, behind the rows of `append_to` if given. Returns the file's rows.

    Types that a table does not know (time of day, UUID …) become text. Raises ValidationFailed: broken_parquet,
    nested_columns, columns_differ, and what `check_names` says.
    """
    lake.ensure_schema(workspace)
    source = f"read_parquet({literal(str(path))}, binary_as_string=true)"
    values = _values(path, source)
    with lake.transaction() as handle:
        before = ""
        if append_to:
            values = _fitted(values, lake.columns(workspace, append_to))
            before = f"FROM {lake.table_path(workspace, append_to)} UNION ALL BY NAME "
        columns = ", ".join(f"{value} AS {quote(name)}" for name, (value, _type) in values.items())
        try:
            rows = handle.execute(f"SELECT count(*) FROM {source}").fetchall()[0][0]
            handle.execute(
                f"CREATE OR REPLACE TABLE {lake.table_path(workspace, table)} AS {before}SELECT {columns} FROM {source}"
            )
        except duckdb.ConversionException as error:
            raise _columns_differ(str(error)[:200]) from error
        except duckdb.Error as error:
            if _readable(source):
                raise
            raise _broken_parquet() from error
    return int(rows)


def _values(path: Path, source: str) -> dict[str, tuple[str, str]]:
    """The expression and DuckDB type of each column."""
    try:
        # DuckDB renames columns that are called alike, so the names are taken from the file itself.
        names = check_names(list(pq.read_schema(path).names))
        with lake.cursor() as handle:
            described = handle.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
    except (pa.ArrowException, OSError, duckdb.Error) as error:
        raise _broken_parquet() from error
    nested = [name for name, kind, *_rest in described if _NESTED.search(kind)]
    if nested:
        raise ValidationFailed(
            _("These columns are nested or binary and cannot be used: %(names)s.")
            % {"names": ", ".join(nested)},
            code="nested_columns",
        )
    values: dict[str, tuple[str, str]] = {}
    for name, (found, kind, *_rest) in zip(names, described, strict=True):
        if type_name(kind) == "text":
            # PostgreSQL, which keeps the values of tags, has no NUL in text.
            values[name] = (f"replace({quote(found)}::VARCHAR, chr(0), '')", "VARCHAR")
        else:
            values[name] = (quote(found), kind)
    return values


def _fitted(
    values: dict[str, tuple[str, str]], columns: Sequence[lake.TableColumn]
) -> dict[str, tuple[str, str]]:
    """The expressions cast to the table's own types. Raises ValidationFailed unless names and types are the same."""
    theirs = {column.name: column.type for column in columns}
    check_same(set(values), set(theirs))
    other = [name for name, (_value, kind) in values.items() if type_name(kind) != type_name(theirs[name])]
    if other:
        raise _columns_differ(", ".join(other))
    return {name: (f"CAST({value} AS {theirs[name]})", theirs[name]) for name, (value, _t) in values.items()}


def _columns_differ(what: str) -> ValidationFailed:
    return ValidationFailed(
        _("The types differ from the table's: %(names)s. Nothing was loaded.") % {"names": what},
        code="columns_differ",
    )


def _readable(source: str) -> bool:
    """Whether every value of the file can be read."""
    try:
        with lake.cursor() as handle:
            handle.execute(f"SELECT bit_xor(hash(t)) FROM {source} t").fetchall()
    except duckdb.Error:
        return False
    return True


def _broken_parquet() -> ValidationFailed:
    return ValidationFailed(_("This is no Parquet file, or it is damaged."), code="broken_parquet")


def first_rows(path: Path, count: int) -> tuple[list[str], list[list[str]]]:
    """Column names and first rows of a Parquet file, as text. Raises ValidationFailed."""
    source = f"read_parquet({literal(str(path))}, binary_as_string=true)"
    values = _values(path, source)
    columns = ", ".join(f"({value})::VARCHAR" for value, _type in values.values())
    try:
        with lake.cursor() as handle:
            rows = handle.execute(f"SELECT {columns} FROM {source} LIMIT {int(count)}").fetchall()
    except duckdb.Error as error:
        raise _broken_parquet() from error
    return list(values), [["" if value is None else value for value in row] for row in rows]
