"""Pages of the headings under which tags stand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from cdp.console.generic import ActionView, DeletePage, FormPage
from cdp.console.generic.base import WorkspaceView
from insight.datasets import categories
from insight.datasets.models import TagCategory


class MayChange:
    """Open to those who may arrange the headings."""

    def permission_point(self) -> str:
        return categories.change_point(self.access)  # type: ignore[attr-defined]


class CategoryList(WorkspaceView):
    """The tree of headings with the number of tags below each."""

    title = gettext_lazy("Tag categories")
    intro = gettext_lazy("Headings under which the rule builder and charts list tags, in this order.")

    def permission_point(self) -> str:
        return categories.see_point(self.access)

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        datasets = self.access.can("insight.dataset.view")
        context = self.get_context(
            rows=_ordered(list(categories.tree(self.workspace))),
            may_change=self.access.can(categories.change_point(self.access)),
            may_import=self.access.can("insight.tag.manage"),
            back_url=self.reverse("datasets:list" if datasets else "tags:list"),
            back_label=_("Datasets") if datasets else _("Tags"),
            api_url=f"/api/v1/workspaces/{self.workspace.slug}/tag-categories/",
        )
        return self.render("insight/datasets/categories.html", context)


def _ordered(rows: list[TagCategory]) -> list[dict[str, Any]]:
    """Rows with what the page asks: how deep, and whether one can go up or down among those beside it."""
    beside: dict[str | None, list[TagCategory]] = {}
    for row in rows:
        beside.setdefault(row.parent_id, []).append(row)
    return [
        {
            "category": row,
            "depth": categories.depth(row),
            "first": beside[row.parent_id][0] == row,
            "last": beside[row.parent_id][-1] == row,
        }
        for row in rows
    ]


class CategoryForm(forms.Form):
    name = forms.CharField(label=gettext_lazy("Name"), max_length=32)
    parent = forms.ChoiceField(label=gettext_lazy("Inside"), required=False)

    def __init__(self, *args: Any, rows: Sequence[TagCategory], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        parent: Any = self.fields["parent"]
        parent.choices = [("", gettext_lazy("At the top")), *((row.pk, row.path) for row in rows)]


class NewCategory(MayChange, FormPage):
    title = gettext_lazy("New category")
    form_class = CategoryForm
    back_url_name = "datasets:categories"

    def form_options(self, obj: Any) -> dict[str, Any]:
        """Where it can lie: not inside itself, and not so deep that nothing fits."""
        rows = [row for row in categories.tree(self.workspace) if categories.depth(row) < categories.LEVELS]
        hidden = {obj, *categories.inside(obj)} if obj else set()
        return {"rows": [row for row in rows if row not in hidden]}

    def initial(self, obj: Any) -> dict[str, Any]:
        return {"parent": self.request.GET.get("parent", "")}

    def parent(self, form: Any) -> TagCategory | None:
        key = form.cleaned_data["parent"]
        return TagCategory.objects.get_in(self.workspace, key) if key else None

    def save(self, form: Any, obj: Any) -> Any:
        return categories.create(self.access, form.cleaned_data["name"], self.parent(form))

    def success_url(self, obj: Any) -> str:
        return self.reverse("datasets:categories")


class EditCategory(NewCategory):
    title = gettext_lazy("Change category")
    template_name = "insight/datasets/category.html"

    def get_object(self) -> Any:
        return TagCategory.objects.get_in(self.workspace, self.kwargs["pk"])

    def initial(self, obj: Any) -> dict[str, Any]:
        return {"name": obj.name, "parent": obj.parent_id or ""}

    def save(self, form: Any, obj: Any) -> Any:
        name, parent = form.cleaned_data["name"], self.parent(form)
        seen = self.seen_version() or 0
        return categories.change(self.access, obj, name=name, parent=parent, edit_version=seen)


class StepCategory(MayChange, ActionView):
    """One place up or down among the headings beside it."""

    model = TagCategory
    by = 0

    def act(self, obj: Any) -> Any:
        return categories.step(self.access, obj, self.by)

    def success_url(self, obj: Any, result: Any) -> str:
        return self.reverse("datasets:categories")


class DeleteCategory(MayChange, DeletePage):
    model = TagCategory
    back_url_name = "datasets:categories"

    def consequences(self, obj: Any) -> Sequence[Any]:
        below = categories.inside(obj)
        found = [_("Its tags stay and have no category then.")]
        if below:
            message = ngettext(
                "The category inside it goes too: %(names)s.",
                "The categories inside it go too: %(names)s.",
                len(below),
            )
            found.append(message % {"names": ", ".join(row.name for row in below)})
        return found

    def delete(self, obj: Any) -> None:  # type: ignore[override]
        categories.delete(self.access, obj)
