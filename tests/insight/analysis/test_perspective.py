"""Perspective against a count in plain Python over the same rows."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from cdp.core.errors import Conflict, NotFound, ValidationFailed
from insight.analysis.perspective import perspective
from insight.audiences import services
from tests.factories import make_access
from tests.insight.audiences.world import (
    PEOPLE,
    World,
    make_tag_dataset,
    make_world,
    new_version,
    people_table,
)

GENDER, INTERESTS = 2, 4
RunJobs = Callable[[], list[Any]]


@pytest.fixture
def world(db: None) -> World:
    return make_world()


def reference(people: Sequence[tuple[Any, ...]], place: int) -> tuple[dict[str, int], int]:
    """Users per value, and users without one, the slow way."""
    found: dict[str, set[str]] = {}
    users = {person[0] for person in people}
    known = set()
    for person in people:
        parts = person[place] if isinstance(person[place], list) else [person[place]]
        for part in parts:
            if part:
                found.setdefault(part, set()).add(person[0])
                known.add(person[0])
    return {value: len(ids) for value, ids in found.items()}, len(users - known)


def shown(view: dict[str, Any]) -> dict[str, int]:
    return {row["value"]: row["count"] for row in view["tags"][0]["values"]}


@pytest.mark.parametrize(("tag", "place"), [("gender", GENDER), ("interests", INTERESTS)])
def test_counts_equal_the_reference(world: World, tag: str, place: int) -> None:
    view = perspective(world.access, world.members.pk, [tag])
    counts, unknown = reference(PEOPLE, place)
    assert shown(view) == counts and view["tags"][0]["unknown"]["count"] == unknown
    assert view["tags"][0]["base"] == len(PEOPLE)


def test_random_rows_with_repeated_users_equal_the_reference(world: World) -> None:
    rng = random.Random(7)
    people = [
        (
            f"u{rng.randrange(300)}",
            None,
            rng.choice(["f", "m", "", None]),
            None,
            rng.choice([None, [], ["a"], ["a", "b"], ["c", "b"]]),
            None,
        )
        for _ in range(500)
    ]
    dataset = make_tag_dataset(world.workspace, "Random", people_table(people))
    view = perspective(world.access, dataset.pk, ["gender", "interests"])
    for item, place in zip(view["tags"], (GENDER, INTERESTS), strict=True):
        counts, unknown = reference(people, place)
        assert {row["value"]: row["count"] for row in item["values"]} == counts
        assert item["unknown"]["count"] == unknown


def test_shares_are_of_all_users_or_of_the_known_ones(world: World) -> None:
    everybody = perspective(world.access, world.members.pk, ["gender"])["tags"][0]
    known = perspective(world.access, world.members.pk, ["gender"], null_filter=True)["tags"][0]
    assert everybody["values"][0] == {"value": "f", "count": 4, "share": 0.5, "percent": 50.0}
    assert known["base"] == 7 and known["values"][0]["share"] == round(4 / 7, 6)
    assert known["unknown"] == {"count": 0, "share": 0.0, "percent": 0.0}
    assert [row["percent"] for row in known["values"]] == [57.1, 42.9]


def test_an_audience_is_looked_at_within_the_dataset(world: World, run_jobs: RunJobs) -> None:
    rule = {"op": "union", "items": [world.women, world.bought()]}
    audience = services.create(world.access, {"name": "Women and buyers", "rule": rule})
    with pytest.raises(Conflict):
        perspective(world.access, world.members.pk, ["gender"], audience_id=audience.pk)
    run_jobs()
    view = perspective(world.access, world.members.pk, ["gender"], audience_id=audience.pk)
    assert shown(view) == {"f": 4, "m": 1} and view["users"] == 5


def test_counts_follow_the_current_version_of_the_dataset(world: World) -> None:
    new_version(world.members, people_table(PEOPLE[:1]))
    assert shown(perspective(world.access, world.members.pk, ["gender"])) == {"m": 1}


def test_a_tag_with_too_many_values_is_cut_and_says_so(world: World) -> None:
    people = [(f"u{number}", None, f"v{number:05d}", None, None, None) for number in range(5001)]
    people += [(f"w{number}", None, "v00001", None, None, None) for number in range(5)]
    dataset = make_tag_dataset(world.workspace, "Many", people_table(people))
    item = perspective(world.access, dataset.pk, ["gender"])["tags"][0]
    assert (
        item["cut"]
        and len(item["values"]) == 200
        and item["values"][0]
        == {
            "value": "v00001",
            "count": 6,
            "share": round(6 / 5006, 6),
            "percent": 0.1,
        }
    )
    assert item["other"] == 5006 - sum(row["count"] for row in item["values"]) and item["notice"]


@pytest.mark.parametrize("tag", ["spend", "city", "gone"])
def test_tags_that_charts_cannot_show_are_named(world: World, tag: str) -> None:
    with pytest.raises(ValidationFailed) as failure:
        perspective(world.access, world.members.pk, ["gender", tag])
    assert list(failure.value.errors) == ["tags/1"]


def test_a_tag_switched_off_for_charts_is_refused(world: World) -> None:
    world.members.fields.filter(column="gender").update(pivot_enabled=False)
    with pytest.raises(ValidationFailed):
        perspective(world.access, world.members.pk, ["gender"])


def test_several_tags_are_counted_in_one_statement_and_kept(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cdp.warehouse import LakeEngine

    ran = []
    execute = LakeEngine.execute
    monkeypatch.setattr(LakeEngine, "execute", lambda self, *query: ran.append(1) or execute(self, *query))
    perspective(world.access, world.members.pk, ["gender", "interests"])
    assert len(ran) == 1
    perspective(world.access, world.members.pk, ["interests", "gender"], null_filter=True)
    assert len(ran) == 1


def test_datasets_and_audiences_of_other_workspaces_are_not_found(world: World) -> None:
    stranger = make_access()
    with pytest.raises(NotFound):
        perspective(stranger, world.members.pk, ["gender"])
    with pytest.raises(NotFound):
        perspective(world.access, world.members.pk, ["gender"], audience_id="aud_gone")
