"""A shop whose customers have allowed its site to notify them."""

from __future__ import annotations

from typing import Any

import requests

from insight.audiences.models import Audience
from marketing.channels import services as channels
from marketing.channels.models import Provider
from marketing.content import services as contents
from marketing.delivery import services
from marketing.delivery.models import SendOut
from marketing.devices import registry
from marketing.devices.models import PushDevice
from tests.marketing.delivery.shop import Shop, mails

ORIGIN = "https://www.shop.example"


def address(number: int) -> str:
    """The e-mail address of the customer with this number."""
    return f"c{number}@x.example"


class WebShop(Shop):
    """It knows its customers by e-mail addresses; browsers live in the sandbox."""

    def people(self, count: int, name: str = "Everybody") -> Audience:
        return self.audience(mails(count), name)

    def site(self, name: str = "Site", **config: Any) -> Provider:
        settings = {"contact": "mailto:tech@shop.example", "origins": ORIGIN, "id_type": "email", **config}
        values = {"channel": "push", "type": "webpush", "name": name, "config": settings}
        return channels.create_provider(self.access, values)

    def subscription(self, site: Provider, **behaviour: Any) -> dict[str, Any]:
        """What a new browser hands to the site's page. `behaviour`: `answer`, `reaction`."""
        made = {"key": site.config["vapid_public"], **behaviour}
        found = requests.post(f"{self.sandbox.url}/webpush/browsers", json=made, timeout=20)
        assert found.status_code == 201, found.text
        return dict(found.json())

    def browser(self, site: Provider, number: int, **behaviour: Any) -> PushDevice:
        """A registered browser of the customer with this number."""
        subscription = self.subscription(site, **behaviour)
        keys = {"endpoint": subscription["endpoint"], **subscription["keys"]}
        return registry.register(site, "web", keys, {"email": address(number)}, agent="Chrome · Windows")

    def notice(self, site: Provider, audience: Audience, name: str = "News", **more: Any) -> SendOut:
        """A draft. `more`: fields of the send-out; template: its fields."""
        written = {"name": name, "subject": "Hello", "text": "New hats", **more.pop("template", {})}
        template = contents.create_template(self.access, "push", written)
        chosen = {"provider": site, "template": template, "audience": audience}
        return services.create(self.access, "push", {"name": name, **chosen, **more})

    def shown(self) -> list[dict[str, Any]]:
        """What browsers have decrypted, and the headers that came with it, the latest last."""
        store = self.sandbox.store
        keys = [row["biz_id"] for row in store._rows("SELECT biz_id FROM batches ORDER BY accepted_at")]
        return [found for key in keys if (found := store.push(key)) and "headers" in found]
