"""Pages of tables that are copied from a source: bring one in, change how it is copied, copy now, part."""

from __future__ import annotations

from datetime import time
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cdp.console.generic import ActionView, Fact, FormPage
from cdp.console.middleware import flash
from cdp.core import schedules
from cdp.core.errors import DomainError, NotFound, PermissionDenied
from insight.datasources.connections import browsing, feeds
from insight.datasources.connections.forms import FeedForm
from insight.datasources.models import Connection, Feed, SourceTable
from insight.datasources.organization.grants import source_seen_in
from insight.datasources.ways import KINDS

MANAGE = "insight.datasource.manage"


class FeedFormPage(FormPage):
    permission = MANAGE
    form_class = FeedForm
    template_name = "insight/datasources/feed_form.html"

    @cached_property
    def remote(self) -> list[dict[str, Any]]:
        """The columns of the table in the source."""
        raise NotImplementedError

    def form_options(self, obj: Any) -> dict[str, Any]:
        return {"remote": self.remote, "is_new": obj is None}

    def table_url(self, table: SourceTable) -> str:
        return self.reverse("datasources:table", pk=table.pk)


class BringIn(FeedFormPage):
    """A new table that is copied from the one in ?table=."""

    submit_label = gettext_lazy("Bring in")

    @cached_property
    def source(self) -> Connection:
        return source_seen_in(self.workspace, self.kwargs["pk"])

    @cached_property
    def remote(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = browsing.describe(self.source, self.remote_name, viewer=self.workspace)[
            "columns"
        ]
        return found

    @property
    def remote_name(self) -> str:
        return str(self.request.GET.get("table", ""))

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self._away() or super().get(request, *args, **kwargs)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self._away() or super().post(request, *args, **kwargs)

    def _away(self) -> HttpResponse | None:
        """Where the source does not answer, its page says why."""
        try:
            bool(self.remote)
        except (PermissionDenied, NotFound):
            raise
        except DomainError as error:
            flash(self.request, error, messages.ERROR)
            return HttpResponseRedirect(self.reverse("datasources:source", pk=self.source.pk))
        return None

    def initial(self, obj: Any) -> dict[str, Any]:
        return {
            "name": feeds.suggested_name(self.remote_name),
            "columns": [column["name"] for column in self.remote],
            "every": "off",
            **schedules.DEFAULTS,
            "at": time(3),
        }

    def save(self, form: FeedForm, obj: Any) -> SourceTable:
        try:
            return feeds.bring_in(self.access, self.source, {**form.values(), "table": self.remote_name})[0]
        except DomainError as error:
            raise _at_fields(error) from None

    def success_url(self, obj: SourceTable) -> str:
        kind = self.request.GET.get("kind", "")
        return f"{self.table_url(obj)}?{urlencode({'kind': kind})}" if kind in KINDS else self.table_url(obj)

    def get_context(self, **more: Any) -> dict[str, Any]:
        return {**super().get_context(**more), "title": _("Bring in %(table)s") % {"table": self.remote_name}}

    def extra(self, form: Any, obj: Any) -> dict[str, Any]:
        return {
            "back_url": self.reverse("datasources:source", pk=self.source.pk),
            "back_label": self.source.name,
        }


class EditFeed(FeedFormPage):
    """How a table is copied. Where the source does not answer, only when."""

    title = gettext_lazy("How the table is copied")
    success_message = gettext_lazy("Saved.")
    away = ""

    def get_object(self) -> Feed:
        return feeds.feed_of(SourceTable.objects.get_in(self.workspace, self.kwargs["pk"]))

    def form_options(self, obj: Feed) -> dict[str, Any]:
        try:
            columns = browsing.describe(obj.connection, obj.remote, viewer=self.workspace)["columns"]
        except PermissionDenied:
            raise
        except DomainError as error:
            self.away, columns = str(error), []
        return {"remote": columns, "is_new": False}

    def initial(self, obj: Feed) -> dict[str, Any]:
        refresh = {**schedules.DEFAULTS, **obj.refresh}
        return {
            "mode": obj.mode,
            "cursor": obj.cursor,
            "key": obj.key,
            "columns": obj.columns or None,
            "every": refresh.get("every", "off"),
            "hours": refresh["hours"],
            "at": time.fromisoformat(refresh["at"]),
        }

    def show(self, form: Any, obj: Feed, status: int = 200) -> HttpResponse:
        if not form.is_bound and form.initial.get("columns") is None:
            form.initial["columns"] = form.all_columns
        return super().show(form, obj, status)

    def save(self, form: FeedForm, obj: Feed) -> Feed:
        values = form.values()
        changed = {name: value for name, value in values.items() if value != getattr(obj, name)}
        try:
            return feeds.change(self.access, obj, changed)
        except DomainError as error:
            raise _at_fields(error) from None

    def success_url(self, obj: Feed) -> str:
        return self.table_url(obj.table)

    def extra(self, form: Any, obj: Feed) -> dict[str, Any]:
        return {"back_url": self.table_url(obj.table), "back_label": obj.table.name, "away": self.away}


class CopyNow(ActionView):
    """Copy what is new; `whole` reads everything again, `accept_columns` takes the columns as they are now."""

    permission = MANAGE
    model = SourceTable

    def act(self, obj: SourceTable) -> Any:
        given = self.request.POST
        accepts = given.get("accept_columns") == "1"
        return feeds.copy_now(
            self.access, feeds.feed_of(obj), whole=given.get("whole") == "1", accept_columns=accepts
        )

    def success_url(self, obj: SourceTable, result: Any) -> str:
        return self.reverse("datasources:table", pk=obj.pk)


class PartTable(ActionView):
    """Leave the table as it is, without a source."""

    permission = MANAGE
    model = SourceTable
    success_message = gettext_lazy("The table is not copied any more. Its rows stay.")

    def act(self, obj: SourceTable) -> Any:
        return feeds.part(self.access, feeds.feed_of(obj))

    def success_url(self, obj: SourceTable, result: Any) -> str:
        return self.reverse("datasources:table", pk=obj.pk)


def facts_of(feed: Feed) -> list[Fact]:
    """Where a table comes from, for its page."""
    columns = ", ".join(feed.columns) if feed.columns else _("all")
    return [
        Fact(_("Table there"), feed.remote),
        Fact(_("Each copy reads"), feeds.describe(feed)),
        *([Fact(_("Rows are told apart by"), feed.key)] if feed.key else []),
        Fact(_("Columns"), columns),
        Fact(_("Copied"), feed.copied_at),
        Fact(_("Copied again"), schedules.describe(feed.refresh) or _("By hand")),
        *([Fact(_("Next time"), feed.next_copy_at)] if feed.next_copy_at else []),
    ]


def _at_fields(error: DomainError) -> DomainError:
    """Messages at the form's own fields."""
    error.errors = {path.removeprefix("refresh/"): found for path, found in error.errors.items()}
    return error
