"""Console pages of RFM analysis: a model's customers by group, and those of an audience."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cdp.console.generic import WorkspaceView
from cdp.core.csv_export import table_response
from cdp.core.errors import Conflict, ValidationFailed
from cdp.core.identifiers import ID_TYPES
from insight.audiences import analysis_tabs
from insight.audiences.models import AudienceVersion
from insight.audiences.summary import RFM_TYPES
from insight.datasets import rfm
from insight.datasets.chart_links import computing
from insight.datasets.models import Dataset
from insight.datasets.views import RFM_GROUPS
from insight.rfm import figures
from insight.rfm.figures import ANALYSE, OF_AUDIENCES, Scope

COLOURS = {key: number for number, key in enumerate(rfm.TYPES)}


def group_rows(found: dict[str, Any]) -> list[dict[str, Any]]:
    """The groups as tables show them."""
    return [
        {
            **group,
            "label": str(RFM_TYPES[group["type"]]),
            "words": str(RFM_GROUPS[group["type"]][1]),
            "amount_per_user": group["m"],
            "count_per_user": group["f"],
        }
        for group in found["groups"]
    ]


class _ModelPage(WorkspaceView):
    """A page about one of the models, chosen by ?model=."""

    permission = ANALYSE

    def chosen(self, version: AudienceVersion | None = None) -> tuple[Dataset | None, list[Dataset]]:
        offered = figures.models(self.access, version)
        wanted = self.request.GET.get("model", "")
        first = next((row for row in offered if row.version), offered[0] if offered else None)
        return next((row for row in offered if row.pk == wanted), first), offered

    def nothing(self, model: Dataset | None, **more: Any) -> HttpResponse:
        context = self.get_context(
            model=model,
            may_create=self.access.can("insight.dataset.create"),
            **(computing(self.access, model) if model else {}),
            **more,
        )
        return self.render("insight/rfm/none.html", context)

    def shown(self, scope: Scope, audience: str = "") -> dict[str, Any]:
        """What the charts and the table show."""
        found = figures.figures(scope)
        rows = group_rows(found)
        trend = figures.trend(scope) if scope.has_trend else None
        may_select = self.access.can("insight.audience.filter")
        asked = {"audience": audience} | ({"translate": "1"} if scope.translation else {})
        query = f"?{urlencode(asked)}" if audience else ""
        asked = asked if audience else {}
        choose = self.reverse("rfm:choose", scope.model.pk)
        if trend and may_select:
            keep, model = self.reverse("rfm:buyers-audience"), scope.model.pk
            for bucket in trend["buckets"]:
                wanted = urlencode({"model": model, "start": bucket["start"], **asked})
                bucket["url"] = f"{keep}?{wanted}" if bucket["users"] else ""
        return {
            "figures": found,
            "groups": rows,
            "as_of": scope.as_of,
            "compare": scope.stats["compare"],
            "trend": trend,
            "may_select": may_select,
            "csv_url": self.reverse("rfm:groups-csv", scope.model.pk) + query,
            "data": {
                "groups": [
                    {
                        **row,
                        "colour": COLOURS[row["type"]],
                        "url": f"{choose}?{urlencode({'type': row['type'], **asked})}" if may_select else "",
                    }
                    for row in rows
                ],
                "trend": trend,
                "samples": self.reverse("rfm:samples", scope.model.pk) + query,
            },
        }


class Analysis(_ModelPage):
    """The customers of a model by group."""

    title = gettext_lazy("RFM analysis")
    template_name = "insight/rfm/analysis.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        model, offered = self.chosen()
        if model is None or not model.version:
            return self.nothing(model)
        scope = figures.open_model(self.access, model.pk)
        context = self.get_context(model=model, models=offered, **self.shown(scope))
        return self.render(self.template_name, context)


class AudienceRfm(_ModelPage):
    """The members of an audience by the groups of a model."""

    permission = OF_AUDIENCES
    title = gettext_lazy("RFM of an audience")
    template_name = "insight/rfm/analysis.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        audience, version = figures.audience_version(self.access, kwargs["pk"])
        back = {
            "back_url": self.reverse("audiences:detail", audience.pk),
            "back_label": audience.name,
            "tabs": analysis_tabs.shown(self.access, audience.pk, "rfm"),
        }
        model, offered = self.chosen(version)
        if model is None and any(row.source != audience.source for row in figures.models(self.access)):
            return self.nothing(None, audience=audience, elsewhere=True, **back)
        if model is None or not model.version:
            known_by = str(ID_TYPES[version.user_id_type].label) if version.user_id_type in ID_TYPES else ""
            return self.nothing(model, audience=audience, known_by=known_by, **back)
        about = {"model": model, "models": offered, "audience": audience, "members": version.count, **back}
        try:
            scope = figures.open_model(
                self.access, model.pk, version, translate=request.GET.get("translate") == "1"
            )
        except Conflict as error:
            wanted = error.extra.get("translations", {}).get("audience")
            if wanted is None:
                raise
            url = f"?{urlencode({'model': model.pk, 'translate': '1'})}"
            offer = {"problem": str(error), "translate": {"label": wanted["label"], "url": url}}
            return self.render("insight/rfm/translate.html", self.get_context(**about, **offer))
        translated = [scope.translation] if scope.translation else []
        context = self.get_context(**about, translated=translated, **self.shown(scope, audience.pk))
        return self.render(self.template_name, context)


class OfAudience(WorkspaceView):
    """The tab of audience analysis: leads to the page of ?audience=, or to where one is chosen."""

    permission = OF_AUDIENCES

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        wanted = request.GET.get("audience", "")
        url = self.reverse("rfm:audience", wanted) if wanted else self.reverse("analysis:audience")
        return HttpResponseRedirect(url)


class _OfModel(WorkspaceView):
    def permission_point(self) -> str:
        return figures.point(self.request.GET.get("audience", ""))

    def scope(self) -> Scope:
        wanted = self.request.GET.get("audience", "")
        version = figures.audience_version(self.access, wanted)[1] if wanted else None
        translate = self.request.GET.get("translate") == "1"
        return figures.open_model(self.access, self.kwargs["pk"], version, translate=translate)


class Samples(_OfModel):
    """Five customers of ?type=, as a part of a page."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        group = request.GET.get("type", "")
        rows = figures.samples(self.scope(), group)
        return self.render("insight/rfm/samples.html", {"rows": rows, "label": RFM_TYPES[group]})


