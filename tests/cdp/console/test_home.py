"""The home page: what there is of each kind, what can be made, what one uses."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from admin_center.permissions.models import Role
from admin_center.permissions.services import add_member
from cdp.console import help_pages, home, navigation, visits
from cdp.console.models import PageVisit
from cdp.console.tasks import forget_visits
from cdp.core import timezones
from insight.campaigns import services as campaigns
from insight.datasets.models import Dataset
from tests.factories import make_access, make_token, make_workspace
from tests.insight.audiences.world import make_world


def tiles(access: Any) -> dict[str, dict[str, Any]]:
    browser = Client()
    browser.force_login(access.user, backend="admin_center.members.backends.NameOrEmailBackend")
    found = browser.get(f"/w/{access.workspace.slug}/").context["tiles"]
    return {str(tile["label"]): tile for tile in found}


def test_datasets_are_counted_by_kind_with_the_pages_of_each(db: None) -> None:
    world = make_world()
    rows = Dataset.objects.in_workspace(world.workspace)
    for kind in set(Dataset.Kind.values) - set(rows.values_list("kind", flat=True)):
        Dataset.objects.create(workspace=world.workspace, name=kind, kind=kind, public=True)
    tile = tiles(world.access)["Datasets"]
    assert tile["count"] == rows.count() == sum(part.count for part in tile["parts"])
    base = f"/w/{world.workspace.slug}"
    assert {part.key: part.url for part in tile["parts"]} == {
        "user_tags": f"{base}/analysis/",
        "behaviour": f"{base}/behaviour/funnel/",
        "rfm": f"{base}/rfm/",
        "aipl": f"{base}/aipl/users/",
        "item_tags": f"{base}/datasets/?kind=item_tags",
        "custom_tags": f"{base}/tags/",
    }
    ways = [way["url"] for way in tile["shortcuts"]]
    assert ways == [f"{base}/datasets/new/", f"{base}/datasets/rfm/new/", f"{base}/aipl/new/"]


def test_kinds_whose_page_is_closed_to_somebody_lead_to_the_list(db: None) -> None:
    world = make_world()
    points = ["insight.dataset.view", "workspace.view"]
    Role.objects.create(workspace=world.workspace, code="keeper", permissions=points)
    parts = tiles(make_access(world.workspace, "keeper"))["Datasets"]["parts"]
    assert [part.url for part in parts] == [f"/w/{world.workspace.slug}/datasets/?kind=user_tags"]


def test_people_see_counts_of_what_they_may_see(db: None) -> None:
    world = make_world()
    Dataset.objects.in_workspace(world.workspace).update(public=False)
    analyst = make_access(world.workspace, "analyst")
    tile = tiles(analyst)["Datasets"]
    assert (tile["count"], list(tile["parts"]), tile["shortcuts"]) == (0, [], [])


def test_campaigns_have_a_tile_for_those_who_make_and_those_who_see_them(db: None) -> None:
    access = make_access()
    days = {"starts": "2026-03-01", "ends": "2026-03-10"}
    campaigns.create(access, {"name": "Spring", "code": "s", **days})
    tile = tiles(access)["Campaigns"]
    assert tile["count"] == 1 and tile["shortcuts"][0]["url"].endswith("/campaigns/new/")
    Role.objects.create(workspace=access.workspace, code="planner", permissions=["campaign.create"])
    assert "Campaigns" in tiles(make_access(access.workspace, "planner"))
    assert "Campaigns" not in tiles(make_access(access.workspace, "developer"))


def test_queries_do_not_grow_with_the_number_of_kinds(db: None) -> None:
    access = make_access()
    tiles(access)
    cache.clear()
    with CaptureQueriesContext(connection) as empty:
        tiles(access)
    make_world(access)
    cache.clear()
    with CaptureQueriesContext(connection) as full:
        tiles(access)
    assert len(full) <= len(empty)


def test_send_outs_lead_to_those_of_their_channel(db: None) -> None:
    access = make_access()
    base = f"/w/{access.workspace.slug}/send-outs/"
    found = {tile["key"]: tile["url"] for tile in home.tiles(access)}
    for channel in ("email", "sms", "push", "custom"):
        assert found[f"send_outs_{channel}"] == f"{base}?channel={channel}"


def test_counts_are_kept_for_a_minute_until_something_is_made_or_deleted(db: None) -> None:
    access = make_access()
    counted = {tile["key"]: tile["count"] for tile in home.tiles(access)}
    with CaptureQueriesContext(connection) as again:
        home.tiles(access)
    assert not [query for query in again if "campaign" in query["sql"]]
    days = {"starts": "2026-03-01", "ends": "2026-03-10"}
    made = campaigns.create(access, {"name": "Spring", "code": "s", **days})
    assert {tile["key"]: tile["count"] for tile in home.tiles(access)} == {**counted, "campaigns": 1}
    campaigns.delete(access, made)
    assert {tile["key"]: tile["count"] for tile in home.tiles(access)} == counted


def test_nobody_gets_the_counts_of_somebody_with_other_rights(db: None) -> None:
    world = make_world()
    Dataset.objects.in_workspace(world.workspace).update(public=False)
    assert tiles(world.access)["Datasets"]["count"] == 1
    narrow = make_token(world.access, "insight.audience")
    answer = Client().get(
        f"/api/v1/workspaces/{world.workspace.slug}/home/", headers={"Authorization": f"Bearer {narrow}"}
    )
    assert "datasets" not in {row["key"] for row in answer.json()["counts"]}


def test_the_api_tells_counts_and_what_is_used_most(db: None) -> None:
    world = make_world()
    base = f"/w/{world.workspace.slug}"
    visits.note_visit(world.access, "datasets:list")
    answer = (
        Client()
        .get(
            f"/api/v1/workspaces/{world.workspace.slug}/home/",
            headers={"Authorization": f"Bearer {make_token(world.access)}"},
        )
        .json()
    )
    assert answer["used"] == [{"label": "Datasets", "url": f"{base}/datasets/"}]
    assert {"label": "Analyse people", "url": "/help/user-guide/analysis/"} in answer["help"]
    datasets = next(row for row in answer["counts"] if row["key"] == "datasets")
    assert (datasets["label"], datasets["count"], datasets["url"]) == ("Datasets", 1, f"{base}/datasets/")
    user_tags = {"key": "user_tags", "label": "User tags", "count": 1, "url": f"{base}/analysis/"}
    assert datasets["parts"] == [user_tags]
    assert {"label": "New dataset", "url": f"{base}/datasets/new/"} in datasets["make"]


def test_help_topics_are_pages_that_there_are(db: None) -> None:
    access = make_access()
    browser = Client()
    browser.force_login(access.user, backend="admin_center.members.backends.NameOrEmailBackend")
    page = browser.get(f"/w/{access.workspace.slug}/").content.decode()
    for topic in help_pages.topics():
        assert (help_pages.DOCS / f"{topic['name']}.md").is_file()
        assert reverse("help-page", args=[topic["name"]]) in page and str(topic["title"]) in page


def test_the_pages_used_most_are_those_of_the_last_thirty_days(db: None) -> None:
    access = make_access()
    today = timezones.today(access.workspace)

    def seen(url_name: str, ago: int, times: int) -> None:
        place = {"user": access.user, "workspace": access.workspace, "day": today - timedelta(days=ago)}
        PageVisit.objects.create(**place, url_name=url_name, visits=times)

    seen("datasets:list", 30, 100)
    seen("audiences:list", 29, 2)
    seen("audiences:list", 0, 1)
    seen("tags:list", 3, 2)
    assert [row["label"] for row in visits.most_used(access)] == ["Audiences", "Tags"]


def test_pages_that_are_closed_to_somebody_take_no_place_of_others(db: None) -> None:
    access = make_access(None, "analyst")
    today = timezones.today(access.workspace)
    hidden = [item.url_name for item in navigation.items() if not item.visible(access)]
    assert len(hidden) > visits.MOST_USED
    for url_name in [*hidden, "audiences:list"]:
        times = 1 if url_name == "audiences:list" else 9
        PageVisit.objects.create(
            user=access.user, workspace=access.workspace, day=today, url_name=url_name, visits=times
        )
    assert [row["label"] for row in visits.most_used(access)] == ["Audiences"]


def test_old_visits_are_forgotten(db: None) -> None:
    access = make_access()
    for ago in (visits.KEPT_DAYS + 2, 1):
        day = timezones.today(access.workspace) - timedelta(days=ago)
        PageVisit.objects.create(user=access.user, workspace=access.workspace, day=day, url_name="tags:list")
    assert forget_visits() == 1 and PageVisit.objects.count() == 1


def test_the_latest_three_release_notes_are_offered(
    db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "releases").mkdir()
    for name in ("0.2", "0.9", "0.10", "0.11"):
        (tmp_path / "releases" / f"{name}.md").write_text(f"# {name} of a day\n\nNews.\n")
    monkeypatch.setattr(help_pages, "DOCS", tmp_path)
    access = make_access()
    browser = Client()
    browser.force_login(access.user, backend="admin_center.members.backends.NameOrEmailBackend")
    page = browser.get(f"/w/{access.workspace.slug}/").content.decode()
    places = [page.index(f"{name} of a day") for name in ("0.11", "0.10", "0.9")]
    assert places == sorted(places) and "0.2 of a day" not in page
    answer = Client().get(
        f"/api/v1/workspaces/{access.workspace.slug}/home/",
        headers={"Authorization": f"Bearer {make_token(access)}"},
    )
    assert [row["label"] for row in answer.json()["releases"]] == [
        "0.11 of a day",
        "0.10 of a day",
        "0.9 of a day",
    ]


def test_the_workspaces_of_a_person_are_offered_and_one_is_entered(db: None) -> None:
    access = make_access()
    other = make_workspace(access.workspace.organization, name="Second shop")
    closed = make_workspace(access.workspace.organization, name="Of others")
    add_member(other, access.user, ["analyst"])
    browser = Client()
    browser.force_login(access.user, backend="admin_center.members.backends.NameOrEmailBackend")
    page = browser.get(f"/w/{access.workspace.slug}/").content.decode()
    assert f'href="/w/{other.slug}/"' in page and f'href="/w/{closed.slug}/"' not in page
    assert browser.get(f"/w/{other.slug}/").context["workspace"] == other
    assert browser.get(f"/w/{closed.slug}/").status_code == 404
