"""A rule cut to a number of people."""

from __future__ import annotations

import hashlib

import pytest

from insight.audiences.compiler import apply_limit, compile_rule
from insight.audiences.rules import parse_rule
from tests.insight.audiences.engine import TODAY, Engine
from tests.insight.audiences.reference import World

PEOPLE = [f"u{number:03}" for number in range(200)]


def chosen(people: list[str], size: int, audience: str = "aud_1") -> set[str]:
    engine = Engine(World({}, {"all": people}, TODAY))
    everybody = compile_rule(parse_rule({"kind": "audience", "audience": "all"}), engine, today=TODAY)
    return {row[0] for row in engine.run(apply_limit(everybody, audience, size))}


def test_the_people_with_the_smallest_hashes_are_kept() -> None:
    by_hash = sorted(PEOPLE, key=lambda user: hashlib.md5(f"aud_1:{user}".encode()).hexdigest())
    assert chosen(PEOPLE, 10) == set(by_hash[:10])


def test_people_stay_while_others_come_and_go() -> None:
    before = chosen(PEOPLE, 50)
    after = chosen([*PEOPLE[:-5], "new"], 50)
    assert len(before & after) >= 44


def test_another_audience_keeps_other_people() -> None:
    assert chosen(PEOPLE, 50) != chosen(PEOPLE, 50, "aud_2")


@pytest.mark.parametrize(("size", "kept"), [(1, 1), (200, 200), (500, 200)])
def test_no_more_people_than_asked_for(size: int, kept: int) -> None:
    assert len(chosen(PEOPLE, size)) == kept
