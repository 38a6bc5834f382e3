"""A worker that is killed in the middle of a run: the last version stays, and the next worker begins safely anew."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from cdp import lake
from cdp.jobs import services as jobs
from cdp.jobs.models import Job
from cdp.jobs.runner import recover_lost, run_job
from insight.oneid import queries, services
from insight.oneid.keeping import BASIS, PARTS
from tests.insight.oneid.conftest import Pairs, seen
from tests.processes import script

DIE_BEFORE_COMMIT = """
from insight.oneid import keeping
write = keeping.write_version
def die(*arguments):
    write(*arguments)
    os.kill(os.getpid(), 9)
keeping.write_version = die
"""
DIE_BEFORE_POINTER = """
from insight.oneid import keeping
def die(*arguments):
    os.kill(os.getpid(), 9)
keeping.measure = die
"""
RUN = "from cdp.jobs.runner import run_job\nrun_job(sys.argv[1])"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("death", [DIE_BEFORE_COMMIT, DIE_BEFORE_POINTER], ids=["writing", "written"])
def test_a_killed_run_keeps_the_last_version_and_is_done_by_the_next_worker(
    monkeypatch: pytest.MonkeyPatch, run_jobs: Any, death: str
) -> None:
    monkeypatch.setattr(jobs, "dispatch", lambda job: None)
    pairs = Pairs(run_jobs)
    first = ("mobile", "13800000001")
    pairs.run([seen(first, ("email", "a@x.com"))])
    before = pairs.one_id(*first)
    pairs.write([seen(first, ("email", "a@x.com")), seen(first, ("union_id", "u1"))])
    job = services.run(pairs.access)
    assert script(death + RUN, job.pk) == -9
    assert (pairs.graph.version, pairs.one_id(*first), pairs.one_id("union_id", "u1")) == (1, before, None)
    past = timezone.now() - timedelta(minutes=1)
    Job.objects.filter(pk=job.pk).update(lease_until=past, created_at=past)
    assert recover_lost() >= 1
    run_job(job.pk)
    job.refresh_from_db()
    assert (job.status, job.attempts, pairs.graph.version) == ("succeeded", 2, 2)
    assert pairs.one_id("union_id", "u1") == before
    assert queries.history(pairs.graph)[1] == 0
    tables = [name for name in lake.tables(pairs.workspace) if name.startswith(pairs.graph.pk)]
    assert len(tables) == 2 * len(PARTS) + len(BASIS)
