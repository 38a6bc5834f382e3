"""Digital SMS for tests: a platform that takes them, and materials to make them of."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from marketing.channels import services as channels
from marketing.content import services as contents
from marketing.content import signatures
from marketing.content.models import Signature, Template
from marketing.materials import services as materials
from marketing.materials.models import Material
from tests.marketing.delivery.shop import Shop
from tests.marketing.materials import files

WORDS = {"kind": "text", "text": "New hats"}


class DigitalShop:
    """Beside a shop, whose sandbox and access it uses."""

    def __init__(self, shop: Shop, **config: Any) -> None:
        self.shop, self.access = shop, shop.access
        can = {"digital": True, "new_signatures": True, **config}
        config = {"base_url": f"{shop.sandbox.url}/contract", **can}
        values = {"channel": "sms", "type": "contract", "name": "Sandbox", "config": config}
        self.platform = channels.create_provider(shop.access, values)
        self.signature: Signature = signatures.add(shop.access, self.platform, "Tide")

    def material(self, data: bytes | None = None, name: str = "hat.png") -> Material:
        return materials.upload(self.access, name, BytesIO(data or files.png()))

    def part(self, data: bytes | None = None) -> dict[str, Any]:
        found = self.material(data)
        return {"kind": found.kind, "material": found.pk}

    def values(self, name: str = "Hats", *parts: dict[str, Any]) -> dict[str, Any]:
        return {
            "name": name,
            "subject": "Hats",
            "signature": self.signature,
            "parts": list(parts) or [WORDS, self.part()],
        }

    def template(self, name: str = "Hats", *parts: dict[str, Any]) -> Template:
        """Sent in for review; carriers in its name alone approve it."""
        template = contents.create_template(self.access, "sms", self.values(name, *parts))
        contents.submit_for_review(self.access, template, self.platform)
        return template

    def send_out(self, people: Any, template: Template, name: str = "Digital") -> Any:
        from marketing.delivery import services

        audience = self.shop.audience(people, f"{name} people")
        values = {"name": name, "provider": self.platform, "template": template, "audience": audience}
        return services.create(self.access, "sms", values)
