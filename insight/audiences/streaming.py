"""Files sent while they are being read from the engine."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import PurePath
from urllib.parse import quote

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, StreamingHttpResponse

_END = b""


_TYPES = {".gz": "application/gzip", ".zip": "application/zip"}


def csv_response(request: HttpRequest, pieces: Iterator[bytes], name: str) -> StreamingHttpResponse:
    """A CSV download, compressed where the name says so.

    Under ASGI the pieces are pulled one by one in a thread: Django would collect them all first.
    """
    content = _pulled(pieces) if isinstance(request, ASGIRequest) else pieces
    kind = _TYPES.get(PurePath(name).suffix, "text/csv; charset=utf-8")
    response = StreamingHttpResponse(content, content_type=kind)
    response.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(name)}"
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Accel-Buffering"] = "no"
    return response


async def _pulled(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    pull = sync_to_async(lambda: next(pieces, _END), thread_sensitive=False)
    while piece := await pull():
        yield piece
