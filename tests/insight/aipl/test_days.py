"""Stages day by day: the worked example of a flow, its identities, and trends with gaps."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cdp import lake
from cdp.core.errors import Conflict, ValidationFailed
from insight.datasets import aipl_days
from insight.datasets.aipl_days import STAGES
from tests.factories import make_workspace

FIRST, LAST = date(2026, 3, 1), date(2026, 3, 15)
BEFORE = {"a": "A", "b": "A", "c": "A", "d": "A", "e": "I", "f": "I", "g": "P", "h": "P", "i": "L", "j": "L"}
AFTER = {"a": "A", "b": "I", "c": "P", "e": "I", "f": "L", "g": "P", "h": "A", "i": "L", "k": "A", "l": "P"}
PEOPLE = st.dictionaries(st.sampled_from("abcdefghij"), st.sampled_from(STAGES))


@pytest.fixture
def workspace(db: None) -> Any:
    found = make_workspace()
    lake.ensure_schema(found)
    return found


def put(workspace: Any, day: date, stages: dict[str, str]) -> None:
    listed = ", ".join(f"('{user}', '{stage}')" for user, stage in stages.items()) or "(NULL, NULL)"
    with lake.transaction() as handle:
        aipl_days.replace_day(
            handle,
            workspace,
            "ds_days",
            day,
            f"(SELECT * FROM (VALUES {listed}) v(user_unique_id, stage) WHERE stage IS NOT NULL)",
        )


def test_the_worked_example_of_a_flow(workspace: Any) -> None:
    put(workspace, FIRST, BEFORE)
    put(workspace, LAST, AFTER)
    found = aipl_days.flow(workspace, "ds_days", FIRST, LAST).stages
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
    workspace: Any, before: dict[str, str], after: dict[str, str]
) -> None:
    put(workspace, FIRST, before)
    put(workspace, LAST, after)
    for key, item in aipl_days.flow(workspace, "ds_days", FIRST, LAST).stages.items():
        assert item.start == item.stayed + sum(item.converted.values()) + item.lost
        assert item.end == item.stayed + sum(item.arrived.values()) + item.new
        assert item.start == sum(stage == key for stage in before.values())
        assert item.lost == sum(stage == key and user not in after for user, stage in before.items())


def test_a_trend_has_at_most_thirty_days_and_leaves_gaps(workspace: Any) -> None:
    days = [LAST - timedelta(days=number) for number in range(40) if number % 3]
    for day in days:
        put(workspace, day, {"a": "A"})
    found = dict(aipl_days.trend(workspace, "ds_days", LAST))
    assert set(found) == {day for day in days if day > LAST - timedelta(days=30)}
    assert found[LAST - timedelta(days=1)] == {"A": 1, "I": 0, "P": 0, "L": 0}


def test_only_computed_days_in_order_have_a_flow(workspace: Any) -> None:
    put(workspace, FIRST, BEFORE)
    put(workspace, LAST, {})
    with pytest.raises(Conflict) as caught:
        aipl_days.flow(workspace, "ds_days", FIRST + timedelta(days=1), LAST)
    assert caught.value.code == "model_day_missing"
    assert caught.value.extra["nearest_days"] == [str(FIRST), str(LAST)]
    with pytest.raises(ValidationFailed):
        aipl_days.flow(workspace, "ds_days", LAST, FIRST)
    lost = aipl_days.flow(workspace, "ds_days", FIRST, LAST).stages["L"]
    assert (lost.lost, lost.loss_rate, lost.end) == (2, 1.0, 0)
