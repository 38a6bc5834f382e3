"""Console pages of pushes: systems outside, the dialog of a push, its history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from admin_center.permissions.grant_forms import GrantForm
from cdp.console.generic import (
    ActionView,
    Column,
    DateColumn,
    DeletePage,
    FormPage,
    ListPage,
    TextColumn,
    WorkspaceView,
)
from cdp.console.generic.forms import apply_errors
from cdp.console.middleware import flash
from cdp.core.errors import DomainError, PermissionDenied
from cdp.jobs.services import active_job
from insight.aipl import services as aipl
from insight.audiences import adding_ids, applications, origins, visibility
from insight.campaigns import links
from insight.campaigns.models import Campaign
from insight.omni import quota
from insight.pushes import fields, interfaces, services, sources
from insight.pushes.campaign_links import KIND
from insight.pushes.forms import InterfaceForm, PushForm, chosen_of, initial_of, rows_of
from insight.pushes.models import InterfaceGrant, Push, PushInterface, PushSetting
from insight.pushes.targets import TARGETS

PER_PAGE = 20


class InterfaceList(ListPage):
    permission = interfaces.MANAGE
    title = gettext_lazy("Push interfaces")
    intro = gettext_lazy("Systems outside that audiences and AIPL models are pushed to.")
    template_name = "insight/pushes/interfaces.html"
    search_fields = ("name",)
    ordering = "name"
    empty_icon = "cloud-upload"
    empty_title = gettext_lazy("No interfaces yet")
    empty_text = gettext_lazy(
        "Set up Kafka, a webhook, an SFTP server or an S3 store; audiences can then be pushed there."
    )
    columns = (
        TextColumn("name", gettext_lazy("Name"), sort="name", link=True),
        Column("target", gettext_lazy("Kind"), value=lambda row: TARGETS[row.target].label, sort="target"),
        DateColumn("tested_at", gettext_lazy("Tested"), sort="tested_at"),
    )

    def get_queryset(self) -> QuerySet[PushInterface]:
        return PushInterface.objects.in_workspace(self.workspace)

    def row_url(self, row: PushInterface) -> str:
        return self.reverse("pushes:interface", pk=row.pk)

    def get_context(self, **more: Any) -> dict[str, Any]:
        return super().get_context(targets=list(TARGETS), **more)


class InterfacePage(FormPage):
    permission = interfaces.MANAGE
    form_class = InterfaceForm
    template_name = "insight/pushes/interface.html"
    submit_label = gettext_lazy("Test and save")
    back_url_name = "pushes:interfaces"
    success_message = gettext_lazy("The test passed. The interface was saved.")

    def form_options(self, obj: PushInterface | None) -> dict[str, Any]:
        target = TARGETS.get(obj.target if obj else self.kwargs["type"])
        if target is None:
            raise Http404
        return {"target": target, "interface": obj}

    def save(self, form: InterfaceForm, obj: PushInterface | None) -> PushInterface:
        try:
            if obj is None:
                return interfaces.create(self.access, form.values())
            return interfaces.update(self.access, obj, form.values(), edit_version=self.seen_version())
        except DomainError as error:
            error.errors = {path.replace("config/", "config_"): found for path, found in error.errors.items()}
            raise

    def success_url(self, obj: PushInterface) -> str:
        return self.reverse("pushes:interface", pk=obj.pk)


class NewInterface(InterfacePage):
    def get_context(self, **more: Any) -> dict[str, Any]:
        label = TARGETS[self.kwargs["type"]].label
        return {**super().get_context(**more), "title": _("New interface: %(kind)s") % {"kind": label}}


class EditInterface(InterfacePage):
    title = gettext_lazy("Push interface")

    def get_object(self) -> PushInterface:
        return PushInterface.objects.get_in(self.workspace, self.kwargs["pk"])

    def initial(self, obj: PushInterface) -> dict[str, Any]:
        return {"name": obj.name}

    def extra(self, form: Any, obj: PushInterface) -> dict[str, Any]:
        return {
            "grants": obj.grants.select_related("user", "role", "group"),
            "grant_form": GrantForm(workspace=self.workspace),
            "kind": TARGETS[obj.target].label,
        }

    def get_context(self, **more: Any) -> dict[str, Any]:
        found = super().get_context(**more)
        return {**found, "title": found["object"].name} if found.get("object") else found


class TestInterface(ActionView):
    permission = interfaces.MANAGE
    model = PushInterface

    def act(self, obj: PushInterface) -> Any:
        return interfaces.test(self.access, obj)

    def message(self, obj: PushInterface, result: Any) -> Any:
        return _("The interface works. %(words)s") % {"words": result}

    def success_url(self, obj: PushInterface, result: Any) -> str:
        return self.reverse("pushes:interface", pk=obj.pk)


class GrantInterface(ActionView):
    """Let somebody push there, or take that back (`revoke`)."""

    permission = interfaces.MANAGE
    model = PushInterface

    def act(self, obj: PushInterface) -> Any:
        if key := self.request.POST.get("revoke"):
            row = InterfaceGrant.objects.select_related("interface", "user", "role", "group")
            return interfaces.revoke(self.access, row.get_in(self.workspace, key, interface=obj))
        form = GrantForm(self.request.POST, workspace=self.workspace)
        if not form.is_valid():
            raise DomainError(" ".join(text for found in form.errors.values() for text in found), status=400)
        return interfaces.grant(self.access, obj, form.values())

    def message(self, obj: PushInterface, result: Any) -> Any:
        return _("The grant was saved.") if result else _("The grant was taken back.")

    def success_url(self, obj: PushInterface, result: Any) -> str:
        return self.reverse("pushes:interface", pk=obj.pk)


class DeleteInterface(DeletePage):
    permission = interfaces.MANAGE
    model = PushInterface
    back_url_name = "pushes:interfaces"

    def blockers(self, obj: PushInterface) -> Sequence[Any]:
        return interfaces.blockers(obj)

    def delete(self, obj: PushInterface) -> None:  # type: ignore[override]
        interfaces.delete(self.access, obj)


class PushPage(WorkspaceView):
    """Where to (?interface=), once or by schedule, and which fields."""

    permission = interfaces.PUSH
    unusable: Sequence[dict[str, Any]] = ()
    """IDs that the interface does not take, as the table of fields shows them."""

    def source(self) -> sources.Source:
        raise NotImplementedError

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        source = self.source()
        interface, offered = self.chosen(source, request.GET.get("interface", ""))
        return self.show(source, interface, offered)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        source = self.source()
        interface, offered = self.chosen(source, request.POST.get("interface", ""))
        if interface is None:
            return self.show(source, interface, offered)
        setting = _setting(source, interface)
        history = HttpResponseRedirect(source.page("history"))
        if request.POST.get("action") == "remove" and setting is not None:
            services.remove_periodic(self.access, setting)
            flash(request, _("The schedule was removed."))
            return history
        form = self.form(source, interface, request.POST)
        rows = self.rows(source, interface, None, request.POST)
        if form.is_valid():
            data = {"fields": chosen_of(rows), "options": form.options(), **form.belongs()}
            try:
                if form.cleaned_data["mode"] == "once":
                    services.push(self.access, source.subject, interface, data)
                    flash(request, _("The push has started."))
                else:
                    more = {name: form.cleaned_data[name] for name in ("enabled", "start", "end")}
                    services.set_periodic(
                        self.access, source.subject, interface, {**data, **more, "refresh": form.policy()}
                    )
                    flash(request, _("The schedule was saved."))
                return history
            except PermissionDenied:
                raise
            except DomainError as error:
                error.errors = _placed(error.errors)
                apply_errors(form, error)
        return self.show(source, interface, offered, form, rows, status=422)

    def chosen(
        self, source: sources.Source, key: str
    ) -> tuple[PushInterface | None, list[tuple[PushInterface, str]]]:
        """The interface, and all of them, each with why this cannot go there."""
        offered = [
            (row, source.takes(TARGETS[row.target]))
            for row in interfaces.usable(self.access).order_by("name")
        ]
        possible = [row for row, reason in offered if not reason]
        first = possible[0] if possible else None
        return next((row for row in possible if row.pk == key), first), offered

    def form(self, source: sources.Source, interface: PushInterface, data: Any = None) -> PushForm:
        setting = _setting(source, interface)
        options: dict[str, Any] = {
            "access": self.access,
            "target": TARGETS[interface.target],
            "source": source,
        }
        if setting is not None and not services.may_change_setting(self.access, setting):
            setting, options["once"] = None, True
        if data is not None:
            return PushForm(data, **options)
        return PushForm(initial=initial_of(setting), **options)

    def rows(
        self, source: sources.Source, interface: PushInterface, chosen: Any, data: Any
    ) -> list[dict[str, Any]]:
        offered = fields.offered(self.access, source.subject, TARGETS[interface.target])
        self.unusable = offered["unusable"]
        return rows_of(offered, chosen, data)

    def show(
        self,
        source: sources.Source,
        interface: PushInterface | None,
        offered: list[tuple[PushInterface, str]],
        form: PushForm | None = None,
        rows: list[dict[str, Any]] | None = None,
        status: int = 200,
    ) -> HttpResponse:
        setting = _setting(source, interface) if interface else None
        if interface is not None:
            form = form or self.form(source, interface)
            if rows is None:
                rows = self.rows(source, interface, setting and setting.fields, None)
        found: dict[str, list[dict[str, Any]]] = {"id": [], "tag": [], "fact": []}
        for row in rows or []:
            found[row["kind"]].append(row)
        context = self.get_context(
            interface=interface,
            offered=offered,
            setting=setting,
            may_schedule=setting is None or services.may_change_setting(self.access, setting),
            form=form,
            ids=found["id"],
            unusable=self.unusable,
            tags=found["tag"],
            facts=found["fact"],
            target=TARGETS[interface.target] if interface else None,
            addable=self.addable(source, interface) if interface and not found["id"] else [],
            may_manage=self.access.can(interfaces.MANAGE),
            short=self.short(interface),
            history_url=source.page("history"),
            back_url=source.own_page,
            back_label=source.subject.name,
        )
        return self.render("insight/pushes/push.html", context, status=status)

    def addable(self, source: sources.Source, interface: PushInterface) -> list[dict[str, str]]:
        """IDs that the system takes and that could be saved, of an audience that holds none that it takes."""
        return []

    def short(self, interface: PushInterface | None) -> str:
        """Why omni-domain insight takes no IDs now; empty where it does, and for other systems."""
        if interface is None or interface.target != "omni":
            return ""
        try:
            quota.check(self.workspace)
        except DomainError as error:
            return str(error)
        return ""


class PushAudience(PushPage):
    title = gettext_lazy("Push the audience")

    def source(self) -> sources.Source:
        audience = visibility.get_visible(self.access, self.kwargs["pk"])
        origins.require(audience, "push")
        return sources.of(audience)

    def addable(self, source: sources.Source, interface: PushInterface) -> list[dict[str, str]]:
        target = TARGETS[interface.target]
        offered = adding_ids.addable(self.access, source.subject)
        return [applications.named(key) for key in offered if not fields.refusal(target, key, "plain")]

    def add_url(self) -> str:
        return self.reverse("audiences:add-id", self.kwargs["pk"])


class PushModel(PushPage):
    """The dialog of an AIPL model, for those who may change it."""

    title = gettext_lazy("Push the AIPL model")

    def source(self) -> sources.Source:
        found = sources.of(aipl.get(self.access, self.kwargs["pk"]))
        found.check(self.access)
        return found


def _setting(source: sources.Source, interface: PushInterface) -> PushSetting | None:
    return PushSetting.objects.filter(**{source.field: source.subject}, interface=interface).first()


def _placed(errors: dict[str, Any]) -> dict[str, Any]:
    """Paths of the service as names of the form's fields; errors of single fields stand above the form."""
    return {path.removeprefix("refresh/").removeprefix("options/"): found for path, found in errors.items()}


