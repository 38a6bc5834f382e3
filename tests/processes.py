"""Processes of their own on the test's database, broker and lake, and waiting for what they do."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import close_old_connections

from tests.conftest import _database_url

ROOT = Path(__file__).resolve().parents[1]


def environment(**more: str) -> dict[str, str]:
    """What a process needs to see the test's data. The test must commit: it needs a transactional database."""
    return {
        **os.environ,
        "DATABASE_URL": _database_url(),
        "REDIS_URL": settings.REDIS_URL,
        "LAKE_CATALOG_URL": _database_url(),
        "LAKE_PATH": settings.LAKE_PATH,
        "LAKE_TEMP_PATH": settings.LAKE_TEMP_PATH,
        "UPLOAD_PATH": str(settings.UPLOAD_PATH),
        "BASE_URL": settings.BASE_URL,
        **more,
    }


@contextmanager
def process(*arguments: str, **more: str) -> Iterator[subprocess.Popen[bytes]]:
    """`python` with these arguments; killed at the end where it still runs. `more`: its environment."""
    running = subprocess.Popen([sys.executable, *arguments], cwd=ROOT, env=environment(**more))
    try:
        yield running
    finally:
        running.kill()
        running.wait(timeout=60)


@contextmanager
def worker(queue: str) -> Iterator[subprocess.Popen[bytes]]:
    """A Celery worker of one process for one queue."""
    options = ["-P", "solo", "--without-gossip", "--without-mingle", "--without-heartbeat", "-l", "WARNING"]
    with process("-m", "celery", "-q", "-A", "cdp", "worker", "-Q", queue, *options) as running:
        yield running


def script(code: str, *arguments: str, seconds: float = 120) -> int:
    """Run Python code with Django set up; its exit status (-9 where signal 9 ended it)."""
    with process("-c", f"import os, sys, django\ndjango.setup()\n{code}", *arguments) as running:
        return running.wait(timeout=seconds)


def eventually(condition: Callable[[], Any], seconds: float = 120) -> Any:
    """The condition's value once it is true; fails after `seconds`."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.01)
        close_old_connections()
    raise AssertionError("It did not happen in time.")
