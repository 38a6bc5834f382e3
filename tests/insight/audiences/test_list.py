"""The audience list: its icons, cards, filters and columns."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from admin_center.organizations.settings import update_settings
from cdp.jobs.models import Job
from insight.audiences import combining, fixed, queries, refreshing, services, snapshots
from insight.audiences.folders import folders
from insight.audiences.models import Audience
from insight.campaigns import services as campaigns
from tests.factories import make_access
from tests.insight.audiences.test_audience_api import Client
from tests.insight.audiences.test_outside import from_table, lake_table, upload
from tests.insight.audiences.test_pages import Browser
from tests.insight.audiences.world import World

Computed = Callable[..., Audience]


@pytest.fixture
def console(world: World) -> Browser:
    return Browser(world.access)


def text(page: Any) -> str:
    return str(page.content.decode())


def test_an_audience_is_new_for_a_day(console: Browser, computed: Computed) -> None:
    audience = computed()
    assert "Made within the last 24 hours" in text(console.get())
    Audience.objects.filter(pk=audience.pk).update(created_at=timezone.now() - timedelta(hours=25))
    assert "Made within the last 24 hours" not in text(console.get())


def test_snapshots_open_beside_the_name(console: Browser, world: World, computed: Computed) -> None:
    audience = computed()
    assert "card/snapshots/" not in text(console.get())
    kept = snapshots.take(world.access, audience)
    assert f"{audience.pk}/card/snapshots/" in text(console.get())
    card = text(console.get(f"{audience.pk}/card/snapshots/"))
    assert kept.snapshot_name in card and f"snapshots/{kept.pk}/export/" in card


def test_several_campaigns_are_named_on_hover(console: Browser, world: World, computed: Computed) -> None:
    year = {"starts": "2026-01-01", "ends": "2026-12-31"}
    theme = campaigns.create(world.access, {"name": "Year", "code": "y", "is_main": True, **year})
    made = [
        campaigns.create(world.access, {"name": name, "code": name, "parent": theme.pk, **year})
        for name in ("Spring", "Autumn")
    ]
    computed(campaigns=[made[0].pk])
    assert "several campaigns" not in text(console.get())
    computed(name="Both", campaigns=[row.pk for row in made])
    assert "Belongs to several campaigns: Autumn, Spring" in text(console.get())


def test_the_source_of_a_selection_is_its_conditions(console: Browser, computed: Computed) -> None:
    card = text(console.get(f"{computed().pk}/card/source/"))
    assert "Gender" in card and "Members" in card


def test_the_source_of_a_set_operation_are_its_audiences(
    console: Browser, world: World, computed: Computed
) -> None:
    rows = [computed(), computed(name="Others")]
    inputs = [{"audience": row.pk} for row in rows]
    both = combining.create(world.access, {"name": "Both", "inputs": inputs, "operators": ["union"]})
    card = text(console.get(f"{both.pk}/card/source/"))
    assert "Set operation" in card and "Women" in card and "Others" in card


def test_those_that_wait_say_which_place_they_have(
    console: Browser, world: World, computed: Computed
) -> None:
    rows = [computed(), computed(name="Second")]
    for row in rows:
        refreshing.request(None, row, snapshot=False, periodic=True)
    update_settings(world.workspace, {"update_concurrency": 1})
    page = text(console.get())
    assert "Waiting: number 1" in page and "Waiting: number 2" in page
    Job.objects.filter(subject_id=rows[0].pk, status="queued").update(status="running")
    page = text(console.get())
    assert "Waiting: number 1" in page and "Waiting: number 2" not in page


def test_a_failed_refresh_has_its_reason_on_hover(console: Browser, computed: Computed) -> None:
    audience = computed()
    Audience.objects.filter(pk=audience.pk).update(state="failed", reason="The table is gone.")
    assert 'title="The table is gone."' in text(console.get())


def test_a_draft_is_named_one(console: Browser, world: World) -> None:
    services.create(world.access, {"name": "Idea", "rule": world.women, "draft": True})
    assert "Draft" in text(console.get()) and "Idea" in text(console.get(state="unfinished"))
    assert "Idea" not in text(console.get(state="draft"))


def test_administrators_filter_by_owner(console: Browser, world: World, computed: Computed) -> None:
    mine, other = computed(), make_access(world.workspace, "analyst")
    theirs = services.create(other, {"name": "Theirs", "rule": world.women})
    page = text(console.get(owner=other.user.pk))
    assert theirs.name in page and f"/{mine.pk}/" not in page


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"origin": "selection"}, True),
        ({"origin": "upload"}, False),
        ({"id_type": "mobile"}, True),
        ({"id_type": "email"}, False),
        ({"periodic": "yes"}, False),
        ({"state": "succeeded"}, True),
        ({"changed": "1"}, True),
        ({"changed": "older"}, False),
    ],
)
def test_filters(console: Browser, computed: Computed, query: dict[str, str], found: bool) -> None:
    assert (f"/{computed().pk}/" in text(console.get(**query))) is found


def test_the_list_is_narrowed_to_a_campaign_and_those_below_it(
    console: Browser, world: World, computed: Computed
) -> None:
    year = {"starts": "2026-01-01", "ends": "2026-12-31"}
    theme = campaigns.create(world.access, {"name": "Year", "code": "y", "is_main": True, **year})
    spring = campaigns.create(world.access, {"name": "Spring", "code": "s", "parent": theme.pk, **year})
    inside, outside = computed(name="Inside", campaigns=[spring.pk]), computed(name="Outside")
    for key in (theme.pk, spring.pk):
        page = text(console.get(campaign=key))
        assert f"/{inside.pk}/" in page and f"/{outside.pk}/" not in page
        found = Client(world.access).get(f"audiences/?campaign={key}").json()["results"]
        assert [row["id"] for row in found] == [inside.pk]
    assert Client(world.access).get("audiences/?campaign=cmp_none").json()["count"] == 0


def test_the_list_is_narrowed_to_a_data_source_where_there_are_several(
    console: Browser, world: World, computed: Computed
) -> None:
    here, elsewhere = computed(name="Here"), computed(name="Elsewhere")
    assert 'name="source"' not in text(console.get())
    Audience.objects.filter(pk=elsewhere.pk).update(source="src_gone")
    page = text(console.get(source="src_gone", columns=["", "source"]))
    assert f"/{elsewhere.pk}/" in page and f"/{here.pk}/" not in page
    found = Client(world.access).get("audiences/?source=lake").json()["results"]
    assert [row["id"] for row in found] == [here.pk]


def test_the_api_narrows_audiences_to_when_they_were_changed(world: World, computed: Computed) -> None:
    old, new = computed(name="Old"), computed(name="New")
    Audience.objects.filter(pk=old.pk).update(updated_at=timezone.now() - timedelta(days=40))
    moment = (timezone.now() - timedelta(days=30)).strftime("%Y-%m-%dT%H:%M:%SZ")
    client = Client(world.access)
    for name, wanted in (("updated_since", new), ("updated_before", old)):
        found = client.get(f"audiences/?{name}={moment}").json()["results"]
        assert [row["id"] for row in found] == [wanted.pk]


def test_chosen_columns_are_kept_for_the_next_visit(console: Browser, computed: Computed) -> None:
    computed()
    assert "OneID 4" not in text(console.get())
    assert "OneID 4, Mobile number 3" in text(console.get(columns=["", "ids"]))
    page = text(console.get())
    assert "OneID 4" in page and "sort=owner__username" not in page


def test_a_search_finds_audiences_inside_folders(console: Browser, world: World, computed: Computed) -> None:
    console.post("folders/new/", name="Spring")
    from insight.audiences.models import Folder

    folder = Folder.objects.get(workspace=world.workspace)
    console.client.post(f"{console.base}folders/new/", {"name": "May", "parent": folder.pk})
    inner = Folder.objects.get(name="May")
    audience = computed(folder=inner.pk)
    assert f"/{audience.pk}/" in text(console.get(q="Wom", folder=folder.pk))


def test_the_menu_of_a_row_offers_what_the_person_may_do(
    console: Browser, world: World, computed: Computed
) -> None:
    audience = computed(public=True)
    own = text(console.get(f"{audience.pk}/card/menu/"))
    assert all(word in own for word in ("Edit", "Refresh settings", "Copy", "Download CSV", "Delete"))
    other = text(Browser(make_access(world.workspace, "analyst")).get(f"{audience.pk}/card/menu/"))
    assert "Copy" in other and not any(word in other for word in ("Edit", "Download CSV", "Delete"))


def test_cards_of_private_audiences_are_not_there_for_others(world: World, computed: Computed) -> None:
    other = Browser(make_access(world.workspace, "analyst"))
    audience = computed()
    assert all(
        other.get(f"{audience.pk}/card/{card}/").status_code == 404
        for card in ("source", "snapshots", "menu")
    )


def test_the_menu_of_a_row_refreshes_as_the_audience_is_set(
    console: Browser, world: World, computed: Computed, run_jobs: Callable[..., Any]
) -> None:
    keeps, asks = computed(auto_snapshot=True), computed(name="Asks")
    menu = text(console.get(f"{keeps.pk}/card/menu/"))
    assert 'name="action" value="refresh"' in menu and f'name="row" value="{keeps.pk}"' in menu
    assert not console.post(action="refresh", row=[keeps.pk]).url.startswith(f"{console.base}refresh/")
    run_jobs()
    assert keeps.versions.get(is_snapshot=True).snapshot_auto
    asked = console.post(action="refresh", row=[asks.pk])
    assert asked.url == f"{console.base}refresh/?row={asks.pk}" and not asks.versions.filter(number=2)


def test_refreshing_several_without_an_answer_goes_by_the_setting_of_each(
    console: Browser, computed: Computed, run_jobs: Callable[..., Any]
) -> None:
    keeps, plain = computed(auto_snapshot=True), computed(name="Plain")
    console.post(f"refresh/?row={keeps.pk}&row={plain.pk}")
    run_jobs()
    kept = {row.pk: row.versions.filter(is_snapshot=True).count() for row in (keeps, plain)}
    assert kept == {keeps.pk: 1, plain.pk: 0}


def test_the_source_of_what_was_kept_from_an_analysis_is_the_analysis(
    console: Browser, world: World, computed: Computed
) -> None:
    version = queries.latest_version(computed())
    assert version is not None
    people = queries.members(version).select("user_unique_id")
    words = "Funnel of Orders: reached visit and no further (from 2026-01-01 to 2026-01-31)"
    kept = fixed.keep(world.access, world.members, people, words, {"name": "Kept"})
    card = text(console.get(f"{kept.pk}/card/source/"))
    assert words in card and world.members.name in card and "they do not change" in card


def test_the_source_of_files_and_tables_is_named(
    console: Browser, world: World, run_jobs: Callable[..., Any]
) -> None:
    lake_table(world, "ids", "SELECT unnest(['a', 'b']) AS user_unique_id")
    file, table = upload(world), from_table(world)
    run_jobs()
    assert "ids.csv" in text(console.get(f"{file.pk}/card/source/"))
    assert "Everybody in the table ids" in text(console.get(f"{table.pk}/card/source/"))


def test_states_and_sizes_follow_the_work(
    console: Browser, world: World, computed: Computed, run_jobs: Callable[..., Any]
) -> None:
    audience = computed()
    assert "audiences/states/" not in text(console.get())
    refreshing.request(world.access, audience, snapshot=False)
    watched = f"audiences/states/?row={audience.pk}"
    assert watched in text(console.get())
    waiting = text(console.get("states/", row=[audience.pk]))
    assert "Waiting" in waiting and watched in waiting
    run_jobs()
    ready = text(console.get("states/", row=[audience.pk]))
    assert "Ready" in ready and f'id="people-{audience.pk}"' in ready and watched not in ready


def test_states_of_private_audiences_are_told_to_nobody_else(world: World, computed: Computed) -> None:
    audience = computed()
    other = Browser(make_access(world.workspace, "analyst"))
    assert audience.pk not in text(other.get("states/", row=[audience.pk]))


def test_saving_leads_to_the_list_of_the_folder(console: Browser, world: World, computed: Computed) -> None:
    folder = folders.create(world.access, "Spring")
    audience = services.create(world.access, {"name": "New", "rule": world.women, "folder": folder.pk})
    answer = console.get(f"{audience.pk}/saved/")
    assert answer.url == f"{console.base}?folder={folder.pk}"
    assert "“New” was saved" in text(console.client.get(answer.url))
    assert not queries.usable_audiences(world.access).filter(pk=audience.pk).exists()
