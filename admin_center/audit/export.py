"""The audit log as a CSV file."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from django.utils import timezone

from admin_center.audit.models import AuditEntry
from admin_center.audit.services import log_download
from cdp.core.access import Access
from cdp.core.csv_export import streamed_response
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


def export_entries(access: Access, entries: QuerySet[AuditEntry]) -> StreamingHttpResponse:
    """The entries as CSV (UTF-8 with header row), streamed. The export is itself audited, before the first row."""
    entries = entries.filter(at__lte=timezone.now())
    log_download(access, None, action="audit.exported", rows=entries.count())
    rows = entries.values_list(*COLUMNS).iterator(chunk_size=2000)
    name = f"audit-{access.workspace.slug}-{today(access.workspace):%Y%m%d}"
    return streamed_response(name, COLUMNS, ([_cell(value) for value in row] for row in rows))


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat()
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else str(value)
