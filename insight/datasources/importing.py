"""From a clean file to a table in the lake: staging as Parquet, types by looking at every value, one transaction.

Broken rows are found with their line numbers before anything is written; with the policy "fail" nothing is loaded then.
"""

from __future__ import annotations

import csv
import mmap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import duckdb
from django.utils.translation import gettext as _

from cdp import lake
from cdp.core.errors import ValidationFailed
from cdp.lake.names import literal, quote
from insight.datasources.files import MAX_LINE, Options
from insight.datasources.workbooks import row_of_lines

TYPES = {
    "text": "VARCHAR",
    "integer": "BIGINT",
    "number": "DOUBLE",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "datetime": "TIMESTAMP",
}
MAX_REPORTED = 100
MAX_KEPT = 100_000
"""Broken rows that are kept for download."""
MAX_VALUE = 1000
"""Characters of a broken row or value that are kept."""
_ID_WORDS = "(^|_)(id|no|phone|mobile|code|zip|imei|imsi)($|_)"
_DATE_FORMATS = ["%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%d.%m.%Y"]
_TIME_FORMATS = [
    f"{day} {clock}" for day in ("%Y-%m-%d", "%Y/%m/%d") for clock in ("%H:%M:%S", "%H:%M", "%H:%M:%S.%f")
]
_TIME_FORMATS += ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S.%f", "%Y-%m-%dT%H:%M"]
_OFFSET = ":[0-9]{2}(\\.[0-9]+)? ?(Z|[+-][0-9]{2}(:?[0-9]{2})?)$"
_WHOLE = "[-+]?[0-9]+(\\.0*)?"
_NUMBER = "[-+]?([0-9]+\\.?[0-9]*|\\.[0-9]+)([eE][-+]?[0-9]{1,3})?"


@dataclass
class Report:
    """What an import found: rows loaded and refused, the refused lines, what a person should know.

    `bad` holds line (of the file, from 1; 0 where it is unknown), column, problem and value; at most MAX_KEPT of
    them. `bad_lines` are the lines where refused rows begin, all of them, before types were looked at.
    """

    rows: int = 0
    bad_rows: int = 0
    bad: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    bad_lines: list[int] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return {
            "rows": self.rows,
            "bad_rows": self.bad_rows,
            "bad": [{**row, "value": row["value"][:200]} for row in self.bad[:MAX_REPORTED]],
            "notes": self.notes,
        }


@dataclass
class Clean:
    """A clean CSV that is staged: its path, columns and reading, and how many records come before its first row.

    With `sheet` the lines of broken rows are the rows of the workbook it was made of.
    """

    path: Path
    options: Options
    names: list[str]
    skipped: int
    sheet: bool = False


def stage(text: Clean, target: Path) -> Report:
    """Every value as text into a Parquet file.

    Rows with too many or too few cells, or quotes in the wrong place, are reported. Raises ValidationFailed
    (open_quote) for a quotation mark that swallows lines: what it hides cannot be told.
    """
    report, names = Report(), text.names
    columns = "{" + ", ".join(f"{literal(name)}: 'VARCHAR'" for name in names) + "}"
    with lake.cursor() as handle:
        handle.execute("DROP TABLE IF EXISTS temp.rejects; DROP TABLE IF EXISTS temp.reject_scans")
        source = (
            f"read_csv({literal(str(text.path))}, delim={literal(text.options.separator)}, quote='\"', escape='\"', "
            f"header=false, skip={text.skipped}, columns={columns}, auto_detect=false, new_line='\\n', "
            f"strict_mode=true, null_padding=false, max_line_size={MAX_LINE}, store_rejects=true, "
            "rejects_table='rejects', rejects_scan='reject_scans', nullstr='', allow_quoted_nulls=true)"
        )
        # In a file of one column a blank line would be a row without a value.
        filled = f"WHERE {quote(names[0])} IS NOT NULL" if len(names) == 1 else ""
        try:
            handle.execute(
                f"COPY (SELECT * FROM {source} {filled}) TO {literal(str(target))} (FORMAT parquet)"
            )
        except duckdb.Error as error:
            raise _unreadable(error) from error
        found = handle.execute(
            "SELECT min(line_byte_position), any_value(column_name), any_value(error_type::VARCHAR), "
            f"any_value(left(csv_line, {MAX_VALUE})) FROM rejects GROUP BY line ORDER BY 1"
        ).fetchall()
        report.rows = _one(handle, f"SELECT count(*) FROM {literal(str(target))}")
    report.bad_rows = len(found)
    report.bad_lines = _lines_at(text.path, [position for position, *_rest in found])
    if any(kind == "UNQUOTED VALUE" for _position, _column, kind, _text in found):
        _check_quotes(text, report)
    shown = row_of_lines(text.path, set(report.bad_lines)) if text.sheet and found else {}
    report.bad = [
        {
            "line": shown.get(line, line),
            "column": column or "",
            "problem": _problem(kind),
            "value": (value or "").strip("\n"),
        }
        for line, (_position, column, kind, value) in zip(report.bad_lines, found, strict=True)
    ][:MAX_KEPT]
    return report


