"""Columns of lists of send-outs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.html import format_html
from django.utils.translation import gettext as _

from cdp.console.generic import Column, NumberColumn


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


@dataclass(frozen=True)
class SentColumn(NumberColumn):
    """People; below them, for SMS, how many they were billed as (`segments` of the row)."""

    def cell(self, row: Any) -> Any:
        people = super().cell(row)
        segments = getattr(row, "segments", None)
        if not segments:
            return people
        billed = _("%(count)s SMS") % {"count": f"{segments[self.name]:,}"}
        return format_html('{}<div class="text-secondary small">{}</div>', people, billed)


def _names(row: Any) -> list[str]:
    """Of the audiences that the send-out goes to; its parts are fetched before with their audiences."""
    first = [row.audience.name] if row.audience else []
    return [*first, *(part.audience.name for part in row.parts.all() if not part.excluded)]
