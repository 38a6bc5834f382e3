"""The perspective page."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.middleware.csrf import get_token
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cdp.console.generic import WorkspaceView
from insight.analysis import choosing, parts

OPENED_WITH = 12


class ChartPage(WorkspaceView):
    """A page of charts of tags: what its script needs to know."""

    def urls(self) -> dict[str, str]:
        api = f"/api/v1/workspaces/{self.workspace.slug}/analysis/"
        may_select = self.access.can(parts.SELECT)
        return {
            "perspective": f"{api}perspective/",
            "significance": f"{api}significance/",
            "uses": f"/api/v1/workspaces/{self.workspace.slug}/tags/uses/",
            "orders": f"{api}orders/" if self.access.can("insight.analysis") else "",
            "parts": f"{api}parts/" if may_select else "",
            "parts_preview": f"{api}parts/preview/",
            "new_audience": self.reverse("audiences:new") if may_select else "",
            "audience": self.reverse("audiences:detail", "AUDIENCE"),
        }


class PerspectivePage(ChartPage):
    """Charts of the tags of one to five datasets. `?dataset=` may be given several times; `?tag=` is
    `<dataset>.<column>`, or just the column for a tag of the first dataset.
    """

    permission = "insight.analysis"
    template_name = "insight/analysis/perspective.html"
    title = gettext_lazy("Perspective")

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.GET.get("audience") and self.access.can(choosing.OF_AUDIENCES):
            wanted = {name: request.GET[name] for name in ("audience", "dataset") if name in request.GET}
            return HttpResponseRedirect(f"{self.reverse('analysis:audience')}?{urlencode(wanted)}")
        get_token(request)
        datasets = choosing.datasets(self.access)
        wanted_keys = list(dict.fromkeys(request.GET.getlist("dataset")))
        chosen = [row for row in datasets if row.pk in wanted_keys] or datasets[:1]
        refused = ""
        if len(chosen) > choosing.MOST_DATASETS:
            chosen = chosen[: choosing.MOST_DATASETS]
            refused = _("Up to %(most)d datasets are shown at once.") % {"most": choosing.MOST_DATASETS}
        groups = [
            {"id": row.pk, "name": row.name, "tags": choosing.tag_rows(choosing.place(self.access, row.pk))}
            for row in chosen
        ]
        mark_shown(groups, self.shown(groups))
        return self.render(
            self.template_name,
            self.get_context(
                datasets=datasets,
                chosen=chosen,
                chosen_keys=[row.pk for row in chosen],
                groups=groups,
                refused=refused,
                most=choosing.MOST_DATASETS,
                data={"urls": self.urls(), "datasets": groups, "most": choosing.MOST_DATASETS},
            ),
        )

    def shown(self, groups: list[dict[str, Any]]) -> list[str]:
        """The tags that the page opens with: those of the address, and the first category of datasets without such."""
        known = {f"{group['id']}.{tag['column']}" for group in groups for tag in present(group["tags"])}
        first = groups[0]["id"] if groups else ""
        asked = [tag if tag in known else f"{first}.{tag}" for tag in self.request.GET.getlist("tag")]
        found = [tag for tag in asked if tag in known]
        if len(groups) == 1 and "tag" in self.request.GET:
            return found
        asked_of = {tag.partition(".")[0] for tag in found}
        return found + [
            f"{group['id']}.{column}"
            for group in groups
            if group["id"] not in asked_of
            for column in first_category(group["tags"])
        ]


def mark_shown(groups: list[dict[str, Any]], shown: list[str]) -> None:
    """Note at each tag whether the page opens with its chart, and at each dataset whether it has other such tags."""
    for group in groups:
        for tag in group["tags"]:
            tag["shown"] = f"{group['id']}.{tag['column']}" in shown
        categories = {tag["category"] for tag in group["tags"] if tag["shown"]}
        group["opened"] = bool(categories - {tag["category"] for tag in group["tags"][:1]})


def present(tags: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The tags whose columns are there."""
    return [tag for tag in tags if "lost" not in tag]


def first_category(tags: list[dict[str, Any]]) -> list[str]:
    """The tags of the first category, which a page opens with."""
    tags = present(tags)
    return [tag["column"] for tag in tags if tag["category"] == tags[0]["category"]][:OPENED_WITH]
