"""A refresh that finds the data engine busy is tried again by itself; other failures are not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import duckdb
import pytest
from django.utils import timezone

from cdp import lake
from cdp.jobs.kinds import BUSY_SECONDS
from cdp.jobs.models import Job
from cdp.jobs.runner import run_job
from cdp.warehouse import lake_engine
from insight.datasets import services
from insight.datasets.models import Dataset
from tests.insight.datasets.test_rfm_datasets import MODEL, ORDERS
from tests.insight.datasets.world import DEFINITION, World


class Trouble:
    """The lake, whose transactions fail with the errors given, one after another, and then work."""

    def __init__(self, *errors: duckdb.Error) -> None:
        self.errors = list(errors)

    def __getattr__(self, name: str) -> Any:
        return getattr(lake, name)

    def transaction(self) -> Any:
        if self.errors:
            raise self.errors.pop(0)
        return lake.transaction()


def refreshed(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    *errors: duckdb.Error,
    data: dict[str, Any] = DEFINITION,
) -> Job:
    made = services.create(world.access, data)
    job = services.refresh(world.access, made)
    monkeypatch.setattr(lake_engine, "lake", Trouble(*errors))
    run_job(job.pk)
    job.refresh_from_db()
    return job


def test_a_busy_engine_is_asked_again_after_a_minute(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    job = refreshed(world, monkeypatch, duckdb.TransactionException("Conflict"))
    assert job.status == "queued" and "busy" in job.phase
    assert job.not_before is not None
    assert abs(job.not_before - timezone.now() - timedelta(seconds=BUSY_SECONDS[0])) < timedelta(seconds=30)
    Job.objects.filter(pk=job.pk).update(not_before=None)
    run_job(job.pk)
    assert Dataset.objects.get().state == "ready"


def test_a_model_asks_a_busy_engine_again_too(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.table("orders", ORDERS)
    job = refreshed(world, monkeypatch, duckdb.TransactionException("Conflict"), data=MODEL)
    assert job.status == "queued" and "busy" in job.phase


def test_after_the_last_attempt_the_dataset_says_that_the_engine_is_busy(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts = len(BUSY_SECONDS) + 1
    job = refreshed(world, monkeypatch, *[duckdb.IOException("No room")] * attempts)
    for _number in BUSY_SECONDS:
        Job.objects.filter(pk=job.pk).update(not_before=None)
        run_job(job.pk)
    job.refresh_from_db()
    dataset = Dataset.objects.get()
    assert (job.status, job.error_code, job.attempts) == ("failed", "engine_busy", attempts)
    assert (dataset.state, dataset.error_code) == ("failed", "engine_busy")
    assert "busy" in dataset.error


def test_other_errors_of_the_engine_are_not_tried_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = refreshed(world, monkeypatch, duckdb.ConversionException("Broken"))
    assert (job.status, job.error_code, job.attempts) == ("failed", "engine_error", 1)
