"""From a clean file to a table in the lake: staging as Parquet, types by looking at every value, one transaction.

Broken rows are found with their line numbers before anything is written; with the policy "fail" nothing is loaded then.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
from django.utils.translation import gettext as _

from cdp import lake
from cdp.core.errors import ValidationFailed
from cdp.lake.names import literal, quote
from insight.datasources.files import Options

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
_ID_WORDS = "(^|_)(id|no|phone|mobile|code|zip|imei|imsi)($|_)"
_DATE_FORMATS = ["%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%d.%m.%Y"]
_TIME_FORMATS = [
    f"{day} {clock}" for day in ("%Y-%m-%d", "%Y/%m/%d") for clock in ("%H:%M:%S", "%H:%M", "%H:%M:%S.%f")
]
_TIME_FORMATS += ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S.%f", "%Y-%m-%dT%H:%M"]


@dataclass
class Report:
    """What an import found: rows loaded and refused, the refused lines, what a person should know.

    `bad` holds line (of the file, from 1), column, problem and value; at most MAX_KEPT of them.
    """

    rows: int = 0
    bad_rows: int = 0
    bad: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return {
            "rows": self.rows,
            "bad_rows": self.bad_rows,
            "bad": self.bad[:MAX_REPORTED],
            "notes": self.notes,
        }


def stage(csv_path: Path, options: Options, names: Sequence[str], target: Path) -> Report:
    """Every value as text into a Parquet file; rows with too many or too few cells, or open quotes, are reported."""
    report = Report()
    columns = "{" + ", ".join(f"{literal(name)}: 'VARCHAR'" for name in names) + "}"
    delimiter = "," if options.delimiter == "spaces" or options.format == "xlsx" else options.delimiter
    with lake.cursor() as handle:
        handle.execute("DROP TABLE IF EXISTS temp.rejects; DROP TABLE IF EXISTS temp.reject_scans")
        source = (
            f"read_csv({literal(str(csv_path))}, delim={literal(delimiter)}, quote='\"', escape='\"', "
            f"header={'true' if options.header else 'false'}, columns={columns}, auto_detect=false, "
            "strict_mode=true, null_padding=false, max_line_size=4194304, store_rejects=true, "
            "rejects_table='rejects', rejects_scan='reject_scans', nullstr='', allow_quoted_nulls=true)"
        )
        try:
            handle.execute(f"COPY (SELECT * FROM {source}) TO {literal(str(target))} (FORMAT parquet)")
        except duckdb.Error as error:
            raise _unreadable(error) from error
        found = handle.execute(
            "SELECT max(byte_position), any_value(column_name), any_value(error_type), any_value(csv_line) "
            "FROM rejects GROUP BY line ORDER BY line"
        ).fetchall()
        report.rows = _one(handle, f"SELECT count(*) FROM {literal(str(target))}")
    report.bad_rows = len(found)
    lines = _lines_at(csv_path, [position for position, *_rest in found[:MAX_KEPT]])
    report.bad = [
        {
            "line": line,
            "column": column or "",
            "problem": _problem(kind),
            "value": (text or "").strip("\n")[:200],
        }
        for line, (_position, column, kind, text) in zip(lines, found, strict=False)
    ]
    return report


def _lines_at(path: Path, positions: Sequence[int]) -> list[int]:
    """The line, from 1, in which each byte (counted from 1, ascending) stands."""
    found: list[int] = []
    line, passed = 1, 0
    with path.open("rb") as handle:
        chunk = handle.read(1 << 20)
        for position in positions:
            while position - 1 > passed + len(chunk) and chunk:
                line += chunk.count(b"\n")
                passed += len(chunk)
                chunk = handle.read(1 << 20)
            found.append(line + chunk[: position - 1 - passed].count(b"\n"))
    return found


def _lines_of_rows(
    path: Path, options: Options, width: int, rows: Sequence[int], bad: set[int]
) -> dict[int, int]:
    """The line in which each staged row (counted from 0) begins, reading the text once more."""
    wanted, found = set(rows), {}
    delimiter = "," if options.delimiter == "spaces" or options.format == "xlsx" else options.delimiter
    row, began = -1 - int(options.header), 1
    with path.open(encoding="utf-8-sig", newline="") as handle:
        reader = csv.reader(handle, delimiter=delimiter)
        for cells in reader:
            first, began = began, reader.line_num + 1
            if (not cells and width > 1) or not bad.isdisjoint(range(first, began)):
                continue
            row += 1
            if row in wanted:
                found[row] = first
    return found


def _problem(kind: str) -> str:
    return {
        "TOO MANY COLUMNS": _("more cells than the first line"),
        "MISSING COLUMNS": _("fewer cells than the first line"),
        "UNQUOTED VALUE": _("a quotation mark that is not closed"),
    }.get(kind, kind.lower())


def _unreadable(error: duckdb.Error) -> ValidationFailed:
    text = str(error)
    if "quote" in text.lower():
        return ValidationFailed(
            _("A quotation mark in the file is not closed. Nothing was loaded."),
            code="open_quote",
            reason=text[:500],
        )
    return ValidationFailed(_("The file cannot be read as a table."), code="unreadable", reason=text[:500])


def _one(handle: duckdb.DuckDBPyConnection, statement: str) -> Any:
    row = handle.execute(statement).fetchone()
    return row[0] if row else None


def cast(column: str, kind: str) -> str:
    """A DuckDB expression that turns text into the type; NULL where it does not fit."""
    name = f"trim({quote(column)})"
    if kind == "text":
        return quote(column)
    if kind == "date":
        formats = "[" + ", ".join(literal(item) for item in _DATE_FORMATS) + "]"
        digits = f"CASE WHEN regexp_full_match({name}, '(19|20)[0-9]{{6}}') THEN try_strptime({name}, '%Y%m%d') END"
        return f"coalesce(try_strptime({name}, {formats}), {digits})::DATE"
    if kind == "datetime":
        formats = "[" + ", ".join(literal(item) for item in [*_TIME_FORMATS, *_DATE_FORMATS, "%Y%m%d"]) + "]"
        return f"coalesce(try_strptime({name}, {formats}), try_cast({name} AS TIMESTAMP))"
    if kind == "boolean":
        return (
            f"CASE lower({name}) WHEN 'true' THEN true WHEN 'false' THEN false WHEN 'yes' THEN true "
            f"WHEN 'no' THEN false WHEN '1' THEN true WHEN '0' THEN false END"
        )
    return f"try_cast({name} AS {TYPES[kind]})"


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
            f"count(try_cast({text} AS DOUBLE))",
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
    text: tuple[Path, Options],
    append_to: str = "",
) -> None:
    """Write the staged rows as a table of the lake in one transaction; values that do not fit their type are bad rows.

    `text` is the file that was staged, for the numbers of lines. `append_to` names a lake table whose rows come first.
    Raises ValidationFailed with the bad lines when there are some and they are not to be skipped.
    """
    lake.ensure_schema(workspace)
    source = f"read_parquet({literal(str(staged))}, file_row_number=true)"
    unfit = {
        name: f"({quote(name)} IS NOT NULL AND trim({quote(name)}) <> '' AND ({cast(name, kind)}) IS NULL)"
        for name, kind in types.items()
        if kind != "text"
    }
    fits = f"NOT ({' OR '.join(unfit.values())})" if unfit else "true"
    with lake.transaction() as handle:
        if unfit:
            _find_unfit(handle, source, unfit, types, report, text)
        if report.bad_rows and not skip_bad:
            raise bad_rows(report)
        columns = ", ".join(f"{cast(name, kind)} AS {quote(name)}" for name, kind in types.items())
        before = f"FROM {lake.table_path(workspace, append_to)} UNION ALL BY NAME " if append_to else ""
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
    text: tuple[Path, Options],
) -> None:
    """Add the rows with values that do not fit their type to the report."""
    bad = _one(handle, f"SELECT count(*) FROM {source} WHERE {' OR '.join(unfit.values())}")
    if not bad:
        return
    found: list[tuple[int, str, str]] = []
    for name, condition in unfit.items():
        rows = handle.execute(
            f"SELECT file_row_number, {quote(name)} FROM {source} WHERE {condition} "
            f"ORDER BY file_row_number LIMIT {MAX_KEPT}"
        ).fetchall()
        found += [(row, name, str(value)) for row, value in rows]
    path, options = text
    lines = _lines_of_rows(
        path, options, len(types), [row for row, *_rest in found], {item["line"] for item in report.bad}
    )
    report.bad += [
        {
            "line": lines.get(row, 0),
            "column": name,
            "problem": _("not of the type %(type)s") % {"type": types[name]},
            "value": value[:200],
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
        bad=report.bad[:MAX_REPORTED],
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


def load_parquet(workspace: Any, path: Path, table: str) -> int:
    """A Parquet file as a table of the lake; nested columns are refused. Returns its rows."""
    lake.ensure_schema(workspace)
    try:
        with lake.transaction() as handle:
            described = handle.execute(
                f"DESCRIBE SELECT * FROM read_parquet({literal(str(path))})"
            ).fetchall()
            nested = [
                row[0] for row in described if any(mark in row[1] for mark in ("STRUCT", "MAP", "UNION"))
            ]
            if nested:
                raise ValidationFailed(
                    _("These columns are nested and cannot be used: %(names)s.")
                    % {"names": ", ".join(nested)},
                    code="nested_columns",
                )
            found = handle.execute(
                f"CREATE OR REPLACE TABLE {lake.table_path(workspace, table)} AS "
                f"SELECT * FROM read_parquet({literal(str(path))})"
            ).fetchone()
    except (duckdb.InvalidInputException, duckdb.IOException) as error:
        raise ValidationFailed(
            _("This is no Parquet file, or it is damaged."), code="broken_parquet"
        ) from error
    return int(found[0]) if found else 0


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
