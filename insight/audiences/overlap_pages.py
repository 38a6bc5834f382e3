"""Pages of how audiences overlap."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cdp.console.generic import WorkspaceView
from cdp.console.middleware import flash
from cdp.core.csv_export import table_response
from cdp.core.errors import DomainError, PermissionDenied, ValidationFailed
from cdp.core.percentages import in_percent
from insight.audiences import overlap, queries, visibility
from insight.campaigns import links

SEE, SELECT, ANALYSE = "insight.audience.list", "insight.audience.filter", "insight.audience.analysis"
PARTS_SHOWN = 60
"""Eight audiences can have 255 parts; the smallest ones are summed up."""


class OverlapView(WorkspaceView):
    """Two to eight audiences, named by ?row=."""

    permission = SEE

    def keys(self) -> list[str]:
        return self.request.GET.getlist("row")[:20]


class OverlapPage(OverlapView):
    """Two to eight ticked audiences, cut into exclusive parts; each part can become an audience."""

    title = gettext_lazy("Overlap of audiences")

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self.show()

    def show(self, error: str = "", status: int = 200) -> HttpResponse:
        found = None
        seen = visibility.visible(self.access).filter(current__isnull=False)
        chosen = list(seen.filter(pk__in=self.keys()))
        # One audience is where people come from an audience's own page: the page asks for the others.
        if len(chosen) > 1 or len(chosen) != len(self.keys()):
            try:
                found = overlap.measure(self.access, self.keys())
            except ValidationFailed as problem:
                error, status = error or str(problem), 422
        context = self.get_context(
            found=found,
            chosen=found.audiences if found else chosen,
            rows=_rows(found) if found else [],
            rest=_rest(found) if found else None,
            pairs=self.pairs(found) if found else [],
            data=self.drawing(found) if found else None,
            csv_url=f"{self.reverse('audiences:overlap-csv')}?{urlencode([('row', key) for key in self.keys()])}",
            error=error,
            others=queries.usable_audiences(self.access, action="combine")
            .exclude(pk__in=self.keys())
            .order_by("name")[:200],
            may_select=self.access.can(SELECT),
            campaign_choices=links.choices(self.access),
            campaigns=self.request.POST.getlist("campaigns"),
            back_url=self.reverse("audiences:list"),
        )
        return self.render("insight/audiences/overlap.html", context, status=status)

    def drawing(self, found: overlap.Overlap) -> dict[str, Any]:
        """What the drawing shows: the audiences with their sizes, and the parts that have a row of their own."""
        return {
            "audiences": [
                {
                    "name": row.name,
                    "people": found.sizes[row.pk],
                    "url": self.reverse("audiences:detail", row.pk),
                }
                for row in found.audiences
            ],
            "parts": [
                {
                    "people": part.people,
                    "percent": percent,
                    "inside": [row.pk in part.inside for row in found.audiences],
                    "url": self.audience_url(found, part.inside),
                }
                for part, percent in _shown(found)
            ],
        }

    def pairs(self, found: overlap.Overlap) -> list[dict[str, Any]]:
        """Every two audiences beside each other, with the ways to those in both and to the comparison of their tags."""
        names = {row.pk: row.name for row in found.audiences}
        may_compare = self.access.can(ANALYSE)
        return [
            {
                "pair": pair,
                "first": names[pair.first],
                "second": names[pair.second],
                "url": self.audience_url(found, (pair.first, pair.second), among=(pair.first, pair.second))
                if pair.both
                else "",
                "tags_url": f"{self.reverse('analysis:audience')}?"
                + urlencode({"audience": pair.first, "compare": pair.second})
                if may_compare
                else "",
            }
            for pair in found.pairs
        ]

    def audience_url(
        self, found: overlap.Overlap, inside: Sequence[str], among: Sequence[str] | None = None
    ) -> str:
        """The rule builder with those who are in all of `inside` and in no other one of `among` (all of them, unless
        told); "" for those who may make no audiences.
        """
        if not self.access.can(SELECT):
            return ""
        asked = [row.pk for row in found.audiences] if among is None else among
        rule = overlap.rule_of(inside, [key for key in asked if key not in inside])
        return f"{self.reverse('audiences:new')}?{urlencode({'rule': json.dumps(rule)})}"

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        self.access.require(SELECT)
        name, campaigns = request.POST.get("name", ""), request.POST.getlist("campaigns")
        try:
            if request.POST.get("action") == "split":
                made = overlap.split(self.access, self.keys(), name, campaigns)
                flash(request, _("%(count)d audiences were made.") % {"count": len(made)})
                return HttpResponseRedirect(self.reverse("audiences:list"))
            inside = request.POST.getlist("inside")
            audience = overlap.save_part(self.access, self.keys(), inside, name, campaigns)
        except PermissionDenied:
            raise
        except DomainError as error:
            return self.show(
                " ".join(str(m) for found in error.errors.values() for m in found) or str(error), 422
            )
        return HttpResponseRedirect(self.reverse("audiences:detail", audience.pk))


def _shown(found: overlap.Overlap) -> list[tuple[overlap.Part, float]]:
    """The parts that have a row of their own, with their percentages."""
    return list(zip(found.parts, found.percents, strict=True))[:PARTS_SHOWN]


def _rows(found: overlap.Overlap) -> list[dict[str, Any]]:
    """The parts as the table shows them: shares of everybody, widths relative to the largest part."""
    return [
        {
            "part": part,
            "marks": [row.pk in part.inside for row in found.audiences],
            "percent": percent,
            "width": 100 * part.people / found.parts[0].people,
            "names": " ∩ ".join(row.name for row in found.audiences if row.pk in part.inside),
        }
        for part, percent in _shown(found)
    ]


def _rest(found: overlap.Overlap) -> dict[str, Any] | None:
    """What the smallest parts, which have no row of their own, come to; None where every part has one."""
    rest = found.parts[PARTS_SHOWN:]
    people = sum(part.people for part in rest)
    return (
        {"parts": len(rest), "people": people, "percent": in_percent(people / found.people)} if rest else None
    )


class OverlapCsv(OverlapView):
    """A line per part: which audiences it is in, its people, their share of everybody."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        found = overlap.measure(self.access, self.keys())
        head = [*(row.name for row in found.audiences), _("People"), _("Share, %")]
        rows = [
            [*(int(row.pk in part.inside) for row in found.audiences), part.people, percent]
            for part, percent in zip(found.parts, found.percents, strict=True)
        ]
        return table_response("overlap", head, rows)
