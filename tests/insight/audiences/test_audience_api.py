"""The REST API of audiences: the main path, errors with paths, permissions, other workspaces."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from admin_center.audit.models import AuditEntry, DownloadLog
from cdp.warehouse import LakeEngine
from insight.audiences.models import Audience
from tests.factories import make_access, make_token
from tests.insight.audiences.world import PEOPLE, World, make_world, new_version, people_table

RunJobs = Callable[..., list[Any]]


class Client:
    """The API as one member of a workspace sees it."""

    def __init__(self, access: Any) -> None:
        self.client = APIClient(HTTP_AUTHORIZATION=f"Bearer {make_token(access)}")
        self.base = f"/api/v1/workspaces/{access.workspace.slug}/"

    def __getattr__(self, method: str) -> Callable[..., Any]:
        def call(path: str, data: Any = None, **more: Any) -> Any:
            return getattr(self.client, method)(self.base + path, data, **more)

        return call


@pytest.fixture
def client(world: World) -> Client:
    return Client(world.access)


@pytest.fixture
def audience(computed: Callable[..., Audience]) -> Audience:
    return computed()


def rule(world: World) -> dict[str, Any]:
    return {"op": "intersect", "items": [world.women, world.tag("spend", "between", [0, 100])]}


def test_the_main_path_from_count_to_csv(client: Client, world: World, run_jobs: RunJobs) -> None:
    counted = client.post("audiences/preview/", {"rule": rule(world)}).json()
    assert counted["count"] == 3 and counted["elapsed_ms"] >= 0
    assert counted["conditions"] == [{"path": "items/0", "count": 4}, {"path": "items/1", "count": 4}]

    made = client.post(
        "audiences/", {"name": "Spenders", "rule": rule(world), "save_ids": ["one_id", "mobile"]}
    )
    assert made.status_code == 201 and made.json()["state"] == "waiting"
    run_jobs()
    key = made.json()["id"]
    refreshed = client.post(f"audiences/{key}/refresh/", {"snapshot": True})
    assert refreshed.status_code == 202 and refreshed.json()["job"]["status"] == "queued"
    run_jobs()
    found = client.get(f"audiences/{key}/").json()
    assert (found["count"], found["version"], found["state"]) == (3, 2, "succeeded")

    page = client.get(f"audiences/{key}/members/?page_size=2").json()
    assert (
        page["count"] == 3
        and page["next"]
        and [row["user_unique_id"] for row in page["results"]] == ["u2", "u3"]
    )

    lines = list(csv.reader(io.StringIO(client.get(f"audiences/{key}/export/").getvalue().decode())))
    assert lines == [
        ["user_unique_id", "one_id", "mobile"],
        ["u2", "u2", "13800000002"],
        ["u3", "u3", ""],
        ["u8", "u8", "13800000008"],
    ]
    snapshots = client.get(f"audiences/{key}/snapshots/").json()["results"]
    assert [row["version"] for row in snapshots] == [1] and snapshots[0]["name"].startswith("Spenders_")


def test_inner_groups_are_counted_apart_from_conditions(client: Client, world: World) -> None:
    nested = {"op": "union", "items": [rule(world), world.bought()]}
    counted = client.post("audiences/preview/", {"rule": nested}).json()
    assert [row["path"] for row in counted["conditions"]] == ["items/0/items/0", "items/0/items/1", "items/1"]
    assert counted["groups"] == [{"path": "items/0", "count": 3}] and counted["count"] == 5


def test_a_rule_of_one_condition_has_the_empty_path(client: Client, world: World) -> None:
    counted = client.post("audiences/preview/", {"rule": world.women}).json()
    assert counted["conditions"] == [{"path": "", "count": 4}]


def test_counts_are_kept_until_the_dataset_has_a_new_version(
    client: Client, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[int] = []
    execute = LakeEngine.execute
    monkeypatch.setattr(LakeEngine, "execute", lambda self, query: ran.append(1) or execute(self, query))
    for _number in range(2):
        client.post("audiences/preview/", {"rule": world.women})
    assert len(ran) == 1
    new_version(world.members, people_table(PEOPLE[:2]))
    assert client.post("audiences/preview/", {"rule": world.women}).json()["count"] == 1
    assert len(ran) == 2


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"tag": "shoe_size"}, "rule/items/0/tag"),
        ({"operator": "between", "value": [1, 2]}, "rule/items/0/operator"),
        ({"value": []}, "rule/items/0"),
        ({"colour": 1}, "rule/items/0/colour"),
        ({"dataset": "ds_gone"}, "rule/items/0/dataset"),
    ],
)
def test_what_is_wrong_with_a_rule_is_named_by_path(
    client: Client, world: World, change: dict[str, Any], path: str
) -> None:
    answer = client.post(
        "audiences/preview/", {"rule": {"op": "union", "items": [{**world.women, **change}]}}
    )
    assert answer.status_code == 400 and answer.json()["code"] == "validation_failed"
    assert any(key.startswith(path) for key in answer.json()["errors"]), answer.json()


def test_all_fields_that_are_wrong_are_reported_at_once(client: Client, world: World) -> None:
    data = {"name": " ", "rule": world.women, "save_ids": ["email"], "limit": 0, "folder": "fld_x", "size": 1}
    errors = client.post("audiences/", {**data, "refresh": {"every": "week"}}).json()["errors"]
    assert sorted(errors) == ["folder", "limit", "name", "refresh/every", "save_ids", "size"]


def test_names_are_unique_per_owner_only(client: Client, world: World, audience: Audience) -> None:
    answer = client.post("audiences/", {"name": audience.name, "rule": world.women})
    assert answer.status_code == 400 and list(answer.json()["errors"]) == ["name"]
    other = Client(make_access(world.workspace))
    assert other.post("audiences/", {"name": audience.name, "rule": world.women}).status_code == 201


def test_an_outdated_etag_is_refused(client: Client, audience: Audience) -> None:
    etag = client.get(f"audiences/{audience.pk}/").headers["ETag"]
    assert client.patch(f"audiences/{audience.pk}/", {"remark": "x"}, HTTP_IF_MATCH=etag).status_code == 200
    assert client.patch(f"audiences/{audience.pk}/", {"remark": "y"}, HTTP_IF_MATCH=etag).status_code == 412


def test_a_changed_rule_is_a_new_rule_version_and_is_computed(
    client: Client, world: World, audience: Audience, run_jobs: RunJobs
) -> None:
    changed = client.patch(f"audiences/{audience.pk}/", {"rule": world.tag("gender", "in", ["m"])}).json()
    assert changed["rule_version"] == 2 and changed["state"] == "waiting" and changed["count"] == 4
    run_jobs()
    assert client.get(f"audiences/{audience.pk}/").json()["count"] == 3


def test_a_changed_remark_computes_nothing(client: Client, audience: Audience) -> None:
    changed = client.patch(f"audiences/{audience.pk}/", {"remark": "for spring"}).json()
    assert changed["state"] == "succeeded" and changed["rule_version"] == 1


def test_previewed_people_come_with_the_tag_values_of_the_rule(client: Client, world: World) -> None:
    found = client.post("audiences/preview-members/", {"rule": rule(world)}).json()
    assert [column["label"] for column in found["columns"]] == ["OneID", "Gender", "Spend"]
    assert found["rows"] == [["u2", "f", 99.99], ["u3", "f", 100.0], ["u8", "f", 100.0]]


def test_the_offered_ids_are_those_of_the_rules_datasets(client: Client, world: World) -> None:
    offered = client.post("audiences/id-types/", {"rule": world.women}).json()["results"]
    assert [(row["id_type"], row["identifier"]) for row in offered] == [("one_id", True), ("mobile", False)]


def test_masks_hide_ids_on_screen_and_in_files_without_the_right(world: World, audience: Audience) -> None:
    Audience.objects.filter(pk=audience.pk).update(public=True)
    analyst = make_access(world.workspace, "analyst")
    assert not analyst.can("privacy.unmask")
    other = Client(analyst)
    rows = other.get(f"audiences/{audience.pk}/members/").json()["results"]
    assert rows[0]["mobile"] == "138****0002"
    if analyst.can("insight.audience.download"):
        body = other.get(f"audiences/{audience.pk}/export/").getvalue().decode()
        assert "138****0002" in body and "13800000002" not in body


def test_an_export_is_logged_with_its_rows(client: Client, world: World, audience: Audience) -> None:
    client.get(f"audiences/{audience.pk}/export/").getvalue()
    logged = DownloadLog.objects.get(workspace=world.workspace)
    assert (logged.rows, logged.object_id, logged.unmasked) == (4, audience.pk, True)
    assert AuditEntry.objects.filter(action="audience.downloaded", object_id=audience.pk).exists()


def test_formulas_in_ids_are_escaped_in_the_file(world: World, computed: Callable[..., Audience]) -> None:
    from tests.insight.audiences.world import make_tag_dataset

    evil = make_tag_dataset(world.workspace, "Evil", people_table([("=1+1", None, *PEOPLE[1][2:])]))
    audience = computed({**world.women, "dataset": evil.pk}, name="Evil")
    body = Client(world.access).get(f"audiences/{audience.pk}/export/").getvalue().decode()
    assert body.splitlines()[1].startswith("'=1+1,")


def test_others_see_public_audiences_only(world: World, audience: Audience) -> None:
    other = Client(make_access(world.workspace, "analyst"))
    assert other.get(f"audiences/{audience.pk}/").status_code == 404
    assert other.get("audiences/").json()["count"] == 0
    Audience.objects.filter(pk=audience.pk).update(public=True)
    assert other.get(f"audiences/{audience.pk}/").status_code == 200
    assert other.patch(f"audiences/{audience.pk}/", {"remark": "mine"}).status_code == 403
    assert other.delete(f"audiences/{audience.pk}/").status_code == 403
    copied = other.post(f"audiences/{audience.pk}/copy/")
    assert copied.status_code == 201 and copied.json()["rule"] == audience.rule


def test_private_audiences_of_others_cannot_be_used_as_conditions(world: World, audience: Audience) -> None:
    other = Client(make_access(world.workspace, "analyst"))
    answer = other.post("audiences/preview/", {"rule": {"kind": "audience", "audience": audience.pk}})
    assert answer.status_code == 400 and list(answer.json()["errors"]) == ["rule/audience"]


def test_audiences_of_other_workspaces_are_not_found(audience: Audience) -> None:
    stranger = Client(make_access())
    routes = [("get", ""), ("patch", ""), ("delete", ""), ("post", "refresh/"), ("post", "copy/")]
    routes += [("get", path) for path in ("members/", "export/", "versions/", "snapshots/", "lineage/")]
    answers = {
        f"{method} {path}": getattr(stranger, method)(f"audiences/{audience.pk}/{path}").status_code
        for method, path in [*routes, ("post", "snapshots/")]
    }
    assert set(answers.values()) == {404}, answers


def test_datasets_of_other_workspaces_are_unknown(world: World) -> None:
    answer = Client(make_world().access).post("audiences/preview/", {"rule": world.women})
    assert answer.status_code == 400 and list(answer.json()["errors"]) == ["rule/dataset"]


def test_a_circle_of_audiences_is_refused(
    client: Client, world: World, computed: Callable[..., Audience]
) -> None:
    first = computed()
    second = computed({"kind": "audience", "audience": first.pk}, name="Second", save_ids=[])
    answer = client.patch(f"audiences/{first.pk}/", {"rule": {"kind": "audience", "audience": second.pk}})
    assert answer.status_code == 400 and "rule/audience" in answer.json()["errors"]


def test_an_audience_that_others_need_is_not_deleted(
    client: Client, computed: Callable[..., Audience]
) -> None:
    first = computed()
    computed({"kind": "audience", "audience": first.pk}, name="Second", save_ids=[])
    answer = client.delete(f"audiences/{first.pk}/")
    assert answer.status_code == 409 and answer.json()["used_by"][0]["name"] == "Second"
    lineage = client.get(f"audiences/{first.pk}/lineage/").json()
    assert [row["name"] for row in lineage["used_by"]] == ["Second"]
    assert [row["name"] for row in lineage["made_from"]] == ["Members"]


def test_a_snapshot_can_be_taken_read_used_and_deleted(
    client: Client, world: World, audience: Audience, computed: Callable[..., Audience]
) -> None:
    taken = client.post(f"audiences/{audience.pk}/snapshots/")
    assert taken.status_code == 201
    name = taken.json()["name"]
    used = computed(
        {"kind": "audience", "audience": audience.pk, "snapshot": name},
        name="From snapshot",
        save_ids=["one_id"],
    )
    assert used.count == 4
    path = f"audiences/{audience.pk}/snapshots/{taken.json()['id']}/"
    assert client.get(f"{path}export/").getvalue().count(b"\n") == 5
    assert client.delete(path).json()["code"] == "snapshot_in_use"
    client.delete(f"audiences/{used.pk}/")
    assert client.delete(path).status_code == 204


def test_folders_nest_and_are_deleted_only_when_empty(client: Client, audience: Audience) -> None:
    outer = client.post("audiences/folders/", {"name": "Spring"}).json()
    inner = client.post("audiences/folders/", {"name": "Coats", "parent": outer["id"]}).json()
    assert client.post("audiences/folders/", {"name": "Spring"}).status_code == 400
    assert client.delete(f"audiences/folders/{outer['id']}/").json()["code"] == "folder_not_empty"
    moved = client.post("audiences/move/", {"audiences": [audience.pk], "folder": inner["id"]})
    assert moved.json() == {"moved": 1}
    assert client.get(f"audiences/?folder={inner['id']}").json()["count"] == 1
    assert client.patch(f"audiences/folders/{outer['id']}/", {"parent": inner["id"]}).status_code == 400


def test_a_list_costs_the_same_queries_whatever_its_length(
    client: Client, world: World, computed: Callable[..., Audience], django_assert_max_num_queries: Any
) -> None:
    for number in range(4):
        computed(name=f"Audience {number}")
    with django_assert_max_num_queries(14):
        assert client.get("audiences/").json()["count"] == 4


def test_the_rule_schema_names_every_kind_of_condition() -> None:
    from insight.audiences.api import rule_schema

    body = rule_schema(None).content.decode()  # type: ignore[arg-type]
    assert all(kind in body for kind in ("tag_condition", "behaviour_condition", "audience_condition"))


def test_other_ids_of_a_rule_that_no_longer_fits_are_refused_with_the_path(
    client: Client, world: World, audience: Audience
) -> None:
    world.members.fields.filter(column="gender").delete()
    answer = client.patch(f"audiences/{audience.pk}/", {"save_ids": ["one_id"]})
    assert answer.status_code == 400 and list(answer.json()["errors"]) == ["rule/tag"]
    Audience.objects.filter(pk=audience.pk).update(
        rule={**world.women, "operator": "resembles"}, refresh={"every": "day", "at": "03:00"}
    )
    assert client.patch(f"audiences/{audience.pk}/", {"save_ids": ["one_id"]}).status_code == 400
    hourly = client.patch(f"audiences/{audience.pk}/", {"refresh": {"every": "hour", "hours": 2}})
    assert (hourly.status_code, list(hourly.json()["errors"])) == (400, ["refresh/every"])


def test_the_rule_in_words_names_a_snapshot(client: Client, world: World, audience: Audience) -> None:
    kept = client.post(f"audiences/{audience.pk}/snapshots/", {}).json()
    leaf = {"kind": "audience", "audience": audience.pk, "snapshot": kept["id"]}
    text = client.post("audiences/summary/", {"rule": leaf}).json()["text"]
    assert kept["name"] in text and kept["id"] not in text
