"""Console pages of omni-domain insight."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cdp.console.generic import ActionView, DeletePage, FormPage, WorkspaceView
from cdp.console.generic.forms import apply_errors
from cdp.console.middleware import flash
from cdp.core import timezones
from cdp.core.errors import DomainError, PermissionDenied
from insight.audiences import visibility
from insight.audiences.models import Audience
from insight.campaigns import links
from insight.omni import audiences, features, quota, receiving, reports, state, tables, uses, wording
from insight.omni import pack as packs
from insight.omni.forms import AudienceForm, PackForm, QuotaForm
from insight.omni.models import InsightReport, TagPack

POINT = "omni"
SHOWN_DAYS = 30
LOOKS_AGAIN = 10
"""Seconds."""


class OmniView(WorkspaceView):
    """Where the module is not ready yet, every page says what comes next."""

    permission = POINT
    needs_ready = True
    place = "overview"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        self.access = request.access  # type: ignore[attr-defined]
        self.workspace = self.access.workspace
        self.access.require(self.permission)
        self.state = state.of(self.workspace)
        if self.needs_ready and self.state != state.READY:
            return self.not_ready()
        return super().dispatch(request, *args, **kwargs)

    def not_ready(self) -> HttpResponse:
        """What comes next; while IDs are recognised the page looks again by itself until it can open."""
        waits = self.state == state.INITIALISING
        job = state.recognition(self.workspace) if waits else None
        page = self.render("insight/omni/not_ready.html", self.get_context(state=self.state, job=job))
        if waits:
            page["Refresh"] = str(LOOKS_AGAIN)
        return page

    def get_context(self, **more: Any) -> dict[str, Any]:
        return super().get_context(place=self.place, manages=quota.manages(self.access), **more)


class Extracting(OmniView):
    """A page of values that can be ticked: what is ticked becomes an audience."""

    error: DomainError | None = None
    data: dict[str, Any] | None = None

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        ticked = dict.fromkeys(request.POST.getlist("feature"))
        given = [value.partition("=") for value in ticked]
        self.data = {
            "name": request.POST.get("name", ""),
            "match": request.POST.get("match", "all"),
            "daily": "daily" in request.POST,
            "public": "public" in request.POST,
            "audience": request.GET.get("audience", ""),
            "campaigns": request.POST.getlist("campaigns"),
            "features": [{"tag": tag, "value": value} for tag, _equals, value in given],
        }
        try:
            made = audiences.extract(self.access, self.data)
        except PermissionDenied:
            raise
        except DomainError as error:
            self.error = error
            return self.show(status=422, ticked=list(ticked))
        flash(request, _("The audience was made and is being computed."))
        return HttpResponseRedirect(self.reverse("omni:audience", made.pk))

    def show(self, status: int = 200, ticked: Sequence[str] = ()) -> HttpResponse:
        raise NotImplementedError

    def extraction(self, ticked: Sequence[str], match: str = "all") -> dict[str, Any]:
        """What the form was sent with, and what is wrong with it."""
        error = self.error
        found = [text for found in error.errors.values() for text in found] or [str(error)] if error else []
        return {
            "data": self.data or {"match": match},
            "ticked": set(ticked),
            "errors": found,
            "campaign_choices": links.choices(self.access),
        }


class Overview(Extracting):
    """Figures, and what is special about everybody who was brought in; ticked features become an audience."""

    title = gettext_lazy("Omni-domain insight")

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self.show()

    def show(self, status: int = 200, ticked: Sequence[str] = ()) -> HttpResponse:
        view = self.request.GET.get("by", "tgi")
        found = features.distinctive(self.access)
        context = self.get_context(
            figures=state.figures(self.access),
            rows=found["by_share" if view == "share" else "by_tgi"],
            by="share" if view == "share" else "tgi",
            **self.extraction(ticked),
        )
        return self.render("insight/omni/overview.html", context, status=status)


class ReportList(OmniView):
    place = "reports"
    title = gettext_lazy("Insight reports")
    needs_ready = False

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        rows = reports.visible(self.access)
        term = request.GET.get("q", "").strip()
        if term:
            rows = rows.filter(name__icontains=term)
        return self.render("insight/omni/reports.html", self.get_context(rows=rows[:500], term=term))


class ReportPage(OmniView):
    place = "reports"
    needs_ready = False

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        report = reports.visible(self.access).get_in(self.workspace, kwargs["pk"])
        result, cross = report.result, report.result.get("cross")
        context = self.get_context(
            report=report,
            found=result.get("distinctive"),
            distribution=result.get("distribution"),
            cross=tables.shaded(cross, cross.get("of", "total")) if cross else None,
            only=[
                (cross[name]["name"], report.definition[f"{name}_values"])
                for name in ("row", "column")
                if cross and report.definition.get(f"{name}_values")
            ],
            own=report.owner_id == self.access.user.pk,
        )
        return self.render("insight/omni/report.html", {**context, "title": report.name})


class ReportAgain(ActionView):
    permission = POINT
    model = InsightReport
    success_message = gettext_lazy("A new report has the numbers of now.")

    def get_object(self) -> Any:
        return reports.visible(self.access).get_in(self.workspace, self.kwargs["pk"])

    def act(self, obj: Any) -> Any:
        return reports.again(self.access, obj)

    def success_url(self, obj: Any, result: Any) -> str:
        return self.reverse("omni:report", (result or obj).pk)


class DeleteReport(DeletePage):
    permission = POINT
    model = InsightReport
    back_url_name = "omni:reports"

    def get_object(self) -> Any:
        return reports.visible(self.access).get_in(self.workspace, self.kwargs["pk"])

    def delete(self, obj: Any) -> None:  # type: ignore[override]
        reports.delete(self.access, obj)


class AudienceList(OmniView):
    place = "audiences"
    title = gettext_lazy("Audiences of omni-domain insight")

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        rows = audiences.visible(self.access).select_related("owner")
        term = request.GET.get("q", "").strip()
        if term:
            rows = rows.filter(name__icontains=term)
        return self.render("insight/omni/audiences.html", self.get_context(rows=rows[:500], term=term))


class NewAudience(OmniView, FormPage):
    place = "audiences"
    title = gettext_lazy("New audience of omni tags")
    template_name = "insight/omni/audience_form.html"
    form_class = AudienceForm
    submit_label = gettext_lazy("Create audience")
    back_url_name = "omni:audiences"
    success_message = gettext_lazy("The audience was made and is being computed.")

    def form_options(self, obj: Any) -> dict[str, Any]:
        return {"access": self.access}

    def save(self, form: Any, obj: Any) -> Audience:
        return audiences.create(self.access, form.cleaned_data)

    def success_url(self, obj: Any) -> str:
        return self.reverse("omni:audience", obj.pk)

    def extra(self, form: Any, obj: Any) -> dict[str, Any]:
        pack = packs.require(self.workspace)
        rows = visibility.visible(self.access)
        known = rows.filter(pk__in=list(receiving.recognised(self.workspace)))
        made = rows.filter(origin=features.ORIGIN, current__isnull=False)
        offered = [{"id": row.pk, "name": row.name} for row in (known | made).order_by("name")[:500]]
        kept = form.data.get("groups") if form.is_bound else None
        return {
            "start": {
                "tags": pack.tags,
                "audiences": offered,
                "groups": self.start(pack, {row["id"] for row in offered}),
                "most_groups": audiences.MOST_GROUPS,
                "most_items": audiences.MOST_ITEMS,
            },
            "kept": kept or "",
        }

    def start(self, pack: TagPack, offered: set[str]) -> list[dict[str, Any]]:
        """The conditions that the address asks for: a tag, or picked values and the audience they were seen in."""
        given = self.request.GET
        picked = [
            (tag, [value]) for tag, _equals, value in (text.partition("=") for text in given.getlist("pick"))
        ]
        wanted = [*picked, (given.get("tag", ""), [])]
        items: list[dict[str, Any]] = [
            {"op": "intersect", "tag": tag, "values": values} for tag, values in wanted if pack.tag(tag)
        ]
        if items and given.get("audience") in offered:
            items.append({"op": "intersect", "audience": given["audience"]})
        return [{"op": "union", "items": items[: audiences.MOST_ITEMS]}] if items else []


class AudiencePage(OmniView):
    place = "audiences"
    needs_ready = False

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        audience = audiences.get(self.access, kwargs["pk"])
        context = self.get_context(
            audience=audience,
            versions=audiences.sizes(audience),
            groups=wording.groups(self.access, packs.current(self.workspace.organization_id), audience),
            own=audience.owner_id == self.access.user.pk or self.access.is_admin,
        )
        return self.render("insight/omni/audience.html", {**context, "title": audience.name})


class DeleteAudience(DeletePage):
    permission = POINT
    model = Audience
    back_url_name = "omni:audiences"

    def get_object(self) -> Any:
        return audiences.get(self.access, self.kwargs["pk"])

    def delete(self, obj: Any) -> None:  # type: ignore[override]
        audiences.delete(self.access, obj)


class TagList(OmniView):
    place = "tags"
    title = gettext_lazy("Omni tags")

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        pack, counted = packs.require(self.workspace), uses.latest(self.workspace)
        term, category = request.GET.get("q", "").strip().lower(), request.GET.get("category", "")
        rows = [
            {**item, "day": counted.get(item["tag"])}
            for item in pack.tags
            if term in item["name"].lower() and category in ("", item["category"])
        ]
        context = self.get_context(
            pack=pack,
            rows=rows,
            term=request.GET.get("q", ""),
            category=category,
            categories=list(dict.fromkeys(item["category"] for item in pack.tags)),
        )
        return self.render("insight/omni/tags.html", context)


class TagPage(OmniView):
    place = "tags"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        pack = packs.require(self.workspace)
        item = pack.tag(kwargs["column"])
        if item is None:
            raise Http404
        uses.note(self.workspace, [item["tag"]])
        days = uses.history(self.workspace, item["tag"])[-SHOWN_DAYS:]
        names = list(dict.fromkeys(name for day in reversed(days) for name in day.values))[
            : features.MOST_CROSSED
        ]
        context = self.get_context(
            item=item,
            found=features.distribution(self.access, [item["tag"]])["tags"][0],
            names=names,
            days=[(day, [day.values.get(name, 0) for name in names]) for day in reversed(days)],
        )
        return self.render("insight/omni/tag.html", {**context, "title": item["name"]})


class Resources(OmniView):
    """IDs used, owed and left; quotas and uses. Managers of the organization add quotas."""

    place = "resources"
    title = gettext_lazy("Resources of omni-domain insight")
    needs_ready = False

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self.show(QuotaForm())

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        quota.check_manages(self.access)
        form = QuotaForm(request.POST)
        if form.is_valid():
            try:
                quota.add(self.access, form.cleaned_data)
            except PermissionDenied:
                raise
            except DomainError as error:
                apply_errors(form, error)
            else:
                flash(request, _("The quota was added."))
                return HttpResponseRedirect(self.reverse("omni:resources"))
        return self.show(form, status=422)

    def show(self, form: QuotaForm, status: int = 200) -> HttpResponse:
        organization = self.workspace.organization
        found = quota.of_organization(organization, timezones.today(self.workspace))
        period, problem = {name: self.request.GET.get(name, "") for name in ("from", "to")}, ""
        everywhere = quota.manages(self.access) and self.request.GET.get("of") == "all"
        try:
            rows, intakes = quota.within(period, self.workspace, everywhere=everywhere)
        except DomainError as error:
            problem = " ".join(text for told in error.errors.values() for text in told)
            rows, intakes = quota.within({}, self.workspace, everywhere=everywhere)
        context = self.get_context(
            form=form,
            found=found,
            quotas=[(row, row.amount - found.spent[row.pk]) for row in rows.order_by("-valid_to")],
            intakes=intakes[:200],
            first_day=period["from"],
            last_day=period["to"],
            filtered=any(period.values()),
            everywhere=everywhere,
            problem=problem,
            packs=TagPack.objects.filter(organization=organization)[:20],
        )
        return self.render("insight/omni/resources.html", context, status=status)


class InstallPack(OmniView, FormPage):
    title = gettext_lazy("Install a tag pack")
    form_class = PackForm
    template_name = "console/form.html"
    submit_label = gettext_lazy("Install")
    back_url_name = "omni:resources"
    success_message = gettext_lazy("The pack is being installed.")
    needs_ready = False

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        self.access = request.access  # type: ignore[attr-defined]
        self.access.require(self.permission)
        quota.check_manages(self.access)
        return super().dispatch(request, *args, **kwargs)

    def form_options(self, obj: Any) -> dict[str, Any]:
        return {"workspace": self.workspace}

    def save(self, form: Any, obj: Any) -> Any:
        return packs.install(self.access, form.cleaned_data)[0]

    def success_url(self, obj: Any) -> str:
        return self.reverse("omni:resources")
