"""Console pages of insight analysis: the tabs, the file, and keeping what is shown as a report."""

from __future__ import annotations

from collections.abc import Sequence
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
from insight.omni.pages import Extracting, OmniView

CHOICES = {
    "distinctive": ("tab", "audience", "compare"),
    "distribution": ("tab", "audience", "compare", "tag"),
    "cross": ("tab", "audience", "compare", "row", "column", "of", "row_value", "column_value"),
}
"""What the form of each tab asks for; what other tabs have asked for goes along."""


class Analysis(Extracting):
    """Features, values of tags, or pairs of values, of an audience; what is shown can be kept as a report, and what is
    ticked can become an audience.
    """

    place = "analysis"
    title = gettext_lazy("Insight analysis")
    tabs = {
        "distinctive": gettext_lazy("Distinctive features"),
        "distribution": gettext_lazy("Distribution"),
        "cross": gettext_lazy("Cross analysis"),
    }

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self.show()

    def show(self, status: int = 200, ticked: Sequence[str] = ()) -> HttpResponse:
        pack, (tab, asked, tags) = packs.require(self.workspace), self.asked()
        given, offered = self.request.GET, self.offered()
        names = {row.pk: row.name for row in offered}
        context = self.get_context(
            tab=tab,
            tabs=[(key, label, self.address(tab=key)) for key, label in self.tabs.items()],
            asked=asked,
            chosen=tags,
            pack=pack,
            offered=offered,
            error="",
            values=[
                (name, self.values_of(asked[name]), self.picked(name, asked)) for name in ("row", "column")
            ],
            carried=[
                (name, value) for name in given if name not in CHOICES[tab] for value in given.getlist(name)
            ],
            csv_query=given.urlencode(),
            swap_query=self.swapped(asked),
            sides=[names.get(asked["audience"], ""), names.get(asked["compare"], "")],
            **self.extraction(ticked, "any" if tab == "distribution" else "all"),
        )
        try:
            context["found"] = self.look(tab, asked, tags)
            if status == 200:
                self.note(tab, asked, tags)
        except DomainError as error:
            context["error"] = str(error)
        return self.render("insight/omni/analysis.html", context, status=status)

    def address(self, **changed: Any) -> str:
        """The query of this page with something changed."""
        query = self.request.GET.copy()
        for name, value in changed.items():
            query.setlist(name, value if isinstance(value, list) else [value])
        return query.urlencode()

    def swapped(self, asked: dict[str, str]) -> str:
        return self.address(
            tab="cross",
            row=asked["column"],
            column=asked["row"],
            row_value=self.picked("column", asked),
            column_value=self.picked("row", asked),
            of={"row": "column", "column": "row"}.get(asked["of"], asked["of"]),
        )

    def values_of(self, tag: str) -> list[str]:
        return list((packs.require(self.workspace).tag(tag) or {}).get("values", []))

    def picked(self, name: str, asked: dict[str, str]) -> list[str]:
        """The chosen values of a row's or column's tag, without those that another tag had."""
        known = set(self.values_of(asked[name]))
        return [value for value in self.request.GET.getlist(f"{name}_value") if value in known]

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
            values = {f"{name}_values": self.picked(name, asked) for name in ("row", "column")}
            groups = asked["audience"], asked["compare"]
            found = features.cross(self.access, asked["row"], asked["column"], *groups, **values)
            return tables.shaded(found, asked["of"])
        return features.distinctive(self.access, asked["audience"], asked["compare"])

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

    http_method_names = ["get"]

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
            # What the person was looking at stays on the screen.
            return HttpResponseRedirect(f"{self.reverse('omni:analysis')}?{request.GET.urlencode()}")
        flash(request, _("The report was saved."))
        return HttpResponseRedirect(self.reverse("omni:report", made.pk))
