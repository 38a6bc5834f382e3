"""A running sandbox, and a web server that plays the platform's client: recipients files and callbacks."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests

from marketing.sandbox.options import Options
from marketing.sandbox.provider import SandboxProvider

DAY = 86_400


class Client:
    """Calls of the contract and of the sandbox's own addresses."""

    def __init__(self, provider: SandboxProvider) -> None:
        self.provider = provider
        self.headers: dict[str, str] = {}

    def call(self, method: str, path: str, body: Any = None, **query: Any) -> requests.Response:
        url = f"{self.provider.url}/contract{path}"
        return requests.request(method, url, json=body, params=query, headers=self.headers, timeout=20)

    def own(self, method: str, path: str, body: Any = None, **query: Any) -> requests.Response:
        return requests.request(method, self.provider.url + path, json=body, params=query, timeout=20)

    def arrived(self, at_least: int = 1, **query: Any) -> list[dict[str, Any]]:
        """Messages in the order in which they came, when there are so many."""
        answer = self.own(
            "GET", "/inbox/api/messages", at_least=at_least, wait=10, limit=1000, **query
        ).json()
        assert answer["count"] >= at_least
        return list(reversed(answer["messages"]))

    def sms_template(self, **values: Any) -> str:
        body = {
            "remark": "For tests",
            "templateContent": "Hello",
            "templateName": "Greeting",
            "templateType": 1,
        }
        answer = self.call("POST", "/sms/smsTemplate", body | values)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["templateCode"])

    def send_sms(self, url: str, **values: Any) -> requests.Response:
        body = {"outId": "out-1", "phoneOssUrl": url, "signName": "Tide"} | values
        return self.call(
            "POST",
            "/sms/sendBatch",
            body | {"templateCode": values.get("templateCode") or self.sms_template()},
        )

    def details(self, channel: str, **values: Any) -> requests.Response:
        now = time.time()
        body = {"outId": "out-1", "currentPage": 1, "pageSize": 100, "startDate": minute(now - 600)}
        return self.call("POST", f"/{channel}/sendDetails", body | {"endDate": minute(now + 60)} | values)


class World:
    """What the client's side offers: files by name, and what was posted to it."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.fetched: list[str] = []
        self.posted: list[tuple[str, dict[str, Any], str | None]] = []
        self.refusals = 0
        self.opened = threading.Event()
        self.opened.set()
        world = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                world.fetched.append(self.path)
                world.opened.wait(10)
                content = world.files.get(self.path)
                self._answer(404 if content is None else 200, content or b"")

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if world.refusals:
                    world.refusals -= 1
                    return self._answer(503, b"")
                world.posted.append((self.path, json.loads(body), self.headers.get("Authorization")))
                return self._answer(200, b"{}")

            def _answer(self, status: int, content: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *arguments: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def file(self, *lines: str) -> str:
        """The address of a new file with these lines."""
        path = f"/file-{len(self.files)}.txt"
        self.files[path] = "".join(f"{line}\n" for line in lines).encode()
        return self.url + path


def minute(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.gmtime(seconds))


def eventually(condition: Callable[[], Any], seconds: float = 10) -> Any:
    """The condition's value once it is true; fails after `seconds`."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        threading.Event().wait(0.02)
    raise AssertionError("It did not happen in time.")


@pytest.fixture(scope="session")
def _provider() -> Iterator[SandboxProvider]:
    running = SandboxProvider()
    running.start()
    yield running
    running.stop()


@pytest.fixture
def provider(_provider: SandboxProvider) -> SandboxProvider:
    """Empty, and quick in all it does."""
    _provider.options.change(asdict(Options(receipt_seconds=0.0, review_seconds=0.0)))
    _provider.faults.clear()
    _provider.store.clear()
    return _provider


@pytest.fixture
def client(provider: SandboxProvider) -> Client:
    return Client(provider)


@pytest.fixture(scope="session")
def _world() -> Iterator[World]:
    world = World()
    yield world
    world.server.shutdown()
    world.server.server_close()


@pytest.fixture
def world(_world: World) -> Iterator[World]:
    _world.fetched.clear()
    _world.posted.clear()
    _world.refusals = 0
    yield _world
    _world.opened.set()
