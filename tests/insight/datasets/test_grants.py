"""Letting others use or manage a dataset, all of it or some of its rows."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from admin_center.members.leaving import leave_workspace
from admin_center.permissions import groups
from admin_center.permissions.models import Role
from cdp.core.errors import PermissionDenied, ValidationFailed
from insight.audiences import queries as audience_queries
from insight.audiences import services as audiences
from insight.datasets import granting, rights
from insight.datasets.models import Dataset
from tests.factories import make_access, make_token
from tests.insight.audiences.world import World as People
from tests.insight.audiences.world import make_world
from tests.insight.datasets.world import World

SHANGHAI = {"city": ["Shanghai"]}
"""u1 and u7 live there; u2, u3, u6 and u8 are women."""


@pytest.fixture
def people(run_jobs: Any) -> People:
    """A workspace whose members dataset is shared by grants only."""
    world = make_world()
    close(world.members)
    return world


def close(dataset: Dataset, *columns: str) -> None:
    dataset.public, dataset.row_columns = False, list(columns)
    dataset.save()


def grant(world: Any, dataset: Dataset, access: Any, right: str = "use", **more: Any) -> Any:
    return granting.grant(world.access, dataset, {"user": access.user.username, "right": right, **more})


def api(access: Any) -> Any:
    from rest_framework.test import APIClient

    client = APIClient(HTTP_AUTHORIZATION=f"Bearer {make_token(access)}")
    base = f"/api/v1/workspaces/{access.workspace.slug}/"

    def call(method: str, path: str, data: Any = None) -> Any:
        more = {"format": "json"} if method != "get" else {}
        return getattr(client, method)(base + path, data, **more)

    return call


def everybody(people: People) -> dict[str, Any]:
    return {
        "kind": "tag",
        "dataset": people.members.pk,
        "tag": "gender",
        "operator": "not_empty",
    }


def preview(access: Any, rule: Any) -> Any:
    return api(access)("post", "audiences/preview/", {"rule": rule})


def test_without_a_grant_a_dataset_is_not_there(people: People) -> None:
    analyst = make_access(people.workspace, "analyst")
    call, key = api(analyst), people.members.pk
    assert call("get", "datasets/").json()["count"] == 0
    assert call("get", f"datasets/{key}/").status_code == 404
    assert call("get", f"datasets/{key}/values/?tag=gender").status_code == 404
    assert preview(analyst, people.women).status_code == 400
    charts = call("post", "analysis/perspective/", {"dataset": key, "tags": ["gender"]})
    assert charts.status_code == 404
    assert call("post", "audiences/", {"name": "A", "rule": people.women}).status_code == 400
    assert call("get", "datasets/").json()["results"] == []


@pytest.mark.parametrize("by", ["person", "role", "group", "public"])
def test_a_grant_opens_a_dataset_for_use_and_not_for_change(people: People, by: str) -> None:
    analyst = make_access(people.workspace, "analyst")
    if by == "person":
        grant(people, people.members, analyst)
    elif by == "role":
        granting.grant(people.access, people.members, {"role": "analyst"})
    elif by == "group":
        team = groups.create(people.access, "Team", [analyst.member.pk])
        granting.grant(people.access, people.members, {"group": team.pk})
    else:
        granting.share(people.access, people.members, public=True, row_columns=[])
    call, key = api(analyst), people.members.pk
    assert call("get", f"datasets/{key}/").json()["users"] == 8
    assert preview(analyst, people.women).json()["count"] == 4
    for method, path, data in (
        ("patch", f"datasets/{key}/", {"name": "Mine"}),
        ("delete", f"datasets/{key}/", None),
        ("post", f"datasets/{key}/default/", None),
        ("get", f"datasets/{key}/grants/", None),
        ("get", f"datasets/{key}/sharing/", None),
        ("patch", f"datasets/{key}/sharing/", {"public": True}),
        ("post", f"datasets/{key}/grants/", {"role": "analyst"}),
    ):
        assert call(method, path, data).status_code == 403, path


def test_a_grant_for_a_group_follows_who_is_in_it(people: People) -> None:
    """Rows of the group's grant alone are seen, by those who are in it now."""
    close(people.members, "city")
    one, two = make_access(people.workspace, "analyst"), make_access(people.workspace, "analyst")
    team = groups.create(people.access, "Team", [one.member.pk])
    granted = api(people.access)(
        "post", f"datasets/{people.members.pk}/grants/", {"group": team.pk, "rows": SHANGHAI}
    )
    assert granted.status_code == 201 and granted.json()["group"] == team.pk
    assert preview(one, everybody(people)).json()["count"] == 2
    assert not rights.visible(two).exists()
    groups.change(people.access, team, members=[two.member.pk])
    assert not rights.visible(one).exists()
    assert preview(two, everybody(people)).json()["count"] == 2
    again = api(people.access)(
        "post", f"datasets/{people.members.pk}/grants/", {"group": team.pk, "rows": SHANGHAI}
    )
    assert again.status_code == 400 and set(again.json()["errors"]) == {"group"}
    groups.change(people.access, team, members=[])
    groups.delete(people.access, team)
    assert not people.members.grants.exists()