def _lines_at(path: Path, positions: Sequence[int]) -> list[int]:
    """The line, from 1, in which the row at each byte (counted from 1, ascending) begins, behind blank lines."""
    found: list[int] = []
    line, passed = 1, 0
    with path.open("rb") as handle, mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) as data:
        for position in positions:
            start = position - 1
            while data[start : start + 1] == b"\n":
                start += 1
            while passed < start:
                end = min(start, passed + (1 << 20))
                line += data[passed:end].count(b"\n")
                passed = end
            found.append(line)
    return found


def _records(text: Clean, *, strict: bool = False) -> Iterator[tuple[int, int, int, list[str] | None]]:
    """Number (from 0), first and last line, and cells of each record behind the skipped ones, read once more.

    With `strict`, records with a quotation mark in the wrong place have None for their cells.
    """
    with text.path.open(encoding="utf-8-sig", newline="") as handle:
        reader = csv.reader(
            handle, delimiter=text.options.separator, skipinitialspace=not strict, strict=strict
        )
        began = 1
        for number in count():
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error:
                cells = None
            first, began = began, reader.line_num + 1
            if number >= text.skipped:
                yield number, first, reader.line_num, cells


def _is_row(text: Clean, cells: list[str] | None) -> bool:
    """Whether these cells are a row: blank lines are none."""
    return cells is None or bool(any(cells) if len(text.names) == 1 else cells)


def _check_quotes(text: Clean, report: Report) -> None:
    """Refuse a file in which a quotation mark swallows lines, by reading it a second time.

    DuckDB reports such a mark as one bad row, and loads none of the rows that it swallows.
    """
    rows = 0
    for _number, first, last, cells in _records(text, strict=True):
        if cells is None and last > first:
            raise _open_quote(first)
        rows += _is_row(text, cells)
    if rows != report.rows + report.bad_rows:
        raise _open_quote(min(report.bad_lines))


def _lines_of_rows(text: Clean, rows: Sequence[int], report: Report, total: int) -> dict[int, int]:
    """The line in which each staged row (counted from 0) begins, reading the text once more.

    Empty where reading it gives another number of rows than `total`: no line is better than a wrong one.
    """
    wanted, bad = set(rows), set(report.bad_lines)
    found: dict[int, int] = {}
    row = -1
    for number, first, _last, cells in _records(text):
        if first in bad or not _is_row(text, cells):
            continue
        row += 1
        if row in wanted:
            found[row] = number + 1 if text.sheet else first
    return found if row + 1 == total else {}


def _problem(kind: str) -> str:
    return {
        "TOO MANY COLUMNS": _("more cells than the first line"),
        "MISSING COLUMNS": _("fewer cells than the first line"),
        "UNQUOTED VALUE": _("a quotation mark in the wrong place"),
        "LINE SIZE OVER MAXIMUM": _("a line longer than 4 MB"),
    }.get(kind, kind.lower())


def _open_quote(line: int) -> ValidationFailed:
    return ValidationFailed(
        _(
            "The quotation mark in line %(line)d is not closed, so that the lines behind it cannot be told apart. "
            "Nothing was loaded."
        )
        % {"line": line},
        code="open_quote",
        line=line,
    )


def _unreadable(error: duckdb.Error) -> ValidationFailed:
    text = str(error)
    return ValidationFailed(_("The file cannot be read as a table."), code="unreadable", reason=text[:500])


def _one(handle: duckdb.DuckDBPyConnection, statement: str) -> Any:
    row = handle.execute(statement).fetchone()
    return row[0] if row else None