class PushHistory(WorkspaceView):
    """What was pushed of an audience, newest first; opening it takes the red dot away."""

    permission = interfaces.PUSH
    title = gettext_lazy("Push history")
    campaigns: Mapping[str, Sequence[Campaign]]
    """Those of each push and schedule on the page, by key."""

    def source(self) -> sources.Source:
        return sources.of(visibility.get_visible(self.access, self.kwargs["pk"]))

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        source = self.source()
        rows = services.history(source.subject, opened=True)
        page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
        settings = list(
            PushSetting.objects.filter(**{source.field: source.subject}).select_related("interface")
        )
        keys = [str(row.pk) for row in (*page.object_list, *settings)]
        self.campaigns = links.of(KIND, keys)
        context = self.get_context(
            page=page,
            rows=[self.shown(row) for row in page.object_list],
            settings=[
                (row, source.in_words(row.refresh), self.campaigns.get(str(row.pk), [])) for row in settings
            ],
            is_model=bool(source.facts),
            may_push=source.may(self.access),
            push_url=source.page(),
            back_url=source.own_page,
            back_label=source.subject.name,
        )
        return self.render("insight/pushes/history.html", context)

    def shown(self, row: Push) -> dict[str, Any]:
        own = row.owner_id == self.access.user.pk or self.access.can(interfaces.MANAGE)
        return {
            "object": row,
            "kind": TARGETS[row.target].label,
            "labels": [fields.label_of(item) for item in row.fields],
            "campaigns": self.campaigns.get(row.pk, []),
            "job": active_job(row) if row.state in Push.ACTIVE else None,
            "may_retry": own and row.state in (Push.State.FAILED, Push.State.CANCELLED) and row.interface_id,
            "may_cancel": own and row.state in Push.ACTIVE,
        }


class ModelHistory(PushHistory):
    """What was pushed of an AIPL model."""

    def source(self) -> sources.Source:
        return sources.of(aipl.get(self.access, self.kwargs["pk"]))


class _PushAction(ActionView):
    permission = interfaces.PUSH

    def get_object(self) -> Push:
        return services.get(self.access, self.kwargs["pk"])

    def success_url(self, obj: Push, result: Any) -> str:
        return sources.of(obj.subject).page("history")


class RetryPush(_PushAction):
    success_message = gettext_lazy("The push has started again.")

    def act(self, obj: Push) -> Any:
        return services.retry(self.access, obj)


class CancelPush(_PushAction):
    success_message = gettext_lazy("The push is being stopped.")

    def act(self, obj: Push) -> Any:
        services.cancel(self.access, obj)
