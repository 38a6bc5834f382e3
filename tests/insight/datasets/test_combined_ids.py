"""The IDs of combined audiences: which inputs give them, whose count where they differ, where they appear."""

from __future__ import annotations

import csv
import io
import itertools
import random
from typing import Any

import pytest

from cdp.core import timezones
from cdp.warehouse import get_engine
from insight.audiences import combining, membership, queries, services, snapshots
from insight.audiences.gathering import Crowd, batches
from insight.audiences.models import Audience
from tests.insight.datasets.places import Place

Person = dict[str, str | None]
People = dict[str, Person]
IDS = ("mobile", "email")
OPERATORS = ("union", "intersect", "subtract")


def some_people(seed: int) -> People:
    """Ten of fourteen people, each with an own idea of their numbers and addresses, or none."""
    chance = random.Random(seed)
    return {
        f"u{number:02}": {
            "mobile": chance.choice([None, "13800000001", f"1380000{seed:02}{number:02}"]),
            "email": chance.choice([None, "a@example.com", f"{seed}.{number}@example.com"]),
        }
        for number in sorted(chance.sample(range(14), 10))
    }


def select(people: People) -> str:
    def text(value: str | None) -> str:
        return f"'{value}'" if value else "NULL"

    rows = ", ".join(
        f"('{key}', {text(one['mobile'])}, {text(one['email'])}, 1)" for key, one in people.items()
    )
    return f"SELECT * FROM (VALUES {rows}) t(id, phone, mail, seen)"


class Input:
    """An audience of everybody of a dataset, which holds its phones and e-mail addresses."""

    def __init__(self, place: Place, number: int) -> None:
        self.place, self.name = place, f"input{number}"
        self.now = some_people(number)
        self.store()
        self.dataset = place.dataset(
            {
                "name": self.name,
                "kind": "user_tags",
                "table": self.name,
                "user_id": {"column": "id", "id_type": "one_id"},
                "ids": [{"column": "phone", "id_type": "mobile"}, {"column": "mail", "id_type": "email"}],
                "tags": [{"column": "seen", "name": "Seen", "type": "number"}],
            }
        )
        rule = {"kind": "tag", "dataset": self.dataset.pk, "tag": "seen", "operator": "not_empty"}
        data = {"name": self.name, "rule": rule, "save_ids": ["one_id", *IDS]}
        self.audience = services.create(place.world.access, data)
        place.world.run_jobs()
        self.then = self.now
        self.snapshot = snapshots.take(place.world.access, self.audience)

    def store(self) -> None:
        if self.place.server is None:
            self.place.world.table(self.name, select(self.now))
        else:
            self.place.server.run(
                f"DROP TABLE IF EXISTS {self.name}", f"CREATE TABLE {self.name} AS {select(self.now)}"
            )

    def change(self, seed: int) -> None:
        """The dataset and the audience as of later; the snapshot stays."""
        self.now = some_people(seed)
        self.store()
        self.place.world.compute(self.dataset)
        self.place.world.api()("post", f"audiences/{self.audience.pk}/refresh/", {"snapshot": False})
        self.place.world.run_jobs()
        self.audience.refresh_from_db()
        assert self.audience.count == len(self.now)

    def people(self, fixed: bool) -> People:
        return self.then if fixed else self.now

    def item(self, fixed: bool) -> dict[str, str]:
        return {"audience": self.audience.pk, **({"snapshot": self.snapshot.pk} if fixed else {})}


@pytest.fixture
def inputs(place: Place) -> list[Input]:
    found = [Input(place, number) for number in range(3)]
    for number, one in enumerate(found, start=10):
        one.change(number)
    return found


def expected(parts: list[People], operators: tuple[str, ...], first: int) -> tuple[People, dict[str, int]]:
    """The slow and obvious way: the people with their IDs, and how many are known by different ones."""
    keys = set(parts[0])
    for operator, other in zip(operators, parts[1:], strict=True):
        keys = {
            "union": keys | set(other),
            "intersect": keys & set(other),
            "subtract": keys - set(other),
        }[operator]
    order = [parts[first - 1], *(part for place, part in enumerate(parts, 1) if place != first)]
    people: People = {}
    conflicts = dict.fromkeys(IDS, 0)
    for key in keys:
        known = {name: [part[key][name] for part in order if key in part and part[key][name]] for name in IDS}
        people[key] = {name: values[0] if values else None for name, values in known.items()}
        for name, values in known.items():
            conflicts[name] += len(set(values)) > 1
    return people, conflicts


