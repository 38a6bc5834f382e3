"""Datasets: what a refresh computes and counts, schedules, editing, folders, and what is refused."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client as Browser
from django.utils import timezone
from rest_framework.test import APIClient

from cdp import lake
from cdp.core.errors import Conflict, PreconditionFailed, ValidationFailed
from cdp.jobs.models import Job
from insight.audiences import services as audiences
from insight.datasets import queries, schedule, services
from insight.datasets.folders import folders
from insight.datasets.models import Dataset, TagCategory
from insight.datasources.models import SourceTable
from tests.factories import make_access, make_token

RunJobs = Callable[..., list[Any]]
MEMBERS = """
    SELECT * FROM (VALUES
        ('0001', '13800000001', 'a,b', '1.5', '2026-01-02', 20211023.0, 'f'),
        ('0002', 'nonsense', 'b', 'many', '2026-02-30', 20211024.0, 'm'),
        ('0003', '8613800000003', '', '', NULL, NULL, 'f'),
        ('0003', NULL, ' a , ,a', '7', 'soon', 5.0, NULL),
        (NULL, '13800000005', 'c', '1', '2026-01-05', 20211025.0, 'f')
    ) t(member, phone, interests, spend, joined, day, gender)
"""
DEFINITION: dict[str, Any] = {
    "name": "Members",
    "kind": "user_tags",
    "table": "members",
    "user_id": {"column": "member", "id_type": "one_id"},
    "ids": [{"column": "phone", "id_type": "mobile"}],
    "tags": [
        {"column": "interests", "name": "Interests", "type": "multi", "separator": ",", "category": "Taste"},
        {"column": "spend", "name": "Spend", "type": "number"},
        {"column": "joined", "name": "Joined", "type": "date"},
        {"column": "day", "name": "Day", "type": "date"},
        {"column": "gender", "name": "Gender", "type": "enum", "description": "As given"},
    ],
}
EVENTS = """
    SELECT * FROM (VALUES
        ('u1', TIMESTAMP '2026-01-01 10:00:00', 'buy', 1, 10.0, 'app', 'item', 'x'),
        ('u1', TIMESTAMP '2026-01-01 10:00:00', 'buy', 1, 10.0, 'app', 'category', 'coats'),
        ('u2', TIMESTAMP '2026-01-02 10:00:00', 'look', 3, NULL, 'web', 'item', 'y')
    ) t(who, at_time, what, n, money, channel, attribute, value)
