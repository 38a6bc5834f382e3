"""What a dataset is told to be, by the API and by the wizard."""

from __future__ import annotations

from typing import Any

import pytest

from admin_center.audit.models import AuditEntry
from cdp.core.errors import PreconditionFailed
from insight.datasets import services
from insight.datasets.models import Dataset
from tests.insight.datasets.world import BEHAVIOUR, DEFINITION, World


@pytest.mark.parametrize(
    ("values", "path"),
    [
        ({"name": ""}, "name"),
        ({"table": "none"}, "table"),
        ({"kind": "other"}, "kind"),
        ({"description": "x" * 501}, "description"),
        ({"folder": "dfl_none"}, "folder"),
        ({"user_id": None}, "user_id"),
        ({"user_id": {"column": "none", "id_type": "one_id"}}, "user_id/column"),
        ({"tags": [{"column": "none", "type": "enum"}]}, "tags/0/column"),
        ({"tags": [{"column": "gender", "type": "shape"}]}, "tags/0/type"),
        ({"tags": [{"column": "gender", "type": "enum", "category": "a/b/c/d"}]}, "tags/0/category"),
        ({"tags": [{"column": "interests", "type": "multi", "separator": "x"}]}, "tags/0/separator"),
        ({"tags": "gender"}, "tags"),
        ({"ids": [{"column": "phone", "id_type": "fax"}]}, "ids/0/id_type"),
        ({"ids": [{"column": "phone", "id_type": "mobile"}] * 2}, "ids"),
        ({"more": 1}, "more"),
    ],
)
def test_bad_definitions_name_the_path(world: World, values: dict[str, Any], path: str) -> None:
    answer = world.api()("post", "datasets/", {**DEFINITION, **values})
    assert answer.status_code == 400 and path in answer.json()["errors"]


@pytest.mark.parametrize("body", [[], "text", 5])
def test_a_body_that_is_no_object_is_refused(world: World, body: Any) -> None:
    call = world.api()
    for path in ("datasets/", "datasets/move/", "dataset-folders/", "tag-categories/"):
        assert call("post", path, body).status_code == 400


def test_two_datasets_of_one_name_are_refused(world: World) -> None:
    world.dataset()
    answer = world.api()("post", "datasets/", DEFINITION)
    assert answer.status_code == 400 and "name" in answer.json()["errors"]


def test_description_and_folder_are_kept(world: World) -> None:
    call = world.api()
    folder = call("post", "dataset-folders/", {"name": "Core"}).json()["id"]
    made = call("post", "datasets/", {**DEFINITION, "description": "All members", "folder": folder}).json()
    found = call("get", f"datasets/{made['id']}/").json()
    assert (found["description"], found["folder"]) == ("All members", folder)
    assert [row["id"] for row in call("get", f"datasets/?folder={folder}").json()["results"]] == [made["id"]]


def test_what_is_read_can_be_sent_again(world: World) -> None:
    call = world.api()
    for definition in (DEFINITION, BEHAVIOUR):
        made = call("post", "datasets/", definition).json()
        sent = {key: made[key] for key in definition}
        again = call("patch", f"datasets/{made['id']}/", sent)
        assert again.status_code == 200
        assert {key: again.json()[key] for key in definition} == sent


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


def test_an_edit_does_not_undo_a_refresh_that_ended_meanwhile(world: World) -> None:
    dataset = world.dataset()
    seen = Dataset.objects.get(pk=dataset.pk)
    world.compute(dataset)
    services.update(world.access, seen, {"description": "New"})
    dataset.refresh_from_db()
    assert (dataset.version, dataset.state, dataset.description) == (2, "ready", "New")


def test_the_api_refuses_a_lost_update(world: World) -> None:
    dataset = world.dataset()
    call = world.api()
    etag = call("get", f"datasets/{dataset.pk}/").headers["ETag"]
    url, seen = f"datasets/{dataset.pk}/", {"HTTP_IF_MATCH": etag}
    assert call("patch", url, {"description": "One"}, **seen).status_code == 200
    late = call("patch", url, {"description": "Two"}, **seen)
    assert late.status_code == 412 and late.json()["code"] == "lost_update"


def test_changes_are_in_the_audit_log(world: World) -> None:
    dataset = world.dataset()
    services.update(world.access, dataset, {"description": "New"})
    services.make_default(world.access, dataset)
    actions = set(AuditEntry.objects.filter(object_id=dataset.pk).values_list("action", flat=True))
    assert {"dataset.created", "dataset.changed", "dataset.refreshed", "dataset.made_default"} <= actions


def test_there_is_one_default_per_kind(world: World) -> None:
    first, events = world.dataset(), world.dataset(BEHAVIOUR)
    second = world.dataset(name="Second")
    assert (first.is_default, second.is_default, events.is_default) == (True, False, True)
    assert world.api()("post", f"datasets/{second.pk}/default/").json()["is_default"]
    defaults = Dataset.objects.filter(is_default=True).order_by("name").values_list("name", flat=True)
    assert list(defaults) == ["Events", "Second"]


def test_the_fields_of_a_table_come_with_a_proposal(world: World) -> None:
    world.table(
        "likes",
        "SELECT i::VARCHAR AS member_no, ['a;b', 'b;c', 'a', 'c;a;b'][1 + i % 4] AS likes, i % 2 = 0 AS adult, "
        "['Rome, Italy', 'Lyon, France', 'Nice, France'][1 + i % 3] AS town, 20260101 + i % 28 AS day, "
        "'138' || lpad(i::VARCHAR, 8, '0') AS mobile, 'street ' || i || ', town' AS address FROM range(400) t(i)",
    )
    call = world.api()
    found = call("get", "datasets/fields/?table=likes").json()
    tags = {tag["column"]: tag for tag in found["proposal"]["tags"]}
    assert [column["name"] for column in found["columns"]][:3] == ["member_no", "likes", "adult"]
    assert (tags["likes"]["type"], tags["likes"]["separator"]) == ("multi", ";")
    assert tags["address"]["type"] == "text" and tags["adult"]["type"] == "enum"
    assert tags["town"]["type"] == "enum" and tags["day"]["type"] == "date"
    assert found["proposal"]["user_id"] == {"column": "member_no", "id_type": "one_id"}
    assert found["proposal"]["ids"] == [{"column": "mobile", "id_type": "mobile"}]
    assert call("get", "datasets/fields/?table=none").status_code == 404


def test_versions_say_what_each_refresh_made(world: World) -> None:
    dataset = world.compute(world.dataset())
    newest, oldest = world.api()("get", f"datasets/{dataset.pk}/versions/").json()["results"]
    assert (newest["number"], oldest["number"], newest["rows"], newest["users"]) == (2, 1, 4, 3)
    assert newest["seconds"] > 0 and newest["warnings"][0]["code"] == "without_id"