@pytest.mark.parametrize(
    "both", [{}, {"role": "analyst", "group": "ugr_0"}, {"group": "ugr_0000000000000000"}]
)
def test_a_grant_is_for_one_who_is_there(people: People, both: dict[str, str]) -> None:
    answer = api(people.access)("post", f"datasets/{people.members.pk}/grants/", both)
    assert answer.status_code == 400 and not people.members.grants.exists()


def test_a_grant_ends_with_its_time(people: People) -> None:
    analyst = make_access(people.workspace, "analyst")
    row = grant(people, people.members, analyst, expires_at=timezone.now() + timedelta(days=1))
    assert preview(analyst, people.women).status_code == 200
    row.expires_at = timezone.now() - timedelta(seconds=1)
    row.save()
    assert preview(analyst, people.women).status_code == 400
    assert not rights.visible(analyst).exists()


def test_a_grant_that_is_taken_back_stops_at_once(people: People) -> None:
    analyst = make_access(people.workspace, "analyst")
    row = grant(people, people.members, analyst)
    call = api(people.access)
    assert call("get", f"datasets/{people.members.pk}/grants/").json()["count"] == 1
    assert call("delete", f"datasets/{people.members.pk}/grants/{row.pk}/").status_code == 204
    assert not rights.visible(analyst).exists()


def test_who_leaves_the_workspace_loses_their_grants(people: People) -> None:
    analyst, other = make_access(people.workspace, "analyst"), make_access(people.workspace, "analyst")
    grant(people, people.members, analyst)
    grant(people, people.members, other)
    leave_workspace(analyst.member, None, access=people.access)
    assert [row.user for row in people.members.grants.all()] == [other.user]


def test_holders_of_a_manage_grant_change_and_share(world: World) -> None:
    dataset = world.dataset()
    analyst, other = make_access(world.workspace, "analyst"), make_access(world.workspace, "analyst")
    grant(world, dataset, analyst, "manage")
    call = world.api(analyst)
    assert call("patch", f"datasets/{dataset.pk}/", {"description": "Ours"}).status_code == 200
    assert call("post", f"datasets/{dataset.pk}/refresh/").status_code == 202
    assert call("post", f"datasets/{dataset.pk}/grants/", {"user": other.user.username}).status_code == 201
    browser, base = world.browser(analyst)
    for page in ("edit/", "settings/", "sharing/", "sharing/new/"):
        assert browser.get(f"{base}{dataset.pk}/{page}").status_code == 200


def test_a_manage_grant_on_behaviour_cannot_be_passed_on(people: People) -> None:
    analyst, other = make_access(people.workspace, "analyst"), make_access(people.workspace, "analyst")
    grant(people, people.orders, analyst, "manage")
    rights.check_manage(people.orders, analyst)
    for right in ("use", "manage"):
        with pytest.raises(PermissionDenied):
            granting.grant(analyst, people.orders, {"user": other.user.username, "right": right})


def test_a_narrowed_token_does_not_reach_a_manage_grant(people: People) -> None:
    analyst = make_access(people.workspace, "analyst")
    grant(people, people.members, analyst, "manage")
    from rest_framework.test import APIClient

    client = APIClient(HTTP_AUTHORIZATION=f"Bearer {make_token(analyst, 'insight.dataset.view')}")
    path = f"/api/v1/workspaces/{people.workspace.slug}/datasets/{people.members.pk}/"
    assert client.get(path).status_code == 200
    assert client.patch(path, {"name": "Mine"}, format="json").status_code == 403


