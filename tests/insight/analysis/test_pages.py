"""The pages of charts: what they open with, and whom they let in."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from insight.audiences import analysis_tabs as tabs
from insight.audiences import services
from insight.audiences.models import Audience
from insight.datasets.models import TagCategory
from tests.factories import make_access
from tests.insight.audiences.world import PEOPLE, World, make_tag_dataset, make_world, people_table


@pytest.fixture
def world(db: None) -> World:
    return make_world()


@pytest.fixture
def women(world: World, run_jobs: Callable[[], list[Any]]) -> Audience:
    audience = services.create(world.access, {"name": "Women", "rule": world.women})
    run_jobs()
    audience.refresh_from_db()
    return audience


def open_page(access: Any, path: str = "", **query: Any) -> Any:
    client = Client()
    client.force_login(access.user)
    return client.get(f"/w/{access.workspace.slug}/{path}", query)


def data_of(page: Any, name: str = "perspective-data") -> dict[str, Any]:
    text = page.content.decode().split(f'id="{name}" type="application/json">')[1].split("</script>")[0]
    found: dict[str, Any] = json.loads(text)
    return found


def ticked(page: Any) -> list[str]:
    return [
        line.split('data-tag="')[1].split('"')[0]
        for line in page.content.decode().splitlines()
        if 'data-tag="' in line and " checked" in line
    ]


def test_the_first_category_opens_with_its_charts(world: World) -> None:
    category = TagCategory.objects.create(workspace=world.workspace, name="Taste", path="Taste")
    world.members.fields.filter(column="interests").update(category=category)
    assert ticked(open_page(world.access, "analysis/")) == ["interests"]


def test_tags_of_the_address_are_ticked_with_and_without_their_dataset(world: World) -> None:
    more = make_tag_dataset(world.workspace, "More", people_table(PEOPLE))
    page = open_page(
        world.access,
        "analysis/",
        dataset=[world.members.pk, more.pk],
        tag=["interests", f"{more.pk}.gender", "nonsense"],
    )
    assert ticked(page) == ["interests", "gender"]
    assert [row["id"] for row in data_of(page)["datasets"]] == [world.members.pk, more.pk]


def test_a_dataset_without_tags_in_the_address_opens_with_its_first_category(world: World) -> None:
    more = make_tag_dataset(world.workspace, "More", people_table(PEOPLE))
    both = [world.members.pk, more.pk]
    every = ticked(open_page(world.access, "analysis/", dataset=more.pk))
    page = open_page(world.access, "analysis/", dataset=both, tag=["interests"])
    assert len(every) > 1 and ticked(page) == ["interests", *every]
    alone = open_page(world.access, "analysis/", dataset=more.pk, tag="nonsense")
    assert ticked(alone) == []


def test_of_six_datasets_five_are_shown_and_the_page_says_so(world: World) -> None:
    made = [make_tag_dataset(world.workspace, f"D{n}", people_table(PEOPLE)).pk for n in range(6)]
    page = open_page(world.access, "analysis/", dataset=made)
    assert len(data_of(page)["datasets"]) == 5
    assert "Up to 5 datasets are shown at once." in page.content.decode()


def test_tags_that_are_switched_off_or_have_too_many_parts_are_not_offered(world: World) -> None:
    assert {
        tag["column"] for tag in data_of(open_page(world.access, "analysis/"))["datasets"][0]["tags"]
    } == {
        "gender",
        "interests",
    }
    world.members.fields.filter(column="gender").update(pivot_enabled=False)
    world.members.stats["distinct"] = {"interests": 51}
    world.members.save()
    assert data_of(open_page(world.access, "analysis/"))["datasets"][0]["tags"] == []


def test_audience_analysis_opens_with_three_ways_in(world: World, women: Audience) -> None:
    page = open_page(world.access, "analysis/audience/", audience=women.pk, compare="population")
    assert data_of(page)["compare"] == "population" and data_of(page)["audience"] == women.pk
    entry = f"analysis/audience/?audience={women.pk}"
    assert entry in open_page(world.access, f"audiences/{women.pk}/card/menu/").content.decode()
    assert entry in open_page(world.access, f"audiences/{women.pk}/").content.decode()
    assert "/analysis/audience/" in open_page(world.access, "").content.decode()


def test_a_dataset_leads_to_its_charts(world: World) -> None:
    entry = f"analysis/?dataset={world.members.pk}"
    assert entry in open_page(world.access, "datasets/").content.decode()
    assert entry in open_page(world.access, f"datasets/{world.members.pk}/").content.decode()


def test_the_former_address_of_an_audience_in_a_dataset_leads_on(world: World, women: Audience) -> None:
    page = open_page(world.access, "analysis/", audience=women.pk, dataset=world.members.pk)
    assert page.status_code == 302 and f"audience={women.pk}" in page["Location"]


def test_only_datasets_with_the_identifier_of_the_audience_are_offered(world: World, women: Audience) -> None:
    other = make_tag_dataset(world.workspace, "By phone", people_table(PEOPLE))
    other.fields.filter(role="identifier").update(id_type="mobile")
    page = open_page(world.access, "analysis/audience/", audience=women.pk, dataset=other.pk)
    assert data_of(page)["dataset"] == world.members.pk and "By phone" not in page.content.decode()


def test_tabs_that_other_modules_register_keep_the_audience(world: World, women: Audience) -> None:
    shown = tabs.shown(world.access, women.pk, "significance")
    assert [row["key"] for row in shown][:2] == ["indicators", "significance"]
    assert [row["active"] for row in shown][:2] == [False, True]
    assert all(row["url"].endswith(f"?audience={women.pk}") for row in shown)


def test_without_audiences_the_page_says_what_to_do(world: World) -> None:
    page = open_page(world.access, "analysis/audience/")
    assert page.status_code == 200 and "No computed audience yet" in page.content.decode()


def test_audiences_of_other_workspaces_are_not_found(world: World, women: Audience) -> None:
    stranger = make_access()
    for path in ("analysis/audience/", "analysis/audience/significance/"):
        assert open_page(stranger, path, audience=women.pk).status_code == 404
