"""Three tabs on one source of an organization: tables, rows and columns that workspaces get. Buttons work at once."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cdp.console.middleware import flash
from cdp.core.errors import DomainError, PermissionDenied, ValidationFailed
from insight.datasources.connections import browsing
from insight.datasources.models import Connection
from insight.datasources.organization import picking, queries, sharing
from insight.datasources.organization.conditions import CONTROL_TYPES
from insight.datasources.organization.grants import EVERY_TABLE
from insight.datasources.organization.pages import OfOrganization

EVERY = "*"
"""How a form says every table or every value."""


class SharingPage(OfOrganization):
    """Shows a part of the grants; what a button says is done, and the same part is shown again."""

    section = ""
    url_name = ""
    done = gettext_lazy("Saved. It works at once.")

    @cached_property
    def source(self) -> Connection:
        return self.get_object()

    @property
    def table(self) -> str:
        return str(self.request.GET.get("table", ""))

    @cached_property
    def tables(self) -> list[str]:
        """The source's tables; where it does not answer, those that are shared already, and `away` says why."""
        try:
            return [table.name for table in browsing.tables(self.source)]
        except PermissionDenied:
            raise
        except DomainError as error:
            self.away = str(error)
            return queries.known_tables(self.source)

    away = ""

    def columns(self) -> list[Any]:
        """The columns of the chosen table; none where the source does not answer."""
        try:
            return list(sharing.columns_of(self.source, self.table).values())
        except PermissionDenied:
            raise
        except DomainError as error:
            self.away = str(error)
            return []

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        tables = self.tables
        more = self.part()
        context = self.get_context(
            source=self.source,
            section=self.section,
            tables=tables,
            table=self.table,
            away=self.away,
            back_url=self.reverse("organization-sources:detail", self.source.pk),
            back_label=self.source.name,
            **more,
        )
        context["title"] = _("Share %(source)s") % {"source": self.source.name}
        return self.render(self.template_name, context)

    def part(self) -> dict[str, Any]:
        """What the tab shows."""
        raise NotImplementedError

    def act(self, given: Any) -> None:
        """Call the service that the pressed button (`act`) asks for."""
        raise NotImplementedError

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        bool(self.source)
        try:
            self.act(request.POST)
        except PermissionDenied:
            raise
        except DomainError as error:
            told = [str(message) for found in error.errors.values() for message in found]
            flash(request, " ".join(told) or error, messages.ERROR)
        else:
            flash(request, self.done)
        return HttpResponseRedirect(request.get_full_path())

    def link(self, **query: Any) -> str:
        return f"{self.reverse(self.url_name, self.source.pk)}?{urlencode(query, doseq=True)}"

    def workspaces(self) -> list[Any]:
        return list(self.organization.workspaces.all())

    def workspace_of(self, given: Any) -> Any:
        return sharing.workspaces_named(self.source, [given.get("workspace", "")])[0]


class ShareTables(SharingPage):
    """Tables as a whole, several or all at once, until a day or for good."""

    section, url_name = "tables", "organization-sources:share-tables"
    template_name = "insight/datasources/organization/share_tables.html"

    @property
    def chosen(self) -> list[str]:
        given = self.request.GET.getlist("table")
        return [EVERY_TABLE] if EVERY in given else given

    def part(self) -> dict[str, Any]:
        chosen = self.chosen
        return {
            "chosen": chosen,
            "every": chosen == [EVERY_TABLE],
            "granted": sharing.granted(self.source, chosen) if chosen else [],
            "controlled": [
                table
                for table, found in queries.sharing_of(self.source, chosen).items()
                if _controlled(found)
            ],
            "workspaces": self.workspaces(),
            "now": timezone.now(),
            "tomorrow": timezone.localdate() + timedelta(days=1),
        }

    def act(self, given: Any) -> None:
        if given.get("act") == "revoke":
            sharing.revoke_tables(self.access, self.source, self.chosen, [self.workspace_of(given)])
            return
        workspaces = sharing.workspaces_named(self.source, given.getlist("workspaces"))
        until = _end_of(given.get("until", ""))
        sharing.grant_tables(self.access, self.source, self.chosen, workspaces, expires_at=until)


