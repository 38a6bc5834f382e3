"""Excel workbooks: the first sheet as CSV, row by row, refusing what would unpack to more than a machine can hold."""

from __future__ import annotations

import csv
import datetime
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from cdp.core.errors import ValidationFailed

MAX_UNPACKED = 2 * 2**30
MAX_IN_MEMORY = 256 * 2**20
"""Everything but the sheets (shared strings, styles) is held in memory."""
MAX_ROWS = 1_048_576
MAX_CELLS = 16_384
"""Excel's own limits; a sheet beyond them is made to do harm."""
_DAMAGED = (zipfile.BadZipFile, zlib.error, KeyError, ValueError, OSError, SyntaxError, EOFError, TypeError)


def as_csv(path: Path, target: Path) -> Path:
    """The first sheet as UTF-8 CSV, one record per row of the sheet; empty rows are kept as empty lines.

    Raises ValidationFailed: broken_xlsx, too_large, formula (its value may be out of date).
    """
    with target.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        for cells in rows(path):
            writer.writerow(cells)
    return target


def rows(path: Path) -> Iterator[list[str]]:
    """The cells of the first sheet as text, at least as wide as its first row with content; [] for empty rows."""
    import openpyxl

    _check_sizes(path)
    width = 0
    try:
        with path.open("rb") as raw:
            sheet = openpyxl.load_workbook(raw, read_only=True, data_only=False).worksheets[0]
            # What a sheet declares as its size may be a million empty, formatted rows.
            sheet.reset_dimensions()
            for number, row in enumerate(sheet.iter_rows(), start=1):
                if number > MAX_ROWS or len(row) > MAX_CELLS:
                    raise _too_large()
                cells = [_cell(cell) for cell in _filled(row)]
                width = width or len(cells)
                yield cells + [""] * (width - len(cells)) if cells else []
    except (*_DAMAGED, IndexError) as error:
        raise ValidationFailed(
            _("This is no Excel workbook (.xlsx), it has a password, or it is damaged."), code="broken_xlsx"
        ) from error


def row_of_lines(path: Path, lines: set[int]) -> dict[int, int]:
    """The sheet's row for each line of the CSV that `as_csv` wrote: a cell may hold several lines."""
    found: dict[int, int] = {}
    began = 1
    with path.open(encoding="utf-8", newline="") as handle:
        reader = csv.reader(handle)
        for number, _cells in enumerate(reader, start=1):
            found.update({line: number for line in range(began, reader.line_num + 1) if line in lines})
            began = reader.line_num + 1
    return found


def _check_sizes(path: Path) -> None:
    """The archive's reader cuts off what unpacks to more than it declares: the declared sizes can be trusted."""
    try:
        with zipfile.ZipFile(path) as archive:
            sizes = {item.filename: item.file_size for item in archive.infolist()}
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise ValidationFailed(
            _("This is no Excel workbook (.xlsx), it has a password, or it is damaged."), code="broken_xlsx"
        ) from error
    held = sum(
        size
        for name, size in sizes.items()
        if name.endswith((".xml", ".rels")) and not name.lower().startswith("xl/worksheets/")
    )
    if sum(sizes.values()) > MAX_UNPACKED or held > MAX_IN_MEMORY:
        raise _too_large()


def _too_large() -> ValidationFailed:
    return ValidationFailed(
        _("The workbook is too large when unpacked. Save the sheet as CSV."), code="too_large"
    )


def _filled(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """The row without the empty cells at its end."""
    last = next((index for index in range(len(row), 0, -1) if row[index - 1].value not in (None, "")), 0)
    return row[:last]


def _cell(cell: Any) -> str:
    if cell.data_type == "f":
        raise ValidationFailed(
            _("Cell %(cell)s holds a formula. Replace formulas by their values (copy, paste as values).")
            % {"cell": cell.coordinate},
            code="formula",
        )
    value = cell.value
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        value = value.date()
    return "" if value is None else str(value)