def cast(column: str, kind: str, zone: str = "UTC") -> str:
    """A DuckDB expression that turns text into the type; NULL where it does not fit.

    Times with an offset become local times of `zone`, times without one stay.
    """
    name = f"trim({quote(column)})"
    if kind == "text":
        return quote(column)
    if kind == "date":
        formats = "[" + ", ".join(literal(item) for item in _DATE_FORMATS) + "]"
        digits = f"CASE WHEN regexp_full_match({name}, '(19|20)[0-9]{{6}}') THEN try_strptime({name}, '%Y%m%d') END"
        return f"coalesce(try_strptime({name}, {formats}), {digits})::DATE"
    if kind == "datetime":
        formats = "[" + ", ".join(literal(item) for item in [*_TIME_FORMATS, *_DATE_FORMATS, "%Y%m%d"]) + "]"
        return (
            f"CASE WHEN regexp_matches({name}, {literal(_OFFSET)}) "
            f"THEN try_cast({name} AS TIMESTAMPTZ) AT TIME ZONE {literal(zone)} "
            f"ELSE coalesce(try_strptime({name}, {formats}), try_cast({name} AS TIMESTAMP)) END"
        )
    if kind == "boolean":
        return (
            f"CASE lower({name}) WHEN 'true' THEN true WHEN 'false' THEN false WHEN 'yes' THEN true "
            f"WHEN 'no' THEN false WHEN '1' THEN true WHEN '0' THEN false END"
        )
    # Left alone, DuckDB rounds "1.5" to a whole number and reads "nan", "inf" and "1_000".
    pattern = _WHOLE if kind == "integer" else _NUMBER
    return (
        f"CASE WHEN regexp_full_match({name}, {literal(pattern)}) THEN try_cast({name} AS {TYPES[kind]}) END"
    )


def infer(staged: Path, names: Sequence[str]) -> dict[str, str]:
    """The type of each column, by looking at all of its values in one scan.

    What looks like an identifier stays text: leading zeros, more than 15 digits, or a name such as phone or member_no.
    """
    parts = []
    for name in names:
        text = f"trim({quote(name)})"
        parts += [
            f"count({quote(name)})",
            f"count(CASE WHEN regexp_full_match({text}, '-?[0-9]{{1,15}}') THEN 1 END)",
            f"count({cast(name, 'number')})",
            f"count(CASE WHEN regexp_full_match({text}, '-?0[0-9]+') THEN 1 END)",
            f"count(CASE WHEN regexp_full_match({text}, '[0-9]{{4}}[-/.][0-9]{{1,2}}[-/.][0-9]{{1,2}}') "
            f"THEN {cast(name, 'date')} END)",
            f"count(CASE WHEN regexp_matches({text}, '[0-9]:[0-9]') THEN {cast(name, 'datetime')} END)",
            f"count(CASE WHEN lower({text}) IN ('true', 'false') THEN 1 END)",
            f"regexp_matches(lower({literal(name)}), {literal(_ID_WORDS)})",
        ]
    with lake.cursor() as handle:
        row = handle.execute(f"SELECT {', '.join(parts)} FROM {literal(str(staged))}").fetchone() or ()
    return {name: _type_of(*row[index * 8 : index * 8 + 8]) for index, name in enumerate(names)}


def _type_of(
    filled: int, whole: int, numeric: int, zeros: int, days: int, times: int, flags: int, id_like: bool
) -> str:
    if not filled or flags == filled:
        return "boolean" if filled else "text"
    if days == filled:
        return "date"
    if times and days + times == filled:
        return "datetime"
    if zeros or (id_like and whole == filled):
        return "text"
    if whole == filled:
        return "integer"
    return "number" if numeric == filled else "text"


def load(
    workspace: Any,
    staged: Path,
    table: str,
    types: Mapping[str, str],
    *,
    skip_bad: bool,
    report: Report,
    text: Clean,
    append_to: str = "",
) -> None:
    """Write the staged rows as a table of the lake in one transaction; values that do not fit their type are bad rows.

    `text` is the file that was staged, for the numbers of lines. `append_to` names a lake table whose rows come first.
    Raises ValidationFailed with the bad lines when there are some and they are not to be skipped.
    """
    lake.ensure_schema(workspace)
    source, zone = f"read_parquet({literal(str(staged))})", workspace.time_zone
    values = {name: cast(name, kind, zone) for name, kind in types.items()}
    unfit = {
        name: f"({quote(name)} IS NOT NULL AND trim({quote(name)}) <> '' AND ({values[name]}) IS NULL)"
        for name, kind in types.items()
        if kind != "text"
    }
    fits = f"NOT ({' OR '.join(unfit.values())})" if unfit else "true"
    before = ""
    if append_to:
        before = f"FROM {lake.table_path(workspace, append_to)} UNION ALL BY NAME "
        for column in lake.columns(workspace, append_to):
            if column.type == "TIMESTAMP WITH TIME ZONE":
                values[column.name] = f"({values[column.name]}) AT TIME ZONE {literal(zone)}"
    with lake.transaction() as handle:
        if unfit:
            _find_unfit(handle, source, unfit, types, report, text)
        if report.bad_rows and not skip_bad:
            raise bad_rows(report)
        columns = ", ".join(f"{value} AS {quote(name)}" for name, value in values.items())
        handle.execute(
            f"CREATE OR REPLACE TABLE {lake.table_path(workspace, table)} AS "
            f"{before}SELECT {columns} FROM {source} WHERE {fits}"
        )


