"""The audit log as a CSV file."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from django.utils import timezone

from admin_center.audit.models import AuditEntry
from admin_center.audit.services import log_download
from cdp.core.access import Access
from cdp.core.csv_export import escape_formula
from cdp.core.timezones import today

COLUMNS = (
    "at",
    "actor_name",
    "via",
    "ip",
    "action",
    "object_type",
    "object_id",
    "object_name",
    "before",
    "after",
    "detail",
)


class _Echo:
    """A file that hands back what is written to it, so that csv can feed a stream."""

    def write(self, value: str) -> str:
        return value


def export_entries(access: Access, entries: QuerySet[AuditEntry]) -> StreamingHttpResponse:
    """The entries as CSV (UTF-8 with header row), streamed. The export is itself audited, before the first row."""
    entries = entries.filter(at__lte=timezone.now())
    log_download(access, None, action="audit.exported", rows=entries.count())
    response = StreamingHttpResponse(_lines(entries), content_type="text/csv; charset=utf-8")
    name = f"audit-{access.workspace.slug}-{today(access.workspace):%Y%m%d}.csv"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _lines(entries: QuerySet[AuditEntry]) -> Iterator[str]:
    writer = csv.writer(_Echo())
    yield "\ufeff" + writer.writerow(COLUMNS)  # the mark tells spreadsheets that this is UTF-8
    for row in entries.values_list(*COLUMNS).iterator(chunk_size=2000):
        yield writer.writerow([_cell(value) for value in row])


def _cell(value: Any) -> str:
    """Text that a spreadsheet shows instead of computing it."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat()
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else str(value)
    return escape_formula(text)
