"""What a person may see of IDs."""

from __future__ import annotations

from typing import Any

from admin_center.audit.services import log_unmasked
from admin_center.organizations.settings import workspace_settings
from cdp.core.access import Access
from cdp.core.identifiers import ID_TYPES


def shown(access: Access, id_type: str, value: str) -> str:
    """An ID as it is shown: in full to those with the right, and where the workspace does not mask its type."""
    if access.can("privacy.unmask") or not workspace_settings(access.workspace).is_masked(id_type):
        return value
    return ID_TYPES[id_type].mask(value)


def note(access: Access, graph: Any, *, place: str, rows: int) -> None:
    """Put into the audit log that IDs were shown in full; nothing for those who see them masked."""
    if access.can("privacy.unmask"):
        log_unmasked(access, graph, place=place, rows=rows)
