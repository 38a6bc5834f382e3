"""Pages of datasets: the list, one dataset, and what is done to it at once."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import Q, QuerySet, Value, prefetch_related_objects
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from cdp.console.generic import (
    ActionView,
    BadgeColumn,
    BulkAction,
    DateColumn,
    DeletePage,
    DetailPage,
    Fact,
    ListPage,
    NumberColumn,
    TextColumn,
)
from cdp.console.generic.columns import Column
from cdp.console.generic.detail import ObjectMixin
from cdp.core.folders import flat, path_of
from cdp.core.identifiers import ID_TYPES
from cdp.jobs.services import active_job
from insight.datasets import copying, extras, failures, kinds, remedies, rights, schedule, services
from insight.datasets.chart_links import ChartsColumn
from insight.datasets.folders import folders
from insight.datasets.models import Dataset, DatasetFolder
from insight.datasources.connections import in_place
from insight.datasources.queries import failed_copies

VERSIONS_SHOWN = 10
_OFFERS = {
    Dataset.Kind.USER_TAGS.value: frozenset({"analysis", "categories", "names", "default"}),
    Dataset.Kind.CUSTOM_TAGS.value: frozenset({"analysis", "categories", "default"}),
    Dataset.Kind.RFM.value: frozenset({"default"}),
    Dataset.Kind.AIPL.value: frozenset({"default"}),
    Dataset.Kind.ITEM_TAGS.value: frozenset({"categories", "names"}),
    Dataset.Kind.BEHAVIOUR.value: frozenset({"names", "default"}),
}
_EDIT_PAGES = {Dataset.Kind.RFM.value: "datasets:rfm-edit"}


def _source_of(dataset: Dataset) -> Any:
    """Where the dataset lives, or where its table comes from."""
    if dataset.source_name:  # type: ignore[attr-defined]
        return dataset.source_name  # type: ignore[attr-defined]
    feed = getattr(dataset.table, "feed", None) if dataset.table else None
    return feed.connection.name if feed else _("Built-in")


class MarksColumn(Column):
    """Small signs with their explanation on hover: default, refreshed by itself, columns lost, warnings."""

    def cell(self, row: Dataset) -> Any:
        context = {
            "dataset": row,
            "schedule": schedule.describe(row.refresh),
            "lost": ", ".join(row.stats.get("lost", [])),
            "warnings": [item["text"] for item in row.warnings if item["code"] != "lost_columns"]
            if getattr(row, "shown_rows", None) == row.rows
            else [],
        }
        return SafeString(render_to_string("insight/datasets/marks.html", context))

    def text(self, row: Dataset) -> str:
        return str(_("Default")) if row.is_default else ""


class DatasetFilter(django_filters.FilterSet):
    kind = django_filters.ChoiceFilter(
        choices=Dataset.Kind.choices, label=_("Kind"), empty_label=_("Any kind")
    )
    state = django_filters.ChoiceFilter(
        choices=Dataset.State.choices, label=_("State"), empty_label=_("Any state")
    )
    reason = django_filters.ChoiceFilter(
        choices=list(failures.REASONS.items()),
        label=_("Failed by"),
        method="by_reason",
        empty_label=_("Any reason"),
    )

    class Meta:
        model = Dataset
        fields: list[str] = []

    def by_reason(self, rows: QuerySet[Dataset], name: str, value: str) -> QuerySet[Dataset]:
        return failures.failing(rows, value)


class DatasetList(ListPage):
    permission = "insight.dataset.view"
    title = _("Datasets")
    intro = _("Tables with a meaning: what audiences and charts are made of.")
    search_fields = ("name", "description", "table__name", "remote")
    filterset_class = DatasetFilter
    create_url_name = "datasets:new"
    create_label = _("New dataset")
    create_permission = "insight.dataset.create"
    export_name = "datasets"
    template_name = "insight/datasets/list.html"
    bulk_actions = (
        BulkAction(
            "refresh", _("Refresh"), services.refresh, icon="refresh", permission="insight.dataset.create"
        ),
        BulkAction(
            "move",
            _("Move to folder"),
            lambda access, row: None,
            icon="folder-symlink",
            permission="insight.dataset.create",
        ),
    )
    empty_icon = "table-options"
    empty_title = _("No datasets yet")
    empty_text = _("Choose a table, say which column identifies people, and what the others mean.")
    columns = (
        TextColumn("name", _("Dataset"), sort="name", link=True, below=lambda row: row.table_name),
        TextColumn(
            "kind", _("Kind"), value="get_kind_display", sort="kind", below=lambda row: _source_of(row)
        ),
        BadgeColumn("state", _("State"), label_of="get_state_display", hint="error", sort="state"),
        NumberColumn("shown_users", _("Users"), sort="shown_users"),
        NumberColumn("shown_rows", _("Rows"), sort="shown_rows"),
        MarksColumn("marks", _("Marks"), css="text-nowrap"),
        DateColumn("refreshed_at", _("Refreshed"), sort="refreshed_at"),
        ChartsColumn("charts", _("Charts"), export=False),
    )

    def get_queryset(self) -> QuerySet[Dataset]:
        found = rights.granted(self.access) if self.tab() == "granted" else rights.visible(self.access)
        rows = in_place.with_names(rights.with_figures(self.access, found))
        rows = rows.select_related("table__feed__connection", "workspace")
        rows = extras.EXTRAS.with_marks(rows).annotate(may_analyse=Value(self.access.can("insight.analysis")))
        folder = self.request.GET.get("folder", "")
        return rows.filter(folder=folder) if folder and not self.request.GET.get("q") else rows

    def tab(self) -> str:
        return "granted" if self.request.GET.get("tab") == "granted" else ""

    def get_context(self, **more: Any) -> dict[str, Any]:
        chosen = self.request.GET.get("folder", "")
        if chosen and more.get("create_url"):
            more["create_url"] += f"?folder={chosen}"
        return super().get_context(
            branches=flat(folders.tree(self.access)),
            chosen_folder=chosen,
            tab=self.tab(),
            folder=DatasetFolder.objects.in_workspace(self.workspace).filter(pk=chosen).first(),
            may_change=self.access.can("insight.dataset.create"),
            **more,
        )

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """A bulk action; moving asks for the folder on a page of its own."""
        if request.POST.get("action") != "move":
            return super().post(request, *args, **kwargs)
        chosen = QueryDict(mutable=True)
        chosen.setlist("row", request.POST.getlist("row"))
        return HttpResponseRedirect(f"{self.reverse('datasets:move')}?{chosen.urlencode()}")

    def row_url(self, row: Dataset) -> str:
        return self.reverse("datasets:detail", pk=row.pk)


class DatasetDetail(DetailPage):
    permission = "insight.dataset.view"
    model = Dataset
    template_name = "insight/datasets/detail.html"
    back_url_name = "datasets:list"
    back_label = _("Datasets")

    def get_object(self) -> Dataset:
        found = rights.get_visible(self.access, self.kwargs["pk"], "table", "owner", "folder")
        prefetch_related_objects([found], "joins__table", "dimensions__table", "fields")
        return found

    def facts(self, obj: Dataset) -> list[Fact]:
        found = [
            Fact(_("Kind"), obj.get_kind_display()),
            Fact(_("Default"), _("Pages of this kind open with it.") if obj.is_default else "–"),
            Fact(_("Data source"), in_place.name_of(self.workspace, obj.source)),
            Fact(_("Table"), obj.table_name or obj.definition.get("table")),
            *(
                [Fact(_("Joined tables"), ", ".join(join.table_name for join in obj.joins.all()))]
                if obj.joins.all()
                else []
            ),
            Fact(_("Table loaded"), obj.loaded_at),
            Fact(_("Refreshed"), obj.refreshed_at),
            Fact(_("Version"), obj.version),
        ]
        if obj.kind == Dataset.Kind.BEHAVIOUR and rights.rows_of(self.access, obj) is None:
            found += [
                Fact(_("First record"), obj.stats.get("first_at")),
                Fact(_("Last record"), obj.stats.get("last_at")),
            ]
        return [
            *found,
            Fact(_("Refresh"), schedule.describe(obj.refresh) or _("By hand")),
            Fact(_("Next refresh"), obj.next_refresh_at),
            Fact(_("Folder"), " / ".join(folder.name for folder in path_of(obj.folder)) or "–"),
            Fact(_("Owner"), obj.owner or "–"),
            Fact(_("Open to"), sharing_of(obj)),
            # Audiences that others keep to themselves are named to those who look after the dataset.
            *(
                [Fact(_("Used by"), ", ".join(services.used_by(obj)) or "–")]
                if rights.may_manage(self.access, obj)
                else []
            ),
        ]

    def extra(self, obj: Dataset) -> dict[str, Any]:
        loaded = obj.loaded_at
        some = rights.rows_of(self.access, obj) is not None
        support = kinds.of(obj.kind)
        edit_page = support.edit_url if support else _EDIT_PAGES.get(obj.kind, "datasets:edit")
        obj.rows, obj.users = rights.figures(self.access, obj)
        entries = extras.EXTRAS.entries(self.access, obj)
        if some:
            # What was measured, was measured over all rows.
            obj.stats = {"lost": obj.stats.get("lost", [])}
        return {
            "some_rows": some,
            "may_grant": rights.may_grant(self.access, obj),
            "ids": _ids(obj),
            "fields": _columns(obj),
            "job": active_job(obj),
            "failed_copies": failed_copies(obj.tables),
            "stale": bool(loaded and obj.refreshed_at and loaded > obj.refreshed_at),
            "versions": [] if some else obj.versions.all()[:VERSIONS_SHOWN],
            "may_select": self.access.can("insight.audience.filter"),
            "may_analyse": self.access.can("insight.analysis"),
            "may_pool": self.access.can("lab.recommend.recommend"),
            **rfm_context(obj),
            "panel": support.panel(self.access, obj) if support else None,
            "entries": entries,
            "has_failed": any(entry.dot for entry in entries),
            "edit_url": self.reverse(edit_page, pk=obj.pk),
            "offers": offers(obj.kind),
            "failure": remedies.of_dataset(self.access, obj),
            "may_copy": copying.may_copy(self.access, obj),
            "may_change": rights.may_manage(self.access, obj),
        }


def offers(kind: str) -> frozenset[str]:
    """What pages of a dataset of this kind offer beside editing, refreshing, sharing, moving and removing."""
    return _OFFERS.get(kind, frozenset())


def sharing_of(dataset: Dataset) -> str:
    """Who may use the dataset, in words."""
    if dataset.public:
        who = _("Everybody in the workspace")
    else:
        count = sum(not grant.expired for grant in dataset.grants.all())
        who = (
            ngettext("Its owner and %(count)d grant", "Its owner and %(count)d grants", count)
            % {"count": count}
            if count
            else _("Its owner")
        )
    return f"{who}; {_('rows by grant')}" if dataset.row_columns else str(who)


RFM_GROUPS = {
    "high_value": (_("High value"), _("recent, often, much")),
    "key_keep": (_("Key: keep"), _("long ago, but often and much")),
    "key_develop": (_("Key: develop"), _("recent and much, but not often")),
    "key_win_back": (_("Key: win back"), _("long ago and rarely, but much")),
    "general_value": (_("General value"), _("recent and often, little")),
    "general_keep": (_("General: keep"), _("long ago, often, little")),
    "general_develop": (_("General: develop"), _("recent, rarely, little")),
    "potential": (_("Potential"), _("long ago, rarely, little")),
}


def rfm_context(dataset: Dataset) -> dict[str, Any]:
    """The groups of an RFM model for its page; nothing for other kinds."""
    found = dataset.stats.get("rfm")
    if not found:
        return {}
    users = found["users"] or 1
    groups = [
        {
            **group,
            "label": RFM_GROUPS[group["type"]][0],
            "words": RFM_GROUPS[group["type"]][1],
            "share": 100 * group["users"] / users,
        }
        for group in found["groups"]
    ]
    per_user = {"amount": found["amount"] / users, "count": found["count"] / users}
    return {"rfm_groups": groups, "rfm_per_user": per_user}


def _ids(dataset: Dataset) -> list[dict[str, Any]]:
    """Figures of the ID columns, each with its field."""
    fields = {item.column: item for item in dataset.fields.all() if item.id_type}
    found = [(item, fields.get(item["column"])) for item in dataset.stats.get("ids", [])]
    return [
        {**item, "field": field, "label": ID_TYPES[field.id_type].label}
        for item, field in found
        if field is not None
    ]


def _columns(dataset: Dataset) -> list[dict[str, Any]]:
    """The other columns with how full they are."""
    stats = dataset.stats
    return [
        {
            "field": item,
            "filled": stats.get("filled", {}).get(item.column),
            "distinct": stats.get("distinct", {}).get(item.column),
            "invalid": stats.get("invalid", {}).get(item.column, 0),
        }
        for item in dataset.fields.filter(Q(id_type="") | Q(deleted=True)).select_related("category")
    ]


class OneDataset(ObjectMixin):
    """A dataset that the person sees; what is done to it asks for the right to."""

    permission = "insight.dataset.view"
    model = Dataset

    def get_object(self) -> Dataset:
        return rights.get_visible(self.access, self.kwargs["pk"], "table")


class RefreshDataset(OneDataset, ActionView):
    success_message = _("The refresh has started.")

    def act(self, obj: Dataset) -> Any:
        return services.refresh(self.access, obj)

    def success_url(self, obj: Dataset, result: Any) -> str:
        return self.reverse("datasets:detail", pk=obj.pk)


class MakeDefault(OneDataset, ActionView):
    success_message = _("Pages of this kind open with it.")

    def act(self, obj: Dataset) -> Any:
        return services.make_default(self.access, obj)

    def success_url(self, obj: Dataset, result: Any) -> str:
        return self.reverse("datasets:detail", pk=obj.pk)


class DeleteDataset(OneDataset, DeletePage):
    back_url_name = "datasets:list"

    def get_object(self) -> Dataset:
        dataset = super().get_object()
        rights.check_manage(dataset, self.access)
        return dataset

    def blockers(self, obj: Dataset) -> list[str]:
        return services.used_by(obj)

    def consequences(self, obj: Dataset) -> list[Any]:
        return [_("The computed data goes with it; the source table stays.")]

    def delete(self, obj: Dataset) -> None:  # type: ignore[override]
        services.delete(self.access, obj)
