"""CSV that spreadsheets open without running what is in it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.http import HttpResponse, StreamingHttpResponse

_STARTERS = ("=", "+", "-", "@", "\t", "\r")


def escape_formula(value: str) -> str:
    """The value, with an apostrophe before it where a spreadsheet would take it for a formula. Numbers stay."""
    if not value.startswith(_STARTERS):
        return value
    try:
        float(value)
    except ValueError:
        return "'" + value
    return value


class _Echo:
    """A file that hands back what is written to it, so that csv can feed a stream."""

    def write(self, line: str) -> str:
        return line


def streamed_response(name: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> StreamingHttpResponse:
    """A table of any size as a CSV file, sent line by line (UTF-8 with a mark)."""
    writer = csv.writer(_Echo())  # type: ignore[arg-type]

    def lines() -> Iterator[str]:
        yield "\ufeff" + str(writer.writerow(head))
        for row in rows:
            yield str(writer.writerow([escape_formula(cell) for cell in row]))

    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return StreamingHttpResponse(lines(), content_type="text/csv; charset=utf-8", headers=headers)


def table_response(name: str, head: Sequence[Any], rows: Iterable[Sequence[Any]]) -> HttpResponse:
    """A small table as a CSV file (UTF-8 with a mark, which spreadsheets need)."""
    out = io.StringIO()
    writer = csv.writer(out)
    for row in (head, *rows):
        writer.writerow([escape_formula(cell) if isinstance(cell, str) else cell for cell in row])
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return HttpResponse("\ufeff" + out.getvalue(), content_type="text/csv; charset=utf-8", headers=headers)
