"""Console pages of insight analysis: the tabs, the file, and keeping what is shown as a report."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cdp.console.middleware import flash
from cdp.core.errors import DomainError, PermissionDenied
from insight.audiences import visibility
from insight.audiences.models import Audience
from insight.omni import features, receiving, reports, tables, uses
from insight.omni import pack as packs
from insight.omni.pages import OmniView


class Analysis(OmniView):
    """Features, values of tags, or pairs of values, of an audience; what is shown can be kept as a report."""

    place = "analysis"
    title = gettext_lazy("Insight analysis")
    tabs = {
        "distinctive": gettext_lazy("Distinctive features"),
        "distribution": gettext_lazy("Distribution"),
        "cross": gettext_lazy("Cross analysis"),
    }

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        pack, (tab, asked, tags) = packs.require(self.workspace), self.asked()
        context = self.get_context(
            tab=tab,
            tabs=self.tabs,
            asked=asked,
            chosen=tags,
            pack=pack,
            offered=self.offered(),
            error="",
            values=[
                (name, (pack.tag(asked[name]) or {}).get("values", []), request.GET.getlist(f"{name}_value"))
                for name in ("row", "column")
            ],
            csv_query=request.GET.urlencode(),
        )
        try:
            context["found"] = self.look(tab, asked, tags)
            self.note(tab, asked, tags)
        except DomainError as error:
            context["error"] = str(error)
        return self.render("insight/omni/analysis.html", context)

    def asked(self) -> tuple[str, dict[str, str], list[str]]:
        """What the address asks for: the tab, audiences with the tags and shares of a cross, tags of a distribution."""
        given = self.request.GET
        tab = given.get("tab", "")
        asked = {name: given.get(name, "") for name in ("audience", "compare", "row", "column", "of")}
        keys = [item["tag"] for item in packs.require(self.workspace).tags]
        tags = [tag for tag in given.getlist("tag") if tag in keys][: features.MOST_SHOWN] or keys[:2]
        asked["row"] = asked["row"] if asked["row"] in keys else keys[0]
        if asked["column"] not in keys or asked["column"] == asked["row"]:
            asked["column"] = next((key for key in keys if key != asked["row"]), "")
        asked["of"] = asked["of"] if asked["of"] in features.WHOLES else features.WHOLES[0]
        return tab if tab in self.tabs else "distinctive", asked, tags

    def look(self, tab: str, asked: dict[str, str], tags: list[str]) -> dict[str, Any]:
        if tab == "distribution":
            return features.distribution(self.access, tags, asked["audience"], asked["compare"])
        if tab == "cross":
            given = self.request.GET
            values = {f"{name}_values": given.getlist(f"{name}_value") for name in ("row", "column")}
            found = features.cross(self.access, asked["row"], asked["column"], asked["audience"], **values)
            return tables.shaded(found, asked["of"])
        return features.distinctive(self.access, asked["audience"])

    def note(self, tab: str, asked: dict[str, str], tags: list[str]) -> None:
        """Count the tags that the person has chosen, not those that the page opens with."""
        given = self.request.GET
        if tab == "distribution":
            uses.note(self.workspace, [tag for tag in tags if tag in given.getlist("tag")])
        elif tab == "cross" and "row" in given:
            uses.note(self.workspace, [asked["row"], asked["column"]])

    def offered(self) -> list[Audience]:
        """Audiences that were pushed here, and those that were made here."""
        rows = visibility.visible(self.access)
        known = rows.filter(pk__in=list(receiving.recognised(self.workspace)))
        return list(
            (known | rows.filter(origin=features.ORIGIN, current__isnull=False)).order_by("name")[:500]
        )


class AnalysisCsv(Analysis):
    """What the page shows, as a table."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        tab, asked, tags = self.asked()
        return tables.response(tab, self.look(tab, asked, tags))


class SaveReport(OmniView):
    http_method_names = ["post"]

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        given = request.POST
        data = {
            **{name: given.get(name, "") for name in ("name", "audience", "compare", "row", "column", "of")},
            "public": "public" in given,
            "parts": given.getlist("part"),
            "tags": given.getlist("tag"),
            "row_values": given.getlist("row_value"),
            "column_values": given.getlist("column_value"),
        }
        try:
            made = reports.save(self.access, data)
        except PermissionDenied:
            raise
        except DomainError as error:
            texts = [str(text) for found in error.errors.values() for text in found] or [str(error)]
            flash(request, " ".join(texts), messages.ERROR)
            return HttpResponseRedirect(self.reverse("omni:analysis"))
        flash(request, _("The report was saved."))
        return HttpResponseRedirect(self.reverse("omni:report", made.pk))
