"""A worker that is killed in the middle of a copy: readers keep the last good version, and the next worker ends it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
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


HELD = """
CREATE FUNCTION held(id bigint) RETURNS boolean LANGUAGE plpgsql STABLE COST 10000 AS $$
BEGIN
    IF id = 350 THEN PERFORM pg_advisory_xact_lock_shared(7); END IF;
    RETURN true;
END $$
"""


@pytest.mark.django_db(transaction=True)
def test_after_a_killed_worker_the_next_one_reads_the_missing_parts_alone(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    monkeypatch.setattr(jobs, "dispatch", lambda job: None)
    settings.COPY_PART_ROWS = 100
    access = make_access()
    with postgresql_server() as server:
        server.run(
            "CREATE TABLE orders (id bigint PRIMARY KEY, what text)",
            "INSERT INTO orders SELECT g, 'before' FROM generate_series(1, 400) g",
            "ANALYZE orders",
            HELD,
            "ALTER TABLE orders ENABLE ROW LEVEL SECURITY",
            "ALTER TABLE orders FORCE ROW LEVEL SECURITY",
            "CREATE POLICY slow ON orders USING (held(id))",
        )
        source = services.create(access, server.settings())
        table, job = feeds.bring_in(access, source, {"table": "orders"})
        folder = Path(settings.LAKE_TEMP_PATH) / f"import-{job.pk}"
        with psycopg.connect(server.dsn()) as holder:
            holder.execute("SELECT pg_advisory_xact_lock(7)")
            with process("-c", RUN, job.pk, DJANGO_SETTINGS_MODULE="cdp.settings", COPY_PART_ROWS="100"):
                eventually(lambda: len(list(folder.glob("*.parquet"))) == 3)
        table.refresh_from_db()
        assert (table.version, table.state) == (0, "importing")
        # Whoever reads these parts again sees it.
        server.run("UPDATE orders SET what = 'after'")
        _lose_lease(job)
        assert recover_lost() >= 1
        run_job(job.pk)
        job.refresh_from_db()
        assert (job.status, job.attempts, count(table)) == ("succeeded", 2, 400)
        assert "3 of 4 parts are there" in str(job.log)
        with lake.cursor() as handle:
            path = lake.table_path(table.workspace, table.lake_table)
            found = handle.execute(
                f"SELECT what, min(id), max(id) FROM {path} GROUP BY 1 ORDER BY 2"
            ).fetchall()
        assert found == [("before", 1, 300), ("after", 301, 400)]
        assert not folder.exists()


def _lose_lease(job: Any) -> None:
    """As if the time had passed after which a silent worker counts as dead."""
    Job.objects.filter(pk=job.pk).update(
        lease_until=timezone.now() - timedelta(minutes=1), created_at=timezone.now() - timedelta(minutes=1)
    )
