"""The list of item pools, and the pages of one: details, items, update, copy, delete, download."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import django_filters
from django import forms
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from cdp.console.generic import (
    ActionView,
    BadgeColumn,
    BulkAction,
    Column,
    DateColumn,
    DeletePage,
    DetailPage,
    FormPage,
    ListPage,
    NumberColumn,
    TextColumn,
    WorkspaceView,
)
from cdp.core.errors import DomainError
from cdp.jobs.services import active_job
from insight.audiences.catalog import TagColumn
from insight.audiences.members import file_name
from insight.audiences.streaming import csv_response
from insight.datasets import rights as dataset_rights
from insight.datasources.connections import in_place
from insight.items import checking, estimating, reading, rights, services
from insight.items.models import ItemPool

ITEMS_PER_PAGE = 20


def state_hint(pool: ItemPool) -> str:
    if pool.state == ItemPool.State.FAILED:
        return pool.reason
    hints = {
        ItemPool.State.WAITING: _("It waits for its turn to be computed; the version before stays usable."),
        ItemPool.State.RUNNING: _("It is being computed; the version before stays usable."),
        ItemPool.State.SUCCEEDED: _("The shown version is complete and can be used."),
    }
    return str(hints[ItemPool.State(pool.state)])


class PoolFilter(django_filters.FilterSet):
    state = django_filters.ChoiceFilter(
        choices=ItemPool.State.choices, label=_("State"), empty_label=_("Any state")
    )

    class Meta:
        model = ItemPool
        fields: list[str] = []


class SourceColumn(Column):
    """The dataset; the conditions stand in a card on hover."""

    def cell(self, row: Any) -> Any:
        return SafeString(render_to_string("insight/items/source_cell.html", {"pool": row}))


class MenuColumn(Column):
    """What can be done with the pool."""

    def cell(self, row: Any) -> Any:
        return SafeString(render_to_string("insight/items/menu_cell.html", {"pool": row}))


class PoolList(ListPage):
    permission = rights.USE
    title = _("Item pools")
    template_name = "insight/items/list.html"
    filterset_class = PoolFilter
    search_fields = ("name", "remark")
    create_url_name = "items:new"
    create_label = _("New item pool")
    empty_icon = "packages"
    empty_title = _("No item pool yet")
    empty_text = _("Choose items by their tags, see how many they are, and keep them here to recommend from.")
    export_name = "item-pools"
    bulk_actions = (
        BulkAction("refresh", _("Update"), services.refresh, icon="refresh"),
        BulkAction(
            "delete",
            _("Delete"),
            services.delete,
            icon="trash",
            danger=True,
            confirm=_("Delete the ticked item pools with all their versions?"),
        ),
    )

    def get_columns(self) -> Sequence[Column]:
        actions = format_html('<span class="visually-hidden">{}</span>', _("Actions"))
        return (
            TextColumn("name", _("Name"), sort="name", link=True, below="remark"),
            SourceColumn("dataset", _("Source"), "dataset.name", sort="dataset__name"),
            NumberColumn("count", _("Items"), sort="count"),
            BadgeColumn("state", _("State"), label_of="get_state_display", hint=state_hint, sort="state"),
            Column(
                "owner",
                _("Owner"),
                lambda row: str(row.owner) if row.owner else None,
                sort="owner__username",
                optional=True,
            ),
            DateColumn("refreshed_at", _("Updated"), sort="refreshed_at", optional=True),
            DateColumn("created_at", _("Created"), sort="created_at", optional=True, shown=False),
            MenuColumn("menu", actions, export=False, css="w-1"),
        )

    def get_queryset(self) -> QuerySet[ItemPool]:
        return rights.visible(self.access).select_related("owner", "dataset", "workspace", "current")

    def row_url(self, row: Any) -> str:
        return self.reverse("items:detail", row.pk)


class OnePool(WorkspaceView):
    """A page of a pool that the person sees; others look as if they were not there."""

    permission = rights.USE
    model = ItemPool

    def get_object(self) -> Any:
        return rights.get_visible(self.access, self.kwargs["pk"])


class PoolDetail(OnePool, DetailPage):
    template_name = "insight/items/detail.html"
    back_url_name = "items:list"
    back_label = _("Item pools")

    def extra(self, obj: Any) -> dict[str, Any]:
        seen = dataset_rights.visible(self.access).filter(pk=obj.dataset_id).exists()
        version = obj.current
        return {
            "pool": obj,
            "may_change": rights.may_change(self.access, obj),
            "sees_dataset": seen and self.access.can("insight.dataset.view"),
            "source_name": in_place.name_of(self.workspace, obj.dataset.source),
            "job": active_job(obj),
            "words": estimating.stored_words(self.workspace, obj.rule),
            "stale": bool(
                version
                and version.dataset_id == obj.dataset_id
                and version.dataset_version < obj.dataset.version
            ),
            "users": services.used_by(obj),
        }


class SourceCard(OnePool):
    """The dataset and the conditions in words, for the list."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        pool = self.get_object()
        words = estimating.stored_words(self.workspace, pool.rule)
        return self.render("insight/items/source_card.html", self.get_context(pool=pool, words=words))


