"""Which IDs each kind of system takes, and what is said of the others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from cdp.core.errors import ValidationFailed
from cdp.core.identifiers import ENCRYPTIONS, ID_TYPES
from insight.audiences.models import Audience
from insight.datasets.models import Dataset, DatasetField
from insight.omni import quota
from insight.pushes import fields, interfaces, services
from insight.pushes.models import Push, PushInterface
from insight.pushes.targets import TARGETS
from tests.factories import make_token
from tests.insight.audiences.world import World

ALL = set(ID_TYPES)
DEVICES = {"mac", "imei", "idfa", "alipay_id"}
ACCEPTED: dict[str, tuple[set[str], set[str]]] = {
    "kafka": (ALL, set(ENCRYPTIONS)),
    "webhook": (ALL, set(ENCRYPTIONS)),
    "sftp": (ALL, set(ENCRYPTIONS)),
    "s3": (ALL, set(ENCRYPTIONS)),
    "omni": (DEVICES, {"plain", "md5", "sha256"}),
}
"""By kind of system: the ID types, and the forms in which they may be stored."""


def test_every_kind_of_system_is_in_the_table() -> None:
    assert set(ACCEPTED) == set(TARGETS.keys())
    assert len(ALL) == 14


@pytest.mark.parametrize("target", sorted(ACCEPTED))
def test_a_system_takes_its_ids_and_says_why_it_takes_no_others(target: str) -> None:
    types, stored = ACCEPTED[target]
    for id_type in ALL:
        for form in ENCRYPTIONS:
            reason = fields.refusal(TARGETS[target], id_type, form)
            assert (reason == "") is (id_type in types and form in stored), (id_type, form)
            if id_type not in types:
                assert str(ID_TYPES["mac"].label) in reason
            elif form not in stored:
                assert "AES" in reason


@pytest.mark.parametrize("target", sorted(ACCEPTED))
def test_of_a_dataset_with_all_types_the_usable_ones_are_offered(world: World, target: str) -> None:
    model = Dataset.objects.create(
        workspace=world.workspace, name="All", kind="aipl", owner=world.access.user, version=1
    )
    DatasetField.objects.bulk_create(
        DatasetField(
            dataset=model,
            column="user_unique_id" if number == 0 else f"id_{number}",
            role="id" if number else "identifier",
            id_type=key,
            name=key,
        )
        for number, key in enumerate(ID_TYPES)
    )
    found = fields.offered(world.access, model, TARGETS[target])
    assert {item["id_type"] for item in found["ids"]} == ACCEPTED[target][0]
    assert {item["id_type"] for item in found["unusable"]} == ALL - ACCEPTED[target][0]
    assert all(item["reason"] for item in found["unusable"])


def test_the_service_the_api_and_the_page_say_why_an_id_cannot_go_there(
    world: World, audience: Audience, run_jobs: Callable[..., Any]
) -> None:
    world.access.user.is_manager = True
    world.access.user.save()
    quota.add(world.access, {"amount": 10**6})
    omni = interfaces.create(world.access, {"name": "Omni", "target": "omni"})
    reason = "Omni-domain insight takes these IDs only"
    chosen = {"fields": [{"kind": "id", "column": "mobile"}]}
    with pytest.raises(ValidationFailed) as caught:
        services.push(world.access, audience, omni, chosen)
    assert reason in str(caught.value.errors["fields/0/column"])
    api = APIClient(HTTP_AUTHORIZATION=f"Bearer {make_token(world.access)}")
    base = f"/api/v1/workspaces/{world.workspace.slug}/"
    offered = api.get(f"{base}audiences/{audience.pk}/push-fields/?interface={omni.pk}").json()
    assert offered["ids"] == [] and {item["column"] for item in offered["unusable"]} == {
        "user_unique_id",
        "mobile",
    }
    refused = api.post(f"{base}pushes/", {"audience": audience.pk, "interface": omni.pk, **chosen})
    assert refused.status_code == 400 and reason in refused.json()["errors"]["fields/0/column"][0]
    browser = Client()
    browser.force_login(world.access.user, backend="admin_center.members.backends.NameOrEmailBackend")
    page = f"/w/{world.workspace.slug}/pushes/audience/{audience.pk}/?interface={omni.pk}"
    shown = browser.get(page).content.decode()
    assert shown.count(reason) == 2 and shown.count("disabled aria-label") == 2
    assert not Push.objects.exists() and PushInterface.objects.count() == 1


def test_the_dialog_offers_to_save_an_id_that_the_system_takes(world: World, audience: Audience) -> None:
    world.access.user.is_manager = True
    world.access.user.save()
    omni = interfaces.create(world.access, {"name": "Omni", "target": "omni"})
    browser = Client()
    browser.force_login(world.access.user, backend="admin_center.members.backends.NameOrEmailBackend")
    page = f"/w/{world.workspace.slug}/pushes/audience/{audience.pk}/?interface={omni.pk}"
    assert "and recompute" not in browser.get(page).content.decode()
    DatasetField.objects.filter(dataset=world.members, column="phone").update(id_type="imei")
    shown = browser.get(page).content.decode()
    assert "Save with IMEI and recompute" in shown and f"/{audience.pk}/add-id/" in shown
