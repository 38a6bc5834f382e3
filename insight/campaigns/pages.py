"""Console pages of campaigns: calendars, the list, one campaign, its form, who may use it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from admin_center.permissions import grantees
from cdp.console.generic import DeletePage, DetailPage, Fact, FormPage, WorkspaceView
from cdp.console.generic.forms import apply_errors
from cdp.console.middleware import flash
from cdp.core import timezones
from cdp.core.errors import DomainError, PermissionDenied
from insight.campaigns import calendar, granting, links, outcome, panel, queries, rights, services
from insight.campaigns.forms import CampaignForm, GrantForm, QuickForm
from insight.campaigns.models import Campaign, CampaignGrant

PER_PAGE = 25
_RESULTS = {
    "sent": gettext_lazy("Sent"),
    "delivered": gettext_lazy("Delivered"),
    "opened": gettext_lazy("Opened"),
    "clicked": gettext_lazy("Clicked"),
    "converted": gettext_lazy("Converted"),
}
FIRST_YEAR, LAST_YEAR = 2000, 2100


class CampaignView(WorkspaceView):
    """Open to those who may create campaigns and to those who may see them."""

    model = Campaign

    def permission_point(self) -> str:
        return rights.CREATE if self.access.can(rights.CREATE) else rights.SEE

    def get_object(self) -> Any:
        return rights.get_visible(self.access, self.kwargs["pk"])

    @property
    def today(self) -> date:
        return timezones.today(self.workspace)

    def get_context(self, **more: Any) -> dict[str, Any]:
        may_create = self.access.can(rights.CREATE)
        return super().get_context(**{"may_create": may_create, "today": self.today, **more})


class Calendar(CampaignView):
    """A month (?month=2026-11) or a year (?year=2026)."""

    title = gettext_lazy("Campaigns")

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if "year" in request.GET:
            year = _year(request.GET["year"]) or self.today.year
            context = {
                "months": calendar.year(self.access, year, self.today),
                "shown": date(year, 1, 1),
                "before": f"?year={year - 1}" if year > FIRST_YEAR else "",
                "after": f"?year={year + 1}" if year < LAST_YEAR else "",
            }
            return self.render("insight/campaigns/year.html", self.get_context(view_kind="year", **context))
        shown = _month(request.GET.get("month", "")) or self.today.replace(day=1)
        before, after = _shifted(shown, -1), _shifted(shown, 1)
        context = {
            "weeks": calendar.month(self.access, shown.year, shown.month, self.today),
            "shown": shown,
            "before": f"?month={before:%Y-%m}" if before.year >= FIRST_YEAR else "",
            "after": f"?month={after:%Y-%m}" if after.year <= LAST_YEAR else "",
            "form": QuickForm(access=self.access, auto_id="quick-%s"),
        }
        return self.render("insight/campaigns/month.html", self.get_context(view_kind="month", **context))


def _year(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and FIRST_YEAR <= int(text) <= LAST_YEAR else None


def _month(text: str) -> date | None:
    year, _dash, month = text.partition("-")
    known = _year(year)
    if known is None or not (month.isascii() and month.isdigit() and 1 <= int(month) <= 12):
        return None
    return date(known, int(month), 1)


def _shifted(first: date, months: int) -> date:
    number = first.year * 12 + first.month - 1 + months
    return date(number // 12, number % 12 + 1, 1)


class CampaignList(CampaignView):
    """Main campaigns with those below them, and independent ones; a search finds campaigns at any place."""

    title = gettext_lazy("Campaigns")

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        term, state = request.GET.get("q", "").strip(), request.GET.get("state", "")
        rows = queries.with_counts(rights.visible(self.access)).select_related("owner", "parent")
        if term:
            rows = rows.filter(Q(name__icontains=term) | Q(code__icontains=term) | Q(type__icontains=term))
        if state in Campaign.State.values:
            rows = rows.filter(queries.in_state(state, self.today))
        flat = bool(term or state in Campaign.State.values)
        top = rows if flat else rows.filter(Q(parent__isnull=True))
        page = Paginator(top.order_by("-starts", "name", "pk"), PER_PAGE).get_page(request.GET.get("page"))
        below: dict[str, list[Campaign]] = {}
        if not flat:
            for row in rows.filter(parent__in=[row.pk for row in page.object_list]).order_by(
                "starts", "name"
            ):
                below.setdefault(str(row.parent_id), []).append(row)
        context = self.get_context(
            view_kind="list",
            page=page,
            rows=[(self.shown(row), [self.shown(sub) for sub in below.get(row.pk, [])]) for row in page],
            states=Campaign.State.choices,
            state=state,
            term=term,
            flat=flat,
        )
        return self.render("insight/campaigns/list.html", context)

    def shown(self, row: Any) -> dict[str, Any]:
        return {
            "object": row,
            "state": row.state_on(self.today),
            "tone": calendar.tone(row, self.today),
            "budget": panel.money(row.budget, row.budget_currency),
            "goal": panel.money(row.goal, row.goal_currency),
        }


class CampaignDetail(CampaignView, DetailPage):
    template_name = "insight/campaigns/detail.html"
    back_url_name = "campaigns:list"
    back_label = gettext_lazy("Campaigns")

    def facts(self, obj: Campaign) -> Sequence[Fact]:
        belongs = [] if obj.is_main else [Fact(_("Belongs to"), self.main_of(obj))]
        return [
            Fact(pgettext("campaign", "Code"), obj.code),
            Fact(_("What it is"), _("Main campaign") if obj.is_main else _("Campaign")),
            *belongs,
            Fact(pgettext("campaign", "Days"), f"{obj.starts} – {obj.ends}"),
            Fact(_("Type"), obj.type or "–"),
            Fact(_("Budget"), panel.money(obj.budget, obj.budget_currency)),
            Fact(_("Revenue goal"), panel.money(obj.goal, obj.goal_currency)),
            Fact(_("Owner"), obj.owner or "–"),
            *([Fact(_("Description"), obj.description)] if obj.description else []),
        ]

    def main_of(self, obj: Campaign) -> Any:
        """A way to the main campaign that it belongs to."""
        if obj.parent is None:
            return _("None: independent")
        url = self.reverse("campaigns:detail", pk=obj.parent.pk)
        return format_html('<a href="{}">{}</a>', url, obj.parent.name)

    def extra(self, obj: Campaign) -> dict[str, Any]:
        parts = [] if obj.is_main else links.belongings(self.access, obj)
        reached = outcome.of(self.access, obj, self.today)
        below = queries.with_counts(rights.visible(self.access).filter(parent=obj)).order_by("starts", "name")
        return {
            "state": obj.state_on(self.today),
            "below": [(row, row.state_on(self.today)) for row in below] if obj.is_main else [],
            "parts": parts,
            "totals": [(_RESULTS[name], number) for name, number in reached.results.items()],
            "outcome": reached,
            "revenue": panel.revenue(obj, reached),
            "cost": panel.cost(obj, reached),
            "may_change": rights.may_change(self.access, obj),
            "may_grant": rights.may_grant(self.access, obj),
        }


class CampaignFormPage(CampaignView, FormPage):
    form_class = CampaignForm
    template_name = "insight/campaigns/form.html"

    def form_options(self, obj: Campaign | None) -> dict[str, Any]:
        return {"access": self.access, "obj": obj}

    def success_url(self, obj: Campaign) -> str:
        return self.reverse("campaigns:detail", pk=obj.pk)

    def get_context(self, **more: Any) -> dict[str, Any]:
        return super().get_context(types=services.types(self.access), **more)


class NewCampaign(CampaignFormPage):
    """?starts= and other fields fill the form; ?parent= names a main campaign."""

    title = gettext_lazy("New campaign")
    submit_label = gettext_lazy("Create")
    back_url_name = "campaigns:list"
    success_message = gettext_lazy("The campaign was created.")

    def permission_point(self) -> str:
        return rights.CREATE

    def get_object(self) -> Any:
        return None

    def initial(self, obj: Any) -> dict[str, Any]:
        given = {
            name: self.request.GET.get(name, "") for name in ("name", "code", "parent", "starts", "ends")
        }
        first = given["starts"] or self.today.isoformat()
        return {**given, "starts": first, "ends": given["ends"] or first}

    def save(self, form: CampaignForm, obj: Any) -> Campaign:
        return services.create(self.access, form.values())


class QuickCampaign(CampaignView):
    """The short form of the calendar, in its dialog: the answer is the form with its errors, or a way on."""

    def permission_point(self) -> str:
        return rights.CREATE

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        form = QuickForm(request.POST, access=self.access, auto_id="quick-%s")
        if form.is_valid():
            try:
                made = services.create(self.access, form.values())
            except PermissionDenied:
                raise
            except DomainError as error:
                apply_errors(form, error)
            else:
                flash(request, _("The campaign “%(name)s” was created.") % {"name": made.name})
                url = f"{self.reverse('campaigns:calendar')}?month={made.starts:%Y-%m}"
                return HttpResponse(headers={"HX-Redirect": url})
        return self.render("insight/campaigns/quick_form.html", self.get_context(form=form))


class EditCampaign(CampaignFormPage):
    title = gettext_lazy("Edit the campaign")
    success_message = gettext_lazy("Saved.")

    def get_object(self) -> Any:
        found = super().get_object()
        rights.check_change(self.access, found)
        return found

    def initial(self, obj: Campaign) -> dict[str, Any]:
        return {**{name: getattr(obj, name) for name in services.FIELDS}, "parent": obj.parent_id or ""}

    def save(self, form: CampaignForm, obj: Campaign) -> Campaign:
        return services.update(self.access, obj, form.values(), edit_version=self.seen_version())

    def extra(self, form: Any, obj: Campaign) -> dict[str, Any]:
        return {"back_url": self.success_url(obj), "back_label": obj.name}


class DeleteCampaign(CampaignView, DeletePage):
    back_url_name = "campaigns:list"

    def get_object(self) -> Any:
        found = super().get_object()
        rights.check_change(self.access, found)
        return found

    def consequences(self, obj: Campaign) -> Sequence[Any]:
        if obj.is_main:
            count = obj.children.count()
            return (
                [_("Its %(count)d campaigns stay and become independent.") % {"count": count}]
                if count
                else []
            )
        return [_("Its audiences and tasks stay; they only no longer belong to it.")]

    def delete(self, obj: Campaign) -> None:  # type: ignore[override]
        services.delete(self.access, obj)


class Sharing(CampaignView):
    """Who may use the campaigns in ?campaign=…: the grants that all of them have, and a form for one more."""

    title = gettext_lazy("Who may use campaigns")

    def chosen(self) -> list[Campaign]:
        given = self.request.GET.getlist("campaign") or self.request.POST.getlist("campaign")
        rows = self.offered().filter(pk__in=given)
        return [row for row in rows if rights.may_grant(self.access, row)]

    def offered(self) -> QuerySet[Campaign]:
        rows = rights.linkable(self.access).select_related("parent", "workspace")
        return (rows if self.access.is_admin else rows.filter(owner=self.access.user)).order_by(
            "-starts", "name"
        )

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self.show(GrantForm(workspace=self.workspace))

    def show(self, form: GrantForm, status: int = 200) -> HttpResponse:
        chosen = self.chosen()
        context = self.get_context(
            form=form,
            chosen=chosen,
            offered=self.offered()[:1000],
            grants=granting.common(chosen) if chosen else [],
            back_url=self.reverse("campaigns:detail", pk=chosen[0].pk)
            if len(chosen) == 1
            else self.reverse("campaigns:list"),
            back_label=chosen[0].name if len(chosen) == 1 else _("Campaigns"),
        )
        return self.render("insight/campaigns/sharing.html", context, status=status)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        chosen = self.chosen()
        again = HttpResponseRedirect(request.get_full_path())
        if not chosen:
            flash(request, _("Choose campaigns first."), messages.WARNING)
            return again
        if "revoke" in request.POST:
            rows = CampaignGrant.objects.filter(pk__in=request.POST.getlist("revoke"), campaign__in=chosen)
            granting.revoke(self.access, rows.select_related("campaign", "user", "role", "group"))
            flash(request, _("The grant was taken back."))
            return again
        form = GrantForm(request.POST, workspace=self.workspace)
        if form.is_valid():
            try:
                granting.grant(self.access, chosen, form.values())
            except PermissionDenied:
                raise
            except DomainError as error:
                places = dict.fromkeys(grantees.KINDS, "grantee")
                error.errors = {places.get(path, path): found for path, found in error.errors.items()}
                apply_errors(form, error)
            else:
                flash(request, _("The grant was saved."))
                return again
        return self.show(form, status=422)
