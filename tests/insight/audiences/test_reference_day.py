"""The day that "today" means: one for each computation, although midnight may pass while it runs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from cdp.core import timezones
from insight.audiences import counting, services
from insight.audiences.models import Audience
from tests.insight.audiences.test_outside import members
from tests.insight.audiences.world import World

MIDNIGHT = datetime(2026, 2, 6, tzinfo=ZoneInfo("Asia/Shanghai"))
THEN = date(2026, 2, 5)


@pytest.fixture
def rule(world: World) -> dict[str, Any]:
    """u1, who bought on 5 February; on the 6th it is u1 of yesterday and u2 of today, without u1 of yesterday: u2."""
    bought = [world.bought(window={"kind": "period", "unit": "day", "offset": offset}) for offset in (0, -1)]
    return {"op": "subtract", "items": [{"op": "union", "items": bought}, bought[1]]}


@pytest.fixture
def passing_midnight(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """A clock that is asked before midnight once, and ever after that past midnight; how often its day was asked."""
    asked: list[datetime] = []

    def local_now(workspace: Any) -> datetime:
        asked.append(MIDNIGHT + (timedelta(seconds=-1) if not asked else timedelta(seconds=len(asked))))
        return asked[-1].astimezone(timezones.zone(workspace))

    monkeypatch.setattr(timezones, "local_now", local_now)
    return lambda: len(asked)


def test_the_days_differ(world: World, rule: dict[str, Any], passing_midnight: Callable[[], int]) -> None:
    found = [counting.preview_members(world.access, rule)["rows"] for _time in range(2)]
    assert [[row[0] for row in rows] for rows in found] == [["u1"], ["u2"]]


def test_a_count_across_midnight_is_of_one_day(
    world: World, rule: dict[str, Any], passing_midnight: Callable[[], int]
) -> None:
    found = counting.preview_counts(world.access, rule)
    counts = {row["path"]: row["count"] for row in [*found["conditions"], *found["groups"]]}
    assert found["count"] == 1
    assert counts == {"items/0": 1, "items/0/items/0": 1, "items/0/items/1": 0, "items/1": 0}


def test_a_refresh_across_midnight_is_of_the_day_on_which_it_began(
    world: World,
    rule: dict[str, Any],
    run_jobs: Callable[..., Any],
    request: pytest.FixtureRequest,
) -> None:
    audience = services.create(world.access, {"name": "Today", "rule": rule})
    request.getfixturevalue("passing_midnight")
    run_jobs()
    audience = Audience.objects.get(pk=audience.pk)
    assert members(audience) == {"u1"}
    assert audience.current is not None and audience.current.as_of == THEN
    # The clock has gone on: whoever asks now is told the next day.
    assert timezones.today(world.workspace) == THEN + timedelta(days=1)


def test_one_computation_asks_once_which_day_it_is(
    world: World, rule: dict[str, Any], passing_midnight: Callable[[], int]
) -> None:
    counting.preview_steps(world.access, rule)
    assert passing_midnight() == 1