def computed(place: Place, data: dict[str, Any]) -> tuple[People, dict[str, int]]:
    """What a combination of this definition would hold, without a job for each."""
    access = place.world.access
    rule = combining.checked_rule(access, data)
    audience = Audience(
        workspace=access.workspace,
        owner=access.user,
        origin=combining.COMBINED,
        source=place.source,
        rule=rule,
        save_ids=combining.common_ids(access, rule),
        ids_from=data["ids_from"],
    )
    found = membership.members_of(audience, timezones.today(access.workspace))
    engine = get_engine(place.source)
    rows = engine.execute(found.expression).to_pylist()
    people = {row["user_unique_id"]: {name: row[name] for name in IDS} for row in rows}
    assert len(people) == len(rows)
    conflicts = engine.execute(found.conflicts).to_pylist()[0] if found.conflicts is not None else {}
    return people, {name: conflicts.get(name, 0) for name in IDS}


def test_ids_and_conflicts_are_those_of_the_slow_way(place: Place, inputs: list[Input]) -> None:
    chance = random.Random(1)
    cases = [(one,) for one in OPERATORS] + list(itertools.product(OPERATORS, repeat=2))
    for operators in cases:
        count = len(operators) + 1
        for first in range(1, count + 1):
            fixed = [chance.random() < 0.5 for _ in range(count)]
            data = {
                "inputs": [one.item(kept) for one, kept in zip(inputs, fixed, strict=False)],
                "operators": list(operators),
                "ids_from": first,
            }
            parts = [one.people(kept) for one, kept in zip(inputs, fixed, strict=False)]
            wanted = expected(parts, operators, first)
            assert computed(place, data) == wanted, (operators, first, fixed)


def test_an_audience_and_its_own_snapshot_are_told_apart(place: Place, inputs: list[Input]) -> None:
    one = inputs[0]
    for first in (1, 2):
        data = {"inputs": [one.item(True), one.item(False)], "operators": ["union"], "ids_from": first}
        assert computed(place, data) == expected([one.then, one.now], ("union",), first)


def test_ids_of_snapshots_are_counted_shown_downloaded_and_sent_to(place: Place, inputs: list[Input]) -> None:
    call, access = place.world.api(), place.world.access
    first, second, _third = inputs
    data = {
        "name": "Both",
        "inputs": [first.item(True), second.item(True)],
        "operators": ["union"],
        "ids_from": 2,
    }
    answer = call("post", "audiences/combine/", data)
    assert answer.status_code == 201, answer.content
    place.world.run_jobs()
    people, conflicts = expected([first.then, second.then], ("union",), 2)
    made = call("get", f"audiences/{answer.json()['id']}/").json()
    assert made["origin_detail"]["ids_from"] == 2 and made["save_ids"] == ["one_id", *IDS]
    for name in IDS:
        filled = [one[name] for one in people.values() if one[name]]
        found = made["ids"][name]
        assert (found["filled"], found["distinct"]) == (len(filled), len(set(filled)))
        assert found["conflicts"] == conflicts[name] > 0
    shown = call("get", f"audiences/{made['id']}/members/?page_size=100").json()["results"]
    assert {row["user_unique_id"]: {name: row[name] or None for name in IDS} for row in shown} == people
    text = b"".join(call("get", f"audiences/{made['id']}/export/").streaming_content).decode()
    listed = {row["user_unique_id"]: row for row in csv.DictReader(io.StringIO(text))}
    assert {key: {name: row[name] or None for name in IDS} for key, row in listed.items()} == people
    version = queries.latest_version(Audience.objects.get(pk=made["id"]))
    assert version is not None
    sent = [row for batch in batches(Crowd([version], [], "mobile")) for row in batch.to_pylist()]
    assert {row["user_unique_id"]: row["target"] for row in sent} == {
        key: one["mobile"] for key, one in people.items()
    }

    changed = call("patch", f"audiences/{made['id']}/", {"ids_from": 1})
    assert changed.status_code == 200 and changed.json()["origin_detail"]["ids_from"] == 1
    place.world.run_jobs()
    shown = call("get", f"audiences/{made['id']}/members/?page_size=100").json()["results"]
    other, _conflicts = expected([first.then, second.then], ("union",), 1)
    assert {row["user_unique_id"]: {name: row[name] or None for name in IDS} for row in shown} == other
    audience = Audience.objects.get(pk=made["id"])
    copied = services.copy(access, Audience.objects.get(pk=made["id"]), {"name": "Copy"})
    assert (copied.ids_from, copied.origin) == (audience.ids_from, combining.COMBINED)


def test_places_and_snapshots_that_are_not_there_are_refused(place: Place, inputs: list[Input]) -> None:
    call, items = place.world.api(), [one.item(False) for one in inputs[:2]]

    def refused(**more: Any) -> list[str]:
        data = {"name": "x", "inputs": items, "operators": ["union"], **more}
        answer = call("post", "audiences/combine/", data)
        assert answer.status_code == 400, answer.content
        return list(answer.json()["errors"])

    for given in (0, 3, "2", True, None):
        assert refused(ids_from=given) == ["ids_from"]
    assert refused(inputs=[items[0], {**items[1], "snapshot": "audv_none"}]) == ["inputs/1/snapshot"]