class MenuCard(OnePool):
    """What the person may do with the pool."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        pool = self.get_object()
        may_change = rights.may_change(self.access, pool)
        return self.render("insight/items/menu_card.html", self.get_context(pool=pool, may_change=may_change))


class ItemsTable(OnePool):
    """A page of items, put into the detail page by htmx."""

    template_name = "insight/items/items.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        pool, search = self.get_object(), request.GET.get("q", "")
        context: dict[str, Any] = {"pool": pool, "search": search, "problem": ""}
        try:
            found = reading.Items(self.access, pool, search=search)
            page = Paginator(range(found.count()), ITEMS_PER_PAGE).get_page(request.GET.get("page"))
            rows = found.page(offset=(page.number - 1) * ITEMS_PER_PAGE, size=ITEMS_PER_PAGE)
        except DomainError as error:
            context["problem"] = str(error)
        else:
            context |= {
                "page": page,
                "columns": found.columns,
                "rows": [[_cell(column, row[column.name]) for column in found.columns] for row in rows],
            }
        return self.render(self.template_name, self.get_context(**context))


def _cell(column: TagColumn, value: Any) -> dict[str, Any]:
    found = reading.plain(value)
    if isinstance(found, list):
        found = ", ".join(found)
    elif isinstance(found, int | float):
        found = f"{found:,}"
    return {"text": "–" if found in (None, "") else found, "is_number": column.type == "number"}


class RefreshPool(OnePool, ActionView):
    success_message = _("The update has started.")

    def act(self, obj: Any) -> Any:
        return services.refresh(self.access, obj)

    def success_url(self, obj: Any, result: Any) -> str:
        return self.reverse("items:detail", obj.pk)


class CopyForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=checking.NAME_LENGTH)


class CopyPool(OnePool, FormPage):
    title = _("Copy item pool")
    form_class = CopyForm
    submit_label = _("Copy")
    success_message = _("The copy was made and is being computed.")

    def initial(self, obj: Any) -> dict[str, Any]:
        suffix = gettext(" (copy)")
        return {"name": obj.name[: checking.NAME_LENGTH - len(suffix)] + suffix}

    def extra(self, form: Any, obj: Any) -> dict[str, Any]:
        return {"back_url": self.reverse("items:detail", obj.pk)}

    def save(self, form: Any, obj: Any) -> Any:
        return services.copy(self.access, obj, form.cleaned_data["name"])

    def success_url(self, obj: Any) -> str:
        return self.reverse("items:detail", obj.pk)


class DeletePool(OnePool, DeletePage):
    back_url_name = "items:list"

    def consequences(self, obj: Any) -> Sequence[Any]:
        return [gettext("All versions of its items are deleted. This cannot be undone.")]

    def blockers(self, obj: Any) -> Sequence[Any]:
        return services.used_by(obj)

    def delete(self, obj: Any) -> None:  # type: ignore[override]
        services.delete(self.access, obj)


class Download(OnePool):
    """The items as CSV."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        pool = self.get_object()
        return csv_response(request, reading.export(self.access, pool), file_name(pool.name, pool.count or 0))
