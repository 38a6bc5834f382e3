"""Figures of a table's columns: how full they are, how many values they have, the ends, and what is frequent.

The same for tables of the lake and for rows of a source that have been fetched: both are relations of DuckDB.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import duckdb

from cdp.lake.names import quote

TOP_VALUES = 5
CHARACTERS = 200
"""How much of a value is kept."""
_FIGURES = 5


def figures(
    handle: duckdb.DuckDBPyConnection, relation: str, names: Sequence[str], *, part: str = ""
) -> tuple[int, list[dict[str, Any]]]:
    """Rows of a relation, and of each column: filled, distinct, min, max, top.

    `filled` is a share, `distinct` an estimate, the ends are text. `top` are up to TOP_VALUES frequent values with the
    share of rows that have them: [{"value", "share"}]; empty where hardly any value comes twice. They are counted in
    `part`, a sample of the relation, where one is given. Raises duckdb.Error.
    """
    counted = [expression for name in map(quote, names) for expression in _counted(name)]
    # The columns may be none: then only rows are counted.
    row = handle.execute(f"SELECT {', '.join(['count(*)', *counted])} FROM {relation}").fetchall()[0]
    rows, found = int(row[0]), []
    for number, name in enumerate(names):
        filled, distinct, low, high, candidates = row[1 + number * _FIGURES : 1 + (number + 1) * _FIGURES]
        repeats = filled > 1 and distinct * 2 <= filled
        found.append(
            {
                "name": name,
                "filled": filled / rows if rows else 0.0,
                "distinct": min(distinct, filled),
                "min": low,
                "max": high,
                "top": list(candidates or ()) if repeats else [],
            }
        )
    _count_top(handle, part or relation, found)
    return rows, found


def masked_figures(found: Iterable[Mapping[str, Any]], hides: Any, mask: Any) -> list[dict[str, Any]]:
    """The same with identifiers masked: `hides` says whether a column identifies people, `mask` hides one value."""
    shown = []
    for column in found:
        name, top = column["name"], column["top"]
        values = [column["min"], column["max"], *(item["value"] for item in top)]
        hidden = hides(name, values)
        shown.append(
            {
                **column,
                "min": mask(name, column["min"], always=hidden),
                "max": mask(name, column["max"], always=hidden),
                "top": [{**item, "value": mask(name, item["value"], always=hidden)} for item in top],
            }
        )
    return shown


def _counted(name: str) -> list[str]:
    return [
        f"count({name})",
        f"approx_count_distinct({name})",
        f"left(min({name})::VARCHAR, {CHARACTERS})",
        f"left(max({name})::VARCHAR, {CHARACTERS})",
        f"approx_top_k({_text(name)}, {TOP_VALUES})",
    ]


def _text(name: str) -> str:
    return f"left({name}::VARCHAR, {CHARACTERS})"


def _count_top(handle: duckdb.DuckDBPyConnection, relation: str, columns: list[dict[str, Any]]) -> None:
    """The candidates of all columns counted exactly, in one pass."""
    having = [column for column in columns if column["top"]]
    if not having:
        return
    parts, values = [], []
    for column in having:
        text, marks = _text(quote(column["name"])), ", ".join("?" * len(column["top"]))
        parts.append(f"histogram({text}) FILTER (WHERE {text} IN ({marks}))")
        values += column["top"]
    row = handle.execute(f"SELECT count(*), {', '.join(parts)} FROM {relation}", values).fetchall()[0]
    for column, counts in zip(having, row[1:], strict=True):
        ordered = sorted((counts or {}).items(), key=lambda item: (-item[1], item[0]))
        column["top"] = [{"value": value, "share": count / row[0]} for value, count in ordered]
