"""Pages of databases outside: the list, forms with a test, one database and its tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from admin_center.audit.services import log_unmasked
from cdp.console.generic import (
    ActionView,
    Column,
    DateColumn,
    DeletePage,
    DetailPage,
    Fact,
    FormPage,
    ListPage,
    TextColumn,
)
from cdp.console.generic.base import WorkspaceView
from cdp.core.errors import DomainError, NotFound, PermissionDenied
from insight.datasources import ways
from insight.datasources.connections import browsing, in_place, services
from insight.datasources.connections.forms import ConnectionForm
from insight.datasources.models import Connection
from insight.datasources.organization.grants import source_seen_in, sources_seen_in

VIEW, MANAGE = "insight.datasource.view", "insight.datasource.manage"
TABLES_PER_PAGE = 50


@dataclass(frozen=True)
class SourceColumn(TextColumn):
    """The name of a source, with a mark where it is the organization's."""

    def cell(self, row: Connection) -> Any:
        mark = render_to_string("insight/datasources/shared_mark.html") if row.is_shared else ""
        return format_html("{} {}", super().cell(row), mark)


class ConnectionList(ListPage):
    permission = VIEW
    title = _("Data sources")
    template_name = "insight/datasources/connections.html"
    # The address of a shared source is not told, so it is not to be found out by searching either.
    search_fields = ("name",)
    ordering = "name"
    empty_icon = "database-import"
    empty_title = _("No databases yet")
    empty_text = _("Connect a PostgreSQL or MySQL database to bring its tables in, once or by schedule.")
    export_name = "sources"
    columns = (
        SourceColumn("name", _("Name"), sort="name", link=True, below="get_kind_display"),
        Column("host", _("Address"), value=lambda row: "" if row.is_shared else row.address, sort="host"),
        Column("server_version", _("Version")),
        DateColumn("tested_at", _("Tested"), sort="tested_at"),
    )

    def get_queryset(self) -> QuerySet[Connection]:
        return sources_seen_in(self.workspace)

    def row_url(self, row: Connection) -> str:
        return self.reverse("datasources:source", pk=row.pk)

    def get_context(self, **more: Any) -> dict[str, Any]:
        kinds = Connection.Kind.choices if self.access.can(MANAGE) else []
        return super().get_context(kinds=kinds, section="sources", **more)


class ConnectionFormPage(FormPage):
    """Saves only what works. The button beside "Save" tries the settings and shows the steps."""

    permission = MANAGE
    form_class = ConnectionForm
    template_name = "insight/datasources/connection_form.html"
    submit_label = _("Test and save")
    back_url_name = "datasources:sources"
    success_message = _("The connection works. The source was saved.")
    steps: list[dict[str, Any]] | None = None

    def kind(self, obj: Connection | None) -> str:
        return obj.kind if obj else str(self.kwargs["kind"])

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if self.kwargs.get("kind", Connection.Kind.MYSQL) not in Connection.Kind.values:
            raise Http404
        return super().get(request, *args, **kwargs)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if self.kwargs.get("kind", Connection.Kind.MYSQL) not in Connection.Kind.values:
            raise Http404
        if request.POST.get("action") == "test":
            return self.test()
        return super().post(request, *args, **kwargs)

    def form_options(self, obj: Connection | None) -> dict[str, Any]:
        return {"kind": self.kind(obj), "is_new": obj is None}

    def test(self) -> HttpResponse:
        """The steps of a test, for the form's own place for them."""
        obj = self.get_object()
        form = self.form_class(self.request.POST, **self.form_options(obj))
        form.fields["name"].required = False
        context: dict[str, Any] = {}
        if form.is_valid():
            try:
                found = services.test(self.access, {**form.values(), "kind": self.kind(obj)}, obj)
                writes = self.kind(obj) == Connection.Kind.POSTGRESQL
                context = {"found": found, "steps": found.steps, "writes": writes}
            except PermissionDenied:
                raise
            except DomainError as error:
                for field, messages in error.errors.items():
                    for message in messages:
                        form.add_error(field if field in form.fields else None, str(message))
        context["problems"] = [
            (form.fields[name].label if name in form.fields else "", message)
            for name, messages in form.errors.items()
            for message in messages
        ]
        return self.render("insight/datasources/connection_steps.html", context)

    def save(self, form: ConnectionForm, obj: Connection | None) -> Connection:
        values = {**form.values(), "kind": self.kind(obj)}
        try:
            if obj is None:
                return self.create(values)
            return services.update(self.access, obj, values, edit_version=self.seen_version())
        except DomainError as error:
            self.steps = error.extra.get("steps")  # type: ignore[assignment]
            raise

    def create(self, values: dict[str, Any]) -> Connection:
        return services.create(self.access, values)

    def success_url(self, obj: Connection) -> str:
        return self.reverse("datasources:source", pk=obj.pk)

    def back_url(self, obj: Connection | None) -> str:
        """Where the form was opened."""
        return self.success_url(obj) if obj else self.reverse("datasources:sources")

    def extra(self, form: Any, obj: Connection | None) -> dict[str, Any]:
        return {
            "steps": self.steps,
            "egress": settings.EGRESS_IPS,
            "back_url": self.back_url(obj),
            "back_label": obj.name if obj else _("Databases"),
        }


