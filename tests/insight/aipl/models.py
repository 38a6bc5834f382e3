"""AIPL models that tests make and compute."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cdp import lake
from cdp.jobs.models import Job
from insight.datasets import services as datasets
from insight.datasets.models import Dataset

RunJobs = Callable[..., list[Job]]


def stages_of(model: Dataset) -> dict[str, str]:
    path = lake.table_path(model.workspace, f"{model.pk}_v{model.version}")
    with lake.cursor() as handle:
        return dict(handle.execute(f"SELECT user_unique_id, stage FROM {path}").fetchall())


def make(access: Any, source: Dataset, stages: dict[str, Any], **more: Any) -> Dataset:
    given = {
        stage: rule if "rule" in rule else {"rule": rule, "channels": None} for stage, rule in stages.items()
    }
    return datasets.create(
        access, {"name": "Stages", "kind": "aipl", "dataset": source.pk, "stages": given, **more}
    )


def computed(access: Any, model: Dataset, run_jobs: RunJobs, **options: Any) -> Dataset:
    datasets.refresh(access, model)
    run_jobs(**options)
    model.refresh_from_db()
    return model
