"""The audience list and its folders."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.contrib import messages
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from cdp.console.folder_pages import MovePage
from cdp.console.generic import (
    BulkAction,
    Column,
    DateColumn,
    ListPage,
    NumberColumn,
    WorkspaceView,
)
from cdp.console.middleware import flash
from cdp.core.folders import flat
from insight.audiences import extras, places, queue, refreshing, schedule, services, visibility
from insight.audiences.campaign_links import KIND
from insight.audiences.folders import folders
from insight.audiences.list_columns import (
    AudienceFilter,
    MenuColumn,
    NameColumn,
    OriginColumn,
    PeopleColumn,
    StateColumn,
    saved_ids,
    state_hint,
    state_label,
)
from insight.audiences.models import Audience, Folder
from insight.audiences.pages import OneAudience
from insight.campaigns import links
from insight.datasources.connections import in_place

SEE = "insight.audience.list"


PAGES = {
    "use": "use-many",
    "overlap": "overlap",
    "combine": "combine",
    "copy": "copy-many",
    "move": "move",
    "download": "download-many",
    "delete": "delete-many",
}
"""Actions on the ticked audiences that go on at a page of their own."""


def _asking(name: str, label: Any, icon: str, **more: Any) -> BulkAction:
    return BulkAction(name, label, lambda access, row: None, icon=icon, **more)


class AudienceList(ListPage):
    permission = SEE
    title = _("Audiences")
    template_name = "insight/audiences/list.html"
    table_template = "insight/audiences/table.html"
    filterset_class = AudienceFilter
    search_fields = ("name", "remark")
    create_url_name = "audiences:new"
    create_label = _("New audience")
    create_permission = "insight.audience.filter"
    empty_icon = "users-group"
    empty_title = _("No audience yet")
    empty_text = _(
        "Choose people by their tags and behaviour, watch the count while you do, and save them here."
    )
    export_name = "audiences"
    bulk_actions = (
        _asking("refresh", _("Refresh"), "refresh"),
        _asking("use", _("Use"), "send"),
        _asking("overlap", _("Overlap"), "circles-relation"),
        _asking("combine", _("Combine"), "vector"),
        _asking("copy", _("Copy"), "copy", permission="insight.audience.filter"),
        _asking("move", _("Move to folder"), "folder-symlink"),
        _asking("download", _("Download"), "download"),
        _asking("delete", _("Delete"), "trash", danger=True),
    )

    def get_columns(self) -> Sequence[Column]:
        actions = format_html('<span class="visually-hidden">{}</span>', _("Actions"))
        return (
            NameColumn("name", _("Name"), sort="name", css="audience-name"),
            PeopleColumn("count", _("People"), sort="count"),
            OriginColumn("origin", _("Origin"), optional=True),
            StateColumn(
                "state",
                _("State"),
                label_of=lambda row: state_label(row, self.places),
                hint=state_hint,
                sort="state",
                optional=True,
            ),
            Column("ids", _("Saved IDs"), saved_ids, optional=True, shown=False),
            Column(
                "campaigns",
                _("Campaigns"),
                lambda row: ", ".join(row.campaign_names),
                optional=True,
                shown=False,
            ),
            Column(
                "source",
                _("Data source"),
                lambda row: row.source_name or _("Built-in"),
                sort="source",
                optional=True,
                shown=False,
            ),
            Column("folder", _("Folder"), "folder.name", sort="folder__name", optional=True, shown=False),
            Column(
                "owner",
                _("Owner"),
                lambda row: str(row.owner) if row.owner else None,
                sort="owner__username",
                optional=True,
            ),
            Column(
                "schedule",
                _("Refresh"),
                lambda row: schedule.describe(row.refresh) or _("By hand"),
                optional=True,
                shown=False,
            ),
            NumberColumn("version", _("Version"), sort="version", optional=True, shown=False),
            DateColumn("refreshed_at", _("Refreshed"), sort="refreshed_at", optional=True),
            DateColumn("updated_at", _("Changed"), sort="updated_at", optional=True, shown=False),
            DateColumn("created_at", _("Created"), sort="created_at", optional=True, shown=False),
            MenuColumn("menu", actions, export=False, css="w-1"),
        )

    @cached_property
    def places(self) -> dict[str, int]:
        """Places in the queue of those that wait."""
        return queue.places(self.workspace)

    def get_queryset(self) -> QuerySet[Audience]:
        rows = visibility.mine(self.access)
        if self.request.GET.get("tab") == "public":
            rows = Audience.objects.in_workspace(self.workspace).filter(public=True)
        folder = self.request.GET.get("folder", "")
        if folder and not self.request.GET.get("q"):
            rows = rows.filter(folder=folder) if folder != "none" else rows.filter(folder__isnull=True)
        rows = in_place.with_names(rows.select_related("owner", "folder", "workspace", "current"))
        rows = links.with_names(KIND, rows)
        return extras.EXTRAS.with_marks(rows).annotate(
            snapshot_count=Count("versions", filter=Q(versions__is_snapshot=True))
        )

    def get_context(self, **more: Any) -> dict[str, Any]:
        chosen = self.request.GET.get("folder", "")
        branches = folders.tree(self.access)
        return super().get_context(
            tab="public" if self.request.GET.get("tab") == "public" else "mine",
            branches=flat(branches),
            folder=Folder.objects.in_workspace(self.workspace).filter(pk=chosen).first() if chosen else None,
            chosen_folder=chosen,
            may_see_tables=self.access.can(places.SEE_TABLES),
            **more,
        )

    def _page(self, rows: QuerySet[Any]) -> dict[str, Any]:
        found = super()._page(rows)
        return {**found, "busy": [row["pk"] for row in found["rows"] if row["object"].is_busy]}

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """A bulk action; most go on at a page of their own."""
        action = request.POST.get("action", "")
        if action == "refresh":
            return self.refresh(request.POST.getlist("row"))
        if action not in PAGES or not request.POST.getlist("row"):
            return super().post(request, *args, **kwargs)
        chosen = QueryDict(mutable=True)
        chosen.setlist("row", request.POST.getlist("row"))
        return HttpResponseRedirect(f"{self.reverse(f'audiences:{PAGES[action]}')}?{chosen.urlencode()}")

    def refresh(self, keys: list[str]) -> HttpResponse:
        """At once where all keep a snapshot anyway, or have nothing to keep; else it is asked first."""
        rows = _chosen(self.get_queryset(), keys)
        if rows and all(row.auto_snapshot or row.current_id is None for row in rows):
            tell_refreshed(self.request, *refreshing.refresh_many(self.access, rows))
            return HttpResponseRedirect(self.request.get_full_path())
        chosen = QueryDict(mutable=True)
        chosen.setlist("row", keys)
        return HttpResponseRedirect(f"{self.reverse('audiences:refresh-many')}?{chosen.urlencode()}")


class Saved(OneAudience):
    """The way on from the builder: the list of the audience's folder, where its state can be watched."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        audience = self.get_object()
        text = gettext("“%(name)s” was saved. It can be used as soon as its state is “Ready”.")
        flash(request, text % {"name": audience.name})
        query = f"?folder={audience.folder_id}" if audience.folder_id else ""
        return HttpResponseRedirect(self.reverse("audiences:list") + query)


