"""Conditions whose users are translated to another ID."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from cdp.core.errors import ValidationFailed
from insight.audiences import counting, identities, rules, services, summary
from insight.audiences.sources import WorkspaceCatalog
from insight.datasets.models import Dataset
from tests.insight.audiences.engine import TODAY, Engine
from tests.insight.audiences.reference import World
from tests.insight.audiences.test_rules_match_reference import (
    USERS,
    _at,
    worlds,
)
from tests.insight.audiences.test_rules_match_reference import (
    rules as random_rules,
)
from tests.insight.audiences.translation import identify, phone_dataset, store, vip
from tests.insight.audiences.world import World as Shop

MAILS = ["a@x", "b@x", "c@x", "d@x"]


@st.composite
def identity_sets(draw: st.DrawFn) -> list[dict[str, list[str]]]:
    """People of whom each ID is in one only, some without mobile numbers or addresses."""
    owners = {user: draw(st.integers(0, 5)) for user in USERS if draw(st.booleans())}
    mails = {mail: draw(st.integers(0, 5)) for mail in MAILS}
    return [
        {
            "mobile": [user for user, owner in owners.items() if owner == number],
            "email": [mail for mail, owner in mails.items() if owner == number],
        }
        for number in range(6)
    ]


def translated(rule: Any) -> Any:
    if "op" in rule:
        return {**rule, "items": [translated(item) for item in rule["items"]]}
    return {**rule, "map": {"to": "email"}}


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(world=worlds, rule=random_rules, people=identity_sets())
def test_translated_rules_find_the_people_of_the_reference(
    world: World, rule: Any, people: list[dict[str, list[str]]]
) -> None:
    known = World(world.datasets, world.audiences, TODAY, people)
    asked, engine = translated(rule), Engine(known)
    assert engine.people(asked) == sorted(known.people(asked))
    paths = [path for path, _leaf in rules.leaves(rules.parse_rule(asked))]
    assert engine.unmatched(asked) == {path: len(known.unmatched(_at(asked, path))) for path in paths}


def test_a_translation_survives_being_written_as_json() -> None:
    leaf = {"kind": "audience", "audience": "aud_1", "map": {"to": "mobile"}}
    assert rules.to_json(rules.parse_rule(leaf)) == leaf


@pytest.mark.parametrize("bad", [{"to": "nothing"}, {}, {"to": "mobile", "from": "email"}, "mobile"])
def test_a_bad_translation_is_refused_at_its_path(bad: Any) -> None:
    with pytest.raises(rules.RuleInvalid) as refused:
        rules.parse_rule({"kind": "audience", "audience": "aud_1", "map": bad})
    assert all(path.startswith("map") for path in refused.value.errors)


def test_the_published_schema_knows_translations() -> None:
    validator = Draft202012Validator(rules.json_schema())
    leaf = {"kind": "audience", "audience": "aud_1"}
    assert validator.is_valid({**leaf, "map": {"to": "mobile"}})
    assert not validator.is_valid({**leaf, "map": {"to": "nothing"}})


@pytest.fixture
def by_phone(world: Shop) -> Dataset:
    return phone_dataset(world)


def test_without_identities_mixed_ids_are_refused_and_so_is_a_translation(
    world: Shop, by_phone: Dataset
) -> None:
    mixed = {"op": "intersect", "items": [world.tag("gender", "not_empty"), vip(by_phone)]}
    with pytest.raises(ValidationFailed) as refused:
        counting.preview_counts(world.access, mixed)
    assert "translations" not in refused.value.extra
    mixed["items"][1]["map"] = {"to": "one_id"}  # type: ignore[index]
    with pytest.raises(ValidationFailed) as refused:
        counting.preview_counts(world.access, mixed)
    assert (refused.value.code, refused.value.status) == ("no_identities", 409)
    assert list(refused.value.errors) == ["rule/items/1/map"]


def test_mixed_ids_are_refused_with_the_translation_that_would_do(world: Shop, by_phone: Dataset) -> None:
    identify(world, [{"one_id": "u1", "mobile": "13800000001"}])
    mixed = {"op": "intersect", "items": [world.tag("gender", "not_empty"), vip(by_phone)]}
    with pytest.raises(ValidationFailed) as refused:
        counting.preview_counts(world.access, mixed)
    assert refused.value.extra["translations"] == {"rule/items/1": {"to": "one_id", "label": "OneID"}}
    assert "translate" in str(refused.value.errors["rule/items/1/dataset"])


def test_a_preview_counts_whom_a_translation_loses(world: Shop, by_phone: Dataset) -> None:
    identify(world, [{"one_id": "u1", "mobile": "13800000001"}, {"mobile": "13800000002"}, {"one_id": "u3"}])
    rule = {
        "op": "intersect",
        "items": [world.tag("gender", "not_empty"), vip(by_phone, map={"to": "one_id"})],
    }
    found = counting.preview_counts(world.access, rule)
    assert found["count"] == 1
    assert found["conditions"][1] == {"path": "items/1", "count": 1, "unmatched": 2}
    assert "unmatched" not in found["conditions"][0]


def test_a_new_run_of_the_identities_is_counted_anew(world: Shop, by_phone: Dataset) -> None:
    graph = identify(world, [{"one_id": "u1", "mobile": "13800000001"}])
    rule = vip(by_phone, map={"to": "one_id"})
    assert counting.preview_counts(world.access, rule)["count"] == 1
    graph.version = 2
    graph.save()
    names = ["one_id", "id_type", "encryption", "id_value"]
    rows = [
        ("o_1", "one_id", "plain", "u1"),
        ("o_1", "one_id", "plain", "u2"),
        ("o_1", "mobile", "plain", "13800000001"),
    ]
    columns = {name: [row[place] for row in rows] for place, name in enumerate(names)}
    store(world.workspace, graph.table("map"), pa.table(columns))
    assert counting.preview_counts(world.access, rule)["count"] == 2


def test_an_audience_of_a_translated_rule_is_computed_with_its_new_ids(
    world: Shop, by_phone: Dataset, run_jobs: Callable[[], list[Any]]
) -> None:
    identify(world, [{"one_id": "u1", "mobile": "13800000001"}, {"one_id": "u2", "mobile": "13800000002"}])
    rule = {
        "op": "union",
        "items": [vip(by_phone, map={"to": "one_id"}), world.tag("city", "in", ["Nanjing"])],
    }
    data = {"name": "Both", "rule": rule, "save_ids": ["one_id", "mobile"]}
    audience = services.create(world.access, data)
    run_jobs()
    audience.refresh_from_db()
    assert (audience.state, audience.count, audience.user_id_type) == ("succeeded", 3, "one_id")


def test_the_members_of_an_audience_are_translated(
    world: Shop, computed: Callable[..., Any], run_jobs: Callable[[], list[Any]]
) -> None:
    women = computed()
    identify(world, [{"one_id": "u2", "email": "b@x.com"}, {"one_id": "u1", "email": "a@x.com"}])
    leaf = {"kind": "audience", "audience": women.pk, "map": {"to": "email"}}
    assert counting.preview_counts(world.access, leaf)["count"] == 1
    catalog = WorkspaceCatalog(world.workspace, access=world.access)
    rule = rules.parse_rule(leaf)
    assert identities.user_id_type(rule, catalog) == "email"
    assert [column.id_type for column in identities.id_columns(rule, catalog)] == ["email"]
    mailed = services.create(world.access, {"name": "Mailed", "rule": leaf, "save_ids": ["email"]})
    run_jobs()
    mailed.refresh_from_db()
    assert (mailed.state, mailed.count) == ("succeeded", 1)


def test_the_words_of_a_rule_say_by_which_id_its_people_are_known(world: Shop, by_phone: Dataset) -> None:
    rule = rules.parse_rule(vip(by_phone, map={"to": "one_id"}))
    catalog = WorkspaceCatalog(world.workspace, access=None)
    assert summary.summarise(rule, catalog).endswith("(by their OneID)")
