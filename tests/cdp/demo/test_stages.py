"""The demo's AIPL models find as many people at each stage as the tables were made for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.utils import timezone

from cdp.demo import stages
from cdp.demo.definitions import BEHAVIOUR
from cdp.demo.retailer import Tables
from insight.aipl import services
from insight.datasets import aipl_days
from insight.datasets import services as datasets
from insight.datasets.models import Dataset
from insight.datasources import services as tables
from tests.factories import make_access


@pytest.mark.slow
def test_stages_are_those_that_the_tables_were_made_for(
    db: None, retailer: Tables, expected: Any, run_jobs: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime.fromisoformat(f"{expected['today']}T12:00").replace(tzinfo=UTC)
    monkeypatch.setattr(timezone, "now", lambda: now)
    access = make_access()
    for name in ("ads_behavior", "ads_aipl_customer"):
        tables.import_parquet(access, name, getattr(retailer, name))
        run_jobs()

    def computed(data: dict[str, Any]) -> Dataset:
        made = datasets.create(access, data)
        datasets.refresh(access, made)
        run_jobs()
        made.refresh_from_db()
        assert made.state == "ready", made.error
        return made

    source = computed(stages.BY_CHANNEL)
    assert not source.stats["unique_users"]
    for name, channels in (("all", None), ("官网", ["官网"]), ("app", ["app"])):
        model = computed({**stages.of_customers(source.pk, channels), "name": name})
        assert model.stats["aipl"]["stages"] == expected["aipl"]["customer"][name]
    plain = {key: value for key, value in BEHAVIOUR.items() if key not in ("dimensions", "refresh")}
    model = computed(stages.of_behaviour(computed(plain).pk))
    services.recompute(access, model, 8)
    run_jobs()
    days = dict(aipl_days.trend(model, date.fromisoformat(expected["today"])))
    assert len(days) == 9
    for day, found in days.items():
        assert found == expected["aipl"]["behaviour"][day.isoformat()], day
    days_of = aipl_days.computed_days(model)
    flow = aipl_days.flow(model, days_of[0], days_of[-1])
    for stage in flow.stages.values():
        assert stage.start == stage.stayed + sum(stage.converted.values()) + stage.lost
        assert stage.end == stage.stayed + sum(stage.arrived.values()) + stage.new
        assert stage.start == days[days_of[0]][stage.stage] and stage.end == days[days_of[-1]][stage.stage]