def tell_refreshed(request: HttpRequest, started: Sequence[Any], refused: Sequence[Any]) -> None:
    """What came of a refresh of several, as messages."""
    if started:
        text = ngettext("%(count)d refresh started.", "%(count)d refreshes started.", len(started))
        flash(request, text % {"count": len(started)})
    for audience, error in refused[:10]:
        flash(request, f"{audience}: {error}", messages.ERROR)


class RefreshMany(WorkspaceView):
    """Asks whether the present versions of the ticked audiences are kept, then refreshes them."""

    permission = SEE
    title = _("Refresh audiences")

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        rows = _chosen(visibility.visible(self.access), request.GET.getlist("row"))
        context = self.get_context(
            rows=rows,
            keeping=[row for row in rows if row.auto_snapshot],
            back_url=self.reverse("audiences:list"),
        )
        return self.render("insight/audiences/refresh_many.html", context)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        rows = _chosen(visibility.visible(self.access), request.GET.getlist("row"))
        found = refreshing.refresh_many(
            self.access,
            rows,
            snapshot={"archive": True, "plain": False}.get(request.POST.get("snapshot", "")),
            datasets_first="datasets_first" in request.POST,
        )
        tell_refreshed(request, *found)
        return HttpResponseRedirect(self.reverse("audiences:list"))


class MoveAudiences(MovePage):
    folders = folders
    permission = SEE
    title = _("Move audiences")
    success_message = _("The audiences were moved.")
    back_url_name = "audiences:list"

    def move(self, rows: QuerySet[Any], folder: Any) -> object:
        return services.move(self.access, rows, folder)


def _chosen(rows: QuerySet[Audience], keys: Iterable[str]) -> list[Audience]:
    return list(rows.filter(pk__in=list(keys)[:500]))
