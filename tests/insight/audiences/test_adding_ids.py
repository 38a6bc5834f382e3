"""An audience that holds no ID that a channel needs is saved with one in one step, where its datasets have it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cdp.core.errors import ValidationFailed
from insight.audiences import adding_ids, applications
from insight.audiences.models import Audience
from insight.datasets.models import DatasetField
from tests.factories import make_access
from tests.insight.audiences.test_audience_api import Client
from tests.insight.audiences.test_outside import upload
from tests.insight.audiences.test_pages import Browser
from tests.insight.audiences.world import World

Computed = Callable[..., Audience]


@pytest.fixture
def bare(computed: Computed) -> Audience:
    """The women, saved by their OneID alone; the dataset knows their mobile numbers."""
    return computed(save_ids=["one_id"])


def sms(access: Any, audience: Audience) -> applications.Offer:
    return next(item for item in applications.offers(access, audience) if item.key == "sms")


def test_the_menu_and_the_api_offer_the_missing_id(world: World, bare: Audience) -> None:
    offer = sms(world.access, bare)
    assert "must be saved with" in offer.reason
    assert offer.addable == [{"id_type": "mobile", "label": "Mobile number"}]
    found = Client(world.access).get(f"audiences/{bare.pk}/applications/").json()["results"]
    assert ["mobile"] in [item["addable"] for item in found]
    console = Browser(world.access)
    for page in (f"{bare.pk}/", f"{bare.pk}/card/menu/"):
        assert "Save with Mobile number and recompute" in console.get(page).content.decode()


def test_one_step_saves_the_id_and_computes_the_audience(
    world: World, bare: Audience, run_jobs: Callable[[], list[Any]]
) -> None:
    answer = Browser(world.access).post(f"{bare.pk}/add-id/", id_type="mobile")
    assert answer.status_code == 302
    run_jobs()
    audience = Audience.objects.select_related("current").get(pk=bare.pk)
    assert audience.save_ids == ["one_id", "mobile"] and audience.version == 2
    assert audience.current is not None and audience.current.id_stats["mobile"]["filled"] == 3
    assert sms(world.access, audience).reason == "" and not sms(world.access, audience).addable


def test_what_no_dataset_has_or_only_as_a_hash_is_not_offered(world: World, bare: Audience) -> None:
    with pytest.raises(ValidationFailed) as refused:
        adding_ids.add(world.access, bare, "email")
    assert list(refused.value.errors) == ["id_type"]
    DatasetField.objects.filter(dataset=world.members, column="phone").update(encryption="md5")
    assert adding_ids.addable(world.access, bare) == []


def test_who_may_not_change_the_audience_is_offered_nothing(world: World, bare: Audience) -> None:
    Audience.objects.filter(pk=bare.pk).update(public=True)
    other = make_access(world.workspace, "analyst")
    assert adding_ids.addable(other, Audience.objects.get(pk=bare.pk)) == []
    assert Browser(other).post(f"{bare.pk}/add-id/", id_type="mobile").status_code == 403


def test_an_upload_has_no_datasets_to_take_an_id_from(
    world: World, run_jobs: Callable[..., list[Any]]
) -> None:
    listed = upload(world, b"a@example.com\n", id_type="email")
    run_jobs()
    listed.refresh_from_db()
    assert adding_ids.addable(world.access, listed) == []
    assert Browser(world.access).post(f"{listed.pk}/add-id/", id_type="mobile").status_code == 409
