"""Set operations: order of evaluation, limits, what follows a refresh and what stays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cdp.core.errors import ActionNotSupported, ValidationFailed
from insight.audiences import combining, refreshing, services, snapshots
from insight.audiences.folders import folders
from insight.audiences.models import Audience
from tests.factories import make_access
from tests.insight.audiences.test_audience_api import Client
from tests.insight.audiences.test_outside import members, upload
from tests.insight.audiences.test_pages import Browser
from tests.insight.audiences.world import PEOPLE, World, new_version, people_table

RunJobs = Callable[..., list[Any]]
Computed = Callable[..., Audience]


@pytest.fixture
def three(world: World, computed: Computed) -> list[Audience]:
    """{u2 u3 u6 u8}, {u1 u3 u7}, {u3 u4 u5 u8}."""
    return [
        computed(world.women, name="A"),
        computed(world.tag("interests", "contains", ["a"]), name="B"),
        computed(world.tag("spend", ">=", 100), name="C"),
    ]


def combine(world: World, inputs: list[Audience], operators: list[str], **more: Any) -> Audience:
    data = {
        "name": "Both",
        "inputs": [{"audience": row.pk} for row in inputs],
        "operators": operators,
        **more,
    }
    return combining.create(world.access, data)


@pytest.mark.parametrize(
    ("operators", "expected"),
    [
        (["union"], "u1 u2 u3 u6 u7 u8"),
        (["intersect"], "u3"),
        (["subtract"], "u2 u6 u8"),
        (["union", "intersect"], "u3 u8"),
        (["intersect", "union"], "u3 u4 u5 u8"),
        (["subtract", "subtract"], "u2 u6"),
        (["union", "subtract"], "u1 u2 u6 u7"),
    ],
)
def test_operators_apply_from_left_to_right(
    world: World, three: list[Audience], run_jobs: RunJobs, operators: list[str], expected: str
) -> None:
    audience = combine(world, three[: len(operators) + 1], operators)
    run_jobs()
    assert members(audience) == set(expected.split())
    assert combining.parts(audience.rule)["operators"] == operators


@pytest.mark.parametrize("count", [1, 4])
def test_one_or_four_inputs_are_refused(world: World, three: list[Audience], count: int) -> None:
    with pytest.raises(ValidationFailed) as caught:
        combine(world, [*three, three[0]][:count], ["union"] * (count - 1))
    assert "inputs" in caught.value.errors


def test_the_fourth_layer_is_refused(world: World, three: list[Audience], run_jobs: RunJobs) -> None:
    last = three[0]
    for number in range(3):
        last = combine(world, [last, three[1]], ["union"], name=f"Layer {number}")
        run_jobs()
        assert combining.layers(last) == number + 1
    with pytest.raises(ValidationFailed) as caught:
        combine(world, [last, three[1]], ["union"], name="Too deep")
    assert caught.value.code == "too_many_layers"


def test_identifiers_of_other_types_do_not_combine(
    world: World, three: list[Audience], run_jobs: RunJobs
) -> None:
    phones = upload(world)
    run_jobs()
    phones.refresh_from_db()
    with pytest.raises(ValidationFailed) as caught:
        combine(world, [three[0], phones], ["union"])
    assert "inputs/1" in caught.value.errors


def test_a_refresh_refreshes_the_inputs_first_and_snapshots_stay(
    world: World, three: list[Audience], run_jobs: RunJobs
) -> None:
    kept = snapshots.take(world.access, three[1])
    audience = combining.create(
        world.access,
        {
            "name": "Follows",
            "inputs": [{"audience": three[0].pk}, {"audience": three[1].pk, "snapshot": kept.pk}],
            "operators": ["union"],
        },
    )
    run_jobs()
    assert members(audience) == {"u1", "u2", "u3", "u6", "u7", "u8"}
    changed = [*PEOPLE, ("u10", None, "f", None, ["a"], 1.0)]
    new_version(world.members, people_table([row for row in changed if row[0] != "u7"]))
    refreshing.refresh(world.access, audience, snapshot=True)
    run_jobs()
    assert members(audience) == {"u1", "u2", "u3", "u6", "u7", "u8", "u10"}
    three[0].refresh_from_db()
    assert three[0].count == 5 and not three[0].versions.filter(is_snapshot=True).exists()
    three[1].refresh_from_db()
    assert three[1].version == 1


def test_without_an_input_that_can_be_refreshed_there_is_no_refresh(world: World, run_jobs: RunJobs) -> None:
    first, second = upload(world), upload(world, b"10012345678\n", name="Second")
    run_jobs()
    for row in (first, second):
        row.refresh_from_db()
    audience = combine(world, [first, second], ["subtract"])
    run_jobs()
    assert members(audience) == {"10012345679", "10012345670"}
    with pytest.raises(ActionNotSupported):
        refreshing.refresh(world.access, audience)


def test_an_input_cannot_be_deleted_and_the_result_says_what_it_is_made_of(
    world: World, three: list[Audience], run_jobs: RunJobs
) -> None:
    audience = combine(world, three[:2], ["union"])
    run_jobs()
    client = Client(world.access)
    refused = client.delete(f"audiences/{three[0].pk}/")
    assert refused.status_code == 409 and refused.json()["code"] == "audience_in_use"
    found = client.get(f"audiences/{audience.pk}/").json()
    assert found["origin_detail"] == {
        "inputs": [{"audience": three[0].pk}, {"audience": three[1].pk}],
        "operators": ["union"],
        "ids_from": 1,
    }
    changed = client.patch(f"audiences/{audience.pk}/", {"operators": ["subtract"]}, format="json")
    assert changed.status_code == 200, changed.json()
    run_jobs()
    assert members(audience) == {"u2", "u6", "u8"}


def test_audiences_of_other_workspaces_are_unknown(world: World, three: list[Audience]) -> None:
    other = Client(make_access())
    data = {
        "name": "x",
        "inputs": [{"audience": row.pk} for row in three[:2]],
        "operators": ["union"],
    }
    answer = other.post("audiences/combine/", data, format="json")
    assert answer.status_code == 400 and "inputs/0/audience" in answer.json()["errors"]


def test_pages_make_and_change_a_set_operation(
    world: World, three: list[Audience], run_jobs: RunJobs
) -> None:
    browser = Browser(world.access)
    assert three[2].name in browser.get("combine/").content.decode()
    wrong = browser.post("combine/", name="P", first=three[0].pk, operator_1="union", second="")
    assert wrong.status_code == 422
    chosen = {"first": three[0].pk, "operator_1": "union", "second": three[1].pk}
    done = browser.post("combine/", name="P", operator_2="subtract", third=three[2].pk, **chosen)
    assert done.status_code == 302
    run_jobs()
    audience = Audience.objects.get(name="P")
    assert members(audience) == {"u1", "u2", "u6", "u7"}
    page = browser.get(f"{audience.pk}/combination/").content.decode()
    assert f'value="{three[2].pk}" selected' in page
    browser.post(f"{audience.pk}/combination/", name="P2", **chosen)
    run_jobs()
    assert members(audience) == {"u1", "u2", "u3", "u6", "u7", "u8"} and audience.name == "P2"
    copied = services.copy(world.access, audience, {})
    run_jobs()
    assert copied.origin == "combination" and members(copied) == members(audience)


def test_the_ids_that_all_inputs_hold_are_saved(world: World, computed: Any, run_jobs: RunJobs) -> None:
    with_phone, also, without = computed(), computed(name="B"), computed(name="C", save_ids=[])

    def saved(*rows: Audience) -> list[str]:
        inputs = [{"audience": row.pk} for row in rows]
        name = " ".join(row.name for row in rows)
        made = combining.create(world.access, {"name": name, "inputs": inputs, "operators": ["union"]})
        run_jobs()
        return list(made.save_ids)

    assert saved(with_phone, also) == ["one_id", "mobile"]
    assert saved(with_phone, without) == ["one_id"]


def test_a_set_operation_that_has_changed_meanwhile_is_not_overwritten(
    world: World, three: list[Audience]
) -> None:
    browser = Browser(world.access)
    inputs = [{"audience": row.pk} for row in three[:2]]
    made = combining.create(world.access, {"name": "P", "inputs": inputs, "operators": ["union"]})
    opened = made.edit_version
    chosen = {"first": three[0].pk, "operator_1": "subtract", "second": three[1].pk, "edit_version": opened}
    assert browser.post(f"{made.pk}/combination/", name="Q", **chosen).status_code == 302
    assert browser.post(f"{made.pk}/combination/", name="R", **chosen).status_code == 422


def test_the_result_leads_to_the_overlap_of_its_inputs(world: World, three: list[Audience]) -> None:
    inputs = [{"audience": row.pk} for row in three[:2]]
    made = combining.create(world.access, {"name": "P", "inputs": inputs, "operators": ["union"]})
    page = Browser(world.access).get(f"{made.pk}/").content.decode()
    assert f"overlap/?row={three[0].pk}&amp;row={three[1].pk}" in page


def test_any_audience_is_found_by_search_owner_and_folder(world: World, three: list[Audience]) -> None:
    rows = [
        Audience(
            workspace=world.workspace, owner=world.access.user, name=f"M{number:04}", origin=three[0].origin
        )
        for number in range(600)
    ]
    for row in rows:
        row.user_id_type, row.current, row.count = "one_id", three[0].current, 1
    Audience.objects.bulk_create(rows)
    folder = folders.create(world.access, "Kept")
    Audience.objects.filter(name="M0599").update(folder=folder)
    Audience.objects.filter(pk=three[0].pk).update(name="Z")
    browser = Browser(world.access)

    def found(**asked: Any) -> list[str]:
        return [row["name"] for row in browser.get("combine/choices/", **asked).json()["results"]]

    first = browser.get("combine/choices/").json()
    assert len(first["results"]) == 50 and first["total"] == 603
    assert "Z" not in [row["name"] for row in first["results"]] and found(search="z") == ["Z"]
    assert found(search="m0599") == ["M0599"] and found(folder=folder.pk) == ["M0599"]
    assert found(search="m0599", owner="public") == [] and found(search="M0599", owner="mine") == ["M0599"]
    assert found(without=rows[-1].pk, search="m0599") == []
    last = three[0].pk
    done = browser.post("combine/", name="P", first=last, operator_1="union", second=three[1].pk)
    assert done.status_code == 302
    refused = browser.post("combine/", name="Q", first=last, operator_1="union", second="aud_none")
    assert refused.status_code == 422 and "There is no such audience here." in refused.content.decode()


def test_what_does_not_fit_beside_what_is_chosen_comes_last_with_the_reason(
    world: World, three: list[Audience], run_jobs: RunJobs
) -> None:
    phones = upload(world, name="A phone list")
    run_jobs()
    kept = snapshots.take(world.access, three[1])
    answer = Browser(world.access).get("combine/choices/", beside=three[0].pk).json()
    reasons = [(row["value"], row["reason"]) for row in answer["results"]]
    assert reasons == [
        (three[0].pk, ""),
        (three[1].pk, ""),
        (f"{three[1].pk}/{kept.pk}", ""),
        (three[2].pk, ""),
        (phones.pk, "Knows its people by Mobile number, not by OneID."),
    ]


def test_audiences_of_others_that_are_private_are_not_offered(world: World, three: list[Audience]) -> None:
    other = Browser(make_access(world.workspace, "analyst"))
    assert other.get("combine/choices/").json() == {"results": [], "total": 0}
    Audience.objects.filter(pk=three[0].pk).update(public=True)
    assert [row["value"] for row in other.get("combine/choices/", owner="public").json()["results"]] == [
        three[0].pk
    ]
