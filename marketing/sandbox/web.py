"""The sandbox's HTTP side: the contract, the inbox, and the switches, as one ASGI application."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qsl

from marketing.sandbox import aliyun, apns, contract, fcm, own_system, receiving, umeng, upush, webpush
from marketing.sandbox.answers import Request, Response, as_json
from marketing.sandbox.faults import Fault, Faults
from marketing.sandbox.inbox import Inbox, wanted_by
from marketing.sandbox.options import Options
from marketing.sandbox.store import Store

MOST_BYTES = 12 * 1024**2
"""Three proofs of a signature in Base64 fit in."""
MOST_WAIT_SECONDS = 60.0
_WAIT_STEP_SECONDS = 0.05
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Application:
    def __init__(self, store: Store, options: Options, faults: Faults) -> None:
        self.store = store
        self.options = options
        self.faults = faults
        self.contract = contract.Contract(store, options)
        self.aliyun = aliyun.Aliyun(store, options, self.contract)
        self.upush = upush.UPush(store, options)
        self.umeng = umeng.Umeng(options)
        self.own_system = own_system.OwnSystem(store, options)
        self.webpush = webpush.WebPush(store, options)
        self.fcm = fcm.Fcm(store, options)
        self.apns = apns.Apns(store, options)
        self.receiving = receiving.Receiving(store, options)
        self.inbox = Inbox(store, options)

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        request = await _read(scope, receive)
        if request is None:
            await _write(send, Response(413, b""))
        elif request.path.startswith(contract.PREFIX + "/"):
            await self._platform(self.contract.answer, request, send)
        elif request.path.startswith(aliyun.PREFIX + "/"):
            await self._platform(self.aliyun.answer, request, send)
        elif request.path.startswith(upush.PREFIX + "/"):
            await self._platform(self.upush.answer, request, send)
        elif request.path.startswith(umeng.PREFIX + "/"):
            await self._platform(self.umeng.answer, request, send)
        elif request.path == own_system.PREFIX:
            await self._platform(self.own_system.answer, request, send)
        elif request.path == receiving.PREFIX:
            await self._platform(self.receiving.answer, request, send)
        elif request.path.startswith(webpush.PREFIX + "/"):
            await self._platform(self.webpush.answer, request, send)
        elif request.path.startswith(fcm.PREFIX + "/"):
            await self._platform(self.fcm.answer, request, send)
        elif request.path.startswith(apns.PREFIX + "/"):
            await _write(send, await asyncio.to_thread(self.apns.answer, request))
        else:
            await _write(send, await self._other(request))

    async def _platform(self, answer: Callable[[Request], Response], request: Request, send: Send) -> None:
        fault = self.faults.take(request.path)
        if fault and fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
        if fault and fault.kind == "error":
            await _write(send, _failed(self.options, fault))
            return
        response = await asyncio.to_thread(answer, request)
        if fault and fault.kind == "timeout_after_accepting":
            await asyncio.sleep(fault.seconds)
        # Declaring more than is sent makes the server break the connection.
        await _write(send, response, missing=1 if fault and fault.kind == "lost_answer" else 0)

    async def _other(self, request: Request) -> Response:
        # A page of another site must not change anything here by a form or script in the reader's browser.
        if request.method not in ("GET", "HEAD") and request.headers.get("sec-fetch-site") == "cross-site":
            return Response(403, b"")
        if request.path in ("/", "/inbox"):
            return Response(303, b"", headers={"Location": "/inbox/"})
        if request.path.startswith("/control/"):
            return await asyncio.to_thread(self._control, request)
        if request.method == "GET" and request.path == "/inbox/api/messages":
            await self._wait(request.query)
        return await asyncio.to_thread(self.inbox.answer, request) or Response(
            404, b"Not found", "text/plain"
        )

    async def _wait(self, query: dict[str, str]) -> None:
        """Hold a listing back until `at_least` messages fit or `wait` seconds are over."""
        try:
            wait, wanted = min(float(query.get("wait", 0)), MOST_WAIT_SECONDS), int(query.get("at_least", 1))
        except ValueError:
            return
        sought = wanted_by(query)
        end = time.monotonic() + wait
        while time.monotonic() < end and await asyncio.to_thread(self.store.count, sought) < wanted:
            await asyncio.sleep(_WAIT_STEP_SECONDS)

    def _control(self, request: Request) -> Response:
        try:
            return self._switched(request)
        except ValueError as error:
            return as_json({"detail": str(error)}, 400)

    def _switched(self, request: Request) -> Response:
        match request.method, request.path:
            case "GET", "/control/faults":
                return as_json(self.faults.shown())
            case "POST", "/control/faults":
                self.faults.add(_object(request))
                return as_json(self.faults.shown(), 201)
            case "DELETE", "/control/faults":
                self.faults.clear()
                return Response(204, b"")
            case "GET", "/control/options":
                return as_json(self.options.shown())
            case "PATCH", "/control/options":
                self.options.change(_object(request))
                return as_json(self.options.shown())
            case "POST", "/control/replies":
                given = _object(request)
                sender, text = given.get("from"), given.get("text")
                if not (isinstance(sender, str) and isinstance(text, str) and sender and text):
                    raise ValueError("A reply has from and text.")
                number = self.store.add_reply(sender, text, push=bool(self.options.callback_url))
                return as_json({"id": number}, 201)
        return as_json({"detail": "There is no such switch."}, 404)


def _failed(options: Options, fault: Fault) -> Response:
    content = {"platformName": options.platform_name, "requestId": "", "code": "InternalError"}
    return as_json({**content, "message": "The sandbox was told to fail."}, fault.status)


def _object(request: Request) -> dict[str, Any]:
    content = request.json()
    if not isinstance(content, dict):
        raise ValueError("The body must be a JSON object.")
    return content


async def _read(scope: MutableMapping[str, Any], receive: Receive) -> Request | None:
    """The request; None where its body is too large."""
    body = bytearray()
    more = True
    while more:
        part = await receive()
        body += part.get("body", b"")
        more = part.get("more_body", False)
        if len(body) > MOST_BYTES:
            return None
    # The raw path keeps an encoded slash inside a name apart from the path's own.
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    return Request(
        method=scope["method"],
        path=raw.decode("latin-1").partition("?")[0],
        query=dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)),
        headers={name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]},
        body=bytes(body),
    )


async def _write(send: Send, response: Response, *, missing: int = 0) -> None:
    headers = {
        "Content-Type": response.content_type,
        "Content-Length": str(len(response.body) + missing),
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
        **response.headers,
    }
    lines = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": response.status, "headers": lines})
    if not missing:
        await send({"type": "http.response.body", "body": response.body})
