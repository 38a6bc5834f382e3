"""Stages day by day: the worked example of a flow, its identities, and trends with gaps."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cdp.core.errors import Conflict, ValidationFailed
from cdp.warehouse import get_engine
from insight.datasets import aipl_days
from insight.datasets.aipl_days import STAGES
from insight.datasets.models import Dataset
from tests.factories import make_workspace

FIRST, LAST = date(2026, 3, 1), date(2026, 3, 15)
BEFORE = {"a": "A", "b": "A", "c": "A", "d": "A", "e": "I", "f": "I", "g": "P", "h": "P", "i": "L", "j": "L"}
AFTER = {"a": "A", "b": "I", "c": "P", "e": "I", "f": "L", "g": "P", "h": "A", "i": "L", "k": "A", "l": "P"}
PEOPLE = st.dictionaries(st.sampled_from("abcdefghij"), st.sampled_from(STAGES))


@pytest.fixture
def model(db: None) -> Dataset:
    """A model whose days the tests write themselves."""
    return Dataset(pk="ds_days", workspace=make_workspace())


def put(model: Dataset, day: date, stages: dict[str, str]) -> None:
    listed = ", ".join(f"('{user}', '{stage}')" for user, stage in stages.items()) or "(NULL, NULL)"
    people = f"(SELECT * FROM (VALUES {listed}) v(user_unique_id, stage) WHERE stage IS NOT NULL)"
    with aipl_days.writing(model) as work:
        aipl_days.replace_day(work, model.pk, day, people)


def test_the_worked_example_of_a_flow(model: Dataset) -> None:
    put(model, FIRST, BEFORE)
    put(model, LAST, AFTER)
    found = aipl_days.flow(model, FIRST, LAST).stages
    figures = {
        key: (
            item.start,
            item.stayed,
            sum(item.converted.values()),
            item.lost,
            item.end,
            item.difference,
            item.new,
        )
        for key, item in found.items()
    }
    assert figures == {
        "A": (4, 1, 2, 1, 3, -1, 1),
        "I": (2, 1, 1, 0, 2, 0, 0),
        "P": (2, 1, 1, 0, 3, 1, 1),
        "L": (2, 1, 0, 1, 2, 0, 0),
    }
    assert {key: item.loss_rate for key, item in found.items()} == {"A": 0.25, "I": 0.0, "P": 0.0, "L": 0.5}
    assert found["A"].converted == {"I": 1, "P": 1, "L": 0} and found["A"].arrived == {"I": 0, "P": 1, "L": 0}


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=PEOPLE, after=PEOPLE)
def test_everybody_of_a_stage_stays_changes_or_is_lost(
    model: Dataset, before: dict[str, str], after: dict[str, str]
) -> None:
    put(model, FIRST, before)
    put(model, LAST, after)
    for key, item in aipl_days.flow(model, FIRST, LAST).stages.items():
        assert item.start == item.stayed + sum(item.converted.values()) + item.lost
        assert item.end == item.stayed + sum(item.arrived.values()) + item.new
        assert item.start == sum(stage == key for stage in before.values())
        assert item.lost == sum(stage == key and user not in after for user, stage in before.items())


def test_a_trend_has_at_most_thirty_days_and_leaves_gaps(model: Dataset) -> None:
    days = [LAST - timedelta(days=number) for number in range(40) if number % 3]
    for day in days:
        put(model, day, {"a": "A"})
    found = dict(aipl_days.trend(model, LAST))
    assert set(found) == {day for day in days if day > LAST - timedelta(days=30)}
    assert found[LAST - timedelta(days=1)] == {"A": 1, "I": 0, "P": 0, "L": 0}


def test_only_computed_days_in_order_have_a_flow(model: Dataset) -> None:
    put(model, FIRST, BEFORE)
    put(model, LAST, {})
    with pytest.raises(Conflict) as caught:
        aipl_days.flow(model, FIRST + timedelta(days=1), LAST)
    assert caught.value.code == "model_day_missing"
    assert caught.value.extra["nearest_days"] == [str(FIRST), str(LAST)]
    with pytest.raises(ValidationFailed):
        aipl_days.flow(model, LAST, FIRST)
    lost = aipl_days.flow(model, FIRST, LAST).stages["L"]
    assert (lost.lost, lost.loss_rate, lost.end) == (2, 1.0, 0)


@pytest.mark.django_db(transaction=True)
def test_a_new_day_that_two_write_at_once_is_there_once() -> None:
    model = Dataset(pk="ds_days", workspace=make_workspace())
    put(model, FIRST, BEFORE)
    ready = threading.Barrier(2, timeout=60)

    def write(stages: dict[str, str]) -> None:
        ready.wait()
        put(model, LAST, stages)
        connection.close()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(write, (AFTER, {**AFTER, "z": "A"})))
    engine = get_engine(model.source)
    path = engine.path(model.workspace, aipl_days.days_table(model.pk))
    users = [user for (user,) in engine.rows(f"SELECT user_unique_id FROM {path} WHERE day = '{LAST}'")]
    assert len(users) == len(set(users)) >= len(AFTER)
    assert sum(aipl_days.trend(model, LAST)[-1][1].values()) == len(users)
