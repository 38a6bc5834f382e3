"""Columns and filters of the audience list."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any

import django_filters
from django.contrib.auth import get_user_model
from django.db.models import Q, QuerySet
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from cdp.console.generic import BadgeColumn, Column, NumberColumn
from cdp.core import timezones
from cdp.core.identifiers import ID_TYPES, id_type_choices
from insight.audiences import schedule, visibility
from insight.audiences.campaign_links import KIND
from insight.audiences.models import Audience
from insight.audiences.origins import ORIGINS, label_of
from insight.campaigns import links
from insight.campaigns import rights as campaign_rights
from insight.campaigns.models import Campaign
from insight.datasources.connections import in_place

NEW_HOURS = 24


def _owners(request: Any) -> QuerySet[Any]:
    """Owners of audiences that the person sees."""
    seen = visibility.visible(request.access).order_by().values("owner")
    return get_user_model().objects.filter(pk__in=seen).order_by("username")


def _campaigns(request: Any) -> QuerySet[Campaign]:
    """Campaigns that the person sees."""
    return campaign_rights.visible(request.access).order_by("name")


class AudienceFilter(django_filters.FilterSet):
    state = django_filters.ChoiceFilter(
        choices=[*Audience.State.choices, ("unfinished", _("Draft"))],
        label=_("State"),
        method="by_state",
        empty_label=_("Any state"),
    )
    origin = django_filters.ChoiceFilter(
        choices=lambda: [(item.key, item.label) for item in ORIGINS],
        label=_("Origin"),
        empty_label=_("Any origin"),
    )
    id_type = django_filters.ChoiceFilter(
        choices=id_type_choices, label=_("ID"), method="by_id", empty_label=_("Any ID")
    )
    owner = django_filters.ModelChoiceFilter(queryset=_owners, label=_("Owner"), empty_label=_("Any owner"))
    campaign = django_filters.ModelChoiceFilter(
        queryset=_campaigns, label=_("Campaign"), method="by_campaign", empty_label=_("Any campaign")
    )
    source = django_filters.ChoiceFilter(label=_("Data source"), empty_label=_("Any data source"))
    changed = django_filters.ChoiceFilter(
        label=_("Changed"),
        method="by_change",
        choices=[
            ("1", _("Changed today")),
            ("7", _("Changed in the last 7 days")),
            ("30", _("Changed in the last 30 days")),
            ("older", _("Not changed for 30 days")),
        ],
        empty_label=_("Changed at any time"),
    )
    periodic = django_filters.ChoiceFilter(
        label=_("Refresh"),
        method="by_schedule",
        choices=[("yes", _("By itself")), ("no", _("By hand"))],
        empty_label=_("Any refresh"),
    )

    class Meta:
        model = Audience
        fields: list[str] = []

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        workspace = self.request.access.workspace
        names = in_place.names(workspace)
        here = visibility.visible(self.request.access).order_by().values_list("source", flat=True).distinct()
        names |= {key: in_place.name_of(workspace, key) for key in here if key not in names}
        if len(names) > 1:
            self.filters["source"].extra["choices"] = list(names.items())
        else:
            del self.filters["source"]

    def by_campaign(self, rows: QuerySet[Audience], name: str, value: Campaign) -> QuerySet[Audience]:
        return rows.filter(pk__in=links.belonging(KIND, value.pk))

    def by_change(self, rows: QuerySet[Audience], name: str, value: str) -> QuerySet[Audience]:
        """Whole days of the workspace's clock, today among them."""
        workspace = self.request.access.workspace
        days = 30 if value == "older" else int(value)
        first = timezones.today(workspace) - timedelta(days=days - 1)
        since = datetime.combine(first, time(), tzinfo=timezones.zone(workspace))
        return rows.filter(updated_at__lt=since) if value == "older" else rows.filter(updated_at__gte=since)

    def by_state(self, rows: QuerySet[Audience], name: str, value: str) -> QuerySet[Audience]:
        return rows.filter(draft=True) if value == "unfinished" else rows.filter(state=value, draft=False)

    def by_id(self, rows: QuerySet[Audience], name: str, value: str) -> QuerySet[Audience]:
        return rows.filter(Q(user_id_type=value) | Q(save_ids__contains=[value]))

    def by_schedule(self, rows: QuerySet[Audience], name: str, value: str) -> QuerySet[Audience]:
        return rows.filter(next_refresh_at__isnull=value == "no")


class NameColumn(Column):
    """The name with its icons: new, snapshots, several campaigns, refreshes by itself, public."""

    def cell(self, row: Any) -> Any:
        context = {
            "audience": row,
            "is_new": row.created_at > timezone.now() - timedelta(hours=NEW_HOURS),
            "schedule": schedule.describe(row.refresh),
            "campaigns": row.campaign_names,
        }
        return SafeString(render_to_string("insight/audiences/name_cell.html", context))


class PeopleColumn(NumberColumn):
    """The number of people, in a place where a newer one can be put."""

    def cell(self, row: Any) -> Any:
        return format_html('<span id="people-{}">{}</span>', row.pk, super().cell(row))


class StateColumn(BadgeColumn):
    """The state as a badge, in a place where a newer one can be put."""

    def cell(self, row: Any) -> Any:
        return format_html('<span id="state-{}">{}</span>', row.pk, super().cell(row))


class OriginColumn(Column):
    """Where the audience came from; what exactly it is made of stands in a card on hover."""

    def cell(self, row: Any) -> Any:
        context = {"audience": row, "origin": label_of(row)}
        return SafeString(render_to_string("insight/audiences/origin_cell.html", context))

    def text(self, row: Any) -> str:
        return str(label_of(row))


class MenuColumn(Column):
    """What can be done with the audience."""

    def cell(self, row: Any) -> Any:
        return SafeString(render_to_string("insight/audiences/menu_cell.html", {"audience": row}))


def saved_ids(audience: Audience) -> str:
    """The saved IDs with how many people have one: "OneID 4, Mobile number 3"."""
    stats = audience.current.id_stats if audience.current else {}
    parts = []
    for key in dict.fromkeys([audience.user_id_type, *audience.save_ids]):
        filled = audience.count if key == audience.user_id_type else stats.get(key, {}).get("filled")
        label = ID_TYPES[key].label if key in ID_TYPES else key
        parts.append(f"{label} {filled:,}" if filled is not None else str(label))
    return ", ".join(parts)


def state_label(audience: Audience, places: dict[str, int]) -> Any:
    if audience.draft:
        return _("Draft")
    place = places.get(audience.pk)
    if audience.state == Audience.State.WAITING and place:
        return _("Waiting: number %(place)d") % {"place": place}
    return audience.get_state_display()


def state_hint(audience: Audience) -> str:
    if audience.state == Audience.State.FAILED:
        return audience.reason
    if audience.draft:
        return str(_("Kept to be finished later. Edit it, then save it as an audience."))
    hints = {
        Audience.State.DRAFT: _("It has never been computed. Refresh it."),
        Audience.State.WAITING: _("It waits for its turn to be computed; the version before stays usable."),
        Audience.State.RUNNING: _("It is being computed; the version before stays usable."),
        Audience.State.SUCCEEDED: _("The shown version is complete and can be used."),
    }
    return str(hints[Audience.State(audience.state)])
