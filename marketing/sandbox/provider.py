"""The whole sandbox: SMTP, HTTP, HTTP/2 and callbacks in one process."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from marketing.sandbox import mail
from marketing.sandbox.callbacks import Pusher
from marketing.sandbox.faults import Faults
from marketing.sandbox.http2 import Http2Protocol
from marketing.sandbox.options import Options
from marketing.sandbox.store import Store
from marketing.sandbox.web import Application

DATABASE = "sandbox.sqlite3"
_STOP_SECONDS = 3


class _HttpServer(uvicorn.Server):
    """Leaves signals to the process that it runs in."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class SandboxProvider:
    """Ports are taken at once (0 takes any free one); `serve` or `start` begin to answer on them."""

    def __init__(
        self,
        options: Options | None = None,
        *,
        data: Path | None = None,
        host: str = "127.0.0.1",
        http_port: int = 0,
        smtp_port: int = 0,
        apns_port: int = 0,
        apns_tls: ssl.SSLContext | None = None,
    ) -> None:
        self.options = options or Options()
        self.host = host
        self._http_socket = _listen(host, http_port)
        self._smtp_socket = _listen(host, smtp_port)
        self._apns_socket = _listen(host, apns_port)
        self.http_port: int = self._http_socket.getsockname()[1]
        self.smtp_port: int = self._smtp_socket.getsockname()[1]
        self.apns_port: int = self._apns_socket.getsockname()[1]
        self._apns_tls = apns_tls
        self.store = Store(data / DATABASE if data else None, kept_bodies=self.options.kept_bodies)
        self.faults = Faults()
        self.application = Application(self.store, self.options, self.faults)
        self.application.apns.base_url = self.apns_url
        config = uvicorn.Config(
            self.application,
            http="h11",
            lifespan="off",
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=_STOP_SECONDS,
        )
        self._http = _HttpServer(config)
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.http_port}"

    @property
    def apns_url(self) -> str:
        """Where Apple's push service is spoken, by HTTP/2; with TLS where a certificate was given."""
        scheme = "https" if self._apns_tls else "http"
        return f"{scheme}://{self.host}:{self.apns_port}"

    async def serve(self) -> None:
        """Answer until `stop`."""
        loop = asyncio.get_running_loop()
        smtp = await loop.create_server(
            lambda: mail.protocol(self.store, self.faults, self.options), sock=self._smtp_socket
        )
        apns = await loop.create_server(
            lambda: Http2Protocol(self.application.apns.push, self.faults),
            sock=self._apns_socket,
            ssl=self._apns_tls,
        )
        pusher = Pusher(self.store, self.options)
        pusher.start()
        try:
            await self._http.serve(sockets=[self._http_socket])
        finally:
            smtp.close()
            apns.close()
            await asyncio.to_thread(pusher.stop)
            self.store.close()

    def stop(self) -> None:
        """End `serve`, from any thread; after `start` wait for its end."""
        self._http.should_exit = True
        if self._thread:
            self._thread.join(timeout=_STOP_SECONDS * 3)

    def start(self) -> None:
        """Serve from a thread of its own."""
        self._thread = threading.Thread(target=lambda: asyncio.run(self.serve()), name="sandbox", daemon=True)
        self._thread.start()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind((host, port))
    # Who connects from now on waits for the server instead of being refused.
    listening.listen(128)
    listening.setblocking(False)
    return listening
