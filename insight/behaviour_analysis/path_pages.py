"""Pages of paths."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cdp.core.csv_export import table_response
from cdp.core.percentages import in_percent
from insight.audiences.fixed_pages import KeepPeople
from insight.audiences.models import Audience
from insight.behaviour_analysis import paths, services
from insight.behaviour_analysis.asking import Ground
from insight.behaviour_analysis.forms import BehaviourView, Links
from insight.behaviour_analysis.paths import MOST_LEVELS, Paths
from insight.datasets.models import Dataset


class PathView(BehaviourView):
    page = "paths"
    days = 30

    def pairs(self, dataset: Dataset) -> list[tuple[str, str]]:
        asked = self.request.GET
        known = [row["value"] for row in self.types(dataset)]
        start = asked.get("start", "")
        if start not in known:
            start = known[0] if known else ""
        usual = {"within": "3", "unit": "days", "levels": "4"}
        return [
            *self.common(dataset).items(),
            ("start", start),
            *((name, asked.get(name) or value) for name, value in usual.items()),
        ]

    def asked(self, ground: Ground, given: dict[str, Any]) -> Paths:
        return paths.paths_of(ground, given)


class PathPage(PathView):
    title = gettext_lazy("Paths")
    template_name = "insight/behaviour/paths.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self.present(self.figures)

    def choices(self, dataset: Dataset) -> dict[str, Any]:
        return {**super().choices(dataset), "level_choices": range(1, MOST_LEVELS + 1)}

    def figures(self, asked: Paths, links: Links) -> dict[str, Any]:
        found = paths.paths(asked)
        labels = {(node["level"], node["type"]): node["label"] for node in found["nodes"]}
        nodes = [
            {**node, "url": links.audience(level=node["level"], **_to(node["type"]))}
            for node in found["nodes"]
        ]
        steps = [
            {
                **link,
                "from_label": labels[link["level"] - 1, link["from"]],
                "to_label": labels[link["level"], link["to"]],
                "share": link["users"] / found["people"],
                "url": links.audience(level=link["level"], before=link["from"], **_to(link["to"])),
            }
            for link in found["links"]
        ]
        return {
            "people": found["people"],
            "links": steps,
            "data": {"nodes": nodes, "links": steps},
            "csv_url": links.csv(),
        }


def _to(value: str | None) -> dict[str, Any]:
    """A node's type as parameters of an address."""
    return {"ended": 1} if value is None else {"after": value}


class PathCsv(PathView):
    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        found = paths.paths(self.question())
        labels = {(node["level"], node["type"]): node["label"] for node in found["nodes"]}
        head = [_("Step"), _("From"), _("To"), _("People"), _("Of the start, %")]
        rows = [
            [
                link["level"],
                labels[link["level"] - 1, link["from"]],
                labels[link["level"], link["to"]],
                link["users"],
                in_percent(link["users"] / found["people"]),
            ]
            for link in found["links"]
        ]
        return table_response("paths", head, rows)


class KeepPath(KeepPeople, PathView):
    """The people at ?level= and ?after=, or whose path ?ended=1 before; with ?before= those who came from there."""

    permission = KeepPeople.permission

    def part(self) -> tuple[str, str | None, str | None]:
        asked = self.request.GET
        after = None if asked.get("ended") else asked.get("after", "")
        return asked.get("level", ""), after, asked.get("before")

    def words(self) -> str:
        return paths.part_words(self.question(), *self.part())

    def count(self) -> int:
        asked = self.question()
        people = paths.people_at(asked, *self.part())
        return int(asked.ground.run(people.aggregate(users=people.count()))[0]["users"])

    def keep(self, words: str, data: dict[str, Any]) -> Audience:
        return services.from_paths(self.question(), *self.part(), data)

    def analysis_url(self) -> str:
        return self.reverse("behaviour:paths")
