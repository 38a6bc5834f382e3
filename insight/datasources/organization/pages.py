"""The organization's pages of data sources: its own and those of its workspaces, one source and its tables."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from admin_center.members.manager_pages import ManagerView
from cdp.console.generic import ActionView, Column, DateColumn, DeletePage, DetailPage, Fact, ListPage
from cdp.core.errors import DomainError, NotFound, PermissionDenied
from insight.datasources.connections import browsing, services
from insight.datasources.connections.pages import (
    TABLES_PER_PAGE,
    ConnectionFormPage,
    EditConnection,
    NewConnection,
    SourceColumn,
    in_place_facts,
)
from insight.datasources.models import Connection
from insight.datasources.organization import queries


class OfOrganization(ManagerView):
    """A page of one source of the organization."""

    tab = "sources"

    def get_object(self) -> Connection:
        return queries.source_of(self.organization, self.kwargs["pk"])


class SourceList(ManagerView, ListPage):
    tab = "sources"
    title = _("Data sources of the organization")
    template_name = "insight/datasources/organization/list.html"
    search_fields = ("name", "host", "database", "workspace__name")
    ordering = "name"
    empty_icon = "database-share"
    empty_title = _("No data sources yet")
    empty_text = _("Connect a database once, and share its tables, rows or columns with workspaces.")
    columns = (
        SourceColumn("name", _("Name"), sort="name", link=True, below="get_kind_display"),
        Column("host", _("Address"), value="address", sort="host"),
        Column("workspace", _("Workspace"), value="workspace.name", sort="workspace__name"),
        Column("failure", _("Failure"), css="text-danger"),
        DateColumn("tested_at", _("Tested"), sort="tested_at"),
    )

    def get_queryset(self) -> QuerySet[Connection]:
        return queries.all_sources(self.organization)

    def row_url(self, row: Connection) -> str:
        if row.is_shared:
            return self.reverse("organization-sources:detail", row.pk)
        return self.reverse("datasources:source", row.workspace.slug, row.pk)  # type: ignore[union-attr]

    def get_context(self, **more: Any) -> dict[str, Any]:
        return super().get_context(kinds=Connection.Kind.choices, **more)


class SourceFormPage(ManagerView, ConnectionFormPage):
    tab = "sources"
    back_url_name = "organization-sources:list"

    def create(self, values: dict[str, Any]) -> Connection:
        return services.create(self.access, values, organization=self.organization)

    def success_url(self, obj: Connection) -> str:
        return self.reverse("organization-sources:detail", obj.pk)

    def back_url(self, obj: Connection | None) -> str:
        return self.success_url(obj) if obj else self.reverse("organization-sources:list")


class NewSource(SourceFormPage, NewConnection):
    """Another source of the organization."""


class EditSource(SourceFormPage, EditConnection):
    def get_object(self) -> Connection:
        return queries.source_of(self.organization, self.kwargs["pk"])


class SourceDetail(OfOrganization, DetailPage):
    template_name = "insight/datasources/organization/detail.html"
    back_url_name = "organization-sources:list"
    back_label = _("Data sources")

    def facts(self, obj: Connection) -> list[Fact]:
        schema = [Fact(_("Schema"), obj.schema)] if obj.schema else []
        return [
            Fact(_("Kind"), obj.get_kind_display()),
            *([Fact(_("Region"), obj.region)] if obj.region else []),
            Fact(_("Address"), f"{obj.host}:{obj.port}"),
            Fact(_("Database"), obj.database),
            *schema,
            Fact(_("Account"), obj.account),
            Fact(_("Encryption"), obj.get_tls_display()),
            Fact(_("Version"), obj.server_version),
            Fact(_("Tested"), obj.tested_at),
            *in_place_facts(obj),
        ]

    def extra(self, obj: Connection) -> dict[str, Any]:
        return {"workspaces": queries.workspaces_with_grants(obj)}


class SourceTables(OfOrganization):
    """The tables of a source as a part of its page, each with how it is shared."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        source = self.get_object()
        search = request.GET.get("q", "").strip()
        context = self.get_context(source=source, search=search)
        template = "insight/datasources/organization/tables.html"
        try:
            found = browsing.tables(source, search)
        except (PermissionDenied, NotFound):
            raise
        except DomainError as error:
            return self.render(template, {**context, "error": str(error)})
        page = Paginator(found, TABLES_PER_PAGE).get_page(request.GET.get("page"))
        sharing = queries.sharing_of(source, [table.name for table in page.object_list])
        rows = [(table, sharing[table.name]) for table in page.object_list]
        return self.render(template, {**context, "page": page, "rows": rows})


class SourceTablePage(OfOrganization):
    """The columns of one table, and on demand some values, or figures of its rows."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        source = self.get_object()
        name, sampled = request.GET.get("table", ""), request.GET.get("sample") == "1"
        context = self.get_context(
            source=source,
            name=name,
            sampled=sampled,
            clear=False,
            back_url=self.reverse("organization-sources:detail", source.pk),
            back_label=source.name,
        )
        context["title"] = name
        try:
            context["table"] = found = browsing.describe(source, name, sampled=sampled)
            context["shown"] = found["columns"]
            if request.GET.get("profile") == "1":
                context["profile"] = profile = browsing.profile(source, name)
                context["shown"] = profile["columns"]
        except (PermissionDenied, NotFound):
            raise
        except DomainError as error:
            context["error"] = str(error)
        return self.render("insight/datasources/remote_table.html", context)


class TestSource(OfOrganization, ActionView):
    """Try a source as it is."""

    def act(self, obj: Connection) -> Any:
        found = services.retest(self.access, obj)
        if found.failure:
            raise found.failure
        return found

    def message(self, obj: Connection, result: Any) -> Any:
        return _("The connection works: %(version)s.") % {"version": result.version}

    def success_url(self, obj: Connection, result: Any) -> str:
        return self.reverse("organization-sources:detail", obj.pk)


class DeleteSource(OfOrganization, DeletePage):
    back_url_name = "organization-sources:list"

    def consequences(self, obj: Connection) -> list[Any]:
        return [_("All its grants go with it.")]

    def blockers(self, obj: Connection) -> list[str]:
        return services.blockers(obj)

    def delete(self, obj: Connection) -> None:  # type: ignore[override]
        services.delete(self.access, obj)
