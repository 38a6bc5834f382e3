"""Job kinds that exist for these tests only."""

from __future__ import annotations

from typing import Any

import pytest

from cdp.core.errors import Cancelled, DomainError, EngineError
from cdp.jobs import JobContext, JobKind, kinds
from cdp.jobs.models import Job
from tests.factories import make_access

ended: list[tuple[str, str]] = []


class Probe(JobKind):
    """Does what its parameters say."""

    kind = "test.probe"
    label = "Probe"

    def run(self, job: JobContext) -> dict[str, Any]:
        wish = job.params.get("wish", "succeed")
        job.phase("Working", progress=10)
        if wish == "fail":
            raise DomainError("The table is gone.", code="table_missing")
        if wish == "crash":
            raise RuntimeError("a defect")
        if wish == "busy" and job.attempt < 3:
            raise EngineError("Busy.", retryable=True)
        if wish == "cancel":
            Job.objects.filter(pk=job.row.pk).update(cancel_requested=True)
            job.check_cancelled()
        if wish == "lose":
            Job.objects.filter(pk=job.row.pk).update(run_token="another worker's")
            job.check_cancelled()
        job.progress(50, done=5, total=10)
        return {"attempt": job.attempt}

    def on_failed(self, job: JobContext, error: DomainError) -> None:
        ended.append((job.row.pk, "cancelled" if isinstance(error, Cancelled) else error.code))


class GatedProbe(Probe):
    kind = "test.gated"
    gate = "test"

    def gate_limit(self, workspace: Any) -> int:
        return 1


@pytest.fixture(autouse=True, scope="package")
def _kinds() -> None:
    for cls in (Probe, GatedProbe):
        if cls.kind not in kinds._kinds:
            kinds.register(cls)


@pytest.fixture
def access(db: None) -> Any:
    ended.clear()
    return make_access()
