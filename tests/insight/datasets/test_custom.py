"""Datasets of custom tags, which the platform writes itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import ibis
import pytest

from cdp.core.errors import Conflict
from cdp.warehouse import get_engine
from insight.analysis.perspective import perspective
from insight.audiences.fields import datasets_of
from insight.datasets import custom, services
from insight.datasets.models import Dataset, DatasetField
from tests.factories import make_access
from tests.insight.datasets.world import World


class Finder:
    """Stands for the module that holds custom tags: the people of each tag, or why there are none."""

    def __init__(self) -> None:
        self.people: dict[str, str] = {}
        self.asked: list[str] = []

    def give(self, world: World, **people: Any) -> None:
        """The people of tags as rows of a table, or the reason why they cannot be found."""
        for name, found in people.items():
            if isinstance(found, str):
                self.people[name] = f"!{found}"
                continue
            rows = ", ".join(str(row) for row in found)
            world.table(f"people_{name}", f"SELECT * FROM (VALUES {rows}) t(user_unique_id, value)")
            self.people[name] = f"people_{name}"

    def __call__(self, dataset: Dataset, item: DatasetField) -> ibis.Table:
        self.asked.append(item.name)
        found = self.people[item.name]
        if found.startswith("!"):
            raise Conflict(found[1:], code="rule_outdated")
        return get_engine().table(dataset.workspace, found)


@pytest.fixture
def finder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Finder]:
    found = Finder()
    monkeypatch.setattr(custom, "people_of", [found])
    yield found


def tagged(world: World, finder: Finder, **people: Any) -> Dataset:
    dataset = custom.holder(world.access, "one_id")
    for name in people:
        custom.add_tag(dataset, name, multi=name.startswith("multi"))
    finder.give(world, **people)
    return world.compute(dataset)


def test_there_is_one_for_each_owner_and_kind_of_identifier(world: World) -> None:
    dataset = custom.holder(world.access, "one_id")
    assert custom.holder(world.access, "one_id") == dataset
    other = make_access(world.workspace, "analyst")
    others = {custom.holder(world.access, "mobile").pk, custom.holder(other, "one_id").pk}
    assert len(others | {dataset.pk}) == 3
    assert dataset.fields.get().id_type == "one_id"


def test_numbers_of_removed_tags_are_not_used_again(world: World) -> None:
    dataset = custom.holder(world.access, "one_id")
    assert [custom.add_tag(dataset, name).column for name in ("A", "B")] == ["user_tag_1", "user_tag_2"]
    dataset.fields.get(name="B").delete()
    assert custom.add_tag(dataset, "C").column == "user_tag_3"


def test_a_refresh_writes_a_column_per_tag(world: World, finder: Finder) -> None:
    dataset = tagged(
        world,
        finder,
        age=[("u1", "young"), ("u2", "old")],
        multi_likes=[("u1", "b"), ("u1", "a"), ("u3", "a")],
    )
    assert dataset.state == "ready", dataset.error
    assert world.rows(dataset) == [
        {"user_unique_id": "u1", "user_tag_1": "young", "user_tag_2": ["a", "b"]},
        {"user_unique_id": "u2", "user_tag_1": "old", "user_tag_2": None},
        {"user_unique_id": "u3", "user_tag_1": None, "user_tag_2": ["a"]},
    ]


def test_custom_tags_are_used_like_other_tags(world: World, finder: Finder) -> None:
    dataset = tagged(world, finder, age=[("u1", "young"), ("u2", "old")])
    assert {row["id"]: row["kind"] for row in datasets_of(world.access)} == {dataset.pk: "user_tags"}
    chart = perspective(world.access, dataset.pk, ["user_tag_1"])
    assert chart["users"] == 2 and len(chart["tags"][0]["values"]) == 2
    rule = {"kind": "tag", "dataset": dataset.pk, "tag": "user_tag_1", "operator": "in", "value": ["old"]}
    assert world.api()("post", "audiences/preview/", {"rule": rule}).json()["count"] == 1
    found = world.api()("get", f"datasets/{dataset.pk}/values/?tag=user_tag_1").json()["results"]
    assert {row["value"] for row in found} == {"young", "old"}


def test_chosen_tags_are_refreshed_and_the_others_keep_their_values(world: World, finder: Finder) -> None:
    dataset = tagged(world, finder, a=[("u1", "x")], b=[("u1", "x")], multi_c=[("u1", "x"), ("u1", "y")])
    finder.give(world, **{name: [("u2", "new")] for name in finder.people})
    finder.asked = []
    answer = world.api()("post", f"datasets/{dataset.pk}/refresh/", {"tags": ["user_tag_2"]})
    assert answer.status_code == 202
    [job] = world.run_jobs()
    # A batch waits for the places that scheduled updates share.
    assert job.kind == "dataset.refresh_periodic" and job.gate == "scheduled_update"
    dataset.refresh_from_db()
    assert finder.asked == ["b"]
    assert world.rows(dataset) == [
        {"user_unique_id": "u1", "user_tag_1": "x", "user_tag_2": None, "user_tag_3": ["x", "y"]},
        {"user_unique_id": "u2", "user_tag_1": None, "user_tag_2": "new", "user_tag_3": None},
    ]


def test_a_refresh_that_still_waits_computes_what_is_asked_for_meanwhile(
    world: World, finder: Finder
) -> None:
    dataset = tagged(world, finder, a=[("u1", "x")], b=[("u1", "x")], c=[("u1", "x")])
    first = services.refresh(world.access, dataset, ["user_tag_1"])
    assert services.refresh(world.access, dataset, ["user_tag_3"]).pk == first.pk
    finder.asked = []
    world.run_jobs()
    assert finder.asked == ["a", "c"]
    services.refresh(world.access, dataset, ["user_tag_1"])
    services.refresh(world.access, dataset)
    finder.asked = []
    world.run_jobs()
    assert finder.asked == ["a", "b", "c"]


def test_while_some_tags_are_computed_others_are_refused(world: World, finder: Finder) -> None:
    dataset = tagged(world, finder, a=[("u1", "x")], b=[("u1", "x")])
    job = services.refresh(world.access, dataset, ["user_tag_1"])
    type(job).objects.filter(pk=job.pk).update(status="running")
    assert services.refresh(world.access, dataset, ["user_tag_1"]).pk == job.pk
    for tags in (None, ["user_tag_2"]):
        answer = world.api()("post", f"datasets/{dataset.pk}/refresh/", {"tags": tags} if tags else {})
        assert (answer.status_code, answer.json()["code"]) == (409, "busy")


def test_a_tag_that_fails_keeps_its_values_and_says_why(world: World, finder: Finder) -> None:
    dataset = tagged(world, finder, a=[("u1", "x")], b=[("u1", "x")])
    finder.give(world, a="Its dataset has gone.", b=[("u1", "y")])
    world.compute(dataset)
    assert dataset.state == "ready"
    assert world.rows(dataset) == [{"user_unique_id": "u1", "user_tag_1": "x", "user_tag_2": "y"}]
    assert dataset.stats["failed"] == {"user_tag_1": "Its dataset has gone."}
    assert "Its dataset has gone." in dataset.warnings[0]["text"]
    finder.give(world, b="Gone too.")
    world.compute(dataset)
    assert dataset.state == "failed" and "Gone too." in dataset.error


@pytest.mark.parametrize("tags", [["user_tag_9"], [], "user_tag_1"])
def test_only_its_own_tags_can_be_chosen(world: World, finder: Finder, tags: Any) -> None:
    dataset = tagged(world, finder, a=[("u1", "x")])
    answer = world.api()("post", f"datasets/{dataset.pk}/refresh/", {"tags": tags})
    assert answer.status_code == 400 and "tags" in answer.json()["errors"]
    plain = world.dataset()
    answer = world.api()("post", f"datasets/{plain.pk}/refresh/", {"tags": ["gender"]})
    assert answer.status_code == 400


def test_its_name_and_place_can_be_changed_and_its_columns_not(world: World, finder: Finder) -> None:
    dataset = tagged(world, finder, a=[("u1", "x")])
    call = world.api()
    answer = call(
        "patch", f"datasets/{dataset.pk}/", {"name": "Mine", "refresh": {"every": "hour", "hours": 6}}
    )
    assert answer.status_code == 200 and answer.json()["name"] == "Mine"
    assert call("patch", f"datasets/{dataset.pk}/", {"tags": []}).status_code == 400
    assert call("patch", f"datasets/{dataset.pk}/", {"folder": "dfl_none"}).status_code == 400
    assert call("post", "datasets/", {"name": "X", "kind": "custom_tags"}).status_code == 400
    assert dataset.fields.count() == 2
    browser, base = world.browser()
    page = browser.get(f"{base}{dataset.pk}/").content.decode()
    assert "/rename/" in page and "/edit/" not in page and "/names/" not in page
    assert browser.get(f"{base}{dataset.pk}/edit/").status_code == 404
    dataset.refresh_from_db()
    sent = {"name": "Other", "description": "D", "edit_version": dataset.edit_version}
    assert browser.post(f"{base}{dataset.pk}/rename/", sent).status_code == 302
    assert browser.post(f"{base}{dataset.pk}/rename/", sent).status_code == 422
    dataset.refresh_from_db()
    assert (dataset.name, dataset.description) == ("Other", "D")


def test_without_tags_there_is_nothing_to_compute(world: World, finder: Finder) -> None:
    dataset = custom.holder(world.access, "one_id")
    services.refresh(world.access, dataset)
    world.run_jobs(allow_failure=True)
    dataset.refresh_from_db()
    assert dataset.state == "failed" and "no custom tag" in dataset.error
