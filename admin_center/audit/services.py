"""Writing the audit log."""

from __future__ import annotations

import re
from typing import Any

from admin_center.audit.models import AuditEntry, DownloadLog
from admin_center.members import origin
from cdp.core import audit
from cdp.core.access import Access
from cdp.core.logs import correlation_id

_SECRET = re.compile(
    r"password|passwd|secret|token|credential|private_?key|api_?key|access_?key|authorization|digest|recovery",
    re.IGNORECASE,
)
HIDDEN = "•••"


def write_entry(
    access: Access | None,
    action: str,
    obj: Any = None,
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    detail: dict[str, Any] | None = None,
    workspace: Any = None,
) -> None:
    """Keep one entry, in the caller's transaction: a change that is rolled back leaves no trace."""
    workspace = workspace or getattr(access, "workspace", None)
    actor = getattr(access, "user", None)
    came_from = origin.current.get()
    AuditEntry.objects.create(
        organization_id=getattr(workspace, "organization_id", None)
        or getattr(actor, "organization_id", None),
        workspace=workspace,
        actor=actor,
        actor_name=str(actor or ""),
        via=came_from.via if came_from else "system",
        ip=came_from.ip if came_from else None,
        action=action,
        before=without_secrets(before or {}),
        after=without_secrets(after or {}),
        detail=without_secrets(detail or {}),
        correlation_id=correlation_id.get()[:64],
        **_named(obj),
    )


def log_download(
    access: Access,
    obj: Any,
    *,
    action: str,
    rows: int | None = None,
    file_format: str = "csv",
    unmasked: bool = False,
) -> None:
    """Note that a file of `rows` rows left the platform: in the download log, and as `action` in the audit log."""
    came_from = origin.current.get()
    DownloadLog.objects.create(
        workspace=access.workspace,
        user=access.user,
        file_format=file_format,
        rows=rows,
        unmasked=unmasked,
        ip=came_from.ip if came_from else None,
        **_named(obj),
    )
    audit.record(access, action, obj, detail={"rows": rows, "format": file_format, "unmasked": unmasked})


def log_unmasked(access: Access, obj: Any = None, *, place: str, rows: int) -> None:
    """Note that IDs of `rows` people were shown in full on a screen or in an answer. `place` says where."""
    if rows:
        audit.record(access, "ids.shown_in_full", obj, detail={"place": place, "rows": rows})


def without_secrets(value: Any, key: str = "") -> Any:
    """The value as JSON, with whatever stands under a name like “password” replaced."""
    if key and _SECRET.search(key) and value not in (None, "", [], {}):
        return HIDDEN
    if isinstance(value, dict):
        return {str(name): without_secrets(part, str(name)) for name, part in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [without_secrets(part) for part in value]
    return value if isinstance(value, str | int | float | bool | type(None)) else str(value)


def _named(obj: Any) -> dict[str, str]:
    if obj is None:
        return {}
    return {
        "object_type": obj._meta.label_lower if hasattr(obj, "_meta") else type(obj).__name__.lower(),
        "object_id": str(getattr(obj, "pk", ""))[:64],
        "object_name": str(obj)[:200],
    }
