"""Console pages of identities: overview, settings, review, history, and the page of one person."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cdp.console.generic import FormPage, WorkspaceView
from cdp.console.middleware import flash
from cdp.core import schedules
from cdp.core.errors import DomainError, NotFound, PermissionDenied
from cdp.core.identifiers import ID_TYPES
from cdp.jobs.services import active_job
from insight.oneid import decisions, queries, reading, sections, services
from insight.oneid.api import decision_json, review_json
from insight.oneid.forms import FindForm, SettingsForm, initial_of
from insight.oneid.masking import note, shown
from insight.oneid.models import IdentityDecision, IdentityGraph

KINDS = {
    "": gettext_lazy("Everything"),
    "shared": gettext_lazy("Shared IDs"),
    "oversized": gettext_lazy("Too many IDs"),
    "conflict": gettext_lazy("Contradictions"),
}
RUNS_SHOWN = 10


class Overview(WorkspaceView):
    permission = services.VIEW
    title = gettext_lazy("Identities")
    intro = gettext_lazy("Which IDs belong to one person: worked out from IDs that were seen together.")

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        graph = services.get_graph(self.workspace)
        context = self.get_context(
            graph=graph,
            job=active_job(graph),
            stats=graph.stats if graph.version else None,
            cut=graph.stats.get("oversized", 0) + graph.stats.get("conflicts", 0),
            types=_shares(graph.stats.get("types", {})),
            sizes=_sizes(graph.stats.get("sizes", [])),
            runs=[(run, *_kind(run.stats)) for run in graph.runs.all()[:RUNS_SHOWN]],
            schedule=schedules.describe(graph.refresh or {}),
            may_manage=self.access.can(services.MANAGE),
        )
        return self.render("insight/oneid/overview.html", context)


def _kind(stats: dict[str, Any]) -> tuple[Any, Any]:
    """Of a run: full or incremental, and why it was full."""
    return reading.KINDS[stats.get("kind", reading.FULL)], reading.REASONS.get(stats.get("reason", ""), "")


def _shares(types: dict[str, int]) -> list[dict[str, Any]]:
    most = max(types.values(), default=1)
    return [
        {"label": ID_TYPES[key].label, "count": count, "share": round(100 * count / most)}
        for key, count in types.items()
    ]


def _sizes(sizes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    most = max((item["people"] for item in sizes), default=0) or 1
    found = []
    for item in sizes:
        least, upper = item["from"], item["to"]
        label = f"{least}" if least == upper else f"{least} – {upper}" if upper else f"≥ {least}"
        found.append({"label": label, "count": item["people"], "share": round(100 * item["people"] / most)})
    return found


class Settings(FormPage):
    permission = services.MANAGE
    title = gettext_lazy("Settings of identities")
    template_name = "insight/oneid/settings.html"
    form_class = SettingsForm
    submit_label = gettext_lazy("Save")
    success_message = gettext_lazy("Saved. The next run uses these settings.")
    back_url_name = "oneid:overview"

    def get_object(self) -> IdentityGraph:
        return services.get_graph(self.workspace)

    def initial(self, obj: IdentityGraph) -> dict[str, Any]:
        return initial_of(obj)

    def form_options(self, obj: IdentityGraph) -> dict[str, Any]:
        return {"access": self.access, "graph": obj}

    def save(self, form: SettingsForm, obj: IdentityGraph) -> IdentityGraph:
        try:
            return services.update(self.access, form.values(), edit_version=self.seen_version())
        except DomainError as error:
            error.errors = {_field(path): found for path, found in error.errors.items()}
            raise

    def success_url(self, obj: IdentityGraph) -> str:
        return self.reverse("oneid:overview")


def _field(path: str) -> str:
    """The form's field of a path in what the service takes."""
    if path.startswith("sources"):
        return "datasets"
    return path.removeprefix("limits/").removeprefix("refresh/")


class Run(WorkspaceView):
    permission = services.MANAGE
    http_method_names = ("post",)  # type: ignore[assignment]

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            services.run(self.access, full=request.POST.get("full") == "1")
        except PermissionDenied:
            raise
        except DomainError as error:
            flash(request, error, messages.ERROR)
        return HttpResponseRedirect(self.reverse("oneid:overview"))


class Review(WorkspaceView):
    permission = services.VIEW
    title = gettext_lazy("Identities to look at")
    intro = gettext_lazy("IDs that many people share, and people that were cut because they broke a limit.")

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        graph = queries.current_graph(self.workspace)
        kind = request.GET.get("kind", "")
        page = _number(request.GET.get("page"))
        rows, count = queries.review(graph, kind if kind in KINDS else "", page) if graph else ([], 0)
        note(self.access, graph, place="identities to review", rows=len(rows))
        context = self.get_context(
            rows=[review_json(self.access, row) for row in rows],
            count=count,
            kind=kind,
            kinds=KINDS,
            number=page,
            more=count > page * queries.REVIEW_PAGE,
            back_url=self.reverse("oneid:overview"),
            may_search=self.access.can(services.SEARCH),
        )
        return self.render("insight/oneid/review.html", context)


