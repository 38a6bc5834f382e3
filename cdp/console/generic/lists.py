"""Lists: search and filters in the URL, sorting, pages, bulk actions, CSV."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any, ClassVar

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from cdp.console.generic.base import LISTS, WorkspaceView
from cdp.console.generic.columns import Column
from cdp.console.middleware import flash
from cdp.core import audit
from cdp.core.csv_export import streamed_response
from cdp.core.errors import DomainError

PER_PAGE = 25
MAX_BULK = 500
MOST_LISTS = 20
NO_SEARCH = ("page", "sort", "tab", "columns")
"""Parts of an address that choose a view of a list, not rows of it."""


@dataclass(frozen=True)
class BulkAction:
    """Something done to each of the ticked rows; a row that refuses does not stop the others."""

    name: str
    label: Any
    act: Callable[[Any, Any], object]
    """Called with (access, row)."""
    icon: str = ""
    confirm: Any = ""
    danger: bool = False
    permission: str = ""


class ListPage(WorkspaceView):
    """A table of rows. Subclasses give `get_queryset`, `columns`, and what else they offer."""

    template_name = "console/list.html"
    table_template: ClassVar[str] = "components/table.html"
    table_css: ClassVar[str] = ""
    """A further class of the table, such as table-compact where there are many columns."""
    columns: ClassVar[Sequence[Column]] = ()
    search_fields: ClassVar[Sequence[str]] = ()
    filterset_class: ClassVar[Any] = None
    ordering: ClassVar[str] = "-updated_at"
    bulk_actions: ClassVar[Sequence[BulkAction]] = ()
    per_page: ClassVar[int] = PER_PAGE
    create_url_name: ClassVar[str] = ""
    create_label: Any = ""
    create_permission: ClassVar[str] = ""
    empty_icon: ClassVar[str] = "inbox"
    empty_title: Any = ""
    empty_text: Any = ""
    export_name: ClassVar[str] = ""
    intro: Any = ""

    def get_queryset(self) -> QuerySet[Any]:
        """All rows that the person may see."""
        raise NotImplementedError

    def row_url(self, row: Any) -> str:
        """Where a row's linked cell leads; "" for nowhere."""
        return ""

    def fetched(self, rows: Any) -> None:
        """Called with all rows of the page before their cells are made, for what they need together."""

    def get_columns(self) -> Sequence[Column]:
        """All columns, also those that the person has hidden."""
        return self.columns

    def _choose_columns(self) -> None:
        """The columns to show: as chosen in this address, else as chosen last time, else those meant to be shown."""
        every, name = self.get_columns(), f"columns:{self.request.resolver_match.view_name}"
        if "columns" in self.request.GET:
            self.request.session[name] = self.request.GET.getlist("columns")
        chosen = self.request.session.get(name)
        self.shown_columns = [
            column
            for column in every
            if not column.optional or (column.shown if chosen is None else column.name in chosen)
        ]

    def get_bulk_actions(self) -> list[BulkAction]:
        return [
            action
            for action in self.bulk_actions
            if not action.permission or self.access.can(action.permission)
        ]

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse | StreamingHttpResponse:
        self._choose_columns()
        rows = self._sorted(self._filtered(self.get_queryset()))
        if self.export_name and request.GET.get("export") == "csv":
            return self._csv(rows)
        self._remember()
        context = self.get_context(**self._page(rows))
        if request.htmx and not request.htmx.boosted:  # type: ignore[attr-defined]
            return self.render(self.table_template, context)
        return self.render(self.template_name, context)

    def _remember(self) -> None:
        """Keep the query, so that the way back from a page of one row leads to the same rows."""
        kept = dict(self.request.session.get(LISTS, {}))
        query = self.request.GET.urlencode()
        if kept.pop(self.request.path, "") == query:
            return
        if query:
            kept[self.request.path] = query
        self.request.session[LISTS] = dict(list(kept.items())[-MOST_LISTS:])

    def _filtered(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        term = self.request.GET.get("q", "").strip()
        if term and self.search_fields:
            rows = rows.filter(
                reduce(or_, (Q(**{f"{field}__icontains": term}) for field in self.search_fields))
            )
        self.filterset = None
        if self.filterset_class is not None:
            self.filterset = self.filterset_class(self.request.GET, queryset=rows, request=self.request)
            rows = self.filterset.qs
        return rows

    def _sorted(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        allowed = {column.sort for column in self.get_columns() if column.sort}
        wanted = self.request.GET.get("sort", "")
        self.sort = wanted if wanted.removeprefix("-") in allowed else self.ordering
        return rows.order_by(self.sort, "pk")

    def _page(self, rows: QuerySet[Any]) -> dict[str, Any]:
        page = Paginator(rows, self.per_page).get_page(self.request.GET.get("page"))
        self.fetched(page.object_list)
        shown = [
            {
                "object": row,
                "pk": row.pk,
                "url": self.row_url(row),
                "cells": [{"column": column, "value": column.cell(row)} for column in self.shown_columns],
            }
            for row in page.object_list
        ]
        creates = self.create_url_name and (
            not self.create_permission or self.access.can(self.create_permission)
        )
        return {
            "page": page,
            "rows": shown,
            "headers": [self._header(column) for column in self.shown_columns],
            "column_choices": self._column_choices(),
            "query": self._query(),
            "bulk": self.get_bulk_actions(),
            "filterset": self.filterset,
            "searching": any(value for key, value in self.request.GET.items() if key not in NO_SEARCH),
            "create_url": self.reverse(self.create_url_name) if creates else "",
            "create_label": self.create_label,
        }

    def _column_choices(self) -> dict[str, Any]:
        """The columns to choose from, with those shown, and what else the address says."""
        names = {column.name for column in self.shown_columns}
        found = [
            {"name": column.name, "label": column.label, "shown": column.name in names}
            for column in self.get_columns()
            if column.optional
        ]
        kept = [(key, value) for key, values in self.request.GET.lists() for value in values]
        return {"columns": found, "kept": [pair for pair in kept if pair[0] not in ("columns", "page")]}

    def _header(self, column: Column) -> dict[str, Any]:
        up = self.sort == column.sort
        return {
            "column": column,
            "direction": ("up" if up else "down" if self.sort == f"-{column.sort}" else "")
            if column.sort
            else "",
            "url": "?" + self._query(sort=f"-{column.sort}" if up else column.sort) if column.sort else "",
        }

    def _query(self, **changes: str) -> str:
        """The present query without page, with changes."""
        query = self.request.GET.copy()
        query.pop("page", None)
        for key, value in changes.items():
            query[key] = value
        return str(query.urlencode())

    def _csv(self, rows: QuerySet[Any]) -> StreamingHttpResponse:
        columns = [column for column in self.get_columns() if column.export]
        audit.record(
            self.access, "list.exported", None, detail={"list": self.export_name, "rows": rows.count()}
        )
        texts = ([column.text(row) for column in columns] for row in rows.iterator(chunk_size=1000))
        return streamed_response(self.export_name, [str(column.label) for column in columns], texts)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """A bulk action on the ticked rows."""
        action = next(
            (item for item in self.get_bulk_actions() if item.name == request.POST.get("action")), None
        )
        chosen = request.POST.getlist("row")[:MAX_BULK]
        if action is None or not chosen:
            flash(request, _("Tick some rows first."), messages.WARNING)
            return HttpResponseRedirect(request.get_full_path())
        done, refused = 0, []
        for row in self.get_queryset().filter(pk__in=chosen):
            try:
                action.act(self.access, row)
                done += 1
            except DomainError as error:
                refused.append(f"{row}: {error}")
        if done:
            flash(request, ngettext("%(count)d done.", "%(count)d done.", done) % {"count": done})
        for line in refused[:10]:
            flash(request, line, messages.ERROR)
        return HttpResponseRedirect(request.get_full_path())
