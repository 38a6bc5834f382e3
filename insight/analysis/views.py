"""Analysis pages."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.utils.translation import gettext_lazy as _

from cdp.console.generic import WorkspaceView
from insight.audiences import queries as audiences
from insight.audiences.fields import datasets_of
from insight.datasets.models import DatasetField

AUDIENCES_OFFERED = 500


class PerspectivePage(WorkspaceView):
    """Charts of a dataset's tags, over everybody or an audience."""

    permission = "insight.analysis"
    template_name = "insight/analysis/perspective.html"
    title = _("Perspective")

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        get_token(request)
        datasets = [row for row in datasets_of(self.access) if row["kind"] == "user_tags"]
        wanted = request.GET.get("dataset", "")
        dataset = next((row for row in datasets if row["id"] == wanted), datasets[0] if datasets else None)
        tags = _tags(dataset["id"]) if dataset else []
        chosen = [tag for tag in request.GET.getlist("tag") if tag in {item["column"] for item in tags}]
        offered = list(
            audiences.usable_audiences(self.access)
            .order_by("name")
            .values("id", "name", "count")[:AUDIENCES_OFFERED]
        )
        audience = next((row for row in offered if row["id"] == request.GET.get("audience")), None)
        shown = chosen or _first_category(tags)
        return self.render(
            self.template_name,
            self.get_context(
                datasets=datasets,
                dataset=dataset,
                audiences=offered,
                audience=audience,
                tags=tags,
                shown=shown,
                data=self.data(dataset, audience, [tag for tag in tags if tag["column"] in shown]),
            ),
        )

    def data(self, dataset: Any, audience: Any, tags: list[dict[str, Any]]) -> dict[str, Any]:
        """What the page's script starts with."""
        return {
            "url": f"/api/v1/workspaces/{self.workspace.slug}/analysis/perspective/",
            "uses_url": f"/api/v1/workspaces/{self.workspace.slug}/tags/uses/",
            "new_audience": self.reverse("audiences:new")
            if self.access.can("insight.audience.filter")
            else "",
            "dataset": dataset["id"] if dataset else "",
            "audience": audience["id"] if audience else "",
            "tags": tags,
        }


def _tags(dataset_id: str) -> list[dict[str, Any]]:
    """The tags that charts can show, by category."""
    rows = (
        DatasetField.objects.filter(
            dataset=dataset_id, role="tag", deleted=False, pivot_enabled=True, tag_type__in=("enum", "multi")
        )
        .select_related("category")
        .order_by("category__position", "name")
    )
    return [
        {
            "column": item.column,
            "name": item.name or item.column,
            "type": item.tag_type,
            "description": item.description,
            "category": item.category.path if item.category else "",
        }
        for item in rows
    ]


def _first_category(tags: list[dict[str, Any]]) -> list[str]:
    """The tags of the first category, which the page opens with."""
    return [tag["column"] for tag in tags if tag["category"] == tags[0]["category"]][:12] if tags else []
