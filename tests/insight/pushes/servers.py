"""Real servers on the loopback that pushes go to: HTTP, Kafka, SFTP, S3."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import asyncssh
from confluent_kafka import Consumer, Producer


class Hook:
    """An HTTP server that keeps what it gets. `answers` are the next statuses; 200 when there are none left."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []
        self.answers: list[int] = []
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = hook.answers.pop(0) if hook.answers else 200
                hook.calls.append(
                    {"status": status, "headers": dict(self.headers), "raw": body, "body": json.loads(body)}
                )
                self.send_response(status)
                self.end_headers()
                self.wfile.write(b"the reason of the other side" if status >= 400 else b"{}")

            def log_message(self, *_arguments: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"

    def users(self) -> list[dict[str, Any]]:
        """The users of all accepted calls."""
        return [
            user for call in self.calls if call["status"] == 200 for user in call["body"].get("users", [])
        ]


@contextmanager
def hook() -> Iterator[Hook]:
    found = Hook()
    thread = threading.Thread(target=found.server.serve_forever, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        found.server.shutdown()
        found.server.server_close()


class Broker:
    """librdkafka's own broker for tests: it speaks the protocol on a port of the loopback."""

    def __init__(self) -> None:
        self.cluster = Producer({"test.mock.num.brokers": 1, "log_level": 0, "bootstrap.servers": "mock"})
        found = next(iter(self.cluster.list_topics(timeout=10).brokers.values()))
        self.servers = f"{found.host}:{found.port}"

    def records(self, topic: str, count: int) -> list[Any]:
        consumer = Consumer(
            {
                "bootstrap.servers": self.servers,
                "group.id": f"tests of {topic}",
                "auto.offset.reset": "earliest",
                "log_level": 0,
            }
        )
        consumer.subscribe([topic])
        found: list[Any] = []
        for _number in range(300):
            message = consumer.poll(0.1)
            if message is not None and message.error() is None:
                found.append(message)
            if len(found) >= count:
                break
        consumer.close()
        return found


class _Server(asyncssh.SSHServer):
    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == ("tides", "secret words")


class SftpServer:
    """An SFTP server over a folder. `refuse_after` ends connections after so many bytes of a file."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, 0
        self.key = asyncssh.generate_private_key("ssh-ed25519")
        self.fingerprint = self.key.convert_to_public().get_fingerprint()
        self.loop = asyncio.new_event_loop()
        self.refuse_after = 0

    def start(self) -> None:
        outer = self

        class Files(asyncssh.SFTPServer):
            def __init__(self, channel: Any) -> None:
                super().__init__(channel, chroot=str(outer.folder))

            async def write(self, file_obj: Any, offset: int, data: bytes) -> int:  # type: ignore[override]
                if outer.refuse_after and offset + len(data) > outer.refuse_after:
                    raise asyncssh.SFTPFailure("The disk is full.")
                return super().write(file_obj, offset, data)  # type: ignore[return-value]

        ready = threading.Event()

        async def serve() -> None:
            listener = await asyncssh.listen(
                "127.0.0.1", 0, server_factory=_Server, server_host_keys=[self.key], sftp_factory=Files
            )
            self.port = listener.get_port()
            ready.set()

        def run() -> None:
            asyncio.set_event_loop(self.loop)
            self.loop.run_until_complete(serve())
            self.loop.run_forever()

        self.thread = threading.Thread(target=run, daemon=True)
        self.thread.start()
        assert ready.wait(10)

    def stop(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(5)
