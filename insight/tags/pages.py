"""Pages of tags: all of them with their use, one of them, the import of categories."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from cdp.console.generic import BulkAction, DetailPage, Fact, FormPage, ListPage, NumberColumn, TextColumn
from cdp.console.generic.columns import BadgeColumn, BooleanColumn, Column
from cdp.console.middleware import flash
from cdp.console.templatetags.components import percent
from cdp.core.errors import DomainError, PermissionDenied, ValidationFailed
from cdp.jobs.services import active_job
from insight.audiences import wording
from insight.audiences.rules import RuleInvalid, parse_rule
from insight.datasets import categories, tag_uses
from insight.datasets.models import DatasetField, TagUse
from insight.tags import category_import, lineage, models, profiles, rights, services
from insight.tags.filters import TagFilter, period_of

CHARTED = (DatasetField.TagType.ENUM, DatasetField.TagType.MULTI)


class TagPages:
    """Opened by either of the two rights; the lists and services look at each tag's dataset."""

    def permission_point(self) -> str:
        return rights.page_point(self.access)  # type: ignore[attr-defined]


def jumps(view: Any, item: DatasetField) -> dict[str, str]:
    """Where analysis and selection open with the tag; "" where the person, or the tag, cannot be there."""
    found = {"pivot": "", "selection": ""}
    if not item.dataset.version or item.deleted:
        return found
    if view.access.can("insight.analysis") and item.pivot_enabled and item.tag_type in CHARTED:
        query = urlencode({"dataset": item.dataset_id, "tag": item.column})
        found["pivot"] = f"{view.reverse('analysis:perspective')}?{query}"
    if view.access.can("insight.audience.filter"):
        leaf = {"kind": "tag", "dataset": item.dataset_id, "tag": item.column, "operator": "not_empty"}
        query = urlencode({"dataset": item.dataset_id, "rule": json.dumps(leaf)})
        found["selection"] = f"{view.reverse('audiences:new')}?{query}"
    return found


class ShareColumn(NumberColumn):
    """A share of people in percent."""

    def cell(self, row: Any) -> Any:
        return percent(self.raw(row))


