"""Pages that look closer: what changed between versions, why a person is in or not."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _

from cdp.core.errors import PermissionDenied, ValidationFailed
from cdp.core.identifiers import ID_TYPES
from insight.audiences import comparing, explaining, visibility
from insight.audiences.pages import OneAudience
from insight.campaigns import links

SELECT = "insight.audience.filter"


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