class History(WorkspaceView):
    permission = services.VIEW
    title = gettext_lazy("History of identities")
    intro = gettext_lazy(
        "People that became one or fell apart from run to run, and what was decided by hand."
    )

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        graph = queries.current_graph(self.workspace)
        page = _number(request.GET.get("page"))
        rows, count = queries.history(graph, "", page) if graph else ([], 0)
        made = IdentityDecision.objects.in_workspace(self.workspace).select_related("owner")[:100]
        note(self.access, graph, place="decisions on identities", rows=len(made))
        context = self.get_context(
            rows=rows,
            count=count,
            number=page,
            more=count > page * queries.REVIEW_PAGE,
            decisions=[{"row": row, **decision_json(self.access, row)} for row in made],
            back_url=self.reverse("oneid:overview"),
            may_manage=self.access.can(services.MANAGE),
            may_search=self.access.can(services.SEARCH),
        )
        return self.render("insight/oneid/history.html", context)


def _number(given: str | None) -> int:
    return int(given) if given and given.isdecimal() and 0 < int(given) < 100_000 else 1


class Find(WorkspaceView):
    """Finding somebody is a POST, so that no ID stands in an address or a log."""

    permission = services.SEARCH
    title = gettext_lazy("Find a person")
    intro = gettext_lazy("Enter any ID of somebody in full. Looking somebody up is written to the audit log.")

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self._show(FindForm())

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        form = FindForm(request.POST)
        if not form.is_valid():
            return self._show(form, status=422)
        try:
            found = services.look_up(self.access, form.cleaned_data["id_type"], form.cleaned_data["value"])
        except PermissionDenied:
            raise
        except DomainError as error:
            form.add_error("value" if isinstance(error, NotFound) else None, str(error))
            return self._show(form, status=422)
        return HttpResponseRedirect(self.reverse("oneid:person", one_id=found))

    def _show(self, form: FindForm, status: int = 200) -> HttpResponse:
        ready = queries.current_graph(self.workspace) is not None
        context = self.get_context(form=form, ready=ready, may_view=self.access.can(services.VIEW))
        return self.render("insight/oneid/find.html", context, status=status)


class PersonPage(WorkspaceView):
    permission = services.SEARCH

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        person = services.open_person(self.access, self.kwargs["one_id"])
        if person.one_id != self.kwargs["one_id"]:
            return HttpResponseRedirect(self.reverse("oneid:person", one_id=person.one_id))
        graph = services.computed(self.workspace)
        pages = {
            key.removeprefix("page_"): _number(value) for key, value in request.GET.items() if "page_" in key
        }
        changes, _count = queries.history(graph, person.one_id)
        context = self.get_context(
            person=person,
            ids=[(item, shown(self.access, item.id_type, item.value)) for item in person.ids],
            links=[
                (link, *(shown(self.access, item.id_type, item.value) for item in (link.first, link.second)))
                for link in person.links
            ],
            may_manage=self.access.can(services.MANAGE),
            sections=sections.build(self.access, person, pages),
            changes=changes,
            job=active_job(graph),
            computed_at=graph.refreshed_at,
            back_url=self.reverse("oneid:find"),
            back_label=_("Find a person"),
        )
        return self.render("insight/oneid/person.html", {**context, "title": person.one_id})


class PersonAction(WorkspaceView):
    """Joins a person with another, or parts some of their IDs from them."""

    permission = services.MANAGE
    http_method_names = ("post",)  # type: ignore[assignment]

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        self.access.require(services.SEARCH)
        back = HttpResponseRedirect(self.reverse("oneid:person", one_id=self.kwargs["one_id"]))
        graph, person = services.person_of(self.workspace, self.kwargs["one_id"])
        try:
            self.decide(graph, person, request)
        except PermissionDenied:
            raise
        except DomainError as error:
            flash(request, error, messages.ERROR)
            return back
        flash(request, _("Noted. It counts from the run that has just been started."))
        return back

    def decide(self, graph: IdentityGraph, person: queries.Person, request: HttpRequest) -> None:
        raise NotImplementedError


class Split(PersonAction):
    def decide(self, graph: IdentityGraph, person: queries.Person, request: HttpRequest) -> None:
        decisions.split(self.access, person, request.POST.getlist("ids"), request.POST.get("reason", ""))


class Merge(PersonAction):
    def decide(self, graph: IdentityGraph, person: queries.Person, request: HttpRequest) -> None:
        other = queries.person(graph, request.POST.get("other", "").strip())
        decisions.merge(self.access, person, other, request.POST.get("reason", ""))


class Withdraw(WorkspaceView):
    permission = services.MANAGE
    http_method_names = ("post",)  # type: ignore[assignment]

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        row = IdentityDecision.objects.get_in(self.workspace, self.kwargs["pk"])
        try:
            decisions.withdraw(self.access, row)
            flash(request, _("Withdrawn. It no longer counts from the run that has just been started."))
        except PermissionDenied:
            raise
        except DomainError as error:
            flash(request, error, messages.ERROR)
        return HttpResponseRedirect(self.reverse("oneid:history"))
