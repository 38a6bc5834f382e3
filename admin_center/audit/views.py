"""The audit log in the console."""

from __future__ import annotations

import json
from datetime import date, datetime, time, timedelta
from typing import Any

import django_filters
from django import forms
from django.db.models import QuerySet
from django.http import HttpRequest, StreamingHttpResponse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from admin_center.audit.export import export_entries
from admin_center.audit.models import AuditEntry, Via
from admin_center.audit.queries import AuditFilter, entries_for
from cdp.console.generic import Column, DateColumn, DetailPage, Fact, ListPage, TextColumn, WorkspaceView
from cdp.core.errors import NotFound


def _text(hint: Any) -> forms.TextInput:
    return forms.TextInput(attrs={"placeholder": hint})


class AuditPageFilter(AuditFilter):
    """Whole days, in the workspace's time zone."""

    actor = django_filters.CharFilter(label=_("Person"), method="by_actor", widget=_text(_("Person")))
    action = django_filters.CharFilter(
        label=_("Action"), field_name="action", lookup_expr="istartswith", widget=_text(_("Action"))
    )
    object = django_filters.CharFilter(label=_("Object"), method="by_object", widget=_text(_("Object")))
    via = django_filters.ChoiceFilter(
        label=_("Through"), choices=Via.choices, empty_label=_("Through anything")
    )
    since = django_filters.DateFilter(
        label=_("From"), method="from_day", widget=forms.DateInput(attrs={"type": "date"})
    )
    until = django_filters.DateFilter(
        label=_("To"), method="to_day", widget=forms.DateInput(attrs={"type": "date"})
    )

    def from_day(self, rows: QuerySet[AuditEntry], name: str, value: date) -> QuerySet[AuditEntry]:
        return rows.filter(at__gte=_midnight(value))

    def to_day(self, rows: QuerySet[AuditEntry], name: str, value: date) -> QuerySet[AuditEntry]:
        return rows.filter(at__lt=_midnight(value + timedelta(days=1)))


class AuditList(ListPage):
    permission = "admin.audit"
    title = _("Audit log")
    template_name = "admin_center/audit/list.html"
    intro = _("Who changed or exported what. Entries are kept for 24 months.")
    filterset_class = AuditPageFilter
    ordering = "-at"
    empty_icon = "history"
    empty_title = _("No entries")
    empty_text = _("Nothing was changed in the time and by the person that you look for.")
    columns = [
        DateColumn("at", _("Time"), sort="at"),
        TextColumn(
            "actor_name", _("Person"), value=lambda entry: entry.actor_name or gettext("System"), below="ip"
        ),
        Column("action", _("Action"), sort="action", link=True),
        TextColumn("object_name", _("Object"), below="object_type"),
        Column("via", _("Through"), value=lambda entry: entry.get_via_display()),
    ]

    def get_queryset(self) -> QuerySet[AuditEntry]:
        return entries_for(self.access)

    def row_url(self, row: AuditEntry) -> str:
        return self.reverse("audit:entry", row.pk)


class AuditDetail(DetailPage):
    permission = "admin.audit"
    template_name = "admin_center/audit/entry.html"
    back_url_name = "audit:entries"
    back_label = _("Audit log")

    def get_object(self) -> AuditEntry:
        entry = entries_for(self.access).filter(pk=self.kwargs["pk"]).first()
        if entry is None:
            raise NotFound(_("There is no such entry here."))
        return entry

    def facts(self, obj: AuditEntry) -> list[Fact]:
        return [
            Fact(_("Time"), timezone.localtime(obj.at).strftime("%Y-%m-%d %H:%M:%S %Z")),
            Fact(_("Person"), obj.actor_name or _("System")),
            Fact(_("Through"), obj.get_via_display()),
            Fact(_("IP address"), obj.ip or "–"),
            Fact(_("Action"), obj.action),
            Fact(
                _("Object"),
                f"{obj.object_name} ({obj.object_type} {obj.object_id})" if obj.object_type else "–",
            ),
            Fact(_("Reference"), obj.correlation_id, _("Finds the request in the logs of the server.")),
        ]

    def extra(self, obj: AuditEntry) -> dict[str, Any]:
        names = sorted({*obj.before, *obj.after})
        changes = [(name, _shown(obj.before.get(name)), _shown(obj.after.get(name))) for name in names]
        return {"changes": changes, "detail": [(name, _shown(value)) for name, value in obj.detail.items()]}


class AuditExport(WorkspaceView):
    """The filtered entries as CSV."""

    permission = "admin.audit"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> StreamingHttpResponse:
        filtered = AuditPageFilter(request.GET, queryset=entries_for(self.access), request=request)
        return export_entries(self.access, filtered.qs)


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))


def _shown(value: Any) -> str:
    if value in (None, ""):
        return "–"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