class ShareRows(SharingPage):
    """Rows by values of controlled fields."""

    section, url_name = "rows", "organization-sources:share-rows"
    template_name = "insight/datasources/organization/share_rows.html"

    def part(self) -> dict[str, Any]:
        if not self.table:
            return {}
        control = sharing.control_of(self.source, self.table)
        columns = self.columns()
        given = sharing.values_given(control)
        workspaces = [
            {
                "row": row,
                "url": self.link(table=self.table, workspace=row.slug),
                "sees": all(_something(given.get(row.slug, {}), name) for name in control.fields),
            }
            for row in self.workspaces()
        ]
        slug, field = self.request.GET.get("workspace", ""), self.request.GET.get("field", "")
        mine = given.get(slug, {})
        return {
            "control": control,
            "candidates": [column for column in columns if column.type in CONTROL_TYPES],
            "workspaces": workspaces,
            "workspace": next((item["row"] for item in workspaces if item["row"].slug == slug), None),
            "fields": [
                {
                    "name": name,
                    "url": self.link(table=self.table, workspace=slug, field=name),
                    "every": name in mine and mine[name] is None,
                    "values": mine.get(name) or [],
                }
                for name in control.fields
            ],
            "field": field if field in control.fields else "",
            **(self.picked(field) if slug and field in control.fields else {}),
        }

    def picked(self, field: str) -> dict[str, Any]:
        search = self.request.GET.get("q", "").strip()
        try:
            return {"picked": picking.values(self.source, self.table, field, search), "search": search}
        except PermissionDenied:
            raise
        except DomainError as error:
            return {"picked": {"values": [], "error": str(error)}, "search": search}

    def act(self, given: Any) -> None:
        act, on = given.get("act"), (self.access, self.source, self.table)
        if act == "control":
            sharing.control_rows(*on, given.getlist("fields"))
        elif act == "release":
            sharing.control_rows(*on, [], confirmed=True)
        else:
            workspace, field = self.workspace_of(given), given.get("field", "")
            typed = [line.strip() for line in given.get("typed", "").splitlines() if line.strip()]
            values = None if given.get("every") else [*given.getlist("values"), *typed]
            change = sharing.take_values if act == "take" else sharing.give_values
            change(*on, workspace, field, values)


class ShareColumns(SharingPage):
    """Columns one by one."""

    section, url_name = "columns", "organization-sources:share-columns"
    template_name = "insight/datasources/organization/share_columns.html"

    def part(self) -> dict[str, Any]:
        if not self.table:
            return {}
        control = sharing.control_of(self.source, self.table)
        given = sharing.columns_given(control)
        workspaces = [
            {
                "row": row,
                "url": self.link(table=self.table, workspace=row.slug),
                "count": len(given.get(row.slug, [])),
            }
            for row in self.workspaces()
        ]
        slug = self.request.GET.get("workspace", "")
        mine, present = given.get(slug, []), self.columns()
        names = {column.name for column in present}
        return {
            "control": control,
            "workspaces": workspaces,
            "workspace": next((item["row"] for item in workspaces if item["row"].slug == slug), None),
            "given": mine,
            "lost": [name for name in mine if self.away == "" and name not in names],
            "open": [column for column in present if column.name not in mine],
        }

    def act(self, given: Any) -> None:
        act, on = given.get("act"), (self.access, self.source, self.table)
        if act in ("control", "release"):
            sharing.control_columns(*on, act == "control", confirmed=True)
        elif act == "take":
            sharing.take_columns(*on, self.workspace_of(given), given.getlist("columns"))
        else:
            names = None if given.get("every") else given.getlist("columns")
            sharing.give_columns(*on, self.workspace_of(given), names)


def _something(given: dict[str, list[str] | None], field: str) -> bool:
    return given.get(field, []) != []


def _controlled(found: dict[str, Any]) -> bool:
    return bool(found["rows"] or found["columns"])


def _end_of(day: str) -> datetime | None:
    """The end of a typed day in the zone of the page; None for no day. Raises ValidationFailed."""
    if not day:
        return None
    try:
        return timezone.make_aware(datetime.combine(date.fromisoformat(day), time(23, 59, 59)))
    except ValueError:
        message = _("Give a day such as 2026-03-31.")
        raise ValidationFailed(message, errors={"until": [message]}) from None
