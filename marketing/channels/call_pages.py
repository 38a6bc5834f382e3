"""Pages of the log of calls to platforms by contract."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from cdp.console.generic import BadgeColumn, Column, DateColumn, DetailPage, Fact, ListPage, NumberColumn
from marketing.channels.models import Provider, ProviderCall

PERMISSION = "marketing.calls.view"


class CallFilter(django_filters.FilterSet):
    ok = django_filters.ChoiceFilter(
        label=_("Result"),
        choices=[("1", _("Accepted")), ("0", _("Failed"))],
        empty_label=_("All results"),
    )

    class Meta:
        model = ProviderCall
        fields = ["ok"]


def _result(row: ProviderCall) -> str:
    return "succeeded" if row.ok else "failed"


class CallList(ListPage):
    permission = PERMISSION
    intro = _("The calls of the last 7 days. Addresses, numbers and people's texts are masked.")
    search_fields = ("path", "code", "detail")
    filterset_class = CallFilter
    ordering = "-at"
    empty_icon = "arrows-exchange"
    empty_title = _("No calls")
    empty_text = _("Calls to the platform are listed here once it is tested or used.")
    columns = (
        Column("path", _("Call"), value=str, link=True),
        DateColumn("at", _("When"), sort="at"),
        BadgeColumn(
            "ok", _("Result"), value=_result, label_of=lambda row: _("Accepted") if row.ok else _("Failed")
        ),
        Column("status", "HTTP"),
        Column("code", pgettext_lazy("answer", "Code")),
        Column("detail", _("Error")),
        NumberColumn("milliseconds", _("Milliseconds"), sort="milliseconds"),
    )

    def get_provider(self) -> Provider:
        rows = Provider.objects.filter(type="contract")
        return rows.get_in(self.workspace, self.kwargs["pk"])

    def get_queryset(self) -> QuerySet[ProviderCall]:
        return ProviderCall.objects.in_workspace(self.workspace).filter(provider=self.get_provider())

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        self.get_provider()
        return super().post(request, *args, **kwargs)

    def row_url(self, row: ProviderCall) -> str:
        return self.reverse("channels:call", pk=row.pk)

    def get_context(self, **more: Any) -> dict[str, Any]:
        provider = self.get_provider()
        found = super().get_context(
            back_url=self.reverse("channels:detail", pk=provider.pk), back_label=provider.name, **more
        )
        return {**found, "title": _("Calls to %(name)s") % {"name": provider.name}}


class CallDetail(DetailPage):
    permission = PERMISSION
    model = ProviderCall
    template_name = "marketing/channels/call.html"

    def facts(self, obj: ProviderCall) -> list[Fact]:
        return [
            Fact(_("When"), obj.at),
            Fact(_("Result"), _("Accepted") if obj.ok else _("Failed")),
            Fact("HTTP", obj.status or "–"),
            Fact(pgettext_lazy("answer", "Code"), obj.code or "–"),
            Fact(_("Milliseconds"), obj.milliseconds),
            *([Fact(_("Error"), obj.detail)] if obj.detail else []),
        ]

    def extra(self, obj: ProviderCall) -> dict[str, Any]:
        return {
            "back_url": self.reverse("channels:calls", pk=obj.provider_id),
            "back_label": _("Calls to %(name)s") % {"name": obj.provider.name},
        }