"""
BEHAVIOUR: dict[str, Any] = {
    "name": "Events",
    "kind": "behaviour",
    "table": "events",
    "user_id": {"column": "who", "id_type": "one_id"},
    "time": "at_time",
    "type": {"column": "what"},
    "count": "n",
    "amount": "money",
    "channel": "channel",
    "object_key": "attribute",
    "object_value": "value",
    "base_object": "item",
}
_TYPES = {"VARCHAR": "text", "TIMESTAMP": "datetime", "INTEGER": "integer", "BIGINT": "integer"}


class World:
    def __init__(self, run_jobs: RunJobs) -> None:
        self.access, self.run_jobs = make_access(), run_jobs
        self.workspace = self.access.workspace
        self.table("members", MEMBERS)
        self.table("events", EVENTS)

    def table(self, name: str, select: str) -> SourceTable:
        """A loaded table of the built-in source with the rows of a query."""
        lake.ensure_schema(self.workspace)
        with lake.transaction() as handle:
            handle.execute(f"CREATE OR REPLACE TABLE {lake.table_path(self.workspace, name)} AS {select}")
        columns = [
            {"name": column.name, "type": _TYPES.get(column.type, "number"), "nullable": True}
            for column in lake.columns(self.workspace, name)
        ]
        values = {"state": "ready", "version": 1, "lake_table": name, "columns": columns, "rows": 5}
        return SourceTable.objects.update_or_create(workspace=self.workspace, name=name, defaults=values)[0]

    def dataset(self, data: dict[str, Any] | None = None, **more: Any) -> Dataset:
        return self.compute(services.create(self.access, {**(data or DEFINITION), **more}))

    def compute(self, dataset: Dataset) -> Dataset:
        services.refresh(self.access, dataset)
        self.run_jobs(allow_failure=True)
        dataset.refresh_from_db()
        return dataset

    def rows(self, dataset: Dataset) -> list[dict[str, Any]]:
        with lake.cursor() as handle:
            path = lake.table_path(self.workspace, dataset.lake_table)
            table = handle.execute(f"SELECT * FROM {path} ORDER BY ALL").to_arrow_table()
        return table.to_pylist()

    def api(self, access: Any = None) -> Callable[..., Any]:
        access = access or self.access
        client = APIClient(HTTP_AUTHORIZATION=f"Bearer {make_token(access)}")

        def call(method: str, path: str, data: Any = None) -> Any:
            url = f"/api/v1/workspaces/{self.workspace.slug}/{path}"
            return getattr(client, method)(url, data, **({"format": "json"} if method != "get" else {}))

        return call

    def browser(self, access: Any = None) -> tuple[Browser, str]:
        browser = Browser()
        user = (access or self.access).user
        browser.force_login(user, backend="admin_center.members.backends.NameOrEmailBackend")
        return browser, f"/w/{self.workspace.slug}/datasets/"


@pytest.fixture
def world(run_jobs: RunJobs) -> World:
    return World(run_jobs)


def test_a_refresh_cleans_and_counts_what_it_could_not_read(world: World) -> None:
    dataset = world.dataset()
    assert (dataset.state, dataset.rows, dataset.users, dataset.version) == ("ready", 4, 3, 1)
    first = world.rows(dataset)[0]
    assert first["user_unique_id"] == "0001" and first["interests"] == ["a", "b"] and first["spend"] == 1.5
    assert first["joined"].date() == datetime.date(2026, 1, 2)
    assert first["day"].date() == datetime.date(2021, 10, 23)
    assert dataset.stats["invalid"] == {"phone": 1, "spend": 1, "joined": 2, "day": 1}
    assert dataset.stats["dropped"] == 1
    assert dataset.stats["repeated"][0]["rows"] == 2 and "0003" not in str(dataset.stats["repeated"])
    text = " ".join(dataset.warnings)
    assert "1 values of “phone” are no valid" in text and "2 values of “Joined”" in text
    assert dataset.versions.get().warnings == dataset.warnings


def test_a_lost_tag_is_marked_and_a_lost_identifier_fails_with_the_old_version_in_use(world: World) -> None:
    dataset = world.dataset()
    world.table("members", f"SELECT * EXCLUDE (gender) FROM ({MEMBERS})")
    dataset = world.compute(dataset)
    assert dataset.version == 2 and dataset.stats["lost"] == ["gender"]
    assert dataset.fields.get(column="gender").deleted
    world.table("members", f"SELECT * EXCLUDE (member) FROM ({MEMBERS})")
    dataset = world.compute(dataset)
    assert (dataset.state, dataset.version) == ("failed", 2) and "member" in dataset.error
    world.table("members", MEMBERS)
    dataset = world.compute(dataset)
    assert dataset.state == "ready" and not dataset.fields.get(column="gender").deleted


def test_rows_without_any_identifier_and_a_table_that_is_gone_fail_with_reasons(world: World) -> None:
    world.table("members", f"SELECT * REPLACE (NULL::VARCHAR AS member) FROM ({MEMBERS})")
    dataset = world.dataset()
    assert dataset.state == "failed" and Job.objects.get(subject_id=dataset.pk).error_code == "no_rows"
    assert lake.tables(world.workspace) == ["events", "members"]
    lake.drop_table(world.workspace, "members")
    dataset = world.compute(dataset)
    assert "no longer there" in dataset.error


def test_behaviour_in_attribute_and_value_form(world: World) -> None:
    dataset = world.dataset(BEHAVIOUR)
    assert (dataset.rows, dataset.users) == (3, 2)
    assert queries.values(dataset, "type") == [{"value": "buy", "count": 2}, {"value": "look", "count": 1}]
    assert queries.object_values(dataset, "category") == [{"value": "coats", "count": 1}]
    call = world.api()
    found = call("get", f"datasets/{dataset.pk}/behaviour-values/?of=item&search=X").json()["results"]
    assert found == [{"value": "x", "count": 1}]
    assert call("get", f"datasets/{dataset.pk}/").json()["base_object"] == "item"


def test_values_follow_the_version_and_their_tables_go_with_it(world: World) -> None:
    dataset = world.dataset()
    assert queries.values(dataset, "interests")[0] == {"value": "a", "count": 2}
    world.table("members", f"SELECT * REPLACE ('z' AS interests) FROM ({MEMBERS})")
    dataset = world.compute(dataset)
    assert queries.values(dataset, "interests") == [{"value": "z", "count": 4}]
    world.compute(dataset)
    tables = [name for name in lake.tables(world.workspace) if name.startswith(dataset.pk)]
    assert tables == [f"{dataset.pk}_v2", f"{dataset.pk}_v3"]


@pytest.mark.parametrize(
    "policy",
    [
        [],
        "day",
        {"every": "day", "at": "T05:00"},
        {"every": "day", "at": "5:00"},
        {"every": "day", "at": "24:00"},
        {"every": "hours", "hours": 0},
        {"every": "hours", "hours": True},
        {"every": "week"},
        {"every": "day", "more": 1},
    ],
)
def test_bad_schedules_are_refused_at_the_field(world: World, policy: Any) -> None:
    with pytest.raises(ValidationFailed) as caught:
        services.create(world.access, {**DEFINITION, "refresh": policy})
    assert "refresh" in caught.value.errors and not Dataset.objects.exists()


def test_due_datasets_start_once_and_a_broken_one_stops_no_other(world: World) -> None:
    first = world.dataset(refresh={"every": "hours", "hours": 2})
    second = world.dataset(name="Second", refresh={"every": "day", "at": "05:00"})
    past = timezone.now() - datetime.timedelta(days=3)
    Dataset.objects.filter(pk=first.pk).update(next_refresh_at=past, refresh={"every": "hours"})
    Dataset.objects.filter(pk=second.pk).update(next_refresh_at=past)
    assert schedule.start_due() == 1 and schedule.start_due() == 0
    world.run_jobs()
    second.refresh_from_db()
    assert second.version == 2 and second.next_refresh_at > timezone.now()


def test_editing_keeps_what_is_not_given_and_needs_the_state_that_was_seen(world: World) -> None:
    dataset = world.dataset(description="All members", refresh={"every": "day", "at": "05:00"})
    seen = dataset.edit_version
    services.update(
        world.access,
        dataset,
        {"tags": [{"column": "gender", "name": "Sex", "type": "enum"}]},
        edit_version=seen,
    )
    dataset = world.compute(dataset)
    assert [item.name for item in dataset.fields.filter(role="tag")] == ["Sex"]
    assert dataset.description == "All members" and dataset.refresh == {"every": "day", "at": "05:00"}
    assert dataset.fields.filter(role="id").exists()
    with pytest.raises(PreconditionFailed):
        services.update(world.access, dataset, {"name": "Late"}, edit_version=seen)


@pytest.mark.parametrize(
    ("values", "path"),
    [
        ({"name": ""}, "name"),
        ({"table": "none"}, "table"),
        ({"kind": "other"}, "kind"),
        ({"description": "x" * 501}, "description"),
        ({"folder": "dfl_none"}, "folder"),
        ({"tags": [{"column": "none", "type": "enum"}]}, "tags/0/column"),
        ({"tags": [{"column": "gender", "type": "shape"}]}, "tags/0/type"),
        ({"tags": "gender"}, "tags"),
        ({"ids": [{"column": "phone", "id_type": "fax"}]}, "ids/0/id_type"),
        ({"more": 1}, "more"),
    ],
)
def test_bad_definitions_name_the_path(world: World, values: dict[str, Any], path: str) -> None:
    answer = world.api()("post", "datasets/", {**DEFINITION, **values})
    assert answer.status_code == 400 and path in answer.json()["errors"]


def test_two_datasets_of_one_name_are_refused(world: World) -> None:
    world.dataset()
    answer = world.api()("post", "datasets/", DEFINITION)
    assert answer.status_code == 400 and "name" in answer.json()["errors"]


def test_a_used_dataset_stays_and_a_deleted_one_leaves_no_table(
    world: World, django_capture_on_commit_callbacks: Any
) -> None:
    dataset = world.dataset()
    queries.values(dataset, "gender")
    rule = {"kind": "tag", "dataset": dataset.pk, "tag": "gender", "operator": "in", "value": ["f"]}
    audience = audiences.create(world.access, {"name": "Women", "rule": rule})
    world.run_jobs()
    with pytest.raises(Conflict):
        services.delete(world.access, dataset)
    with django_capture_on_commit_callbacks(execute=True):
        audience.refresh_from_db()
        audiences.delete(world.access, audience)
        services.delete(world.access, dataset)
    assert lake.tables(world.workspace) == ["events", "members"]


def test_folders_nest_hold_datasets_and_go_only_when_empty(world: World) -> None:
    call, dataset = world.api(), world.dataset()
    outer = call("post", "dataset-folders/", {"name": "Outer"}).json()["id"]
    inner = call("post", "dataset-folders/", {"name": "Inner", "parent": outer}).json()["id"]
    assert call("post", "datasets/move/", {"datasets": [dataset.pk], "folder": inner}).json() == {"moved": 1}
    assert call("get", f"datasets/{dataset.pk}/").json()["folder"] == inner
    assert call("delete", f"dataset-folders/{inner}/").status_code == 409
    assert call("patch", f"dataset-folders/{outer}/", {"parent": inner}).status_code == 400
    call("post", "datasets/move/", {"datasets": [dataset.pk], "folder": None})
    assert call("delete", f"dataset-folders/{inner}/").status_code == 204
    assert [branch.folder.name for branch in folders.tree(world.access)] == ["Outer"]


def test_categories_are_renamed_and_removed_without_losing_tags(world: World) -> None:
    call, dataset = world.api(), world.dataset()
    category = TagCategory.objects.get(name="Taste")
    assert call("patch", f"tag-categories/{category.pk}/", {"name": "Likes"}).status_code == 200
    assert call("post", "tag-categories/", {"name": "Likes"}).status_code == 400
    assert call("delete", f"tag-categories/{category.pk}/").status_code == 204
    assert dataset.fields.get(column="interests").category is None


def test_the_wizard_proposes_lists_with_their_separator(world: World) -> None:
    world.table(
        "likes",
        "SELECT i::VARCHAR AS member_no, ['a;b', 'b;c', 'a', 'c;a;b'][1 + i % 4] AS likes, "
        "'street ' || i || ', town' AS address FROM range(400) t(i)",
    )
    found = world.api()("get", "datasets/fields/?table=likes").json()["proposal"]
    tags = {tag["column"]: tag for tag in found["tags"]}
    assert (tags["likes"]["type"], tags["likes"]["separator"]) == ("multi", ";")
    assert tags["address"]["type"] == "text" and found["user_id"]["column"] == "member_no"


def test_other_workspaces_and_missing_rights(world: World) -> None:
    dataset = world.dataset()
    foreign = world.api(make_access())
    assert foreign("get", f"datasets/{dataset.pk}/").status_code in (403, 404)
    analyst = world.api(make_access(world.workspace, "analyst"))
    assert analyst("get", f"datasets/{dataset.pk}/").status_code == 200
    assert analyst("post", f"datasets/{dataset.pk}/refresh/").status_code == 403
    assert analyst("post", "datasets/", DEFINITION).status_code == 403


def test_pages_edit_schedule_and_show_a_dataset(world: World) -> None:
    dataset = world.dataset()
    browser, base = world.browser()
    page = browser.get(f"{base}{dataset.pk}/").content.decode()
    assert "no valid" in page and "Repeated identifiers" in page and "Refreshes" in page
    form = browser.get(f"{base}{dataset.pk}/edit/")
    assert form.status_code == 200
    rows = form.context["rows"]
    posted = {"name": "Renamed", "edit_version": form.context["edit_version"], "description": "New"}
    posted["columns"] = str(form.context["column_names"]).replace("'", '"')
    for row in rows:
        for part in ("role", "alias", "tag_type", "id_type", "separator", "encryption", "category"):
            posted[f"{part}-{row['index']}"] = row.get(part, "")
    assert browser.post(f"{base}{dataset.pk}/edit/", posted).status_code == 302
    world.run_jobs()
    dataset.refresh_from_db()
    assert (dataset.name, dataset.description, dataset.version) == ("Renamed", "New", 2)
    assert {item.column for item in dataset.fields.all()} == {item["column"] for item in rows}
    stale = browser.post(f"{base}{dataset.pk}/edit/", posted)
    assert stale.status_code == 422
    saved = browser.post(f"{base}{dataset.pk}/settings/", {"every": "hours", "hours": 6})
    assert saved.status_code == 302
    dataset.refresh_from_db()
    assert dataset.refresh == {"every": "hours", "hours": 6} and dataset.next_refresh_at
    wrong = browser.post(f"{base}{dataset.pk}/settings/", {"every": "hours", "hours": ""})
    assert wrong.status_code == 422
    browser.post(f"{base}folders/new/", {"name": "Box"})
    folder = folders.tree(world.access)[0].folder
    browser.post(f"{base}move/?row={dataset.pk}", {"folder": folder.pk})
    assert "Renamed" in browser.get(f"{base}?folder={folder.pk}").content.decode()
    assert browser.get(f"{base}categories/").status_code == 200
