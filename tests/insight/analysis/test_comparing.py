"""An audience beside all users or another audience, several datasets at once, orders, and parts as conditions."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from cdp.core.errors import Cancelled, NotFound, PermissionDenied, ValidationFailed
from cdp.warehouse import LakeEngine
from insight.analysis import orders, parts
from insight.analysis.perspective import perspective
from insight.analysis.pivot import pivot
from insight.audiences import services
from insight.audiences.models import Audience
from insight.datasets import granting
from tests.factories import make_access, make_token
from tests.insight.audiences.world import PEOPLE, World, make_tag_dataset, make_world, people_table

RunJobs = Callable[[], list[Any]]


@pytest.fixture
def world(db: None) -> World:
    return make_world()


@pytest.fixture
def saved(world: World, run_jobs: RunJobs) -> Callable[..., Audience]:
    def make(rule: Any, name: str = "Women") -> Audience:
        audience = services.create(world.access, {"name": name, "rule": rule})
        run_jobs()
        audience.refresh_from_db()
        return audience

    return make


def by_value(view: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {row["value"]: row for row in view["tags"][0]["values"]}


@pytest.mark.parametrize("null_filter", [False, True])
def test_both_shares_the_difference_and_the_index_beside_all_users(
    world: World, saved: Callable[..., Audience], null_filter: bool
) -> None:
    audience = saved(world.women)
    view = perspective(
        world.access,
        world.members.pk,
        ["interests"],
        audience_id=audience.pk,
        compare="population",
        null_filter=null_filter,
    )
    women = [person for person in PEOPLE if person[2] == "f"]
    for value, row in by_value(view).items():
        ours = sum(value in (person[4] or []) for person in women)
        all_of_them = sum(value in (person[4] or []) for person in PEOPLE)
        base = sum(bool(person[4]) for person in women) if null_filter else len(women)
        every = sum(bool(person[4]) for person in PEOPLE) if null_filter else len(PEOPLE)
        there = row["compared"]
        assert (row["count"], there["count"]) == (ours, all_of_them)
        assert row["share"] == pytest.approx(ours / base, abs=1e-6)
        assert there["share"] == pytest.approx(all_of_them / every, abs=1e-6)
        assert there["difference"] == pytest.approx(100 * (ours / base - all_of_them / every), abs=1e-4)
        assert there["tgi"] == int(100 * (ours / base) / (all_of_them / every) + 0.5)
        assert there["low"] <= there["tgi"] <= there["high"] and there["few"]
    assert view["coverage"] == {"found": 4, "members": 4}
    assert view["compared"]["users"] == len(PEOPLE) and view["compared"]["overlap"] is None


def test_another_audience_and_how_many_are_in_both(world: World, saved: Callable[..., Audience]) -> None:
    women = saved(world.women)
    likers = saved(world.tag("interests", "contains", ["b"]), "Likers of b")
    view = perspective(world.access, world.members.pk, ["gender"], audience_id=women.pk, compare=likers.pk)
    b_likers = [person for person in PEOPLE if "b" in (person[4] or [])]
    assert view["compared"]["users"] == len(b_likers)
    assert view["compared"]["overlap"] == sum(person[2] == "f" for person in b_likers)
    assert by_value(view)["f"]["compared"]["count"] == sum(person[2] == "f" for person in b_likers)


def test_values_that_only_the_other_side_has_are_shown_with_nobody_here(
    world: World, saved: Callable[..., Audience]
) -> None:
    women = saved(world.women)
    view = perspective(world.access, world.members.pk, ["gender"], audience_id=women.pk, compare="population")
    men = by_value(view)["m"]
    assert (men["count"], men["compared"]["count"], men["compared"]["tgi"]) == (0, 3, 0)


def test_members_that_the_dataset_does_not_know_are_told_by_the_coverage(
    world: World, saved: Callable[..., Audience]
) -> None:
    buyers = saved(world.bought())
    view = perspective(world.access, world.members.pk, ["gender"], audience_id=buyers.pk)
    assert view["coverage"] == {"found": 2, "members": 3}


def test_only_an_audience_can_be_compared(world: World) -> None:
    with pytest.raises(ValidationFailed):
        perspective(world.access, world.members.pk, ["gender"], compare="population")


def test_a_tag_with_very_many_values_is_compared_exactly(
    world: World, saved: Callable[..., Audience]
) -> None:
    rng, people = random.Random(2), []
    for number in range(18_000):
        value = f"v{rng.randrange(200) if number % 2 else number:05d}"
        people.append((f"u{number:05d}", None, value, "x" if number % 3 else "y", None, None))
    dataset = make_tag_dataset(world.workspace, "Many", people_table(people))
    rule = {"kind": "tag", "dataset": dataset.pk, "tag": "city", "operator": "in", "value": ["x"]}
    audience = saved(rule, "X")
    view = perspective(world.access, dataset.pk, ["gender"], audience_id=audience.pk, compare="population")
    tag = view["tags"][0]
    assert tag["cut"] and len(tag["values"]) == 200
    for row in tag["values"]:
        assert row["compared"]["count"] == sum(person[2] == row["value"] for person in people)
    assert tag["rest"]["compared"]["count"] == 18_000 - sum(row["compared"]["count"] for row in tag["values"])


@pytest.mark.parametrize(("values", "allowed"), [(50, True), (51, False)])
def test_multi_value_tags_have_up_to_fifty_values(world: World, values: int, allowed: bool) -> None:
    people = [(f"u{number}", None, None, None, [f"v{number % values}"], None) for number in range(300)]
    dataset = make_tag_dataset(world.workspace, "Parts", people_table(people))
    dataset.stats["distinct"] = {"interests": values}
    dataset.save()
    if allowed:
        assert len(perspective(world.access, dataset.pk, ["interests"])["tags"][0]["values"]) == 50
        return
    with pytest.raises(ValidationFailed):
        perspective(world.access, dataset.pk, ["interests"])


def test_five_datasets_are_shown_at_once_and_a_sixth_is_refused(world: World) -> None:
    made = [make_tag_dataset(world.workspace, f"D{n}", people_table(PEOPLE[: n + 1])) for n in range(6)]
    wanted = [{"dataset": row.pk, "tags": ["gender"]} for row in made]
    assert [view["users"] for view in pivot(world.access, wanted[:5])] == [1, 2, 3, 4, 5]
    with pytest.raises(ValidationFailed):
        pivot(world.access, wanted)
    with pytest.raises(ValidationFailed):
        pivot(world.access, [wanted[0], wanted[0]])


def test_a_newer_request_stops_the_older_one_in_the_engine(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    execute, newer = LakeEngine.execute, []

    def overtaken(engine: LakeEngine, query: Any, *more: Any) -> Any:
        """The newer request comes just when the older one begins to be counted."""
        if not newer:
            newer.append(True)
            newer.append(perspective(world.access, world.members.pk, ["gender"], token="page"))
        return execute(engine, query, *more)

    monkeypatch.setattr(LakeEngine, "execute", overtaken)
    with pytest.raises(Cancelled):
        perspective(world.access, world.members.pk, ["gender", "interests"], token="page")
    assert newer[1]["users"] == len(PEOPLE)


def test_everybody_has_an_order_of_their_own(world: World) -> None:
    other = make_access(world.workspace, "administrator")
    orders.keep(world.access, world.members.pk, "gender", ["m", "f"])
    assert perspective(world.access, world.members.pk, ["gender"])["tags"][0]["order"] == ["m", "f"]
    assert perspective(other, world.members.pk, ["gender"])["tags"][0]["order"] == []
    orders.keep(world.access, world.members.pk, "gender", [])
    assert orders.of(world.access, world.members.pk, ["gender"]) == {}


def test_an_order_is_for_tags_that_charts_show(world: World) -> None:
    for tag in ("spend", "gone"):
        with pytest.raises(ValidationFailed):
            orders.keep(world.access, world.members.pk, tag, ["a"])
    with pytest.raises(NotFound):
        orders.keep(make_access(), world.members.pk, "gender", ["m"])


@pytest.mark.parametrize(("operator", "people"), [("union", 6), ("intersect", 2), ("subtract", 2)])
def test_a_part_is_added_to_an_audience_as_it_was_counted(
    world: World, saved: Callable[..., Audience], run_jobs: RunJobs, operator: str, people: int
) -> None:
    audience = saved(world.women)
    condition = world.tag("interests", "contains", ["b"])
    seen = parts.preview(world.access, audience.pk, condition, operator)
    assert seen == {"before": 4, "after": people, "part": 4}
    parts.add(world.access, audience.pk, condition, operator)
    run_jobs()
    audience.refresh_from_db()
    assert (audience.count, audience.version) == (people, 2)


def test_another_condition_joined_alike_needs_no_bracket(
    world: World, saved: Callable[..., Audience]
) -> None:
    audience = saved({"op": "union", "items": [world.women, world.tag("gender", "empty")]})
    changed = parts.add(world.access, audience.pk, world.tag("interests", "contains", ["c"]), "union")
    assert len(changed.rule["items"]) == 3


def test_only_selections_that_one_may_edit_are_offered(world: World, saved: Callable[..., Audience]) -> None:
    audience = saved(world.women)
    Audience.objects.filter(pk=audience.pk).update(public=True)
    colleague = make_access(world.workspace, "analyst")
    assert [row.pk for row in parts.offered(world.access, world.members.pk)] == [audience.pk]
    assert list(parts.offered(world.access, world.members.pk, "nothing called so")) == []
    assert list(parts.offered(colleague, world.members.pk)) == []
    with pytest.raises(PermissionDenied):
        parts.add(colleague, audience.pk, world.women, "union")


def test_each_part_makes_an_audience_of_its_size(world: World, saved: Callable[..., Audience]) -> None:
    within = saved(world.bought(), "Buyers")
    for audience in (None, within):
        view = perspective(
            world.access,
            world.members.pk,
            ["gender", "interests"],
            audience_id=audience.pk if audience else "",
        )
        for tag in view["tags"]:
            leaves = [
                (
                    {"operator": "contains" if tag["type"] == "multi" else "in", "value": [row["value"]]},
                    row["count"],
                )
                for row in tag["values"]
            ]
            leaves.append(({"operator": "empty"}, tag["unknown"]["count"]))
            for leaf, count in leaves:
                rule = {"kind": "tag", "dataset": world.members.pk, "tag": tag["tag"], **leaf}
                if audience:
                    rule = {"op": "intersect", "items": [rule, {"kind": "audience", "audience": audience.pk}]}
                made = saved(rule, f"{tag['tag']} {leaf} {bool(audience)}"[:64])
                assert made.count == count


def test_granted_rows_change_the_numbers_of_a_restricted_person(world: World) -> None:
    colleague = make_access(world.workspace, "analyst")
    world.members.public, world.members.row_columns = False, ["gender"]
    world.members.save()
    granting.grant(world.access, world.members, {"user": colleague.user.username, "rows": {"gender": ["f"]}})
    wanted = [{"dataset": world.members.pk, "tags": ["gender"]}]
    assert by_value(pivot(colleague, wanted)[0]).keys() == {"f"}
    assert by_value(pivot(world.access, wanted)[0]).keys() == {"f", "m"}


def test_the_api_says_what_the_services_say(world: World, saved: Callable[..., Audience]) -> None:
    audience = saved(world.women)
    client = APIClient(HTTP_AUTHORIZATION=f"Bearer {make_token(world.access)}")
    base = f"/api/v1/workspaces/{world.workspace.slug}/analysis/"

    def post(path: str, data: dict[str, Any]) -> Any:
        return client.post(base + path, data, format="json")

    dataset = world.members.pk
    asked = {"dataset": dataset, "audience": audience.pk, "compare": "population", "tags": ["gender"]}
    answer = post("perspective/", asked)
    assert answer.status_code == 200
    assert answer.json() == perspective(
        world.access, dataset, ["gender"], audience_id=audience.pk, compare="population"
    )
    assert (
        post("pivot/", {"datasets": [{"dataset": dataset, "tags": ["gender"]}]}).json()["results"][0]["users"]
        == 8
    )
    ranking = post("significance/", {"audience": audience.pk, "dataset": dataset, "show_all": True}).json()
    assert ranking["tags_examined"] == 2 and len(ranking["tags"]) + len(ranking["others"]) == 2
    kept = client.put(
        base + "orders/", {"dataset": dataset, "tag": "gender", "values": ["m", "f"]}, format="json"
    )
    assert kept.status_code == 200 and kept.json()["values"] == ["m", "f"]
    offered = client.get(base + "parts/", {"dataset": dataset}).json()["results"]
    assert [row["id"] for row in offered] == [audience.pk]
    addition = {"audience": audience.pk, "condition": world.tag("gender", "empty"), "operator": "union"}
    assert post("parts/preview/", addition).json() == {"before": 4, "after": 5, "part": 1}
    assert post("parts/", addition).json()["id"] == audience.pk
