"""A refresh whose process is killed by signal 9 between the table and the pointer."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from cdp import lake
from cdp.jobs import services as jobs
from cdp.jobs.models import Job
from cdp.jobs.runner import recover_lost, run_job
from insight.audiences import refreshing, services
from tests.conftest import _database_url
from tests.insight.audiences.world import make_world

ROOT = Path(__file__).resolve().parents[3]
WORKER = """
import os, sys, django
django.setup()
from cdp.jobs.runner import run_job
from insight.audiences import refreshing
refreshing._publish = lambda *args: os.kill(os.getpid(), 9)
run_job(sys.argv[1])
"""


def kill_in_mid_refresh(job: Job) -> int:
    """Run the job in a process of its own that dies just before it would publish; its exit status."""
    environment = {
        **os.environ,
        "DATABASE_URL": _database_url(),
        "LAKE_PATH": settings.LAKE_PATH,
        "LAKE_TEMP_PATH": settings.LAKE_TEMP_PATH,
    }
    done = subprocess.run([sys.executable, "-c", WORKER, job.pk], cwd=ROOT, env=environment, timeout=120)
    return done.returncode


@pytest.mark.django_db(transaction=True)
def test_after_kill_9_the_audience_is_the_old_one_and_the_next_worker_finishes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(jobs, "dispatch", lambda job: None)
    world = make_world()
    audience = services.create(world.access, {"name": "Women", "rule": world.women})
    run_job(Job.objects.get(status="queued").pk)
    job = refreshing.refresh(world.access, audience)

    assert kill_in_mid_refresh(job) == -signal.SIGKILL
    audience.refresh_from_db()
    assert (audience.version, audience.count) == (1, 4)
    assert _tables(world, audience) == {f"{audience.pk}_v1", f"{audience.pk}_v2"}

    Job.objects.filter(pk=job.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    recover_lost()
    run_job(job.pk)
    job.refresh_from_db()
    audience.refresh_from_db()
    assert (job.status, audience.state, audience.version) == ("succeeded", "succeeded", 3)
    assert _tables(world, audience) == {f"{audience.pk}_v1", f"{audience.pk}_v3"}


def _tables(world: Any, audience: Any) -> set[str]:
    return {name for name in lake.tables(world.workspace) if name.startswith(audience.pk)}
