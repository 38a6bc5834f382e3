"""Fixtures of the whole suite: the real PostgreSQL, Redis and lake, and jobs run through their real code."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import psycopg
import pytest
from django.conf import settings
from django.core.cache import cache
from django.db import connection, transaction
from django.utils import translation
from psycopg.sql import SQL, Identifier


def _database_url() -> str:
    """The test database as a URL, for the lake's catalog."""
    given = connection.settings_dict
    query = urlencode({"host": given["HOST"]}) if given["HOST"].startswith("/") else ""
    host = "" if query else f"{given['HOST']}:{given['PORT']}" if given["PORT"] else given["HOST"]
    login = quote(given["USER"]) + (f":{quote(given['PASSWORD'])}" if given["PASSWORD"] else "")
    return f"postgresql://{login}@{host}/{given['NAME']}" + (f"?{query}" if query else "")


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Point the lake at the test database and a folder of its own, and let go of it before the database is dropped."""
    from cdp import lake

    folder: Path = tmp_path_factory.mktemp("lake")
    settings.LAKE_CATALOG_URL = _database_url()
    settings.LAKE_PATH = str(folder / "data")
    settings.LAKE_TEMP_PATH = str(folder / "tmp")
    # As many test processes as cores: in each of them, further threads for tables this small cost twice the time.
    settings.LAKE_THREADS = 1
    settings.UPLOAD_PATH = folder / "uploads"
    settings.STORAGES["default"]["OPTIONS"]["location"] = settings.UPLOAD_PATH
    lake.forget()
    yield
    lake.forget()


@pytest.fixture(scope="module", autouse=True)
def _new_lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Each file begins with an empty lake: what tests leave there is not rolled back, and slows what follows."""
    yield
    from cdp import lake

    # Nothing but a lake of the tests' own is thrown away.
    if not (lake.is_open() and Path(settings.LAKE_PATH).is_relative_to(tmp_path_factory.getbasetemp())):
        return
    lake.forget()
    with psycopg.connect(settings.LAKE_CATALOG_URL, autocommit=True) as catalog:
        catalog.execute(
            SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(Identifier(settings.LAKE_CATALOG_SCHEMA))
        )
    shutil.rmtree(settings.LAKE_PATH, ignore_errors=True)


@pytest.fixture(autouse=True)
def _empty_cache(request: pytest.FixtureRequest) -> None:
    """No test sees another's throttling, lock-outs or cached counts."""
    if "db" in request.fixturenames or "transactional_db" in request.fixturenames:
        cache.clear()


@pytest.fixture(autouse=True)
def _language() -> Iterator[None]:
    """No test speaks the language that another one signed in with."""
    yield
    translation.deactivate()


@pytest.fixture(scope="module")
def shared(
    django_db_setup: None, django_db_blocker: Any, _new_lake: None
) -> Iterator[Callable[[Callable[[], Any]], Any]]:
    """Makes what all tests of a file start with, once: `shared(make)` calls `make` with the database and the lake open.

    Its rows go after the file's last test; what each test changes in them is rolled back after that test, as always.
    Give each test a copy of the objects (`copy.deepcopy`), and share no world whose tables in the lake a test replaces.
    """
    outer = transaction.atomic()
    # As the transaction of a single test: what asks to be outermost may run inside it.
    outer._from_testcase = True  # type: ignore[attr-defined]
    with django_db_blocker.unblock():
        outer.__enter__()

    def call(make: Callable[[], Any]) -> Any:
        with django_db_blocker.unblock():
            return make()

    yield call
    with django_db_blocker.unblock():
        transaction.set_rollback(True)
        outer.__exit__(None, None, None)


def run_queued(*, allow_failure: bool = False) -> list[Any]:
    """Runs all queued jobs (and those they queue) in this process; returns them in their final state.

    A job that failed fails the test, unless `allow_failure=True`.
    """
    from cdp.jobs.models import Job
    from cdp.jobs.runner import run_job

    ended: list[Job] = []
    while job := Job.objects.filter(status=Job.Status.QUEUED).order_by("created_at").first():
        Job.objects.filter(pk=job.pk).update(not_before=None)
        run_job(job.pk)
        job.refresh_from_db()
        if job.status == Job.Status.QUEUED and job.gate and job.not_before is None:
            raise AssertionError(f"{job} waits at its gate: {job.phase}")
        if job.status == Job.Status.FAILED and not allow_failure:
            raise AssertionError(f"{job.kind} failed: {job.error} {job.log}")
        if not job.is_active:
            ended.append(job)
    return ended


@pytest.fixture
def run_jobs(db: None) -> Callable[..., list[Any]]:
    """`run_queued`, for tests that use the database."""
    return run_queued
