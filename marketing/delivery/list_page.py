"""The list of send-outs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import django_filters
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from cdp.console.generic import BadgeColumn, Column, DateColumn, ListPage, NumberColumn, TextColumn
from insight.campaigns import links as campaigns
from marketing.channels.models import Provider
from marketing.delivery import approval, lifecycle, list_figures
from marketing.delivery.campaign_links import KIND
from marketing.delivery.columns import (
    ActionsColumn,
    AudiencesColumn,
    CampaignsColumn,
    ContentColumn,
    PeopleColumn,
    SentColumn,
    id_type,
    scheduled,
    when,
)
from marketing.delivery.models import SendOut
from marketing.delivery.views import CHANNELS, kind_of


def _providers(request: Any) -> QuerySet[Provider]:
    seen = [name for name in CHANNELS if request.access.can(f"marketing.{name}.view")]
    return Provider.objects.in_workspace(request.access.workspace).filter(channel__in=seen).order_by("name")


class SendOutFilter(django_filters.FilterSet):
    channel = django_filters.ChoiceFilter(
        label=_("Channel"), choices=Provider.Channel.choices, empty_label=_("All channels")
    )
    state = django_filters.ChoiceFilter(
        label=_("State"), choices=SendOut.State.choices, empty_label=_("All states")
    )
    provider = django_filters.ModelChoiceFilter(
        label=_("Provider"), queryset=_providers, empty_label=_("All providers")
    )

    class Meta:
        model = SendOut
        fields = ["channel", "state", "provider"]


class SendOutList(ListPage):
    title = _("Send-outs")
    intro = _("One message to one audience or several, now or at a set time.")
    template_name = "marketing/delivery/list.html"
    table_css = "table-compact"
    filterset_class = SendOutFilter
    search_fields = ("name",)
    empty_icon = "send"
    empty_title = _("No send-outs yet")
    empty_text = _("Choose an audience and a template, look at the message, and send it.")
    columns = (
        ContentColumn("name", _("Send-out"), sort="name", link=True, css="cell-name"),
        TextColumn("channel", _("Channel"), value=kind_of, below="provider.name", sort="channel"),
        BadgeColumn("state", _("State"), sort="state", label_of="get_state_display", hint="state_reason"),
        Column("id_type", _("ID type"), value=id_type, optional=True, shown=False),
        CampaignsColumn("campaigns", _("Campaigns"), optional=True),
        AudiencesColumn("audience", _("Audiences"), optional=True),
        PeopleColumn("target", _("People")),
        Column("template", _("Template"), value="template.shown_name", optional=True, shown=False),
        TextColumn("kind", _("Send type"), value=when, below=scheduled, sort="scheduled_at", optional=True),
        SentColumn("sent", _("Sent")),
        SentColumn("delivered", _("Delivered")),
        NumberColumn("opened", _("Opened"), optional=True, shown=False),
        DateColumn("updated_at", _("Changed"), sort="updated_at", optional=True, shown=False),
        ActionsColumn("actions", _("Actions")),
    )

    def get_columns(self) -> Sequence[Column]:
        """Of the custom channel each send-out has its own type of ID."""
        if self.request.GET.get("channel") != Provider.Channel.CUSTOM:
            return self.columns
        return [replace(row, shown=True) if row.name == "id_type" else row for row in self.columns]

    def permission_point(self) -> str:
        return next(
            (f"marketing.{name}.view" for name in CHANNELS if self.access.can(f"marketing.{name}.view")),
            "marketing.email.view",
        )

    def get_queryset(self) -> QuerySet[SendOut]:
        seen = [name for name in CHANNELS if self.access.can(f"marketing.{name}.view")]
        rows = SendOut.objects.in_workspace(self.workspace).filter(channel__in=seen)
        return campaigns.with_names(
            KIND,
            rows.select_related("audience__current", "template", "provider").prefetch_related(
                "parts__audience__current"
            ),
        )

    def fetched(self, rows: Any) -> None:
        """The numbers of each row, and which actions it has."""
        list_figures.attach(rows)
        for row in rows:
            row.actions = self._actions(row)

    def _actions(self, row: SendOut) -> dict[str, str]:
        """Addresses of what the person may do with it, as far as the row itself tells; the pages look closely."""
        can = self.access.can
        if not can(f"marketing.{row.channel}.create"):
            return {}
        steers = row.owner_id == self.access.user.pk or can(f"marketing.{row.channel}.manage_others")
        found = {
            "edit": steers and lifecycle.looks_editable(row, sent=row.sent),  # type: ignore[attr-defined]
            "copy": not row.origin,
            "delete": steers and lifecycle.looks_deletable(row, sent=row.sent),  # type: ignore[attr-defined]
        }
        return {name: self.reverse(f"delivery:{name}", pk=row.pk) for name, may in found.items() if may}

    def row_url(self, row: SendOut) -> str:
        return self.reverse("delivery:detail", pk=row.pk)

    def get_context(self, **more: Any) -> dict[str, Any]:
        channels = [
            (name, label)
            for name, label in Provider.Channel.choices
            if self.access.can(f"marketing.{name}.create")
        ]
        may_see = self.access.can("marketing.push.view")
        effects = [name for name in ("email", "sms") if self.access.can(f"marketing.{name}.view")]
        may_approve = self.access.can(approval.POINT)
        return super().get_context(
            channels=channels, may_see_push=may_see, effects=effects, may_approve=may_approve, **more
        )
