"""The home page: what there is of each kind, what can be made, what one uses."""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from admin_center.permissions.models import Role
from insight.campaigns import services as campaigns
from insight.datasets.models import Dataset
from tests.factories import make_access
from tests.insight.audiences.world import make_world


def tiles(access: Any) -> dict[str, dict[str, Any]]:
    browser = Client()
    browser.force_login(access.user, backend="admin_center.members.backends.NameOrEmailBackend")
    found = browser.get(f"/w/{access.workspace.slug}/").context["tiles"]
    return {str(tile["label"]): tile for tile in found}


def test_datasets_are_counted_by_kind_with_the_pages_of_each(db: None) -> None:
    world = make_world()
    behaviour = world.orders
    tile = tiles(world.access)["Datasets"]
    parts = {str(part.label): part for part in tile["parts"]}
    rows = Dataset.objects.in_workspace(world.workspace)
    assert tile["count"] == rows.count() == sum(part.count for part in parts.values())
    assert parts["User tags"].url == f"/w/{world.workspace.slug}/analysis/"
    listed = parts[str(behaviour.get_kind_display())].url
    assert listed == f"/w/{world.workspace.slug}/datasets/?kind=behaviour"


def test_people_see_counts_of_what_they_may_see(db: None) -> None:
    world = make_world()
    Dataset.objects.in_workspace(world.workspace).update(public=False)
    analyst = make_access(world.workspace, "analyst")
    tile = tiles(analyst)["Datasets"]
    assert (tile["count"], list(tile["parts"]), tile["create_url"]) == (0, [], "")


def test_campaigns_have_a_tile_for_those_who_make_and_those_who_see_them(db: None) -> None:
    access = make_access()
    days = {"starts": "2026-03-01", "ends": "2026-03-10"}
    campaigns.create(access, {"name": "Spring", "code": "s", **days})
    tile = tiles(access)["Campaigns"]
    assert tile["count"] == 1 and tile["create_url"].endswith("/campaigns/new/")
    Role.objects.create(workspace=access.workspace, code="planner", permissions=["campaign.create"])
    assert "Campaigns" in tiles(make_access(access.workspace, "planner"))
    assert "Campaigns" not in tiles(make_access(access.workspace, "developer"))


def test_queries_do_not_grow_with_the_number_of_kinds(db: None) -> None:
    access = make_access()
    tiles(access)
    with CaptureQueriesContext(connection) as empty:
        tiles(access)
    make_world(access)
    with CaptureQueriesContext(connection) as full:
        tiles(access)
    assert len(full) <= len(empty)