def test_row_rules_hold_in_counts_members_charts_values_and_figures(people: People) -> None:
    close(people.members, "city")
    analyst = make_access(people.workspace, "analyst")
    grant(people, people.members, analyst, rows=SHANGHAI)
    call, key = api(analyst), people.members.pk
    everybody = people.tag("spend", "not_empty")
    assert preview(people.access, everybody).json()["count"] == 7
    # The same rule and version: what one person's rights found must not answer the other from a cache.
    assert preview(analyst, everybody).json()["count"] == 2
    shown = call("post", "audiences/preview-members/", {"rule": everybody}).json()
    assert shown["count"] == 2 and len(shown["rows"]) == 2
    found = call("get", f"datasets/{key}/values/?tag=city").json()["results"]
    assert [row["value"] for row in found] == ["Shanghai"]
    listed = api(people.access)("get", f"datasets/{key}/values/?tag=city").json()["results"]
    assert len(listed) > 1
    chart = call("post", "analysis/perspective/", {"dataset": key, "tags": ["gender"]}).json()
    assert chart["users"] == 2 and [row["value"] for row in chart["tags"][0]["values"]] == ["m"]
    detail = call("get", f"datasets/{key}/").json()
    assert (detail["rows"], detail["users"], detail["stats"], detail["warnings"]) == (2, 2, {}, [])
    assert call("get", f"datasets/{key}/versions/").status_code == 403


def test_an_audience_is_what_its_owner_sees_whoever_refreshes_it(people: People, run_jobs: Any) -> None:
    close(people.members, "city")
    analyst = make_access(people.workspace, "analyst")
    grant(people, people.members, analyst, rows=SHANGHAI)
    rule = people.tag("spend", "not_empty")
    audience = audiences.create(analyst, {"name": "Mine", "rule": rule, "save_ids": ["mobile"]})
    run_jobs()
    audience.refresh_from_db()
    assert audience.count == 2
    api(people.access)("post", f"audiences/{audience.pk}/refresh/", {})
    run_jobs()
    audience.refresh_from_db()
    assert audience.count == 2 and audience.version == 2
    version = audience_queries.latest_version(audience)
    assert version is not None
    tag = (people.members.pk, "city")
    rows = [
        row for batch in audience_queries.member_batches(version, tags=[tag]) for row in batch.to_pylist()
    ]
    assert {row["user_unique_id"]: row["tag_0"] for row in rows} == {"u1": "Shanghai", "u7": "Shanghai"}


def test_a_refresh_fails_with_the_reason_when_the_owner_lost_the_grant(people: People, run_jobs: Any) -> None:
    analyst = make_access(people.workspace, "analyst")
    row = grant(people, people.members, analyst)
    audience = audiences.create(analyst, {"name": "Mine", "rule": people.women})
    run_jobs()
    granting.revoke(people.access, row)
    api(analyst)("post", f"audiences/{audience.pk}/refresh/", {})
    run_jobs(allow_failure=True)
    audience.refresh_from_db()
    assert audience.state == "failed" and audience.count == 4
    assert audience.reason_code == "no_grant" and people.members.name in audience.reason
    assert str(analyst.user) in audience.reason


def test_several_columns_must_all_fit_and_several_grants_add_up(people: People) -> None:
    close(people.members, "city", "interests")
    analyst = make_access(people.workspace, "analyst")
    grant(people, people.members, analyst, rows={"city": ["Shanghai"], "interests": ["c"]})
    everybody = people.tag("spend", "not_empty")
    assert preview(analyst, everybody).json()["count"] == 1
    role = {"role": "analyst", "rows": {"city": ["Beijing", "Nanjing"], "interests": ["b", "c"]}}
    granting.grant(people.access, people.members, role)
    assert preview(analyst, everybody).json()["count"] == 2


def test_with_row_rules_a_public_dataset_shows_nothing_without_a_grant(people: People) -> None:
    granting.share(people.access, people.members, public=True, row_columns=["city"])
    analyst = make_access(people.workspace, "analyst")
    assert preview(analyst, people.women).json()["count"] == 0
    assert api(analyst)("get", f"datasets/{people.members.pk}/").json()["users"] == 0


def test_a_column_that_is_gone_hides_every_row(people: People) -> None:
    close(people.members, "no_such_column")
    analyst = make_access(people.workspace, "analyst")
    row = grant(people, people.members, analyst, "manage")
    assert preview(analyst, people.women).json()["count"] == 4
    row.right, row.rows = "use", {"no_such_column": ["x"]}
    row.save()
    assert preview(analyst, people.women).json()["count"] == 0


