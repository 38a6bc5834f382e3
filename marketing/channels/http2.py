"""Calls by HTTP/2: many at once on one connection, and what is known of each that gets no answer."""

from __future__ import annotations

import select
import socket
import ssl
import time
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from urllib.parse import urlsplit

from django.utils.translation import gettext as _
from h2 import events
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.exceptions import H2Error

from cdp.core.errors import ValidationFailed
from cdp.core.outbound import check_url
from marketing.channels.base import ProviderError
from marketing.channels.exchange import CONNECT_SECONDS, READ_SECONDS

MOST_BYTES = 64 * 1024
"""Of one answer; what is longer is cut."""
_CHUNK = 65_536


@dataclass(frozen=True)
class Call:
    """One POST."""

    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Reply:
    """The answer to a call; `status` is 0 until it has begun."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


class Http2:
    """A connection to one server, opened when it is needed. Without TLS it speaks HTTP/2 from the first byte."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url.rstrip("/")
        self._socket: socket.socket | None = None
        self._connection: H2Connection | None = None

    def __enter__(self) -> Http2:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
        self._socket = self._connection = None

    def open(self) -> None:
        """Connect, unless that has been done. Raises ProviderError: nothing has been sent."""
        if self._socket is not None and not self._was_ended():
            return
        self.close()
        try:
            check_url(self.base_url)
        except ValidationFailed as error:
            raise ProviderError(
                str(error), code=error.code, retryable=error.code == "host_unknown"
            ) from error
        try:
            self._connect()
        except (OSError, H2Error) as error:
            self.close()
            raise _unreachable(error, uncertain=False) from error

    def _connect(self) -> None:
        parts = urlsplit(self.base_url)
        secure = parts.scheme == "https"
        address = (str(parts.hostname), parts.port or (443 if secure else 80))
        self._socket = socket.create_connection(address, CONNECT_SECONDS)
        self._socket.settimeout(CONNECT_SECONDS)
        if secure:
            context = ssl.create_default_context()
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            context.set_alpn_protocols(["h2"])
            wrapped = context.wrap_socket(self._socket, server_hostname=address[0])
            self._socket = wrapped
            if wrapped.selected_alpn_protocol() != "h2":
                raise ssl.SSLError("The server does not speak HTTP/2.")
        self._connection = H2Connection(H2Configuration(header_encoding="utf-8"))
        self._connection.initiate_connection()
        self._flush()
        # Only the server's settings say how many calls it takes at a time.
        while not any(isinstance(event, events.RemoteSettingsChanged) for event in self._receive()):
            pass

    def _was_ended(self) -> bool:
        """Whether the server has closed the connection while nothing was asked."""
        assert self._socket is not None
        try:
            while select.select([self._socket], [], [], 0)[0]:
                if any(isinstance(event, events.ConnectionTerminated) for event in self._receive()):
                    return True
        except (OSError, H2Error):
            return True
        return False

    def send(self, calls: Sequence[Call]) -> list[Reply | ProviderError]:
        """What came of each call, in their order. Raises ProviderError where there is no connection.

        An error is `uncertain` where the call may have been carried out.
        """
        self.open()
        exchange = _Exchange(self, calls)
        try:
            exchange.run()
        except (OSError, H2Error) as error:
            self.close()
            exchange.give_up(error)
        return exchange.found

    # What an exchange needs

    @property
    def connection(self) -> H2Connection:
        assert self._connection is not None
        return self._connection

    def _flush(self) -> None:
        assert self._socket is not None
        if data := self.connection.data_to_send():
            self._socket.sendall(data)

    def _receive(self) -> list[events.Event]:
        """Raises OSError where the server is silent or has closed the connection."""
        assert self._socket is not None
        data = self._socket.recv(_CHUNK)
        if not data:
            raise ConnectionResetError("The server has closed the connection.")
        found = self.connection.receive_data(data)
        for event in found:
            if isinstance(event, events.DataReceived) and event.flow_controlled_length:
                # Of a connection that is ending nothing can be acknowledged, and need not be.
                with suppress(H2Error):
                    self.connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        self._flush()
        return found


