"""The sandbox's port for HTTP/2: each call is carried out by a thread, many at a time on one connection."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from h2 import events
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.exceptions import H2Error, ProtocolError

from marketing.sandbox.answers import Request, Response
from marketing.sandbox.faults import Faults

MOST_BYTES = 64 * 1024


@dataclass
class _Stream:
    headers: dict[str, str] = field(default_factory=dict)
    body: bytearray = field(default_factory=bytearray)


class Http2Protocol(asyncio.Protocol):
    """One connection. The faults are those of the other calls; `lost_answer` breaks the connection."""

    def __init__(self, answer: Callable[[Request], Response], faults: Faults) -> None:
        self.answer = answer
        self.faults = faults
        self._connection = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        self._streams: dict[int, _Stream] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._connection.initiate_connection()
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        for task in self._tasks:
            task.cancel()

    def data_received(self, data: bytes) -> None:
        try:
            for event in self._connection.receive_data(data):
                self._take(event)
        except ProtocolError:
            self._flush()
            self._close()
            return
        self._flush()

    def _take(self, event: events.Event) -> None:
        if isinstance(event, events.RequestReceived):
            headers = {str(name): str(value) for name, value in event.headers}
            self._streams[event.stream_id] = _Stream(headers)
        elif isinstance(event, events.DataReceived):
            self._connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            stream = self._streams.get(event.stream_id)
            if stream is not None and len(stream.body) < MOST_BYTES:
                stream.body += event.data
        elif isinstance(event, events.StreamEnded) and event.stream_id in self._streams:
            task = asyncio.ensure_future(self._carry_out(event.stream_id, self._streams.pop(event.stream_id)))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        elif isinstance(event, events.ConnectionTerminated):
            self._close()

    async def _carry_out(self, number: int, stream: _Stream) -> None:
        path, _mark, query = stream.headers.pop(":path", "/").partition("?")
        request = Request(
            method=stream.headers.pop(":method", ""),
            path=path,
            query=dict(parse_qsl(query)),
            headers=stream.headers,
            body=bytes(stream.body),
        )
        fault = self.faults.take(path)
        if fault and fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
        if fault and fault.kind == "error":
            self._respond(number, Response(fault.status, b'{"reason": "InternalServerError"}'))
            return
        response = await asyncio.to_thread(self.answer, request)
        if fault and fault.kind == "timeout_after_accepting":
            await asyncio.sleep(fault.seconds)
        if fault and fault.kind == "lost_answer":
            self._close()
            return
        self._respond(number, response)

    def _respond(self, number: int, response: Response) -> None:
        headers = [(":status", str(response.status)), ("date", str(int(time.time())))]
        headers += [(name.lower(), value) for name, value in response.headers.items()]
        with suppress(H2Error):
            # The caller may have gone meanwhile. Answers are short, so they fit into any window.
            self._connection.send_headers(number, headers, end_stream=not response.body)
            if response.body:
                self._connection.send_data(number, response.body, end_stream=True)
            self._flush()

    def end(self) -> None:
        """Say that no further call is looked at, as servers do before they go down."""
        self._connection.close_connection(ErrorCodes.NO_ERROR)
        self._flush()
        self._close()

    def _flush(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(self._connection.data_to_send())

    def _close(self) -> None:
        if self._transport is not None:
            self._transport.close()
