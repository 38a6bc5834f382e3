"""The audience list and its folders."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import django_filters
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from cdp.console.generic import (
    BadgeColumn,
    BulkAction,
    Column,
    DateColumn,
    DeletePage,
    FormPage,
    ListPage,
    NumberColumn,
)
from cdp.console.middleware import flash
from insight.audiences import extras, folders, refreshing, schedule, services, visibility
from insight.audiences.forms import FolderForm, MoveForm
from insight.audiences.models import Audience, Folder
from insight.audiences.origins import label_of
from insight.datasources.connections import in_place

SEE = "insight.audience.list"
NEW_HOURS = 24


class AudienceFilter(django_filters.FilterSet):
    state = django_filters.ChoiceFilter(
        choices=Audience.State.choices, label=_("State"), empty_label=_("Any state")
    )
    periodic = django_filters.ChoiceFilter(
        label=_("Refresh"),
        method="by_schedule",
        choices=[("yes", _("By itself")), ("no", _("By hand"))],
        empty_label=_("Any refresh"),
    )

    class Meta:
        model = Audience
        fields: list[str] = []

    def by_schedule(self, rows: QuerySet[Audience], name: str, value: str) -> QuerySet[Audience]:
        return rows.filter(next_refresh_at__isnull=value == "no")


class NameColumn(Column):
    """The name with its icons: new, snapshots, refreshes by itself, public; below it where it came from."""

    def cell(self, row: Any) -> Any:
        context = {
            "audience": row,
            "origin": label_of(row),
            "is_new": row.created_at > timezone.now() - timedelta(hours=NEW_HOURS),
            "schedule": schedule.describe(row.refresh),
        }
        return SafeString(render_to_string("insight/audiences/name_cell.html", context))


def _state_hint(audience: Audience) -> str:
    if audience.state == Audience.State.FAILED:
        return audience.reason
    hints = {
        Audience.State.DRAFT: _("It has never been computed. Refresh it."),
        Audience.State.WAITING: _("It waits for its turn to be computed; the version before stays usable."),
        Audience.State.RUNNING: _("It is being computed; the version before stays usable."),
        Audience.State.SUCCEEDED: _("The shown version is complete and can be used."),
    }
    return str(hints[Audience.State(audience.state)])


class AudienceList(ListPage):
    permission = SEE
    title = _("Audiences")
    template_name = "insight/audiences/list.html"
    filterset_class = AudienceFilter
    search_fields = ("name", "remark")
    columns = (
        NameColumn("name", _("Name"), sort="name", link=True),
        NumberColumn("count", _("People"), sort="count"),
        BadgeColumn("state", _("State"), label_of=lambda row: row.get_state_display(), hint=_state_hint),
        Column(
            "owner", _("Owner"), lambda row: str(row.owner) if row.owner else None, sort="owner__username"
        ),
        DateColumn("refreshed_at", _("Refreshed"), sort="refreshed_at"),
        DateColumn("updated_at", _("Changed"), sort="updated_at"),
    )
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
        BulkAction(
            "refresh",
            _("Refresh"),
            lambda access, row: refreshing.refresh(access, row, snapshot=False),
            icon="refresh",
        ),
        BulkAction(
            "refresh-snapshot",
            _("Archive and refresh"),
            lambda access, row: refreshing.refresh(access, row, snapshot=True),
            icon="camera",
        ),
        BulkAction("overlap", _("Overlap"), lambda access, row: None, icon="circles-relation"),
        BulkAction("combine", _("Combine"), lambda access, row: None, icon="vector"),
        BulkAction("move", _("Move to folder"), lambda access, row: None, icon="folder-symlink"),
        BulkAction(
            "delete",
            _("Delete"),
            services.delete,
            icon="trash",
            danger=True,
            confirm=_("Delete the ticked audiences with all their versions and snapshots?"),
        ),
    )

    def get_queryset(self) -> QuerySet[Audience]:
        rows = visibility.mine(self.access)
        if self.request.GET.get("tab") == "public":
            rows = Audience.objects.in_workspace(self.workspace).filter(public=True)
        folder = self.request.GET.get("folder", "")
        if folder and not self.request.GET.get("q"):
            rows = rows.filter(folder=folder) if folder != "none" else rows.filter(folder__isnull=True)
        rows = in_place.with_names(rows.select_related("owner", "folder", "workspace"))
        return extras.with_marks(rows).annotate(
            snapshot_count=Count("versions", filter=Q(versions__is_snapshot=True))
        )

    def row_url(self, row: Any) -> str:
        return self.reverse("audiences:detail", row.pk)

    def get_context(self, **more: Any) -> dict[str, Any]:
        chosen = self.request.GET.get("folder", "")
        branches = folders.tree(self.access)
        return super().get_context(
            tab="public" if self.request.GET.get("tab") == "public" else "mine",
            branches=folders.flat(branches),
            folder=Folder.objects.in_workspace(self.workspace).filter(pk=chosen).first() if chosen else None,
            chosen_folder=chosen,
            **more,
        )

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """A bulk action; some go on at a page of their own."""
        action = request.POST.get("action", "")
        if action not in ("move", "overlap", "combine"):
            return super().post(request, *args, **kwargs)
        chosen = QueryDict(mutable=True)
        chosen.setlist("row", request.POST.getlist("row"))
        return HttpResponseRedirect(f"{self.reverse(f'audiences:{action}')}?{chosen.urlencode()}")


class MoveAudiences(FormPage):
    """Asks into which folder the ticked audiences go."""

    permission = SEE
    title = _("Move audiences")
    form_class = MoveForm
    submit_label = _("Move")
    back_url_name = "audiences:list"

    def form_options(self, obj: Any) -> dict[str, Any]:
        return {"branches": folders.tree(self.access)}

    def rows(self) -> list[Audience]:
        return _chosen(visibility.visible(self.access), self.request.GET.getlist("row"))

    def extra(self, form: Any, obj: Any) -> dict[str, Any]:
        names = ", ".join(row.name for row in self.rows()[:10])
        return {"title": gettext("Move %(names)s") % {"names": names} if names else self.title}

    def save(self, form: Any, obj: Any) -> Any:
        key = form.cleaned_data["folder"]
        folder = Folder.objects.get_in(self.workspace, key) if key else None
        moved = services.move(self.access, self.rows(), folder)
        text = ngettext("%(count)d audience moved.", "%(count)d audiences moved.", moved)
        flash(self.request, text % {"count": moved})
        return folder

    def success_url(self, obj: Any) -> str:
        back = self.reverse("audiences:list")
        return f"{back}?folder={obj.pk}" if obj else back


def _chosen(rows: QuerySet[Audience], keys: Iterable[str]) -> list[Audience]:
    return list(rows.filter(pk__in=list(keys)[:500]))


class NewFolder(FormPage):
    permission = SEE
    title = _("New folder")
    form_class = FolderForm
    submit_label = _("Create folder")
    back_url_name = "audiences:list"

    def form_options(self, obj: Any) -> dict[str, Any]:
        return {"branches": folders.tree(self.access)}

    def initial(self, obj: Any) -> dict[str, Any]:
        return {"parent": self.request.GET.get("folder", "")}

    def parent(self, form: Any) -> Folder | None:
        key = form.cleaned_data["parent"]
        return Folder.objects.get_in(self.workspace, key) if key else None

    def save(self, form: Any, obj: Any) -> Any:
        return folders.create(self.access, form.cleaned_data["name"], self.parent(form))

    def success_url(self, obj: Any) -> str:
        return f"{self.reverse('audiences:list')}?folder={obj.pk}"


class EditFolder(NewFolder):
    title = _("Change folder")
    submit_label = _("Save")

    def get_object(self) -> Any:
        return Folder.objects.get_in(self.workspace, self.kwargs["pk"])

    def initial(self, obj: Any) -> dict[str, Any]:
        return {"name": obj.name, "parent": obj.parent_id or ""}

    def save(self, form: Any, obj: Any) -> Any:
        parent = self.parent(form)
        if (parent.pk if parent else None) != obj.parent_id:
            folders.move(self.access, obj, parent)
        if form.cleaned_data["name"] != obj.name:
            folders.rename(self.access, obj, form.cleaned_data["name"])
        return obj


class DeleteFolder(DeletePage):
    permission = SEE
    model = Folder
    back_url_name = "audiences:list"

    def delete(self, obj: Any) -> None:  # type: ignore[override]
        folders.delete(self.access, obj)
