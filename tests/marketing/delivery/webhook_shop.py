"""A shop whose own system, at the sandbox, is called for its customers."""

from __future__ import annotations

import json
import secrets
import time
from typing import Any

from django.test import Client

from marketing.delivery import services
from marketing.delivery.custom_receipts import PATH
from marketing.delivery.models import SendOut
from marketing.webhooks import protocol
from marketing.webhooks import services as webhooks
from marketing.webhooks.models import Webhook
from tests.marketing.delivery.shop import Shop

KEY = "sandbox-key"
STATUSES = [
    {"code": "200", "label": "Read", "outcome": "delivered"},
    {"code": "500", "label": "Not reached", "outcome": "failed"},
]
PARAMETERS = [
    {"name": "title", "label": "Title", "type": "text"},
    {"name": "points", "label": "Points", "type": "integer"},
]


class WebhookShop(Shop):
    """Its webhook takes mobile numbers and addresses, and reports results."""

    def webhook(self, name: str = "CRM", **more: Any) -> Webhook:
        values = {
            "name": name,
            "url": f"{self.sandbox.url}/own-system",
            "auth": "key",
            "key": KEY,
            "id_types": ["mobile", "email"],
            "parameters": PARAMETERS,
            "receipts": True,
            "statuses": STATUSES,
            "rate_per_second": 1000,
        }
        return webhooks.create(self.access, {**values, **more})

    def call(self, audience: Any, name: str = "Points", **more: Any) -> SendOut:
        """A draft. `more`: fields of the send-out; webhook: one, or its settings."""
        webhook = more.pop("webhook", {})
        if not isinstance(webhook, Webhook):
            webhook = self.webhook(f"{name} CRM"[:32], **webhook)
        values = {
            "name": name,
            "audience": audience,
            "provider": webhook.provider,
            "id_type": "mobile",
            "params": {"title": "Hello", "points": "5"},
        }
        return services.create(self.access, "custom", {**values, **more})

    def bodies(self) -> list[dict[str, Any]]:
        """What the own system has got, the latest last."""
        rows = self.sandbox.store._rows(
            "SELECT text FROM batches WHERE channel = 'custom' ORDER BY accepted_at"
        )
        return [json.loads(row["text"]) for row in rows]

    def report(self, *results: dict[str, Any], key: str = KEY, **changed: Any) -> Any:
        """The answer to a call with results, signed as the own system does. `changed`: stamp, nonce, signature, ip."""
        stamp = str(changed.get("stamp", int(time.time())))
        nonce = changed.get("nonce", secrets.token_hex(16))
        signature = changed.get("signature", protocol.signature(key, stamp, nonce))
        return Client().post(
            f"/{PATH}?timestamp={stamp}&nonce={nonce}",
            json.dumps(list(results)),
            content_type="application/json",
            headers={"X-QA-Hmac-Signature": signature, **changed.get("headers", {})},
            REMOTE_ADDR=changed.get("ip", "127.0.0.1"),
        )

    def result(self, send_out: SendOut, target: str, status: str = "200", **more: Any) -> dict[str, Any]:
        """One person's result."""
        callback = {
            "task_id": send_out.pk,
            "webhook_id": send_out.provider.webhook.pk,
            "send_time": "1700000000000",
        }
        found = {
            "msg_id": secrets.token_hex(16),
            "status": status,
            "cst_id": target,
            "send_time": str(int(time.time() * 1000)),
            "callback_params": callback,
        }
        return {**found, **more}
