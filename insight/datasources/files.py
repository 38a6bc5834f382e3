"""Reading what people upload: format, encoding, delimiter, header; every kind of file ends as one clean CSV or Parquet.

All functions raise DomainErrors that say what is wrong with the file and where.
"""

from __future__ import annotations

import codecs
import csv
import datetime
import gzip
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from django.utils.translation import gettext as _

from cdp.core.errors import ValidationFailed

FORMATS = (".csv", ".tsv", ".txt", ".xlsx", ".parquet")
ENCODINGS = ("utf-8", "utf-16", "gb18030", "big5hkscs", "shift_jis", "latin-1")
DELIMITERS = (",", "\t", ";", "|", "spaces")
SAMPLE_BYTES = 1 << 20
MAX_COLUMNS = 1000
MAX_NAME = 120
MAX_UNPACKED = 2 * 2**30
MAX_SHARED_STRINGS = 256 * 2**20
"""Shared strings of a workbook are held in memory."""
_SPACES = re.compile(r"[ \t]+")


@dataclass
class Options:
    """How to read a file. `delimiter` may be "spaces": columns set apart by any number of blanks."""

    format: str = "csv"
    gzip: bool = False
    encoding: str = "utf-8"
    delimiter: str = ","
    header: bool = True
    columns: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def detect(path: Path, name: str) -> Options:
    """Format by the name's ending; encoding and delimiter by looking at the first megabyte."""
    lower = name.lower()
    zipped = lower.endswith(".gz")
    ending = Path(lower.removesuffix(".gz")).suffix
    if ending not in FORMATS:
        raise ValidationFailed(
            _("Files of the kind “%(ending)s” cannot be read. Use .csv, .txt, .xlsx or .parquet.")
            % {"ending": ending or name},
            code="unknown_format",
        )
    options = Options(format=ending.lstrip("."), gzip=zipped)
    if options.format in ("xlsx", "parquet"):
        return options
    options.encoding = _encoding(path, zipped)
    text = sample(path, options)
    if not text.strip():
        raise ValidationFailed(_("The file is empty."), code="empty_file")
    if "\x00" in text:
        raise _not_text(text[: text.index("\x00")].count("\n") + 1)
    options.delimiter = _delimiter(text, options.format)
    options.header = _has_header(text, options.delimiter)
    return options


def _open(path: Path, zipped: bool) -> BinaryIO:
    return gzip.open(path, "rb") if zipped else path.open("rb")  # type: ignore[return-value]


def _encoding(path: Path, zipped: bool) -> str:
    """UTF-8 where it decodes, UTF-16 by its mark, else GB18030 where that decodes; checks the first megabyte."""
    try:
        with _open(path, zipped) as handle:
            head = handle.read(SAMPLE_BYTES)
    except (OSError, EOFError, zlib.error) as error:
        raise ValidationFailed(_("The gzip file is damaged."), code="broken_gzip") from error
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    for encoding in ("utf-8", "gb18030"):
        try:
            codecs.getincrementaldecoder(encoding)().decode(head, final=len(head) < SAMPLE_BYTES)
        except UnicodeDecodeError:
            continue
        return encoding
    raise ValidationFailed(
        _("The text is in no encoding that can be read. Save it as UTF-8."), code="unknown_encoding"
    )


def sample(path: Path, options: Options) -> str:
    """The first megabyte as text, cut at a line's end."""
    with _open(path, options.gzip) as handle:
        head = handle.read(SAMPLE_BYTES)
    text = head.decode("utf-8-sig" if options.encoding == "utf-8" else options.encoding, errors="ignore")
    return text if len(head) < SAMPLE_BYTES else text[: text.rfind("\n") + 1]


def _delimiter(text: str, kind: str) -> str:
    lines = [line for line in text.splitlines()[:50] if line.strip()]
    best, score = "", 0
    for candidate in ("\t", ",", ";", "|"):
        counts = {len(row) for row in csv.reader(lines, delimiter=candidate)}
        if len(counts) == 1 and (width := counts.pop()) > 1 and width > score:
            best, score = candidate, width
    if best:
        return best
    widths = {len(_SPACES.split(line.strip())) for line in lines}
    if kind == "txt" and len(widths) == 1 and widths.pop() > 1:
        return "spaces"
    return max((",", "\t", ";", "|"), key=lambda found: lines[0].count(found))


def _has_header(text: str, delimiter: str) -> bool:
    """A first line without any number or date is taken for the header."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    cells = split(first, delimiter)
    return not any(re.fullmatch(r"[-+]?[0-9][0-9.,:/ -]*", cell.strip()) for cell in cells)


def split(line: str, delimiter: str) -> list[str]:
    if delimiter == "spaces":
        return _SPACES.split(line.strip())
    return next(csv.reader([line], delimiter=delimiter), [])


def check_names(names: list[str]) -> list[str]:
    """Column names, trimmed; raises ValidationFailed for missing, repeated, too long or too many ones."""
    found = [name.strip().lstrip("\ufeff") for name in names]
    if len(found) > MAX_COLUMNS:
        raise ValidationFailed(
            _("The file has %(count)d columns; at most %(limit)d can be read.")
            % {"count": len(found), "limit": MAX_COLUMNS},
            code="too_many_columns",
        )
    empty = [str(index) for index, name in enumerate(found, start=1) if not name]
    if empty:
        raise ValidationFailed(
            _("These columns have no name in the first line: %(columns)s.")
            % {"columns": ", ".join(empty[:20])},
            code="empty_header",
        )
    keys = [name.casefold() for name in found]
    twice = sorted({name for name in found if keys.count(name.casefold()) > 1})
    if twice:
        raise ValidationFailed(
            _("Two columns have the same name: %(names)s.") % {"names": ", ".join(twice[:20])},
            code="duplicate_header",
        )
    if any(len(name) > MAX_NAME for name in found):
        raise ValidationFailed(_("A column name is longer than 120 characters."), code="long_header")
    return found


def column_names(path: Path, options: Options) -> list[str]:
    """The names of a text file's columns: given, from the first line, or column_1, column_2 …"""
    if options.columns:
        return check_names(options.columns)
    text = sample(path, options)
    first = next((line for line in text.splitlines() if line.strip()), "")
    cells = split(first, options.delimiter)
    if options.header:
        return check_names(cells)
    return [f"column_{number}" for number in range(1, len(cells) + 1)]


