"""A shop with apps that Tideline writes to by FCM and APNs itself."""

from __future__ import annotations

import json
from typing import Any

import requests

from marketing.channels import services as channels
from marketing.channels.models import Provider
from marketing.devices import registry
from marketing.devices.models import PushDevice
from tests.marketing.delivery.web_shop import WebShop, address


class AppShop(WebShop):
    """It knows its customers by e-mail addresses; phones live in the sandbox."""

    def _get(self, path: str) -> dict[str, Any]:
        found = requests.get(f"{self.sandbox.url}{path}", timeout=20)
        assert found.status_code == 200, found.text
        return dict(found.json())

    def fcm(self, name: str = "Android app", type: str = "fcm_android", **config: Any) -> Provider:
        settings = {
            "service_account": json.dumps(self._get("/fcm/service-account")),
            "base_url": f"{self.sandbox.url}/fcm",
            "id_type": "email",
            **config,
        }
        values = {"channel": "push", "type": type, "name": name, "config": settings}
        return channels.create_provider(self.access, values)

    def apns(self, name: str = "iPhone app", **config: Any) -> Provider:
        settings = {**self._get("/apns/key"), "id_type": "email", **config}
        values = {"channel": "push", "type": "apns", "name": name, "config": settings}
        return channels.create_provider(self.access, values)

    def phone(self, app: Provider, number: int, **behaviour: Any) -> PushDevice:
        """A registered phone of the customer with this number. `behaviour`: `answer`, `reaction`."""
        service = "apns" if app.type == "apns" else "fcm"
        made = requests.post(f"{self.sandbox.url}/{service}/devices", json=behaviour, timeout=20)
        assert made.status_code == 201, made.text
        kind = "android" if app.type == "fcm_android" else "ios"
        return registry.register(app, kind, {"token": made.json()["token"]}, {"email": address(number)})

    def answers(self, phone: PushDevice, status: int) -> None:
        """From now on messages to the phone are answered so."""
        key = phone.address["token"].removeprefix("fcm:")[:32]
        with self.sandbox.store._transaction() as connection:
            connection.execute("UPDATE browsers SET answer = ? WHERE id = ?", (status, key))

    def pushed(self) -> list[dict[str, Any]]:
        """What phones got, the latest last."""
        store = self.sandbox.store
        keys = [row["biz_id"] for row in store._rows("SELECT biz_id FROM batches ORDER BY accepted_at")]
        return [found for key in keys if (found := store.push(key))]
