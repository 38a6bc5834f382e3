"""Downloads are pulled piece by piece, whatever server runs them."""

from __future__ import annotations

from collections.abc import Iterator

from asgiref.sync import async_to_sync
from django.test import AsyncRequestFactory, RequestFactory

from insight.audiences.streaming import csv_response


def pieces(pulled: list[int]) -> Iterator[bytes]:
    for number in range(3):
        pulled.append(number)
        yield str(number).encode()


def test_under_asgi_nothing_is_read_ahead() -> None:
    pulled: list[int] = []
    response = csv_response(AsyncRequestFactory().get("/"), pieces(pulled), "a.csv")

    async def read() -> tuple[bytes, list[int], list[bytes]]:
        stream = aiter(response)
        first = await anext(stream)
        return first, list(pulled), [piece async for piece in stream]

    assert async_to_sync(read)() == (b"0", [0], [b"1", b"2"])


def test_under_wsgi_nothing_is_read_ahead() -> None:
    pulled: list[int] = []
    response = csv_response(RequestFactory().get("/"), pieces(pulled), "a.csv")
    assert next(iter(response)) == b"0" and pulled == [0]


def test_names_in_any_script_survive_as_file_names() -> None:
    response = csv_response(RequestFactory().get("/"), iter([b""]), "爱吃巧克力.csv")
    assert "%E7%88%B1" in response["Content-Disposition"]
