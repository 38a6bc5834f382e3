"""The ways from a table to a dataset: one per kind, wherever the table lies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cdp.core.access import Access
from insight.datasources.models import Connection, SourceTable

KINDS = {
    "user_tags": gettext_lazy("User tags"),
    "behaviour": gettext_lazy("Behaviour"),
    "rfm": gettext_lazy("RFM model"),
    "aipl": gettext_lazy("AIPL model"),
    "item_tags": gettext_lazy("Item tags"),
}


@dataclass(frozen=True)
class Way:
    kind: str
    label: Any
    url: str
    hint: Any = ""


def of_table(access: Access, table: SourceTable) -> list[Way]:
    """Of a loaded table of the built-in source; none for people who may not make datasets."""
    if not access.can("insight.dataset.create") or table.state != SourceTable.State.READY:
        return []
    return [Way(kind, label, _wizard(access, table=table.name, kind=kind)) for kind, label in KINDS.items()]


def of_remote(access: Access, source: Connection, name: str, copies: Sequence[SourceTable]) -> list[Way]:
    """Of a table of another source: made there where datasets may live there, else of its copy.

    Where there is no copy yet, the way begins with bringing it in, for those who may.
    """
    if not access.can("insight.dataset.create"):
        return []
    if source.push_down:
        return [
            Way(kind, label, _wizard(access, source=source.pk, table=name, kind=kind))
            for kind, label in KINDS.items()
        ]
    copy = next((table for table in copies if table.state == SourceTable.State.READY), None)
    found = []
    for kind, label in KINDS.items():
        if copy is not None:
            found.append(Way(kind, label, _wizard(access, table=copy.name, kind=kind)))
        elif not copies and access.can("insight.datasource.manage"):
            url = reverse("datasources:bring-in", args=[access.workspace.slug, source.pk])
            url = f"{url}?{urlencode({'table': name, 'kind': kind})}"
            found.append(Way(kind, label, url, _("after it has been copied")))
    return found


def _wizard(access: Access, *, kind: str, **chosen: str) -> str:
    """The page that makes a dataset of this kind of a table; a model of stages is made of the table's dataset."""
    if kind == "aipl":
        return f"{reverse('aipl:new', args=[access.workspace.slug])}?{urlencode(chosen)}"
    return f"{reverse('datasets:new', args=[access.workspace.slug])}?{urlencode({**chosen, 'kind': kind})}"