def _find_unfit(
    handle: duckdb.DuckDBPyConnection,
    source: str,
    unfit: Mapping[str, str],
    types: Mapping[str, str],
    report: Report,
    text: Clean,
) -> None:
    """Add the rows with values that do not fit their type to the report."""
    bad = _one(handle, f"SELECT count(*) FROM {source} WHERE {' OR '.join(unfit.values())}")
    if not bad:
        return
    number = next(name for name in ("row", "row_", "row__") if name not in map(str.casefold, types))
    numbered = f"(SELECT *, row_number() OVER () - 1 AS {number} FROM {source})"
    found: list[tuple[int, str, str]] = []
    for name, condition in unfit.items():
        rows = handle.execute(
            f"SELECT {number}, {quote(name)} FROM {numbered} WHERE {condition} ORDER BY {number} LIMIT {MAX_KEPT}"
        ).fetchall()
        found += [(row, name, str(value)) for row, value in rows]
    lines = _lines_of_rows(text, [row for row, *_rest in found], report, report.rows)
    report.bad += [
        {
            "line": lines.get(row, 0),
            "column": name,
            "problem": _("not of the type %(type)s") % {"type": types[name]},
            "value": value[:MAX_VALUE],
        }
        for row, name, value in found
    ]
    report.bad = sorted(report.bad, key=lambda item: item["line"])[:MAX_KEPT]
    report.bad_rows += bad
    report.rows -= bad


def bad_rows(report: Report) -> ValidationFailed:
    first = report.bad[0]
    return ValidationFailed(
        _(
            "%(count)d rows are broken; nothing was loaded. The first: line %(line)d, %(column)s: %(problem)s. "
            "Mend the file, or load it with “skip broken rows”."
        )
        % {"count": report.bad_rows, **{key: first[key] or "–" for key in ("line", "column", "problem")}},
        code="bad_rows",
        bad=report.as_json()["bad"],
    )


def formula_notes(staged: Path, names: Sequence[str]) -> list[str]:
    """Columns with text that a spreadsheet would take for a formula: kept as text, and said."""
    parts = [
        f"count(CASE WHEN regexp_matches({quote(name)}, '^[=@]|^[+-][^0-9.,]') THEN 1 END)" for name in names
    ]
    with lake.cursor() as handle:
        row = handle.execute(f"SELECT {', '.join(parts)} FROM {literal(str(staged))}").fetchone() or ()
    return [
        _("“%(column)s” has %(count)d values that look like formulas. They are kept as text and never run.")
        % {"column": name, "count": count}
        for name, count in zip(names, row, strict=True)
        if count
    ]


def check_same(names: set[str], theirs: set[str]) -> None:
    """Raises ValidationFailed unless a file to append has the table's columns."""
    if names != theirs:
        missing, more = sorted(theirs - names), sorted(names - theirs)
        raise ValidationFailed(
            _("The columns differ from the table's. Missing: %(missing)s. Unknown: %(more)s.")
            % {"missing": ", ".join(missing) or "–", "more": ", ".join(more) or "–"},
            code="columns_differ",
        )


def type_name(duck: str) -> str:
    """Our word for a DuckDB type."""
    if duck.startswith("TIMESTAMP"):
        return "datetime"
    if duck == "DATE":
        return "date"
    if duck == "BOOLEAN":
        return "boolean"
    if duck in (
        "TINYINT",
        "SMALLINT",
        "INTEGER",
        "BIGINT",
        "UTINYINT",
        "USMALLINT",
        "UINTEGER",
        "UBIGINT",
        "HUGEINT",
    ):
        return "integer"
    if duck in ("FLOAT", "DOUBLE") or duck.startswith("DECIMAL"):
        return "number"
    return "text"
