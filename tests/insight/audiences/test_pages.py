"""Console pages of audiences: they open, show what is there, and their buttons call the services."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from insight.audiences import refreshing, services, snapshots
from insight.audiences.models import Audience, AudienceVersion, Folder
from tests.factories import make_access
from tests.insight.audiences.world import World

Computed = Callable[..., Audience]
RunJobs = Callable[..., list[Any]]


class Browser:
    """The console as one member sees it."""

    def __init__(self, access: Any) -> None:
        self.client = Client()
        self.client.force_login(access.user, backend="admin_center.members.backends.NameOrEmailBackend")
        self.base = f"/w/{access.workspace.slug}/audiences/"

    def get(self, path: str = "", **query: Any) -> Any:
        return self.client.get(self.base + path, query)

    def post(self, path: str = "", **data: Any) -> Any:
        return self.client.post(self.base + path, data)


@pytest.fixture
def console(world: World) -> Browser:
    return Browser(world.access)


def test_the_list_names_audiences_with_state_and_size(console: Browser, computed: Computed) -> None:
    audience = computed(refresh={"every": "day", "at": "04:00"})
    page = console.get().content.decode()
    assert audience.name in page and "Ready" in page and "Every day at 04:00" in page


def test_the_public_tab_shows_what_others_have_made_public(world: World, computed: Computed) -> None:
    audience = computed(public=True)
    other = Browser(make_access(world.workspace, "analyst"))
    assert audience.name not in other.get().content.decode()
    assert audience.name in other.get(tab="public").content.decode()


def test_a_page_of_many_audiences_costs_no_more_queries(
    console: Browser, world: World, django_assert_max_num_queries: Any
) -> None:
    for number in range(12):
        services.create(world.access, {"name": f"A {number}", "rule": world.women}, compute=False)
    with django_assert_max_num_queries(25):
        console.get()


def test_the_detail_page_tells_the_rule_in_words_its_ids_and_its_freshness(
    console: Browser, computed: Computed, world: World
) -> None:
    audience = computed()
    page = console.get(f"{audience.pk}/").content.decode()
    assert "Gender" in page and "Mobile number" in page and world.members.name in page
    members = console.get(f"{audience.pk}/members/").content.decode()
    assert "13800000002" in members


def test_a_failed_refresh_is_explained_on_the_page(
    console: Browser, computed: Computed, world: World, run_jobs: RunJobs
) -> None:
    audience = computed()
    world.members.fields.filter(column="gender").update(deleted=True)
    refreshing.refresh(world.access, audience)
    run_jobs(allow_failure=True)
    page = console.get(f"{audience.pk}/").content.decode()
    assert "The last refresh failed" in page and "still those of the version before" in page


def test_the_refresh_button_archives_where_asked(
    console: Browser, computed: Computed, run_jobs: RunJobs
) -> None:
    audience = computed()
    assert console.post(f"{audience.pk}/refresh/", snapshot="archive").status_code == 302
    run_jobs()
    assert audience.versions.get(is_snapshot=True).number == 1
    assert (
        console.get(f"{audience.pk}/snapshots/{audience.versions.get(number=1).pk}/export/").status_code
        == 200
    )


def test_refresh_settings_are_kept_and_hourly_ones_refused_for_behaviour(
    console: Browser, computed: Computed, world: World
) -> None:
    audience = computed(world.bought(), save_ids=[])
    fine = console.post(f"{audience.pk}/settings/", every="day", at="05:30", auto_snapshot="on")
    assert fine.status_code == 302
    audience.refresh_from_db()
    assert audience.refresh == {"every": "day", "at": "05:30", "snapshot": False} and audience.auto_snapshot
    refused = console.post(f"{audience.pk}/settings/", every="hour", hours="2", minute="0")
    assert refused.status_code == 422 and "user-tag datasets" in refused.content.decode()
    audience.refresh_from_db()
    assert audience.refresh["every"] == "day"


def test_ticked_audiences_that_keep_snapshots_anyway_are_refreshed_at_once(
    console: Browser, computed: Computed, run_jobs: RunJobs
) -> None:
    rows = [computed(auto_snapshot=True), computed(name="Second", auto_snapshot=True)]
    console.post(action="refresh", row=[row.pk for row in rows])
    assert len(run_jobs()) == 2
    assert all(row.versions.filter(is_snapshot=True).count() == 1 for row in rows)


@pytest.mark.parametrize(("answer", "kept"), [("archive", 1), ("plain", 0)])
def test_where_one_keeps_no_snapshot_it_is_asked_and_the_answer_counts_for_all(
    console: Browser, computed: Computed, run_jobs: RunJobs, answer: str, kept: int
) -> None:
    rows = [computed(auto_snapshot=True), computed(name="Second")]
    asked = console.post(action="refresh", row=[row.pk for row in rows])
    assert run_jobs() == [] and "/refresh/?" in asked["Location"]
    assert "Archive and refresh" in console.client.get(asked["Location"]).content.decode()
    console.client.post(asked["Location"], {"snapshot": answer})
    assert len(run_jobs()) == 2
    assert [row.versions.filter(is_snapshot=True).count() for row in rows] == [kept, kept]


def test_an_audience_that_cannot_be_refreshed_says_so_and_the_others_are(
    console: Browser, world: World, computed: Computed, run_jobs: RunJobs
) -> None:
    draft = services.create(world.access, {"name": "Idea", "rule": world.women, "draft": True})
    audience = computed()
    query = f"?row={draft.pk}&row={audience.pk}"
    page = console.client.post(f"{console.base}refresh/{query}", {"snapshot": "plain"}, follow=True)
    assert "1 refresh started." in page.content.decode() and "This is a draft" in page.content.decode()
    assert len(run_jobs()) == 1


def test_hours_are_offered_only_where_all_conditions_are_tags_of_people(
    console: Browser, computed: Computed, world: World
) -> None:
    of_tags, of_behaviour = computed(), computed(world.bought(), name="Buyers", save_ids=[])
    assert 'value="hour"' in console.get(f"{of_tags.pk}/settings/").content.decode()
    assert 'value="hour"' not in console.get(f"{of_behaviour.pk}/settings/").content.decode()


@pytest.mark.parametrize("page", ["details", "settings"])
def test_an_edit_of_what_has_changed_meanwhile_is_refused(
    console: Browser, computed: Computed, page: str
) -> None:
    audience = computed()
    opened = audience.edit_version
    fields = {"name": "First", "every": ""}
    assert console.post(f"{audience.pk}/{page}/", edit_version=opened, **fields).status_code == 302
    late = console.post(f"{audience.pk}/{page}/", edit_version=opened, **{**fields, "name": "Second"})
    assert late.status_code == 422 and "Load the audience again" in late.content.decode()
    audience.refresh_from_db()
    assert audience.name != "Second"


def test_ticked_audiences_are_moved_into_the_chosen_folder(
    console: Browser, computed: Computed, world: World
) -> None:
    audience = computed()
    console.post("folders/new/", name="Spring")
    folder = Folder.objects.get(workspace=world.workspace)
    asked = console.post(action="move", row=[audience.pk])
    assert asked.status_code == 302 and "/move/" in asked["Location"]
    console.client.post(asked["Location"], {"folder": folder.pk})
    audience.refresh_from_db()
    assert audience.folder == folder
    assert audience.name in console.get(folder=folder.pk).content.decode()


def test_deleting_asks_first_and_refuses_what_is_needed(console: Browser, computed: Computed) -> None:
    first = computed()
    computed({"kind": "audience", "audience": first.pk}, name="Second", save_ids=[])
    assert "Second" in console.get(f"{first.pk}/delete/").content.decode()
    assert console.post(f"{first.pk}/delete/").status_code == 409
    assert Audience.objects.filter(pk=first.pk).exists()


def test_a_copy_opens_with_a_free_name(console: Browser, computed: Computed, run_jobs: RunJobs) -> None:
    audience = computed()
    assert "Women (copy)" in console.get(f"{audience.pk}/copy/").content.decode()
    console.post(f"{audience.pk}/copy/", name="Women (copy)", folder="", remark="")
    run_jobs()
    assert Audience.objects.get(name="Women (copy)").count == 4


def builder_data(page: Any) -> dict[str, Any]:
    text = (
        page.content.decode()
        .split('id="rule-builder-data" type="application/json">')[1]
        .split("</script>")[0]
    )
    found: dict[str, Any] = json.loads(text)
    return found


def test_the_builder_opens_with_the_rule_of_the_audience_or_of_the_address(
    console: Browser, computed: Computed, world: World
) -> None:
    audience = computed()
    assert builder_data(console.get(f"{audience.pk}/edit/"))["rule"] == audience.rule
    fresh = builder_data(console.get("new/", rule=json.dumps(world.women)))
    assert fresh["rule"] == world.women and fresh["prefilled"]
    assert [row["name"] for row in fresh["datasets"]] == ["Members"]


def test_the_builder_offers_tags_and_searched_values(console: Browser, world: World) -> None:
    fields = console.get(f"builder/fields/{world.members.pk}/").json()
    assert {tag["column"]: tag["type"] for tag in fields["tags"]}["interests"] == "multi"
    values = console.get(f"builder/values/{world.members.pk}/city/", search="SHANG").json()["results"]
    assert [row["value"] for row in values] == ["Shanghai", "Shanghai Pudong"]
    objects = console.get(f"builder/values/{world.orders.pk}/object/", object="category").json()["results"]
    assert objects == [{"value": "coats", "count": 3}, {"value": "shoes", "count": 2}]


def test_pages_of_other_workspaces_and_private_audiences_are_not_found(
    world: World, computed: Computed
) -> None:
    audience = computed()
    stranger, colleague = Browser(make_access()), Browser(make_access(world.workspace, "analyst"))
    for path in ("", "edit/", "members/", "settings/", "copy/", "delete/", "export/"):
        assert stranger.get(f"{audience.pk}/{path}").status_code == 404
        assert colleague.get(f"{audience.pk}/{path}").status_code == 404
    assert stranger.get(f"builder/fields/{world.members.pk}/").status_code == 404


def test_perspective_opens_on_the_default_dataset(world: World) -> None:
    console = Browser(world.access)
    console.base = f"/w/{world.workspace.slug}/analysis/"
    page = console.get().content.decode()
    assert "Interests" in page and "Spend" not in page


def test_snapshots_of_old_versions_are_found_on_later_pages_and_deleted(
    console: Browser, world: World, computed: Computed
) -> None:
    audience = computed()
    first = snapshots.take(world.access, audience)
    for number in range(2, 33):
        AudienceVersion.objects.create(
            workspace=world.workspace, audience=audience, number=number, table_name=f"v{number}", count=number
        )
    delete = f"snapshots/{first.pk}/delete/"
    assert delete not in console.get(f"{audience.pk}/").content.decode()
    assert "Page 1 of 2" in console.get(f"{audience.pk}/").content.decode()
    assert delete in console.get(f"{audience.pk}/versions/", page=2).content.decode()
    kept = console.get(f"{audience.pk}/versions/", kept=1).content.decode()
    assert delete in kept and "Page" not in kept
    assert console.post(f"{audience.pk}/{delete}").url.endswith("#versions")
    assert not audience.versions.filter(is_snapshot=True).exists()
