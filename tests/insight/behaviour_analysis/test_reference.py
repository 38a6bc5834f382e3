"""Funnels, retention and paths of random records against the slow way."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from insight.behaviour_analysis import funnel, paths, retention
from insight.behaviour_analysis.asking import ground_of
from insight.datasets.models import Dataset
from tests.factories import make_access
from tests.insight.behaviour_analysis.ground import (
    Record,
    dataset_of,
    funnel_reference,
    median_gap,
    paths_reference,
    retention_reference,
    write,
)

FIRST, LAST = date(2026, 1, 5), date(2026, 2, 20)
START = datetime(2026, 1, 1)
TYPES = ("visit", "cart", "purchase")
# Few people, few moments, often the same ones: chains, ties and pauses of exactly the limit happen.
RECORDS = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c", "d", "e"]),
        st.integers(0, 60 * 4).map(lambda quarter: START + timedelta(hours=6 * quarter)),
        st.sampled_from(TYPES),
    ),
    max_size=40,
)
MANY = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def access(db: None) -> Any:
    return make_access()


@pytest.fixture
def dataset(access: Any) -> Dataset:
    return dataset_of(access.workspace, [])


def ground(access: Any, dataset: Dataset) -> Any:
    return ground_of(access, {"dataset": dataset.pk, "from": str(FIRST), "to": str(LAST)})


@MANY
@given(
    records=RECORDS,
    days=st.sampled_from([1, 3, 30]),
    steps=st.lists(st.sampled_from(TYPES), min_size=2, max_size=4),
)
def test_funnels(access: Any, dataset: Dataset, records: list[Record], days: int, steps: list[str]) -> None:
    write(dataset, records)
    given_steps = [{"type": [step]} for step in steps]
    asked = funnel.funnel_of(ground(access, dataset), {"steps": given_steps, "days": days})
    found = funnel.funnel(asked)
    expected = funnel_reference(records, steps, FIRST, LAST, days)
    assert [step["users"] for step in found["steps"]] == [
        sum(reached > place for reached in expected.values()) for place in range(len(steps))
    ]
    assert [step["median_seconds"] for step in found["steps"]] == [
        None,
        *(median_gap(records, steps, FIRST, LAST, days, place) for place in range(1, len(steps))),
    ]
    for place in range(1, len(steps)):
        people = asked.ground.run(funnel.people_at(asked, place, "dropped"))
        assert {row["user_unique_id"] for row in people} == {
            user for user, reached in expected.items() if reached == place
        }


@MANY
@given(
    records=RECORDS,
    unit=st.sampled_from(["week", "month"]),
    first=st.sampled_from([None, "visit"]),
    back=st.sampled_from([None, "purchase"]),
)
def test_retention(
    access: Any, dataset: Dataset, records: list[Record], unit: str, first: str | None, back: str | None
) -> None:
    write(dataset, records)
    given_types = {
        name: {"type": [value]} if value else {} for name, value in (("first", first), ("return", back))
    }
    asked = retention.retention_of(ground(access, dataset), {"unit": unit, **given_types})
    sizes, returned = retention_reference(records, first, back, unit)
    for row in retention.retention(asked)["cohorts"]:
        start = date.fromisoformat(row["start"])
        assert row["users"] == sizes[start]
        assert [period["users"] for period in row["periods"]] == [
            returned[start, offset] for offset in range(1, len(row["periods"]) + 1)
        ]


@MANY
@given(
    records=RECORDS,
    hours=st.sampled_from([6, 24, 24 * 20]),
    levels=st.integers(1, 5),
    start=st.sampled_from(TYPES),
)
def test_paths(
    access: Any, dataset: Dataset, records: list[Record], hours: int, levels: int, start: str
) -> None:
    write(dataset, records)
    asked = paths.paths_of(
        ground(access, dataset), {"start": start, "within": hours, "unit": "hours", "levels": levels}
    )
    expected = {
        user: path if len(path) > levels else [*path, None]
        for user, path in paths_reference(records, start, FIRST, LAST, timedelta(hours=hours), levels).items()
    }
    found = paths.paths(asked)
    nodes = Counter((level, kind) for path in expected.values() for level, kind in enumerate(path))
    links = Counter(
        (level, path[level - 1], path[level]) for path in expected.values() for level in range(1, len(path))
    )
    assert {(node["level"], node["type"]): node["users"] for node in found["nodes"]} == dict(nodes)
    assert {(link["level"], link["from"], link["to"]): link["users"] for link in found["links"]} == dict(
        links
    )
    for level, before, after in list(links)[:2]:
        people = asked.ground.run(paths.people_at(asked, level, after, before))
        assert len(people) == links[level, before, after]
    for level, _type in [place for place in nodes if place[1] is None][:2]:
        assert len(asked.ground.run(paths.people_at(asked, level, None))) == nodes[level, None]
