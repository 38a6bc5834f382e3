"""What a person may see of identifiers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from admin_center.audit.services import log_unmasked
from admin_center.organizations.settings import workspace_settings
from cdp.core.access import Access
from cdp.core.identifiers import ID_TYPES

Mask = Callable[[str | None], str]


def _in_full(value: str | None) -> str:
    return value or ""


class Masker:
    """Masks for one person: nothing is hidden from those with the right, nor types that the workspace shows in full."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self.unmasked = access.can("privacy.unmask")
        self._settings = workspace_settings(access.workspace)

    def for_type(self, id_type: str) -> Mask:
        """The mask of an ID type; types that are unknown here are masked like a OneID."""
        if self.unmasked or not self._settings.is_masked(id_type):
            return _in_full
        return ID_TYPES.get(id_type, ID_TYPES["one_id"]).mask

    def note(self, obj: Any, *, place: str, rows: int) -> None:
        """Put into the audit log that the person was shown IDs in full by right; nothing where they were masked."""
        if self.unmasked:
            log_unmasked(self._access, obj, place=place, rows=rows)
