"""A shop with an app: its customers are known by the IDs of their phones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from insight.audiences import services as audiences
from insight.audiences.models import Audience
from insight.datasets.models import DatasetField
from marketing.channels import services as channels
from marketing.channels.models import Provider
from marketing.content import services as contents
from marketing.delivery import services
from marketing.delivery.models import SendOut
from tests.insight.audiences.world import make_dataset
from tests.marketing.delivery.shop import Shop


def imei(ending: int | str) -> str:
    """A phone's number; endings 0001 to 0004 are special to the sandbox."""
    return f"86641203{str(ending).zfill(7)}"


def idfa(ending: int | str) -> str:
    return f"6D92078A-8246-4BA4-AE5B-{str(ending).zfill(12)}"


class PushShop(Shop):
    """Its push messages go to the sandbox."""

    def phones(
        self, imeis: Sequence[str | None], idfas: Sequence[str | None] = (), name: str = "App"
    ) -> Audience:
        """An audience of people with these Android phones, then of people with these iPhones."""
        people = len(imeis) + len(idfas)
        table = pa.table(
            {
                "user_unique_id": [f"u{number:06}" for number in range(people)],
                "imei": pa.array([*imeis, *[None] * len(idfas)], pa.string()),
                "idfa": pa.array([*[None] * len(imeis), *idfas], pa.string()),
                "city": ["Bath" if number % 2 else "Oslo" for number in range(people)],
                "here": ["yes"] * people,
            }
        )
        dataset = make_dataset(self.workspace, name, "user_tags", table, unique_users=True)
        fields = [
            {"column": "member_no", "role": "identifier", "id_type": "one_id", "name": "Member"},
            {"column": "imei", "role": "id", "id_type": "imei", "name": "IMEI"},
            {"column": "idfa", "role": "id", "id_type": "idfa", "name": "IDFA"},
            {"column": "city", "role": "tag", "tag_type": "text", "name": "City"},
            {"column": "here", "role": "tag", "tag_type": "enum", "name": "Here"},
        ]
        DatasetField.objects.bulk_create(DatasetField(dataset=dataset, **field) for field in fields)
        rule = {"kind": "tag", "dataset": dataset.pk, "tag": "here", "operator": "in", "value": ["yes"]}
        values = {"name": name, "rule": rule, "save_ids": ["imei", "idfa"]}
        audience = audiences.create(self.access, values)
        self.run_jobs()
        audience.refresh_from_db()
        assert audience.count == people
        return audience

    def app(self, name: str = "Shop app", system: str = "android", **config: Any) -> Provider:
        """The app at the sandbox's U-Push."""
        settings = {"app_key": "key", "master_secret": "sandbox", "base_url": f"{self.sandbox.url}/upush"}
        values = {
            "channel": "push",
            "type": f"upush_{system}",
            "name": name,
            "config": {**settings, **config},
        }
        return channels.create_provider(self.access, values)

    def push(self, audience: Audience, name: str = "News", **more: Any) -> SendOut:
        """A draft. `more`: fields of the send-out; template: its fields; config: of the provider; system."""
        provider = more.pop("provider", None) or self.app(
            f"{name} app", more.pop("system", "android"), **more.pop("config", {})
        )
        written = {"name": name, "subject": "Hello", "text": "New hats", **more.pop("template", {})}
        template = contents.create_template(self.access, "push", written)
        chosen = {"provider": provider, "template": template}
        return services.create(self.access, "push", {"name": name, "audience": audience, **chosen, **more})

    def payloads(self) -> list[dict[str, Any]]:
        """What phones got, a payload per batch, the latest last."""
        store = self.sandbox.store
        keys = [row["biz_id"] for row in store._rows("SELECT biz_id FROM batches ORDER BY accepted_at")]
        return [payload for key in keys if (payload := store.push(key))]
