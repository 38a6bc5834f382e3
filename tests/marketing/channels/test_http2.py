"""Calls by HTTP/2 to a server with TLS, and what is known of them when it fails."""

from __future__ import annotations

import datetime
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import StreamEnded
from h2.settings import SettingCodes, Settings

from marketing.channels import http2
from marketing.channels.base import ProviderError
from marketing.channels.http2 import Call, Http2, Reply
from marketing.sandbox.provider import SandboxProvider

CALL = Call("/3/device/x", {"apns-id": "1"}, b"{}")


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate of 127.0.0.1 by itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = tmp_path / "cert.pem", tmp_path / "key.pem"
    paths[0].write_bytes(made.public_bytes(Encoding.PEM))
    paths[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return paths


@pytest.fixture
def apns(certificate: tuple[Path, Path]) -> Iterator[SandboxProvider]:
    """The sandbox with TLS on the port for HTTP/2."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificate)
    context.set_alpn_protocols(["h2"])
    running = SandboxProvider(apns_tls=context)
    running.start()
    yield running
    running.stop()


class Server:
    """Takes one connection after another and does with its calls as it is told."""

    def __init__(
        self, act: Callable[[H2Connection, list[int], Callable[[], None]], bool], streams: int = 100
    ):
        self.act, self.streams = act, streams
        self.calls = 0
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                client, _address = self.socket.accept()
            except OSError:
                return
            with client:
                self._serve(client)

    def _serve(self, client: socket.socket) -> None:
        connection = H2Connection(H2Configuration(client_side=False))
        given = {SettingCodes.MAX_CONCURRENT_STREAMS: self.streams}
        connection.local_settings = Settings(client=False, initial_values=given)
        connection.initiate_connection()

        def flush() -> None:
            client.sendall(connection.data_to_send())

        flush()
        while data := client.recv(65_536):
            ended = [e.stream_id for e in connection.receive_data(data) if isinstance(e, StreamEnded)]
            self.calls += len(ended)
            flush()
            if ended and not self.act(connection, ended, flush):
                return


def answered(connection: H2Connection, streams: list[int], flush: Callable[[], None]) -> bool:
    for stream in streams:
        connection.send_headers(stream, [(":status", "200")], end_stream=True)
    flush()
    return True


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    made: list[Server] = []

    def start(*args: Any, **more: Any) -> Server:
        made.append(Server(*args, **more))
        return made[-1]

    yield start
    for server in made:
        server.socket.close()


def statuses(found: list[Reply | ProviderError]) -> list[int | bool]:
    """The status of each answer; of a call without one, whether it may have been carried out."""
    return [item.status if isinstance(item, Reply) else item.uncertain for item in found]


def test_calls_are_answered_over_tls(
    apns: SandboxProvider, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    assert apns.apns_url.startswith("https://")
    with Http2(apns.apns_url) as http:
        [reply] = http.send([CALL])
    assert isinstance(reply, Reply)
    assert (reply.status, reply.headers["apns-id"]) == (403, "1")
    assert b"MissingProviderToken" in reply.body


def test_a_server_that_nobody_vouches_for_is_not_spoken_to(apns: SandboxProvider) -> None:
    with Http2(apns.apns_url) as http, pytest.raises(ProviderError) as caught:
        http.send([CALL])
    assert not caught.value.uncertain and "certificate" in str(caught.value).lower()


def test_many_calls_share_a_connection_and_no_more_at_a_time_than_the_server_takes(
    serve: Callable[..., Server],
) -> None:
    most: list[int] = []

    def noted(connection: H2Connection, streams: list[int], flush: Callable[[], None]) -> bool:
        most.append(len(streams))
        return answered(connection, streams, flush)

    server = serve(noted, streams=3)
    with Http2(server.url) as http:
        found = http.send([Call(f"/{number}", {}, b"x") for number in range(40)])
    assert statuses(found) == [200] * 40
    assert server.calls == 40 and max(most) <= 3


def test_bodies_wait_for_room_in_the_servers_window(serve: Callable[..., Server]) -> None:
    def with_room(connection: H2Connection, streams: list[int], flush: Callable[[], None]) -> bool:
        connection.increment_flow_control_window(len(streams) * 4096)
        return answered(connection, streams, flush)

    server = serve(with_room)
    with Http2(server.url) as http:
        # Together more than the 65,535 bytes that a connection begins with.
        found = http.send([Call("/", {}, b"x" * 4096) for _number in range(40)])
    assert statuses(found) == [200] * 40


def test_of_a_broken_connection_what_was_sent_is_uncertain(serve: Callable[..., Server]) -> None:
    server = serve(lambda connection, streams, flush: False, streams=2)
    with Http2(server.url) as http:
        found = http.send([CALL] * 5)
    assert statuses(found) == [True, True, False, False, False]


def test_calls_after_the_last_one_that_a_leaving_server_names_were_not_carried_out(
    serve: Callable[..., Server],
) -> None:
    def leave(connection: H2Connection, streams: list[int], flush: Callable[[], None]) -> bool:
        connection.send_headers(1, [(":status", "200")], end_stream=True)
        connection.close_connection(ErrorCodes.NO_ERROR, last_stream_id=3)
        flush()
        return False

    server = serve(leave)
    with Http2(server.url) as http:
        found = http.send([CALL] * 4)
        assert statuses(found) == [200, True, False, False]


def test_a_refused_call_was_not_carried_out(serve: Callable[..., Server]) -> None:
    def refuse(connection: H2Connection, streams: list[int], flush: Callable[[], None]) -> bool:
        for stream, code in zip(
            streams, (ErrorCodes.REFUSED_STREAM, ErrorCodes.INTERNAL_ERROR), strict=False
        ):
            connection.reset_stream(stream, code)
        flush()
        return True

    server = serve(refuse)
    with Http2(server.url) as http:
        assert statuses(http.send([CALL, CALL])) == [False, True]


def test_a_silent_server_is_not_waited_for_for_ever(
    serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http2, "READ_SECONDS", 0.3)
    server = serve(lambda connection, streams, flush: True)
    with Http2(server.url) as http:
        assert statuses(http.send([CALL])) == [True]


def test_a_connection_that_ended_between_calls_is_opened_anew(serve: Callable[..., Server]) -> None:
    def once(connection: H2Connection, streams: list[int], flush: Callable[[], None]) -> bool:
        answered(connection, streams, flush)
        return False

    server = serve(once)
    with Http2(server.url) as http:
        assert statuses(http.send([CALL])) == [200]
        assert http._socket is not None
        http._socket.settimeout(5)
        # Wait until the end has arrived, without reading it.
        assert http._socket.recv(1, socket.MSG_PEEK) == b""
        assert statuses(http.send([CALL])) == [200]
    assert server.calls == 2