class TagList(TagPages, ListPage):
    """All tags over all datasets that the person sees."""

    title = gettext_lazy("Tags")
    intro = gettext_lazy("All tags of users, and how much they are used in analysis, selections and pushes.")
    template_name = "insight/tags/list.html"
    search_fields = ("name", "column", "description")
    filterset_class = TagFilter
    ordering = "-uses"
    export_name = "tags"
    table_css = "table-compact"
    bulk_actions = (
        BulkAction("refresh", gettext_lazy("Refresh custom tags"), lambda *_: None, icon="refresh"),
    )
    empty_icon = "tags"
    empty_title = gettext_lazy("No tags yet")
    empty_text = gettext_lazy("Make a dataset of user tags, or a custom tag from rules.")
    columns = (
        TextColumn("name", gettext_lazy("Tag"), sort="name", link=True, below="column"),
        TextColumn("dataset", gettext_lazy("Dataset"), value="dataset.name", sort="dataset__name"),
        TextColumn("category", gettext_lazy("Category"), value="category.path", sort="category__position"),
        TextColumn("type", gettext_lazy("Type"), value="get_tag_type_display", sort="tag_type"),
        TextColumn(
            "description", gettext_lazy("Description"), sort="description", optional=True, shown=False
        ),
        BooleanColumn(
            "pivot_enabled",
            gettext_lazy("Shown in analysis"),
            sort="pivot_enabled",
            optional=True,
            shown=False,
        ),
        BadgeColumn(
            "state",
            gettext_lazy("State"),
            models.state,
            label_of=lambda row: models.state(row).label,
            hint=models.failure,
            optional=True,
        ),
        ShareColumn("filled", gettext_lazy("With a value"), optional=True),
        NumberColumn("distinct", gettext_lazy("Values"), "distinct_values", optional=True, shown=False),
        NumberColumn("uses", gettext_lazy("Heat"), sort="uses"),
        NumberColumn("pivot_uses", gettext_lazy("Analysis"), sort="pivot_uses", optional=True),
        NumberColumn("selection_uses", gettext_lazy("Selections"), sort="selection_uses", optional=True),
        NumberColumn("push_uses", gettext_lazy("Pushes"), sort="push_uses", optional=True),
    )

    def get_queryset(self) -> QuerySet[DatasetField]:
        return profiles.listed(self.access, period_of(self.request.GET.get("period")))

    def _sorted(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        # Of all datasets together the list shows no more than a person can page through.
        return super()._sorted(rows)[: rights.MOST_TAGS]

    def row_url(self, row: DatasetField) -> str:
        return self.reverse("tags:detail", row.dataset_id, row.column)

    def _page(self, rows: QuerySet[Any]) -> dict[str, Any]:
        found = super()._page(rows)
        actions = Column(
            "actions", SafeString(f'<span class="visually-hidden">{_("Actions")}</span>'), css="w-1"
        )
        found["headers"].append({"column": actions, "direction": "", "url": ""})
        for row in found["rows"]:
            item = row["object"]
            context = {
                "item": item,
                "may_change": rights.may_change(self.access, item.dataset),
                "edit_url": self.reverse("tags:edit", item.dataset_id, item.column),
                **jumps(self, item),
            }
            row["cells"].append(
                {
                    "column": actions,
                    "value": SafeString(render_to_string("insight/tags/actions.html", context)),
                }
            )
        return found

    def get_context(self, **more: Any) -> dict[str, Any]:
        every = self.get_queryset()
        total, used = every.count(), every.filter(uses__gt=0).count()
        return super().get_context(
            overview=[
                (_("All tags"), total, self._narrowed("")),
                (_("Used tags"), used, self._narrowed("yes")),
                (_("Unused tags"), total - used, self._narrowed("no")),
            ],
            period=period_of(self.request.GET.get("period")),
            cut=more["page"].paginator.count >= rights.MOST_TAGS,
            most=rights.MOST_TAGS,
            may_make=self.access.can(rights.CUSTOM) and self.access.can("insight.audience.filter"),
            **more,
        )

    def _narrowed(self, used: str) -> str:
        """The list as it is, with the used tags, the unused ones, or both."""
        return "?" + self._query(used=used)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Refresh the ticked custom tags, together where they stand in one dataset."""
        chosen = rights.custom_tags(self.access).filter(field__in=request.POST.getlist("row"))
        tags = list(chosen)
        if not tags:
            flash(request, _("Tick some custom tags first."), messages.WARNING)
            return HttpResponseRedirect(request.get_full_path())
        try:
            services.refresh(self.access, tags)
        except DomainError as error:
            flash(request, error, messages.ERROR)
        else:
            message = ngettext("%(count)d tag is refreshed.", "%(count)d tags are refreshed.", len(tags))
            flash(request, message % {"count": len(tags)})
        return HttpResponseRedirect(request.get_full_path())


class TagDetail(TagPages, DetailPage):
    """One tag: what it is, how much it is used and by what, how its values lie."""

    template_name = "insight/tags/detail.html"
    back_url_name = "tags:list"
    back_label = gettext_lazy("Tags")

    def get_object(self) -> DatasetField:
        return rights.get_tag(self.access, self.kwargs["dataset"], self.kwargs["column"])

    def facts(self, obj: DatasetField) -> Sequence[Fact]:
        profile = self.profile = profiles.shown(self.access, obj)
        filled = None if profile.filled is None else percent(profile.filled)
        return (
            Fact(_("Type"), obj.get_tag_type_display()),
            Fact(_("Category"), obj.category.path if obj.category else None),
            Fact(_("Column"), obj.column),
            Fact(_("People with a value"), filled),
            Fact(_("Different values"), profile.distinct),
            Fact(_("Shown in analysis"), _("Yes") if obj.pivot_enabled else _("No")),
        )

    def extra(self, obj: DatasetField) -> dict[str, Any]:
        custom = getattr(obj, "custom_tag", None)
        heat = [
            (days, tag_uses.heat(self.workspace, days, dataset=obj.dataset_id, column=obj.column))
            for days in tag_uses.PERIODS
        ]
        key = (obj.dataset_id, obj.column)
        return {
            "profile": self.profile,
            "heat": [(days, found.get(key, tag_uses.Heat())) for days, found in heat],
            "kinds": TagUse.Kind.labels,
            "lineage": lineage.of(self.access, obj),
            "values": self.bars(),
            "custom": custom,
            "rules": self.rules(custom),
            "ranges_url": self.ranges_url(obj),
            "job": active_job(obj.dataset) if custom else None,
            "may_change": rights.may_change(self.access, obj.dataset),
            "may_see_dataset": self.access.can("insight.dataset.view"),
            **jumps(self, obj),
        }

    def bars(self) -> list[dict[str, Any]]:
        """The most frequent values with the largest count, which their bars are measured by."""
        most = max((row["count"] for row in self.profile.values), default=1)
        return [
            {**row, "label": row.get("label") or row["value"], "most": most} for row in self.profile.values
        ]

    def rules(self, custom: Any) -> list[dict[str, Any]]:
        """The values of a custom tag, their rules in words."""
        found = []
        for entry in custom.values if custom else ():
            try:
                words = wording.summary(self.workspace, parse_rule(entry["rule"]))["text"]
            except RuleInvalid as error:
                words = str(error)
            found.append({**entry, "words": words})
        return found

    def ranges_url(self, obj: DatasetField) -> str:
        """Where a custom tag of the ranges of a number or a date is made."""
        if not (self.access.can(rights.CUSTOM) and self.access.can("insight.audience.filter")):
            return ""
        query = urlencode({"dataset": obj.dataset_id, "tag": obj.column})
        return f"{self.reverse('tags:custom-new')}?{query}"


class TagForm(forms.Form):
    name = forms.CharField(label=gettext_lazy("Name"), max_length=64)
    category = forms.ChoiceField(label=gettext_lazy("Category"), required=False)
    description = forms.CharField(
        label=gettext_lazy("Description"), max_length=500, required=False, widget=forms.Textarea({"rows": 3})
    )
    pivot_enabled = forms.BooleanField(label=gettext_lazy("Show it in analysis"), required=False)

    def __init__(self, *args: Any, workspace: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        category: Any = self.fields["category"]
        category.choices = [
            ("", _("Without category")),
            *((row.pk, row.path) for row in categories.tree(workspace)),
        ]


class EditTag(TagPages, FormPage):
    title = gettext_lazy("Change tag")
    form_class = TagForm
    success_message = gettext_lazy("The tag was changed.")
    back_url_name = "tags:list"

    def get_object(self) -> DatasetField:
        item = rights.get_tag(self.access, self.kwargs["dataset"], self.kwargs["column"])
        rights.check_change(self.access, item.dataset)
        return item

    def form_options(self, obj: DatasetField) -> dict[str, Any]:
        return {"workspace": self.workspace}

    def initial(self, obj: DatasetField) -> dict[str, Any]:
        return {
            "name": obj.name,
            "category": obj.category_id or "",
            "description": obj.description,
            "pivot_enabled": obj.pivot_enabled,
        }

    def save(self, form: TagForm, obj: DatasetField) -> DatasetField:
        seen = self.request.POST.get("edit_version", "")
        return services.describe(self.access, obj, form.cleaned_data, etag=seen)

    def extra(self, form: Any, obj: DatasetField) -> dict[str, Any]:
        return {"edit_version": self.request.POST.get("edit_version") or services.etag_of(obj)}

    def success_url(self, obj: DatasetField) -> str:
        return self.reverse("tags:detail", obj.dataset_id, obj.column)


class ImportForm(forms.Form):
    file = forms.FileField(
        label=gettext_lazy("File"),
        help_text=gettext_lazy("CSV or Excel (.xlsx), up to 5 MB."),
        widget=forms.FileInput({"accept": ".csv,.xlsx"}),
    )


class ImportCategories(FormPage):
    """A tree of categories, and which tags stand where, from a file."""

    permission = rights.MANAGE
    title = gettext_lazy("Import categories")
    template_name = "insight/tags/import.html"
    form_class = ImportForm
    submit_label = gettext_lazy("Import")
    back_url_name = "tags:list"
    problems: Sequence[tuple[Any, str]] = ()

    def save(self, form: ImportForm, obj: Any) -> Any:
        file = form.cleaned_data["file"]
        try:
            done = category_import.run(self.access, file.name, file.read())
        except PermissionDenied:
            raise
        except ValidationFailed as error:
            self.problems = [entry for entry in category_import.fields_of(error) if entry[0]]
            if self.problems:
                error.errors = {}
            raise
        words = _("%(categories)d categories were made, %(tags)d tags have a place now.")
        flash(self.request, words % done)
        return done

    def success_url(self, obj: Any) -> str:
        return self.reverse("datasets:categories")

    def extra(self, form: Any, obj: Any) -> dict[str, Any]:
        return {"problems": self.problems, "columns": list(category_import.COLUMNS)}
