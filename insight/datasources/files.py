"""Reading what people upload: format, encoding, separator, header; every kind of file ends as one clean CSV or Parquet.

All functions raise DomainErrors that say what is wrong with the file and where.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from django.conf import settings
from django.utils.translation import gettext as _

from cdp.core.errors import ValidationFailed
from insight.datasources import encodings, workbooks

FORMATS = (".csv", ".tsv", ".txt", ".xlsx", ".parquet")
DELIMITERS = (",", "\t", ";", "|", "spaces")
SAMPLE_BYTES = 1 << 20
MAX_COLUMNS = 1000
MAX_NAME = 120
MAX_LINE = 4 << 20
"""Bytes of the longest line that is read."""
_SPACES = re.compile(r"[ \t]+")
csv.field_size_limit(MAX_LINE)


@dataclass
class Options:
    """How to read a file. `delimiter` may be "spaces": columns set apart by any number of blanks.

    `sure` is false where the encoding is no more than a guess.
    """

    format: str = "csv"
    gzip: bool = False
    encoding: str = "utf-8"
    delimiter: str = ","
    header: bool = True
    sure: bool = True

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def is_text(self) -> bool:
        return self.format not in ("xlsx", "parquet")

    @property
    def separator(self) -> str:
        """What stands between the cells of the clean CSV."""
        return self.delimiter if self.is_text and self.delimiter != "spaces" else ","


def detect(path: Path, name: str, *, encoding: str = "") -> Options:
    """Format by the name's ending; encoding (unless given), separator and header by looking at the first megabyte.

    A gzipped workbook or Parquet file is unpacked in place, a text file stays packed.
    """
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
    if not options.is_text:
        if zipped:
            _unpack(path)
            options.gzip = False
        return options
    with opened(path, zipped) as raw:
        head = raw.read(SAMPLE_BYTES)
    if encoding:
        options.encoding = encoding
    else:
        options.encoding, options.sure = encodings.guess(head, whole=len(head) < SAMPLE_BYTES)
    text = sample(path, options)
    if not text.strip():
        raise ValidationFailed(_("The file is empty."), code="empty_file")
    if "\x00" in text:
        raise encodings.not_text(text[: text.index("\x00")].count("\n") + 1)
    options.delimiter = _delimiter(text, options.format)
    options.header = _has_header(text, options.delimiter)
    return options


@contextmanager
def opened(path: Path, zipped: bool) -> Iterator[BinaryIO]:
    """The file's bytes, unpacked. Raises ValidationFailed (broken_gzip)."""
    try:
        with gzip.open(path, "rb") if zipped else path.open("rb") as handle:
            yield handle  # type: ignore[misc]
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise ValidationFailed(_("The gzip file is damaged."), code="broken_gzip") from error


def _unpack(path: Path) -> None:
    target, size = path.with_suffix(".unpacked"), 0
    try:
        with opened(path, True) as raw, target.open("wb") as out:
            while chunk := raw.read(SAMPLE_BYTES):
                size += len(chunk)
                if size > settings.UPLOAD_MAX_BYTES:
                    raise encodings.too_large(settings.UPLOAD_MAX_BYTES)
                out.write(chunk)
        target.replace(path)
    finally:
        target.unlink(missing_ok=True)


def sample(path: Path, options: Options) -> str:
    """The first megabyte as text, cut at a line's end; what does not fit the encoding shows as �."""
    with opened(path, options.gzip) as handle:
        head = handle.read(SAMPLE_BYTES)
    text = head.decode("utf-8-sig" if options.encoding == "utf-8" else options.encoding, errors="replace")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text if len(head) < SAMPLE_BYTES else text[: text.rfind("\n") + 1]


def records(text: str, delimiter: str) -> Iterator[list[str]]:
    """The rows of a text, as the import reads them; blank lines are left out."""
    if delimiter == "spaces":
        return (_SPACES.split(line.strip()) for line in text.split("\n") if line.strip())
    lines = (line for line in io.StringIO(text, newline=""))
    return (row for row in _reader(lines, delimiter) if any(cell.strip() for cell in row) or len(row) > 1)


def _reader(lines: Iterator[str], delimiter: str) -> Iterator[list[str]]:
    try:
        yield from csv.reader(lines, delimiter=delimiter, skipinitialspace=True)
    except csv.Error as error:
        raise ValidationFailed(_("A line is longer than 4 MB."), code="unreadable") from error


def _delimiter(text: str, kind: str) -> str:
    best, score = "", 0
    for candidate in ("\t", ",", ";", "|"):
        widths = {len(row) for row in islice(records(text, candidate), 50)}
        if len(widths) == 1 and (width := widths.pop()) > 1 and width > score:
            best, score = candidate, width
    if best:
        return best
    widths = {len(row) for row in islice(records(text, "spaces"), 50)}
    if kind == "txt" and len(widths) == 1 and widths.pop() > 1:
        return "spaces"
    first = text.lstrip("\n").split("\n", 1)[0]
    return max((",", "\t", ";", "|"), key=first.count)


def _has_header(text: str, delimiter: str) -> bool:
    """A first line without any number or date is taken for the header."""
    first = next(records(text, delimiter), [])
    return not any(re.fullmatch(r"[-+]?[0-9][0-9.,:/ -]*", cell.strip()) for cell in first)


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


def column_names(path: Path, options: Options) -> tuple[list[str], int]:
    """The names of a clean text file's columns: from the first line with content, or column_1, column_2 …

    Also how many records of the file, blank ones too, go before the first row.
    """
    text = sample(path, options)
    for blank, row in enumerate(_reader(iter(io.StringIO(text, newline="")), options.separator)):
        if len(row) > 1 or (row and row[0].strip()):
            if options.header:
                return check_names(row), blank + 1
            return [f"column_{number}" for number in range(1, len(row) + 1)], blank
    raise ValidationFailed(_("The file is empty."), code="empty_file")


def as_utf8_csv(path: Path, options: Options, target: Path) -> Path:
    """A text file as UTF-8 CSV with \\n at line ends; the file itself where it is that already. Decodes strictly.

    Line numbers stay as they are. Raises ValidationFailed (wrong_encoding, not_text, too_large, broken_gzip).
    """
    if options.encoding == "utf-8" and not options.gzip and options.delimiter != "spaces":
        with opened(path, False) as raw:
            texts = encodings.Decoding(raw, "utf-8")
            for _text in texts:
                pass
        if texts.line_ends <= {"\n"}:
            return path
    limit = settings.UPLOAD_MAX_BYTES if options.gzip else 0
    with opened(path, options.gzip) as raw, target.open("w", encoding="utf-8", newline="") as out:
        decoding = encodings.Decoding(raw, options.encoding, limit=limit)
        if options.delimiter != "spaces":
            out.writelines(decoding)
            return target
        writer = csv.writer(out, lineterminator="\n")
        for line in _lines(iter(decoding)):
            writer.writerow(_SPACES.split(line.strip()) if line.strip() else [])
    return target


def _lines(texts: Iterator[str]) -> Iterator[str]:
    rest = ""
    for text in texts:
        *whole, rest = (rest + text).split("\n")
        yield from whole
    if rest:
        yield rest


def first_rows(path: Path, options: Options, count: int) -> list[list[str]]:
    """The first rows of a text file or workbook as they will be read, the header among them."""
    if options.format == "xlsx":
        return list(islice((row for row in workbooks.rows(path) if row), count))
    return list(islice(records(sample(path, options), options.delimiter), count))
