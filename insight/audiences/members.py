"""The people of a version, page by page and as a file."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from admin_center.audit.services import log_download
from cdp.core.access import Access
from cdp.core.csv_export import escape_formula
from cdp.warehouse import get_engine
from insight.audiences import origins, queries, visibility
from insight.audiences.csv_options import CsvOptions
from insight.audiences.masking import Masker
from insight.audiences.models import Audience, AudienceVersion

USER = "user_unique_id"
BATCH_ROWS = 50_000
MOST_PER_PAGE = 1000
_FORMULA = r"^[=+\-@\t\r]"
_SPECIAL = r"[,\"\r\n]"


def columns_of(version: AudienceVersion) -> dict[str, str]:
    """Columns of the version's table and the ID type of each: the identifier, then the saved IDs."""
    return {USER: version.user_id_type, **{key: key for key in version.save_ids}}


def page(
    access: Access, version: AudienceVersion, *, offset: int = 0, size: int = 50
) -> list[dict[str, str]]:
    """Some members in order of identifier, masked for those who may not see IDs in full. At most 1,000 at once.

    Raises ActionNotSupported, Gone.
    """
    origins.require(version.audience, "download")
    size = max(1, min(size, MOST_PER_PAGE))
    wanted = queries.members(version).order_by(USER).limit(size, offset=max(0, offset))
    masker = Masker(access)
    masks = {column: masker.for_type(id_type) for column, id_type in columns_of(version).items()}
    rows = get_engine(version.audience.source).execute(wanted.select(*masks)).to_pylist()
    masker.note(version.audience, place="members", rows=len(rows))
    return [{column: mask(row[column]) for column, mask in masks.items()} for row in rows]


def export(
    access: Access, audience: Audience, version: AudienceVersion, options: CsvOptions | None = None
) -> Iterator[bytes]:
    """The members as CSV in UTF-8, a piece per batch: memory does not grow with the audience.

    A header line, then one line per member, as the options say. The download is logged before the first byte leaves.
    Raises ActionNotSupported, PermissionDenied, Gone.
    """
    origins.require(audience, "download")
    visibility.check_download(access, audience)
    options = options or CsvOptions()
    masker = Masker(access)
    expression = queries.members(version).select(*columns_of(version))
    log_download(
        access,
        audience,
        action="audience.downloaded",
        rows=version.count,
        file_format=options.file_format,
        unmasked=masker.unmasked,
    )
    pieces = _pieces(version, masker, get_engine(audience.source).batches(expression, BATCH_ROWS))
    return options.written(",".join(columns_of(version)), pieces)


def _pieces(version: AudienceVersion, masker: Masker, batches: Iterator[pa.RecordBatch]) -> Iterator[bytes]:
    types = columns_of(version)
    masks = [masker.for_type(id_type) for id_type in types.values()]
    for batch in batches:
        if masker.unmasked:
            arrays = list(batch.columns)
        else:
            arrays = [
                pa.array([mask(value) or None for value in column.to_pylist()], pa.string())
                for mask, column in zip(masks, batch.columns, strict=True)
            ]
        yield _lines([_escaped(array) for array in arrays], list(types))


def _escaped(array: Any) -> Any:
    """The array without cells that a spreadsheet would run; most arrays have none and stay as they are."""
    if not pc.any(pc.match_substring_regex(array, _FORMULA)).as_py():
        return array
    return pa.array(
        [None if value is None else escape_formula(value) for value in array.to_pylist()], pa.string()
    )


def _lines(arrays: list[Any], names: list[str]) -> bytes:
    """Lines of a batch; cells are in quotes only where one of the batch needs it."""
    quoted = any(pc.any(pc.match_substring_regex(array, _SPECIAL)).as_py() for array in arrays)
    out = io.BytesIO()
    options = csv.WriteOptions(include_header=False, quoting_style="needed" if quoted else "none")
    csv.write_csv(pa.RecordBatch.from_arrays(arrays, names=names), out, options)
    return out.getvalue()


def file_name(name: str, count: int, options: CsvOptions | None = None) -> str:
    """A name for the downloaded file without characters that file systems refuse."""
    return named(f"{name}-{count}", options or CsvOptions())


def named(name: str, options: CsvOptions) -> str:
    """The name with the ending of its form, without characters that file systems refuse."""
    kept = "".join(character if character.isalnum() or character in "-_ ." else "_" for character in name)
    return f"{kept.strip() or 'audience'}.{options.file_format}"
