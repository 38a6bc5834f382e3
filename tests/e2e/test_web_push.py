"""A page of a brand's site in a real browser: it registers, gets a message, shows it, and reports.

What is real: our scripts as the server serves them, the service worker and its events, the call across origins, the
sending pipeline with its encryption and signature, the notification that the browser shows, and the reports.

What is not: the way through the push service of the browser's maker, which a test machine does not reach. The
subscription therefore comes from the test, which holds its keys and takes the pipeline's POST at its address; the very
bytes that it decrypts go into the browser by its debugging interface. Nobody can click a notification of a browser
without a screen either, so the two events that a click and a swipe make are dispatched inside the worker.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from marketing.delivery.models import Recipient
from marketing.devices import sites
from marketing.devices.encryption import b64
from marketing.devices.models import PushDevice
from marketing.sandbox import webpush
from tests.marketing.delivery.web_shop import WebShop, address
from tests.processes import eventually

_SUBSCRIBED = """
(given) => {
  const key = (options) => options.applicationServerKey.buffer || options.applicationServerKey;
  PushManager.prototype.getSubscription = async () => window.made || null;
  PushManager.prototype.subscribe = async (options) => {
    window.made = {
      endpoint: given.endpoint,
      options: { applicationServerKey: key(options) },
      toJSON: () => given,
      unsubscribe: async () => { window.made = null; return true; },
    };
    return window.made;
  };
}
"""
_DISPATCH = """
async (type) => {
  const [notification] = await self.registration.getNotifications();
  const event = new NotificationEvent(type, { notification });
  // A made-up event may not be extended; the browser's own may.
  const waits = [];
  Object.defineProperty(event, "waitUntil", { value: (promise) => waits.push(promise) });
  self.dispatchEvent(event);
  await Promise.all(waits);
}
"""


class Brand:
    """The brand's web server, and beside it the push service that the test plays."""

    def __init__(self) -> None:
        self.files: dict[str, tuple[str, str]] = {}
        self.pushed: list[bytes] = []
        brand = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                kind, text = brand.files.get(self.path, ("", ""))
                self.send_response(200 if kind else 404)
                self.send_header("Content-Type", kind or "text/plain")
                self.end_headers()
                self.wfile.write(text.encode())

            def do_POST(self) -> None:
                brand.pushed.append(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(201)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.origin = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def brand() -> Iterator[Brand]:
    made = Brand()
    yield made
    made.server.shutdown()


class Worker:
    """The page's service worker, by way of the browser's debugging interface."""

    def __init__(self, context: Any, tab: Any) -> None:
        self.context, self.tab = context, tab
        self.registrations: dict[str, str] = {}
        self.session = context.new_cdp_session(tab)
        self.session.on("ServiceWorker.workerRegistrationUpdated", self._note)
        self.session.send("ServiceWorker.enable")

    def _note(self, event: dict[str, Any]) -> None:
        for row in event["registrations"]:
            self.registrations[row["scopeURL"]] = row["registrationId"]

    def deliver(self, origin: str, data: str) -> None:
        # Which registrations there are is told while the page is asked something.
        key = eventually(lambda: self.tab.title() and self.registrations.get(f"{origin}/"))
        self.session.send(
            "ServiceWorker.deliverPushMessage", {"origin": origin, "registrationId": key, "data": data}
        )

    def shown(self) -> list[dict[str, str]]:
        found: list[dict[str, str]] = self.tab.evaluate(
            """async () => {
              const registration = await navigator.serviceWorker.ready;
              const rows = await registration.getNotifications();
              return rows.map(({ title, body, tag }) => ({ title, body, tag }));
            }"""
        )
        return found

    def dispatch(self, kind: str) -> None:
        self.context.service_workers[0].evaluate(_DISPATCH, kind)


def test_a_browser_registers_shows_the_message_and_reports_what_became_of_it(
    context: Any, tab: Any, live_server: Any, sandbox: Any, brand: Brand
) -> None:
    shop = WebShop(sandbox)
    site = shop.site(origins=brand.origin)
    secret = sites.new_secret(shop.access, site)
    script = f'<!doctype html><title>Shop</title><script src="{sites.base_url(site)}client.js"></script>'
    brand.files = {
        "/": ("text/html; charset=utf-8", script),
        "/tideline-sw.js": ("text/javascript", sites.snippets(site)["worker"]),
    }
    private, auth = ec.generate_private_key(ec.SECP256R1()), os.urandom(16)
    subscription = {
        "endpoint": f"{brand.origin}/push/1",
        "keys": {"p256dh": b64(webpush._point(private.public_key())), "auth": b64(auth)},
    }
    context.grant_permissions(["notifications"], origin=brand.origin)
    tab.goto(f"{brand.origin}/")
    worker = Worker(context, tab)
    tab.evaluate(_SUBSCRIBED, subscription)

    who = {"idType": "email", "id": address(0)}
    with pytest.raises(Exception, match="not signed"):
        tab.evaluate("(who) => tideline.subscribe(who)", {**who, "signature": "0" * 64})
    signature = sites.signature(secret, site.pk, "email", address(0))
    answer = tab.evaluate("(who) => tideline.subscribe(who)", {**who, "signature": signature})
    assert answer == "subscribed"
    assert tab.evaluate("tideline.state()") == "subscribed"
    assert PushDevice.objects.get().agent.startswith("Chrome")

    tap = {"action": "url", "url": f"{brand.origin}/hats"}
    row = shop.submit(shop.notice(site, shop.people(1), template={"subject": "Hüte 帽子", "push": tap}))
    assert row.recipients.get().state == "handed", row.recipients.get().detail
    message = webpush.decrypt(brand.pushed[-1], private, auth).decode()
    worker.deliver(brand.origin, message)
    eventually(lambda: len(worker.shown()) == 1)
    assert worker.shown()[0] == {"title": "Hüte 帽子", "body": "New hats", "tag": json.loads(message)["tag"]}
    eventually(lambda: Recipient.objects.get().state == "delivered")
    assert Recipient.objects.get().opened_at is None

    worker.dispatch("notificationclose")
    eventually(lambda: Recipient.objects.get().dismissed_at is not None)
    worker.dispatch("notificationclick")
    eventually(lambda: Recipient.objects.get().opened_at is not None)

    tab.evaluate("tideline.unsubscribe()")
    assert PushDevice.objects.get().off_reason == "withdrawn"
    assert tab.evaluate("tideline.state()") == "none"