class ChooseGroups(WorkspaceView):
    """To the rule builder, with the ticked groups as its condition."""

    permission = "insight.audience.filter"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        model = figures.open_model(self.access, kwargs["pk"]).model
        ticked = [key for key in rfm.TYPES if key in request.GET.getlist("type")]
        if not ticked:
            raise ValidationFailed(_("Tick at least one group."))
        rule: dict[str, Any] = {"kind": "rfm", "dataset": model.pk, "types": ticked}
        audience = request.GET.get("audience")
        if audience:
            version = figures.audience_version(self.access, audience)[1]
            translate = request.GET.get("translate") == "1"
            scope = figures.open_model(self.access, model.pk, version, translate=translate)
            assert scope.members is not None
            rule = {"op": "intersect", "items": [rule, scope.members.condition()]}
        return HttpResponseRedirect(
            f"{self.reverse('audiences:new')}?{urlencode({'rule': json.dumps(rule)})}"
        )


class GroupsCsv(_OfModel):
    """The groups with their figures."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        scope = self.scope()
        rows = group_rows(figures.figures(scope))
        head = [
            _("Group"),
            _("Customers"),
            _("Share of customers, %"),
            _("Amount"),
            _("Share of amount, %"),
            _("Purchases"),
            _("Share of purchases, %"),
            _("Amount per customer"),
            _("Purchases per customer"),
            _("Days since the last one"),
        ]
        body = [
            [
                row["label"],
                row["users"],
                row["percents"]["users"],
                row["amount"],
                row["percents"]["amount"],
                row["count"],
                row["percents"]["count"],
                row["m"],
                row["f"],
                row["r_days"],
            ]
            for row in rows
        ]
        return table_response(f"rfm-{scope.as_of}", head, body)
