"""Random rules over random tables mean the same on PostgreSQL as in the reference."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from insight.audiences.rules import nodes, parse_rule
from tests.insight.audiences.postgres import PostgresWorld
from tests.insight.audiences.reference import World
from tests.insight.audiences.test_rules_match_reference import _at, rules, rules_of_one_table, worlds

pytestmark = pytest.mark.django_db


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    world=worlds,
    asked=st.lists(rules, min_size=1, max_size=4) | st.lists(rules_of_one_table, min_size=2, max_size=6),
)
def test_random_rules_find_the_people_of_the_reference(world: World, asked: list[Any]) -> None:
    with closing(PostgresWorld(world)) as engine:
        for rule in asked:
            assert engine.people(rule) == sorted(world.people(rule)), rule


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(world=worlds, rule=rules | rules_of_one_table)
def test_counts_of_all_parts_are_those_of_the_reference(world: World, rule: Any) -> None:
    with closing(PostgresWorld(world)) as engine:
        counts = engine.counts(rule)
    assert counts == {path: len(world.people(_at(rule, path))) for path, _node in nodes(parse_rule(rule))}