def as_utf8_csv(path: Path, options: Options, target: Path) -> Path:
    """A text file as UTF-8 CSV without a mark; the file itself where it is that already. Decodes strictly.

    Line numbers stay as they are. Raises ValidationFailed (wrong_encoding, not_text, broken_gzip) with the line.
    """
    try:
        with _open(path, options.gzip) as raw:
            texts = _decoded(raw, options.encoding)
            if options.encoding == "utf-8" and not options.gzip and options.delimiter != "spaces":
                for _text in texts:
                    pass
                return path
            with target.open("w", encoding="utf-8", newline="") as out:
                if options.delimiter == "spaces":
                    writer = csv.writer(out, lineterminator="\n")
                    for line in _lines(texts):
                        cells = _SPACES.split(line.strip()) if line.strip() else []
                        writer.writerow(cells)
                else:
                    for text in texts:
                        out.write(text)
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise ValidationFailed(_("The gzip file is damaged."), code="broken_gzip") from error
    return target


def _decoded(raw: BinaryIO, encoding: str) -> Iterator[str]:
    """The text in pieces. Raises ValidationFailed with the line at the first byte that does not fit."""
    decoder = codecs.getincrementaldecoder("utf-8-sig" if encoding == "utf-8" else encoding)()
    line = 1
    while True:
        data = raw.read(SAMPLE_BYTES)
        try:
            text = decoder.decode(data, final=not data)
        except UnicodeDecodeError as error:
            fine = error.object[: error.start].decode(encoding, errors="ignore")
            raise _wrong_encoding(encoding, line + fine.count("\n")) from error
        if "\x00" in text:
            raise _not_text(line + text[: text.index("\x00")].count("\n"))
        line += text.count("\n")
        if text:
            yield text
        if not data:
            return


def _lines(texts: Iterator[str]) -> Iterator[str]:
    rest = ""
    for text in texts:
        *whole, rest = (rest + text).split("\n")
        yield from whole
    if rest:
        yield rest


def _not_text(line: int) -> ValidationFailed:
    return ValidationFailed(
        _(
            "Line %(line)d holds a NUL byte: this is no text file, or it is UTF-16 without a mark. Save it as UTF-8."
        )
        % {"line": line},
        code="not_text",
    )


def _wrong_encoding(encoding: str, line: int) -> ValidationFailed:
    return ValidationFailed(
        _(
            "The file is not %(encoding)s throughout: it breaks in line %(line)d. Nothing was loaded. Save it as UTF-8."
        )
        % {"encoding": encoding.upper(), "line": line},
        code="wrong_encoding",
        line=line,
    )


def xlsx_as_csv(path: Path, target: Path) -> Path:
    """The first sheet of a workbook as UTF-8 CSV. Formulas are refused: their values may be out of date."""
    import openpyxl

    try:
        with zipfile.ZipFile(path) as archive:
            # The archive's reader cuts off what unpacks to more than it declares: the declared sizes can be trusted.
            sizes = {item.filename: item.file_size for item in archive.infolist()}
            shared = sum(size for name, size in sizes.items() if "sharedstrings" in name.lower())
            if sum(sizes.values()) > MAX_UNPACKED or shared > MAX_SHARED_STRINGS:
                raise ValidationFailed(_("The workbook is too large when unpacked."), code="too_large")
    except (zipfile.BadZipFile, OSError) as error:
        raise _broken_workbook() from error
    with path.open("rb") as raw, target.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        try:
            for cells in _rows(openpyxl.load_workbook(raw, read_only=True, data_only=False)):
                writer.writerow(cells)
        except (zipfile.BadZipFile, zlib.error, KeyError, ValueError, OSError, SyntaxError) as error:
            raise _broken_workbook() from error
    return target


def _broken_workbook() -> ValidationFailed:
    return ValidationFailed(_("This is no Excel workbook (.xlsx), or it is damaged."), code="broken_xlsx")


def _rows(book: Any) -> Iterator[list[str]]:
    """The cells of the first sheet as text, as wide as the first row. Empty rows stay: lines keep their numbers."""
    sheet = book[book.sheetnames[0]]
    width = 0
    for row in sheet.iter_rows():
        cells = [_cell(cell) for cell in row]
        while cells and not cells[-1]:
            cells.pop()
        width = width or len(cells)
        yield cells + [""] * (width - len(cells)) if cells else []


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
