"""Who took which file out of the workspace, by person and month: in the console and by API."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any

import django_filters
from django.contrib.auth import get_user_model
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from admin_center.audit.models import DownloadLog
from cdp.console.generic import BooleanColumn, Column, DateColumn, ListPage, NumberColumn, TextColumn
from cdp.core.api import WorkspaceViewSet
from cdp.core.timezones import today, zone

MONTHS = 24
EVERY = "all"


def month_range(workspace: Any, text: str) -> tuple[datetime, datetime] | None:
    """The first moment of a month such as "2026-05" and that of the next, on the workspace's clock."""
    try:
        first = date.fromisoformat(f"{text}-01")
    except ValueError:
        return None
    following = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    clock = zone(workspace)
    return datetime.combine(first, time(), tzinfo=clock), datetime.combine(following, time(), tzinfo=clock)


def _in_month(rows: QuerySet[DownloadLog], workspace: Any, text: str) -> QuerySet[DownloadLog]:
    found = month_range(workspace, text)
    return rows.filter(at__gte=found[0], at__lt=found[1]) if found else rows.none()


def _months(workspace: Any) -> list[tuple[str, str]]:
    """The last two years, the latest month first."""
    day = today(workspace)
    number = day.year * 12 + day.month - 1
    texts = [f"{month // 12}-{month % 12 + 1:02}" for month in range(number, number - MONTHS, -1)]
    return [(text, text) for text in texts]


def _people(request: Any) -> QuerySet[Any]:
    rows = DownloadLog.objects.in_workspace(request.access.workspace).order_by()
    return get_user_model().objects.filter(pk__in=rows.values("user")).order_by("username")


class DownloadPageFilter(django_filters.FilterSet):
    month = django_filters.ChoiceFilter(label=_("Month"), method="by_month", empty_label=None)
    user = django_filters.ModelChoiceFilter(label=_("Person"), queryset=_people, empty_label=_("Everybody"))

    class Meta:
        model = DownloadLog
        fields: list[str] = []

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [*_months(self.request.access.workspace), (EVERY, gettext("All months"))]
        self.filters["month"].extra["choices"] = choices

    def by_month(self, rows: QuerySet[DownloadLog], name: str, value: str) -> QuerySet[DownloadLog]:
        return rows if value == EVERY else _in_month(rows, self.request.access.workspace, value)


class DownloadList(ListPage):
    permission = "admin.audit"
    title = _("Downloads")
    intro = _("Which files left the workspace, with whom and when.")
    filterset_class = DownloadPageFilter
    search_fields = ("object_name",)
    ordering = "-at"
    export_name = "downloads"
    empty_icon = "download"
    empty_title = _("No downloads")
    empty_text = _("Nobody has taken a file out of the workspace.")
    columns = (
        DateColumn("at", _("Time"), sort="at"),
        TextColumn(
            "user",
            _("Person"),
            lambda row: str(row.user) if row.user else None,
            below=lambda row: row.user.username if row.user else "",
            sort="user__username",
        ),
        TextColumn("object_name", _("Object"), below="object_type"),
        NumberColumn("rows", _("Rows"), sort="rows"),
        Column("file_format", _("Format"), lambda row: row.file_format.upper()),
        BooleanColumn("unmasked", _("IDs in full")),
        Column("ip", _("IP address")),
    )

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse | StreamingHttpResponse:
        """The present month, until another is chosen."""
        if "month" not in request.GET:
            query = request.GET.copy()
            query["month"] = f"{today(self.workspace):%Y-%m}"
            return HttpResponseRedirect(f"{request.path}?{query.urlencode()}")
        return super().get(request, *args, **kwargs)

    def get_queryset(self) -> QuerySet[DownloadLog]:
        return DownloadLog.objects.in_workspace(self.workspace).select_related("user")

    def get_context(self, **more: Any) -> dict[str, Any]:
        return super().get_context(back_url=self.reverse("audit:entries"), back_label=_("Audit log"), **more)


class DownloadSerializer(serializers.ModelSerializer[DownloadLog]):
    user = serializers.CharField(source="user.username", default=None)

    class Meta:
        model = DownloadLog
        fields = ["id", "at", "user", "object_type", "object_id", "object_name"]
        fields += ["file_format", "rows", "unmasked", "ip"]


class DownloadFilter(django_filters.FilterSet):
    month = django_filters.CharFilter(
        method="by_month", help_text="Such as 2026-05, on the workspace's clock."
    )
    user = django_filters.CharFilter(field_name="user__username")

    class Meta:
        model = DownloadLog
        fields = ["object_type", "object_id"]

    def by_month(self, rows: QuerySet[DownloadLog], name: str, value: str) -> QuerySet[DownloadLog]:
        return _in_month(rows, self.request.access.workspace, value)


class DownloadViewSet(WorkspaceViewSet):
    """Files that left the workspace. Nobody changes or deletes these entries."""

    model = DownloadLog
    serializer_class = DownloadSerializer
    filterset_class = DownloadFilter
    search_fields = ["object_name"]
    ordering_fields = ["at", "rows"]
    required_permission = {"*": "admin.audit"}
    http_method_names = ["get", "head", "options"]

    def get_queryset(self) -> QuerySet[DownloadLog]:
        if getattr(self, "swagger_fake_view", False):
            return DownloadLog.objects.none()
        return DownloadLog.objects.in_workspace(self.workspace).select_related("user")
