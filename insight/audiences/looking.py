"""Pages that look closer: how audiences overlap, what changed between versions, why a person is in or not."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cdp.console.generic import WorkspaceView
from cdp.console.middleware import flash
from cdp.core.errors import DomainError, PermissionDenied, ValidationFailed
from cdp.core.identifiers import ID_TYPES
from insight.audiences import comparing, explaining, overlap, queries, visibility
from insight.audiences.pages import OneAudience
from insight.campaigns import links

SEE, SELECT = "insight.audience.list", "insight.audience.filter"
PARTS_SHOWN = 60
"""Eight audiences can have 255 parts; the smallest ones are summed up."""


class OverlapPage(WorkspaceView):
    """Two to eight ticked audiences, cut into exclusive parts; each part can become an audience."""

    permission = SEE
    title = gettext_lazy("Overlap of audiences")

    def keys(self) -> list[str]:
        return self.request.GET.getlist("row")[:20]

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


def _rows(found: overlap.Overlap) -> list[dict[str, Any]]:
    """The parts as the table shows them: shares of everybody, widths relative to the largest part."""
    return [
        {
            "part": part,
            "marks": [row.pk in part.inside for row in found.audiences],
            "share": 100 * part.people / found.people,
            "width": 100 * part.people / found.parts[0].people,
            "names": " ∩ ".join(row.name for row in found.audiences if row.pk in part.inside),
        }
        for part in found.parts[:PARTS_SHOWN]
    ]


def _rest(found: overlap.Overlap) -> dict[str, Any] | None:
    """What the smallest parts, which have no row of their own, come to; None where every part has one."""
    rest = found.parts[PARTS_SHOWN:]
    people = sum(part.people for part in rest)
    return {"parts": len(rest), "people": people, "share": 100 * people / found.people} if rest else None


class CompareVersions(OneAudience):
    """Who joined, left and stayed between two versions."""

    needs = "analyse"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self.show()

    def show(self, error: str = "", status: int = 200) -> HttpResponse:
        audience = self.get_object()
        versions = list(audience.versions.filter(dropped_at__isnull=True)[:100])
        newer = self.request.GET.get("to") or (str(versions[0].number) if versions else "")
        older = self.request.GET.get("from") or (str(versions[1].number) if len(versions) > 1 else "")
        found = None
        if older and newer:
            try:
                found = comparing.compare(self.access, audience, older, newer)
            except ValidationFailed as problem:
                error, status = error or str(problem), 422
        context = self.get_context(
            title=_("Versions of %(name)s") % {"name": audience.name},
            audience=audience,
            versions=versions,
            older=older,
            newer=newer,
            found=found,
            error=error,
            may_save=self.access.can(SELECT) and visibility.may_change(self.access, audience),
            campaign_choices=links.choices(self.access),
            campaigns=self.request.POST.getlist("campaigns"),
            back_url=self.reverse("audiences:detail", audience.pk),
        )
        return self.render("insight/audiences/compare.html", context, status=status)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        self.access.require(SELECT)
        given = request.POST
        try:
            made = comparing.save_side(
                self.access,
                self.get_object(),
                given.get("from"),
                given.get("to"),
                given.get("side", ""),
                given.get("name", ""),
                given.getlist("campaigns"),
            )
        except PermissionDenied:
            raise
        except ValidationFailed as error:
            return self.show(" ".join(str(m) for found in error.errors.values() for m in found), 422)
        return HttpResponseRedirect(self.reverse("audiences:detail", made.pk))


class ExplainPerson(OneAudience):
    """Type an identifier, see every condition true or false. By POST, so that the ID stands in no address or log."""

    needs = "analyse"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self.show()

    def show(self, found: Any = None, error: str = "", status: int = 200) -> HttpResponse:
        audience = self.get_object()
        kind = ID_TYPES.get(audience.user_id_type)
        context = self.get_context(
            title=_("Why is somebody in “%(name)s”, or not?") % {"name": audience.name},
            audience=audience,
            found=found,
            error=error,
            given=self.request.POST.get("id", ""),
            id_label=kind.label if kind else "user_unique_id",
            back_url=self.reverse("audiences:detail", audience.pk),
        )
        return self.render("insight/audiences/explain.html", context, status=status)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            found = explaining.explain(self.access, self.get_object(), request.POST.get("id", ""))
        except ValidationFailed as error:
            return self.show(error=str(error), status=422)
        return self.show(found)
