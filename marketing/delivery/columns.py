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
