"""Columns of lists of send-outs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.html import format_html

from cdp.console.generic import Column


@dataclass(frozen=True)
class CampaignsColumn(Column):
    """The campaign; of several their number, with the names on hover."""

    def cell(self, row: Any) -> Any:
        names = row.campaign_names
        if len(names) < 2:
            return names[0] if names else "–"
        return format_html('<abbr title="{}">{}</abbr>', ", ".join(names), len(names))

    def text(self, row: Any) -> str:
        return ", ".join(row.campaign_names)


@dataclass(frozen=True)
class AudiencesColumn(Column):
    """The audience; of several the first, and how many more, with the names on hover."""

    def cell(self, row: Any) -> Any:
        names = _names(row)
        if len(names) < 2:
            return names[0] if names else "–"
        return format_html('{} <abbr title="{}">+{}</abbr>', names[0], ", ".join(names[1:]), len(names) - 1)

    def text(self, row: Any) -> str:
        return ", ".join(_names(row))


def _names(row: Any) -> list[str]:
    """Of the audiences that the send-out goes to; its parts are fetched before with their audiences."""
    first = [row.audience.name] if row.audience else []
    return [*first, *(part.audience.name for part in row.parts.all() if not part.excluded)]
