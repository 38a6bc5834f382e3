"""Reading a file with one ID per line, apart from the lake: memory does not grow with the file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
from django.conf import settings
from django.utils.translation import gettext as _

from cdp import lake
from cdp.core.errors import ValidationFailed
from cdp.core.identifiers import ID_TYPES
from cdp.lake.names import literal, quote
from insight.audiences.membership import USER
from insight.datasources import files

MAX_LINES = 20_000_000
MAX_REFUSED = 1_000
SHOWN_CHARACTERS = 200


@dataclass(frozen=True)
class Found:
    """Parquet files: `ids` with the column `user_unique_id`, `refused` with `line` and `value`; and the counts."""

    ids: Path
    refused: Path
    counts: dict[str, int]


@contextmanager
def read(path: Path, options: files.Options, id_type: str, encryption: str) -> Iterator[Found]:
    """The first column of the file, normalised and distinct, and the first lines that hold no valid ID.

    What is found lasts until the end of the block. Raises ValidationFailed (too_many_lines, no_valid_ids, unreadable).
    """
    temp = Path(settings.LAKE_TEMP_PATH)
    temp.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="ids-", dir=temp) as name:
        folder = Path(name)
        text = files.as_utf8_csv(path, options, folder / "text.csv")
        delimiter = "," if options.delimiter == "spaces" else options.delimiter
        try:
            with lake.apart() as handle:
                found = _found(handle, _lines(handle, text, delimiter), folder, id_type, encryption)
        except duckdb.Error as error:
            raise ValidationFailed(
                _("The file cannot be read as a list of IDs, one per line."),
                code="unreadable",
                reason=str(error),
            ) from error
        yield found


def _lines(handle: Any, path: Path, delimiter: str) -> str:
    """The lines of the file as SQL to stand after FROM, with the columns `line` (from 1) and `raw`."""
    file = literal(str(path))
    if not _has_more_columns(path, delimiter):
        return (
            f"(SELECT row_number() OVER () AS line, raw FROM read_csv({file}, delim={literal(delimiter)}, "
            "quote='\"', header=false, auto_detect=false, columns={'raw': 'VARCHAR'}, null_padding=true, "
            "strict_mode=false, ignore_errors=false))"
        )
    cells = (
        f"SELECT row_number() OVER () AS line, column0 AS raw FROM read_csv({file}, delim={literal(delimiter)}, "
        "quote='\"', header=false, skip=0, comment='', all_varchar=true, null_padding=true, strict_mode=false, "
        "parallel=false)"
    )
    # Rows of several cells leave blank lines out: the lines of the text say where those were.
    text = (
        f"(SELECT row_number() OVER () AS line, text IS NULL AS blank FROM read_csv({file}, delim='\x01', quote='', "
        "escape='', header=false, auto_detect=false, columns={'text': 'VARCHAR'}, new_line='\\n'))"
    )
    rows, filled, blank = handle.execute(
        f"SELECT (SELECT count(*) FROM ({cells})), count(*) FILTER (NOT blank), count(*) FILTER (blank) FROM {text}"
    ).fetchone()
    if not blank or rows != filled:
        # With line breaks inside of cells, rows are no lines, and are numbered themselves.
        return f"({cells})"
    return (
        f"(SELECT filled.line, cells.raw FROM (SELECT line FROM {text} WHERE NOT blank) AS filled "
        f"POSITIONAL JOIN ({cells}) AS cells UNION ALL SELECT line, NULL FROM {text} WHERE blank)"
    )


def _found(handle: Any, lines: str, folder: Path, id_type: str, encryption: str) -> Found:
    kind = ID_TYPES[id_type]
    given, ids, refused = (folder / f"{name}.parquet" for name in ("given", "ids", "refused"))
    normalised = kind.sql_normalise("trim(raw)", encryption=encryption)  # type: ignore[arg-type]
    _write(
        handle,
        f"SELECT line, raw, {normalised} AS id FROM {lines} "
        f"WHERE line > 1 OR lower(trim(coalesce(raw, ''))) <> '{USER}'",
        given,
    )
    rows = f"read_parquet({literal(str(given))})"
    count, blank, valid = handle.execute(
        f"SELECT count(*), count(*) FILTER (raw IS NULL OR trim(raw) = ''), count(id) FROM {rows}"
    ).fetchone()
    if count > MAX_LINES:
        raise ValidationFailed(
            _("The file has %(lines)d lines; at most %(limit)d can be read.")
            % {"lines": count, "limit": MAX_LINES},
            code="too_many_lines",
        )
    if not valid:
        raise ValidationFailed(
            _("None of the %(lines)d lines is a valid ID of the type “%(type)s”.")
            % {"lines": count, "type": kind.label},
            code="no_valid_ids",
        )
    distinct = _write(handle, f"SELECT DISTINCT id AS {quote(USER)} FROM {rows} WHERE id IS NOT NULL", ids)
    _write(
        handle,
        f"SELECT line, left(raw, {SHOWN_CHARACTERS}) AS value FROM {rows} WHERE id IS NULL AND trim(raw) <> '' "
        f"ORDER BY line LIMIT {MAX_REFUSED}",
        refused,
    )
    counts = {
        "lines": count,
        "blank": blank,
        "invalid": count - blank - valid,
        "duplicates": valid - distinct,
        "valid": distinct,
    }
    if id_type == "imei" and encryption == "plain":
        # Accepted all the same: there are devices whose number was made up.
        wrong = (
            f"SELECT count(*) FROM read_parquet({literal(str(ids))}) WHERE {_wrong_check_digit(quote(USER))}"
        )
        counts["wrong_check_digit"] = handle.execute(wrong).fetchone()[0]
    return Found(ids, refused, counts)


def _wrong_check_digit(column: str) -> str:
    """SQL that is true of IMEIs of 15 digits of which the last does not follow from the others (Luhn)."""
    digits = [f"TRY_CAST(substr({column}, {place}, 1) AS INTEGER)" for place in range(1, 16)]
    doubled = [f"(2 * {digit}) // 10 + (2 * {digit}) % 10" for digit in digits[1::2]]
    total = " + ".join([*digits[::2], *doubled])
    return f"CASE WHEN regexp_full_match({column}, '[0-9]{{15}}') THEN ({total}) % 10 <> 0 ELSE false END"


def _write(handle: Any, query: str, path: Path) -> int:
    return int(handle.execute(f"COPY ({query}) TO {literal(str(path))} (FORMAT parquet)").fetchone()[0])


def _has_more_columns(path: Path, delimiter: str) -> bool:
    with path.open(encoding="utf-8", errors="replace") as lines:
        return any(delimiter in line for _number, line in zip(range(1000), lines, strict=False))
