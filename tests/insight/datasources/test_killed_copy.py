"""A worker that is killed in the middle of a copy: readers keep the last good version, and the next worker ends it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.utils import timezone

from cdp import lake
from cdp.jobs import services as jobs
from cdp.jobs.models import Job
from cdp.jobs.runner import recover_lost, run_job
from insight.datasources.connections import feeds, services
from insight.datasources.models import SourceTable
from tests.factories import make_access
from tests.insight.datasources.servers import Server, postgresql_server
from tests.processes import eventually, process

RUN = "import sys, django; django.setup(); from cdp.jobs.runner import run_job; run_job(sys.argv[1])"


def count(table: SourceTable) -> int:
    table.refresh_from_db()
    return lake.row_count(table.workspace, table.lake_table)


def is_blocked(server: Server) -> bool:
    """Whether somebody waits for the locked table."""
    waiting = "SELECT count(*) FROM pg_locks l JOIN pg_class c ON c.oid = l.relation WHERE NOT l.granted"
    return bool(server.run(f"{waiting} AND c.relname = 'orders'")[0][0])


@pytest.mark.django_db(transaction=True)
def test_a_killed_copy_keeps_the_last_version_and_is_ended_by_the_next_worker(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(jobs, "dispatch", lambda job: None)
    access = make_access()
    with postgresql_server() as server:
        server.run("CREATE TABLE orders AS SELECT g AS id FROM generate_series(1, 1000) g")
        source = services.create(access, server.settings())
        table, job = feeds.bring_in(access, source, {"table": "orders"})
        run_job(job.pk)
        assert count(table) == 1000
        server.run("INSERT INTO orders SELECT generate_series(1001, 3000)")
        job = feeds.copy_now(access, feeds.feed_of(table))
        with psycopg.connect(server.dsn()) as holder:
            holder.execute("LOCK TABLE orders IN ACCESS EXCLUSIVE MODE")
            with process("-c", RUN, job.pk, DJANGO_SETTINGS_MODULE="cdp.settings"):
                eventually(lambda: is_blocked(server))
        assert (count(table), table.version, table.state) == (1000, 1, "ready")
        _lose_lease(job)
        assert recover_lost() >= 1
        run_job(job.pk)
        job.refresh_from_db()
        assert (job.status, job.attempts) == ("succeeded", 2)
        assert (count(table), table.version) == (3000, 2)


def _lose_lease(job: Any) -> None:
    """As if the time had passed after which a silent worker counts as dead."""
    Job.objects.filter(pk=job.pk).update(
        lease_until=timezone.now() - timedelta(minutes=1), created_at=timezone.now() - timedelta(minutes=1)
    )
