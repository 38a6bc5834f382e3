"""Audience analysis: one audience looked at in a dataset, a tab per way of looking."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cdp.console.generic import WorkspaceView
from cdp.core.csv_export import table_response
from cdp.core.errors import NotFound
from insight.analysis import choosing, significance
from insight.analysis.perspective import POPULATION
from insight.analysis.views import ChartPage, first_category, mark_shown, present
from insight.audiences import analysis_tabs, origins, translated, visibility
from insight.audiences import queries as audiences
from insight.audiences.identities import Identity, identity_of_fields, identity_of_version
from insight.audiences.models import Audience
from insight.datasets.models import Dataset

OFFERED = 500


class AudiencePage(ChartPage):
    """Chooses the audience, and one of the datasets that know their users by the same identifier."""

    permission = choosing.OF_AUDIENCES
    title = gettext_lazy("Audience analysis")
    tab = ""
    translated_to = ""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        get_token(request)
        rows = audiences.usable_audiences(self.access, action="analyse").order_by("name")
        offered = list(rows.values("id", "name", "count", "user_id_type")[:OFFERED])
        audience = self.audience(offered)
        version = audiences.latest_version(audience) if audience else None
        known_by = identity_of_version(version) if version else Identity()
        datasets = self.datasets(known_by, audience) if audience else []
        wanted = request.GET.get("dataset", "")
        dataset = next((row for row in datasets if row.pk == wanted), datasets[0] if datasets else None)
        rivals = [
            row
            for row in offered
            if row["user_id_type"] == known_by.id_type and row["id"] != getattr(audience, "pk", "")
        ]
        tags = choosing.tag_rows(choosing.place(self.access, dataset.pk)) if dataset else []
        theirs = identity_of_fields(dataset.fields.all()) if dataset else known_by
        self.translated_to = theirs.id_type if theirs != known_by and request.GET.get("translate") else ""
        offer = {}
        if theirs != known_by and not self.translated_to:
            offer = {
                "problem": _("The audience knows its people by %(own)s. Translate it to %(wanted)s.")
                % {"own": known_by.label, "wanted": theirs.label},
                "translate": {"label": theirs.label, "url": f"?{self.with_translation()}"},
            }
        context = self.get_context(
            tabs=analysis_tabs.shown(self.access, audience.pk if audience else "", self.tab),
            audience=audience,
            audiences=offered,
            rivals=rivals,
            datasets=datasets,
            dataset=dataset,
            tags=tags,
            may_select=self.access.can("insight.audience.filter"),
            translated_to=self.translated_to,
            **offer,
            **self.more(audience, dataset, tags, rivals),
        )
        return self.render(self.template_name, context)

    def datasets(self, known_by: Identity, audience: Audience) -> list[Dataset]:
        """Those that know their users by the same ID; where there are identities, then those of another."""
        same = choosing.datasets(self.access, known_by)
        if not translated.offered(self.workspace, audience.source):
            return same
        keys = {row.pk for row in same}
        others = [
            row
            for row in choosing.datasets(self.access)
            if row.pk not in keys and row.source == audience.source
        ]
        forms = {row.pk: identity_of_fields(row.fields.all()).encryption for row in others}
        return [*same, *(row for row in others if forms[row.pk] == known_by.encryption)]

    def with_translation(self) -> str:
        query = self.request.GET.copy()
        query["translate"] = "1"
        return query.urlencode()

    def audience(self, offered: list[dict[str, Any]]) -> Audience | None:
        """The audience of the address, or the first one.

        Raises NotFound for one that is not there, ActionNotSupported for one that is not to be analysed.
        """
        wanted = self.request.GET.get("audience", "")
        if not wanted:
            return visibility.get_visible(self.access, offered[0]["id"]) if offered else None
        audience = visibility.get_visible(self.access, wanted)
        origins.require(audience, "analyse")
        if audience.current_id is None:
            raise NotFound(_("The audience has not been computed yet."))
        return audience

    def more(
        self,
        audience: Audience | None,
        dataset: Dataset | None,
        tags: list[dict[str, Any]],
        rivals: list[dict[str, Any]],
    ) -> dict[str, Any]:
        raise NotImplementedError

    def data(self, audience: Audience | None, dataset: Dataset | None) -> dict[str, Any]:
        """What the page's script starts with."""
        return {
            "urls": self.urls(),
            "audience": audience.pk if audience else "",
            "audience_name": audience.name if audience else "",
            "dataset": dataset.pk if dataset else "",
            "translate": self.translated_to,
        }


class Indicators(AudiencePage):
    """Charts of the audience's tags, alone or beside all users or another audience."""

    template_name = "insight/analysis/audience.html"
    tab = "indicators"

    def more(self, audience: Any, dataset: Any, tags: Any, rivals: Any) -> dict[str, Any]:
        asked = self.request.GET.get("compare", "")
        known = {POPULATION, *(row["id"] for row in rivals)}
        compare = asked if asked in known else ""
        wanted = self.request.GET.getlist("tag")
        shown = [tag["column"] for tag in present(tags) if tag["column"] in wanted]
        groups = [{"id": dataset.pk, "name": dataset.name, "tags": tags}] if dataset else []
        columns = shown or ([] if wanted else first_category(tags))
        mark_shown(groups, [f"{dataset.pk}.{column}" for column in columns] if dataset else [])
        return {
            "compare": compare,
            "groups": groups,
            "data": {**self.data(audience, dataset), "compare": compare, "datasets": groups},
        }


class Significance(AudiencePage):
    """The tags that set the audience apart from all users of the dataset."""

    template_name = "insight/analysis/significance.html"
    tab = "significance"

    def more(self, audience: Any, dataset: Any, tags: Any, rivals: Any) -> dict[str, Any]:
        heat = {tag["column"]: tag["heat"] for tag in present(tags)}
        given = self.data(audience, dataset)
        query = {"audience": given["audience"], "dataset": given["dataset"]}
        if self.translated_to:
            query["translate"] = "1"
        csv_url = f"{self.reverse('analysis:significance-csv')}?{urlencode(query)}"
        return {"data": {**given, "heat": heat, "csv": csv_url}}


class SignificanceCsv(WorkspaceView):
    """The tags of ?audience= in ?dataset=, the most different first; with ?all=1 also those that do not stand out."""

    permission = choosing.OF_AUDIENCES

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        asked = request.GET
        found = significance.significance(
            self.access,
            asked.get("audience", ""),
            asked.get("dataset", ""),
            show_all=asked.get("all") == "1",
            translate=asked.get("translate") == "1",
        )
        head = [
            _("Tag"),
            _("Difference in points"),
            _("Strength"),
            _("Chi-square"),
            _("Degrees of freedom"),
            "p",
            "q",
            _("Stars"),
            _("Where it differs most"),
        ]
        rows = [
            [
                row["name"],
                round(row["adjusted"], 1),
                round(row["effect"], 2),
                row["chi_square"],
                row["df"],
                row["p"],
                row["q"],
                row["stars"],
                "; ".join(_value_words(value) for value in row["top"]),
            ]
            for row in (*found["tags"], *found.get("others", ()))
        ]
        return table_response(f"significance-{found['audience']}", head, rows)


def _value_words(value: dict[str, Any]) -> str:
    """A value with its difference in points and its TGI, as the page has it."""
    said = f"{value['label'] or value['value']}: {value['difference']:+.1f}"
    return said if value["tgi"] is None else f"{said}, TGI {value['tgi']}"
