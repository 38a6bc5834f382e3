"""Broken answers of a platform: what may have been accepted must not be taken for refused."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from marketing.channels.base import ProviderError
from marketing.channels.contract import ContractClient
from marketing.channels.models import Provider

Answering = Callable[[bytes], ContractClient]


@pytest.fixture
def answering(settings: object) -> Iterator[Answering]:
    """A client of a platform that gives these bytes to the first call and hangs up."""
    settings.OUTBOUND_ALLOW_PRIVATE = True  # type: ignore[attr-defined]
    server = socket.create_server(("127.0.0.1", 0))

    def make(answer: bytes) -> ContractClient:
        def serve() -> None:
            connection, _address = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
        return ContractClient(Provider(name="Platform", config={"base_url": address}))

    yield make
    server.close()


def failure(client: ContractClient, method: str = "POST") -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        client.call(method, "/sms/sendBatch", {"outId": "1"} if method == "POST" else None)
    return caught.value


def test_an_answer_that_breaks_off_is_uncertain(answering: Answering) -> None:
    error = failure(answering(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40\r\n{"))
    assert error.uncertain and error.retryable


def test_a_connection_closed_without_an_answer_is_uncertain(answering: Answering) -> None:
    error = failure(answering(b""))
    assert error.uncertain and error.retryable


def test_a_post_answered_without_json_is_uncertain(answering: Answering) -> None:
    assert failure(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")).uncertain


def test_a_question_answered_without_json_is_not(answering: Answering) -> None:
    assert not failure(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"), "GET").uncertain


def test_an_address_that_cannot_be_called_is_not(answering: Answering) -> None:
    client = answering(b"")
    client.base = "http://127.0.0.1:99999999"
    assert not failure(client).uncertain