def test_rows_of_behaviour_are_chosen_by_its_columns(people: People) -> None:
    close(people.orders, "channel")
    analyst = make_access(people.workspace, "analyst")
    grant(people, people.orders, analyst, rows={"channel": ["app"]})
    assert preview(people.access, people.bought()).json()["count"] == 3
    assert preview(analyst, people.bought()).json()["count"] == 2
    # u9 and u3 came by the web: they are nobody to this person, not people who did not buy.
    assert preview(analyst, people.bought(did=False)).json()["count"] == 0
    call = api(analyst)
    found = call("get", f"datasets/{people.orders.pk}/behaviour-values/?of=category").json()["results"]
    assert {row["value"] for row in found} == {"coats", "shoes"} and sum(row["count"] for row in found) == 2


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"user": "nobody-here"}, "user"),
        ({"role": "nothing"}, "role"),
        ({}, "user"),
        ({"role": "analyst", "right": "own"}, "right"),
        ({"role": "analyst", "expires_at": "yesterday"}, "expires_at"),
        ({"role": "analyst", "expires_at": "2020-01-01T00:00:00+00:00"}, "expires_at"),
        ({"role": "analyst", "rows": {"gender": ["f"]}}, "rows/gender"),
        ({"role": "analyst", "rows": {"city": []}}, "rows/city"),
        ({"role": "analyst", "rows": {"city": "Shanghai"}}, "rows/city"),
        ({"role": "analyst", "colour": "red"}, "colour"),
    ],
)
def test_wrong_grants_are_refused_at_the_field(people: People, data: Any, field: str) -> None:
    close(people.members, "city")
    with pytest.raises(ValidationFailed) as caught:
        granting.grant(people.access, people.members, data)
    assert field in caught.value.errors


def test_columns_that_choose_rows_must_hold_values(people: People) -> None:
    with pytest.raises(ValidationFailed) as caught:
        granting.share(people.access, people.members, public=False, row_columns=["spend"])
    assert list(caught.value.errors) == ["row_columns"]


def test_a_definition_keeps_the_columns_that_choose_rows(world: World) -> None:
    dataset = world.dataset()
    granting.share(world.access, dataset, public=False, row_columns=["gender"])
    answer = world.api()("patch", f"datasets/{dataset.pk}/", {"tags": []})
    assert answer.status_code == 400 and "tags" in answer.json()["errors"]
    assert dataset.fields.filter(column="gender").exists()


def test_the_list_has_a_tab_of_what_was_granted(people: People) -> None:
    analyst = make_access(people.workspace, "analyst")
    people.orders  # noqa: B018  (public)
    row = grant(people, people.members, analyst, rows={})
    browser, base = World.browser(people, analyst)  # type: ignore[arg-type]
    everything, granted = (
        browser.get(base).content.decode(),
        browser.get(f"{base}?tab=granted").content.decode(),
    )
    assert "Orders" in everything and "Members" in everything
    assert "Members" in granted and f"/{people.orders.pk}/" not in granted
    granting.revoke(people.access, row)
    assert f"/{people.members.pk}/" not in browser.get(base).content.decode()


def test_pages_grant_change_and_take_back(world: World) -> None:
    dataset = world.dataset()
    analyst = make_access(world.workspace, "analyst")
    page = f"{dataset.pk}/sharing/"
    assert world.post(page, {"row_columns": ["gender"]}).status_code == 302
    wrong = world.post(f"{page}new/", {"grantee": f"user:{analyst.user.username}", "right": "use"})
    assert wrong.status_code == 422 and "Give at least one value" in wrong.content.decode()
    given = {"grantee": f"user:{analyst.user.username}", "right": "use", "rows_0": ["f"]}
    assert world.post(f"{page}new/", given).status_code == 302
    row = dataset.grants.get()
    assert row.rows == {"gender": ["f"]} and row.user == analyst.user
    assert world.post(f"{page}{row.pk}/", {"right": "manage"}).status_code == 302
    row.refresh_from_db()
    assert row.right == "manage" and row.rows == {}
    browser, base = world.browser()
    assert analyst.user.username in browser.get(base + page).content.decode()
    assert world.post(f"{page}{row.pk}/remove/").status_code == 302
    assert not dataset.grants.exists()


def test_another_workspaces_grants_are_not_found(world: World) -> None:
    dataset = world.dataset()
    row = granting.grant(world.access, dataset, {"role": "analyst"})
    other = World(world.run_jobs)
    mine = other.dataset()
    call = other.api()
    for path in (f"datasets/{dataset.pk}/grants/", f"datasets/{mine.pk}/grants/{row.pk}/"):
        assert call("delete" if row.pk in path else "get", path).status_code == 404
    assert Role.objects.in_workspace(other.workspace).exists()
    with pytest.raises(ValidationFailed):
        granting.grant(other.access, mine, {"user": world.access.user.username})
