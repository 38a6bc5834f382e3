"""Pages of retention."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cdp.core.csv_export import table_response
from cdp.core.percentages import in_percent
from insight.behaviour_analysis import retention
from insight.behaviour_analysis.asking import Ground, usual_period
from insight.behaviour_analysis.builder_links import builder_url
from insight.behaviour_analysis.forms import BehaviourView, Links, split_given, split_tags
from insight.behaviour_analysis.retention import UNITS, Retention
from insight.datasets.models import Dataset

USUAL_DAYS = {"week": 7 * 12, "month": 365}


class RetentionView(BehaviourView):
    """`first` and `back` are types of behaviour, empty for any."""

    page = "retention"

    def pairs(self, dataset: Dataset) -> list[tuple[str, str]]:
        asked = self.request.GET
        unit = asked.get("unit", "")
        unit = unit if unit in UNITS else "week"
        known = {row["value"] for row in self.types(dataset)}
        first, last = usual_period(self.workspace, USUAL_DAYS[unit])
        common = self.common(dataset)
        common |= {"from": asked.get("from") or str(first), "to": asked.get("to") or str(last)}
        types = [(name, asked.get(name, "")) for name in ("first", "back")]
        return [
            *common.items(),
            ("unit", unit),
            ("split", asked.get("split", "")),
            *((name, value if value in known else "") for name, value in types),
        ]

    def given(self, pairs: dict[str, str]) -> dict[str, Any]:
        records = {name: {"type": [pairs[name]]} if pairs[name] else {} for name in ("first", "back")}
        split = split_given(pairs["split"])
        return {**pairs, "first": records["first"], "return": records["back"], "split": split}

    def asked(self, ground: Ground, given: dict[str, Any]) -> Retention:
        return retention.retention_of(ground, given)


class RetentionPage(RetentionView):
    title = gettext_lazy("Retention")
    template_name = "insight/behaviour/retention.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self.present(self.figures)

    def choices(self, dataset: Dataset) -> dict[str, Any]:
        return {**super().choices(dataset), "tags": split_tags(self, dataset)}

    def figures(self, asked: Retention, links: Links) -> dict[str, Any]:
        found = retention.retention(asked)
        shares = [period["share"] for row in found["cohorts"] for period in row["periods"] if period["share"]]
        most = max(shares, default=1)
        rows = [
            {
                **row,
                "url": links.audience(cohort=row["start"], offset=0) if row["users"] else "",
                "periods": [
                    {
                        **period,
                        "heat": round(8 * period["share"] / most) if period["share"] else 0,
                        "url": links.audience(cohort=row["start"], offset=place) if period["users"] else "",
                    }
                    for place, period in enumerate(row["periods"], start=1)
                ],
                "missing": len(found["average"]) - len(row["periods"]),
            }
            for row in found["cohorts"]
        ]
        return {
            "rows": rows,
            "average": found["average"],
            "offsets": range(1, len(found["average"]) + 1),
            "users": sum(row["users"] for row in rows),
            "data": {
                "average": found["average"],
                "rows": [
                    {
                        "start": str(row["start"]),
                        "periods": [
                            {part: period[part] for part in ("users", "share", "url")}
                            for period in row["periods"]
                        ],
                    }
                    for row in rows
                ],
            },
            "split": [
                {**row, "url": links.audience(cohort=retention.ALL, offset=0, value=row["value"] or "")}
                for row in found["split"] or []
            ],
            "csv_url": links.csv(),
        }


class RetentionCsv(RetentionView):
    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        found = retention.retention(self.question())
        places = range(1, len(found["average"]) + 1)
        groups = [(_("All"), found["cohorts"])]
        groups += [(row["label"], row["cohorts"]) for row in found["split"] or []]
        split = found["split"] is not None
        head = [
            *([_("Group")] if split else []),
            _("Since"),
            _("New"),
            *(f"+{place}" for place in places),
            *(f"% +{place}" for place in places),
        ]
        rows = []
        for label, row in ((label, row) for label, cohorts in groups for row in cohorts):
            blank = [None] * (len(places) - len(row["periods"]))
            users = [period["users"] for period in row["periods"]] + blank
            shares = [in_percent(period["share"]) for period in row["periods"]] + blank
            rows.append([*([label] if split else []), row["start"], row["users"], *users, *shares])
        return table_response("retention", head, rows)


class RetentionAudience(RetentionView):
    """To the rule builder with the people of ?cohort= who came back ?offset= periods later, those of ?value= only."""

    permission = "insight.audience.filter"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        self.access.require("insight.analysis")
        cell = request.GET.get("cohort", ""), request.GET.get("offset", ""), request.GET.get("value")
        return HttpResponseRedirect(builder_url(self, retention.rule_at(self.question(), *cell)))