class _Exchange:
    """Calls under way at the same time, as many as the server allows."""

    def __init__(self, http: Http2, calls: Sequence[Call]) -> None:
        self.http = http
        self.calls = calls
        parts = urlsplit(http.base_url)
        self.head = [(":method", "POST"), (":scheme", parts.scheme), (":authority", parts.netloc)]
        self.prefix = parts.path
        self.found: list[Reply | ProviderError] = [_not_sent() for _call in calls]
        self._waiting = deque(range(len(calls)))
        self._streams: dict[int, int] = {}
        self._replies: dict[int, Reply] = {}

    def run(self) -> None:
        assert self.http._socket is not None
        self.http._socket.settimeout(READ_SECONDS)
        silent_at = time.monotonic() + READ_SECONDS
        while self._waiting or self._streams:
            self._start()
            answered = [self._take(event) for event in self.http._receive()]
            if any(answered):
                silent_at = time.monotonic() + READ_SECONDS
            if time.monotonic() > silent_at:
                # Pings and settings are no answers.
                raise TimeoutError("The server does not answer.")

    def _start(self) -> None:
        """Send what the server has room for."""
        connection = self.http.connection
        while self._waiting:
            call = self.calls[self._waiting[0]]
            room = min(
                connection.outbound_flow_control_window, connection.remote_settings.initial_window_size
            )
            if len(self._streams) >= connection.remote_settings.max_concurrent_streams or room < len(
                call.body
            ):
                break
            stream = connection.get_next_available_stream_id()
            self._streams[stream] = self._waiting.popleft()
            headers = [*self.head, (":path", self.prefix + call.path), *call.headers.items()]
            connection.send_headers(stream, headers)
            for start in range(0, len(call.body), connection.max_outbound_frame_size):
                part = call.body[start : start + connection.max_outbound_frame_size]
                connection.send_data(stream, part)
            connection.end_stream(stream)
        self.http._flush()

    def _take(self, event: events.Event) -> bool:
        """Whether it brings an answer on."""
        if isinstance(event, events.ConnectionTerminated):
            self._terminated(event)
            return True
        stream = getattr(event, "stream_id", None)
        if stream not in self._streams:
            return False
        index = self._streams[stream]
        if isinstance(event, events.ResponseReceived):
            headers = {str(name): str(value) for name, value in event.headers}
            self._replies[stream] = Reply(int(headers.pop(":status", 0)), headers)
        elif isinstance(event, events.DataReceived) and stream in self._replies:
            reply = self._replies[stream]
            reply.body = (reply.body + event.data)[:MOST_BYTES]
        elif isinstance(event, events.StreamEnded):
            self.found[index] = self._replies.pop(stream, Reply())
            del self._streams[stream]
        elif isinstance(event, events.StreamReset):
            refused = event.error_code == ErrorCodes.REFUSED_STREAM
            error = _("The call was broken off (%(code)s).") % {"code": event.error_code}
            self.found[index] = _unreachable(error, uncertain=not refused)
            del self._streams[stream]
        else:
            return False
        return True

    def _terminated(self, event: events.ConnectionTerminated) -> None:
        """The server looks at no call after the last one that it names; the others may have been carried out."""
        last = event.last_stream_id if event.last_stream_id is not None else 0
        error = _("The server has ended the connection.")
        for stream, index in self._streams.items():
            self.found[index] = _unreachable(error, uncertain=stream <= last)
        self._streams.clear()
        self._waiting.clear()
        self.http.close()

    def give_up(self, error: Exception) -> None:
        """What was sent may have been carried out; the rest was never sent."""
        for index in self._streams.values():
            self.found[index] = _unreachable(error, uncertain=True)
        self._streams.clear()


def _not_sent() -> ProviderError:
    return _unreachable(_("The connection ended before the call."), uncertain=False)


def _unreachable(error: object, *, uncertain: bool) -> ProviderError:
    return ProviderError(
        _("The platform cannot be reached: %(error)s") % {"error": error},
        code="provider_unreachable",
        retryable=True,
        uncertain=uncertain,
    )
