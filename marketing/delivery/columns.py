"""Columns of lists of send-outs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from cdp.console.generic import Column, NumberColumn
from cdp.core.identifiers import ID_TYPES
from marketing.channels.models import Provider
from marketing.delivery import contents, recurrence

_EXCERPT = 40


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


@dataclass(frozen=True)
class ContentColumn(Column):
    """The name, and below it the beginning of the message, the whole on hover."""

    def cell(self, row: Any) -> Any:
        text = content(row)
        shown = text if len(text) <= _EXCERPT else f"{text[:_EXCERPT].rstrip()}…"
        return format_html(
            '{}<div class="text-secondary small fw-normal" title="{}">{}</div>', row.name, text, shown
        )


def content(row: Any) -> str:
    """The subject of mails and push messages, else the text."""
    if row.channel == Provider.Channel.CUSTOM:
        return str(row.template.shown_name)
    written = contents.of_variant(row.content, 0) if row.content else {}
    found = {part: written.get(part, getattr(row.template, part)) for part in ("subject", "text")}
    return str(found["subject"] or found["text"])


@dataclass(frozen=True)
class PeopleColumn(NumberColumn):
    """People of the audiences: from the ledger once they stand there, else as the audiences were computed last.

    Nobody has counted yet who is in several: then there are so many at most.
    """

    def cell(self, row: Any) -> Any:
        if row.resolved_at:
            return f"{row.target:,}"
        counts = _counts(row)
        if not counts or None in counts:
            return "–"
        whole = f"{sum(counts):,}"
        return (
            whole
            if len(counts) == 1 and not _has_excluded(row)
            else _("at most %(count)s") % {"count": whole}
        )


def _counts(row: Any) -> list[Any]:
    first = [row.audience] if row.audience else []
    audiences = [*first, *(part.audience for part in row.parts.all() if not part.excluded)]
    return [audience.current.count if audience.current else None for audience in audiences]


def _has_excluded(row: Any) -> bool:
    return any(part.excluded for part in row.parts.all())


def id_type(row: Any) -> str:
    """What kind of ID people have in it; of channels that know one kind alone, nothing."""
    return str(ID_TYPES[row.id_type].label) if row.id_type else ""


def when(row: Any) -> str:
    if row.recurrence:
        return _("Repeatedly")
    return _("At a set time") if row.scheduled_at else _("At once")


def scheduled(row: Any) -> str:
    """The moment; of what repeats the next one, or its policy once there is none."""
    if row.recurrence:
        due = row.next_run_at
        return localtime(due).strftime("%Y-%m-%d %H:%M") if due else recurrence.describe(row)
    return localtime(row.scheduled_at).strftime("%Y-%m-%d %H:%M") if row.scheduled_at else ""


@dataclass(frozen=True)
class ActionsColumn(Column):
    """Buttons for what may be done with the row: `actions` of the row, {"edit", "copy", "delete"} with addresses."""

    css: str = "text-end text-nowrap cell-actions"
    export: bool = False

    def cell(self, row: Any) -> Any:
        return SafeString(render_to_string("marketing/delivery/actions_cell.html", {"row": row}))


def _names(row: Any) -> list[str]:
    """Of the audiences that the send-out goes to; its parts are fetched before with their audiences."""
    first = [row.audience.name] if row.audience else []
    return [*first, *(part.audience.name for part in row.parts.all() if not part.excluded)]
