"""Scheduled work of tables."""

from __future__ import annotations

import shutil
import time
from datetime import timedelta
from pathlib import Path

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from cdp import lake
from cdp.jobs.models import Job
from insight.datasources.connections import feeds
from insight.datasources.jobs import discard
from insight.datasources.models import SourceTable, Upload, uploads_folder
from insight.datasources.organization import watching

UPLOAD_HOURS = 24
OLD_VERSION_HOURS = 1
BAD_ROWS_DAYS = 7


@shared_task
def clean_up() -> dict[str, int]:
    """Drop uploads that nobody went on with, replaced versions whose readers have ended, and old lists of bad rows.

    Also files and folders that a process killed in the middle has left.
    """
    return {"uploads": _uploads(), "versions": _versions(), "bad_rows": _bad_rows(), "left": _left()}


@shared_task
def start_due_copies() -> None:
    feeds.start_due()


@shared_task
def look_after_sources() -> dict[str, int]:
    """Once a night: try all sources, and tell people what is about to change."""
    return {
        "failing": watching.check_sources(),
        "ending": watching.warn_of_ends(),
        "new_columns": watching.tell_of_new_columns(),
    }


def _uploads() -> int:
    old = Upload.objects.filter(created_at__lt=timezone.now() - timedelta(hours=UPLOAD_HOURS))
    waiting = set(
        Job.objects.filter(status__in=Job.ACTIVE, params__has_key="upload").values_list(
            "params__upload", flat=True
        )
    )
    found = [upload for upload in old if upload.pk not in waiting]
    for upload in found:
        discard(upload)
    return len(found)


def _versions() -> int:
    dropped = 0
    replaced = SourceTable.objects.filter(
        version__gt=1, loaded_at__lt=timezone.now() - timedelta(hours=OLD_VERSION_HOURS)
    )
    present: dict[str, list[str]] = {}
    for table in replaced.select_related("workspace"):
        name = table.lake_table_of(table.version - 1)
        if table.workspace_id not in present:
            present[table.workspace_id] = lake.tables(table.workspace)
        if name in present[table.workspace_id]:
            lake.drop_table(table.workspace, name)
            dropped += 1
    return dropped


def _bad_rows() -> int:
    removed = 0
    for path in (Path(settings.UPLOAD_PATH) / "bad-rows").glob("*.csv"):
        if path.stat().st_mtime < time.time() - BAD_ROWS_DAYS * 86400:
            path.unlink(missing_ok=True)
            removed += 1
    return removed


def _left() -> int:
    """Remove uploaded files without a row, and working folders of imports that have ended."""
    before = time.time() - UPLOAD_HOURS * 3600
    old = [path for path in uploads_folder().glob("*") if path.stat().st_mtime < before]
    known = set(Upload.objects.filter(path__in=map(str, old)).values_list("path", flat=True))
    lost = [path for path in old if str(path) not in known]
    for path in lost:
        path.unlink(missing_ok=True)
    folders = {
        path.name.removeprefix("import-"): path
        for path in Path(settings.LAKE_TEMP_PATH).glob("import-*")
        if path.stat().st_mtime < before
    }
    running = set(Job.objects.filter(pk__in=folders, status__in=Job.ACTIVE).values_list("pk", flat=True))
    ended = [path for key, path in folders.items() if key not in running]
    for path in ended:
        shutil.rmtree(path, ignore_errors=True)
    return len(lost) + len(ended)