class NewConnection(ConnectionFormPage):
    def get_context(self, **more: Any) -> dict[str, Any]:
        label = dict(Connection.Kind.choices)[self.kwargs["kind"]]
        return {**super().get_context(**more), "title": _("Connect a %(kind)s database") % {"kind": label}}


class EditConnection(ConnectionFormPage):
    title = _("Edit the source")

    def get_object(self) -> Connection:
        return Connection.objects.get_in(self.workspace, self.kwargs["pk"])

    def initial(self, obj: Connection) -> dict[str, Any]:
        return {**services.shown(obj), "password": services.KEPT if obj.password else ""}


def in_place_facts(obj: Connection) -> list[Fact]:
    """Whether datasets may live in a source, and which do."""
    if obj.kind != Connection.Kind.POSTGRESQL:
        return []
    words = _("may live here") if obj.push_down else _("copied into Tideline only")
    return [
        Fact(_("Datasets"), words),
        *([Fact(_("Living here"), ", ".join(in_place.users(obj)) or "–")] if obj.push_down else []),
    ]


class ConnectionDetail(DetailPage):
    permission = VIEW
    template_name = "insight/datasources/connection.html"
    back_url_name = "datasources:sources"
    back_label = _("Databases")

    def get_object(self) -> Connection:
        return source_seen_in(self.workspace, self.kwargs["pk"])

    def facts(self, obj: Connection) -> list[Fact]:
        if obj.is_shared:
            return [
                Fact(_("Kind"), obj.get_kind_display()),
                Fact(_("Shared by"), obj.organization),
                Fact(_("Version"), obj.server_version),
                *([Fact(_("Datasets"), _("may live here"))] if obj.push_down else []),
            ]
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
        return {"may_manage": self.access.can(MANAGE) and not obj.is_shared}


class ConnectionTables(WorkspaceView):
    """The tables of a source as a part of its page: the source itself is asked, which may take a moment."""

    permission = VIEW

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        source = source_seen_in(self.workspace, self.kwargs["pk"])
        search = request.GET.get("q", "").strip()
        context = self.get_context(source=source, search=search)
        try:
            found = browsing.tables(source, search, viewer=self.workspace)
        except (PermissionDenied, NotFound):
            raise
        except DomainError as error:
            return self.render("insight/datasources/connection_tables.html", {**context, "error": str(error)})
        page = Paginator(found, TABLES_PER_PAGE).get_page(request.GET.get("page"))
        copies = browsing.copies(source, viewer=self.workspace)
        rows = [
            (table, found, browsing.last_read(found), ways.of_remote(self.access, source, table.name, found))
            for table in page.object_list
            for found in [copies.get(table.name, [])]
        ]
        context.update(page=page, rows=rows, may_manage=self.access.can(MANAGE))
        return self.render("insight/datasources/connection_tables.html", context)


class RemoteTablePage(WorkspaceView):
    """One table of a source: its columns, and on demand some values, or figures of its rows."""

    permission = VIEW

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        source = source_seen_in(self.workspace, self.kwargs["pk"])
        name, sampled = request.GET.get("table", ""), request.GET.get("sample") == "1"
        clear = self.access.can("privacy.unmask")
        context = self.get_context(
            source=source,
            name=name,
            sampled=sampled,
            clear=clear,
            may_manage=self.access.can(MANAGE),
            back_url=self.reverse("datasources:source", pk=source.pk),
            back_label=source.name,
        )
        context["title"] = name
        try:
            context["table"] = found = browsing.describe(
                source, name, viewer=self.workspace, sampled=sampled, clear=clear
            )
            context["shown"] = found["columns"]
            if request.GET.get("profile") == "1":
                context["profile"] = profile = browsing.profile(source, name, viewer=self.workspace)
                context["shown"] = profile["columns"]
            if sampled and clear:
                rows = browsing.SHOWN_VALUES
                log_unmasked(self.access, source, place="sample of a source's table", rows=rows)
            context["copies"] = browsing.copies(source, viewer=self.workspace).get(name, [])
            context["ways"] = ways.of_remote(self.access, source, name, context["copies"])
        except (PermissionDenied, NotFound):
            raise
        except DomainError as error:
            context["error"] = str(error)
        return self.render("insight/datasources/remote_table.html", context)


class TestConnection(ActionView):
    """Try a saved source as it is."""

    permission = MANAGE
    model = Connection

    def act(self, obj: Connection) -> Any:
        found = services.retest(self.access, obj)
        if found.failure:
            raise found.failure
        return found

    def message(self, obj: Connection, result: Any) -> Any:
        return _("The connection works: %(version)s.") % {"version": result.version}

    def success_url(self, obj: Connection, result: Any) -> str:
        return self.reverse("datasources:source", pk=obj.pk)


class DeleteConnection(DeletePage):
    permission = MANAGE
    model = Connection
    back_url_name = "datasources:sources"

    def blockers(self, obj: Connection) -> list[str]:
        return services.blockers(obj)

    def delete(self, obj: Connection) -> None:  # type: ignore[override]
        services.delete(self.access, obj)
