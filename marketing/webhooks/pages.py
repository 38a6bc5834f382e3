"""Console pages of webhooks."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from admin_center.permissions.grant_forms import GrantForm
from cdp.console.generic import (
    ActionView,
    BooleanColumn,
    Column,
    DateColumn,
    DeletePage,
    DetailPage,
    Fact,
    FormPage,
    ListPage,
)
from cdp.console.generic.base import WorkspaceView
from cdp.console.generic.detail import ObjectMixin
from cdp.console.generic.forms import apply_errors
from cdp.console.middleware import flash
from cdp.core.errors import DomainError, NotFound, PermissionDenied
from cdp.core.identifiers import ID_TYPES
from marketing.webhooks import granting, parameters, rights, services
from marketing.webhooks.api import log_file
from marketing.webhooks.forms import TestForm, WebhookForm, initial_of
from marketing.webhooks.models import Webhook, WebhookCall, WebhookGrant
from marketing.webhooks.settings import FIELDS

SHOWN_CALLS = 20
RESULTS_PATH = "/restapi/thirdservice/webhook/receiveWebHookCallBack"


def _id_types(row: Webhook) -> str:
    return ", ".join(str(ID_TYPES[key].label) for key in row.id_types)


class WebhookList(ListPage):
    permission = rights.MANAGE
    title = gettext_lazy("Webhooks")
    intro = gettext_lazy("Your own systems that send-outs call for each person.")
    search_fields = ("provider__name",)
    create_url_name = "webhooks:new"
    create_label = gettext_lazy("New webhook")
    empty_icon = "webhook"
    empty_title = gettext_lazy("No webhooks yet")
    empty_text = gettext_lazy("Let a system of your own, such as a CRM, do the sending.")
    columns = (
        Column("name", gettext_lazy("Webhook"), sort="provider__name", link=True),
        BooleanColumn("enabled", gettext_lazy("Switched on")),
        Column("id_types", gettext_lazy("ID types"), value=_id_types),
        BooleanColumn("receipts", gettext_lazy("Reports results")),
        DateColumn("updated_at", gettext_lazy("Changed"), sort="updated_at"),
    )

    def get_queryset(self) -> QuerySet[Webhook]:
        return Webhook.objects.in_workspace(self.workspace).select_related("provider")

    def row_url(self, row: Webhook) -> str:
        return self.reverse("webhooks:detail", pk=row.pk)


class WebhookMixin(ObjectMixin):
    permission = rights.MANAGE

    def get_object(self) -> Webhook:
        return Webhook.objects.select_related("provider").get_in(self.workspace, self.kwargs["pk"])


class WebhookDetail(WebhookMixin, DetailPage):
    template_name = "marketing/webhooks/detail.html"
    back_url_name = "webhooks:list"
    back_label = gettext_lazy("Webhooks")

    def facts(self, obj: Webhook) -> list[Fact]:
        facts = [
            Fact(_("Address"), obj.url),
            Fact(_("Authentication"), obj.get_auth_display()),
            Fact(_("ID types"), _id_types(obj)),
            Fact(_("Calls per second"), obj.provider.rate_per_second),
            Fact(_("Calls at once"), obj.concurrency),
            Fact(_("People per call"), obj.batch_size),
            Fact(_("Repeats calls without an answer"), _("Yes") if obj.idempotent else _("No")),
            Fact(_("Tested"), obj.provider.checked_at),
        ]
        if obj.auth == Webhook.Auth.KEY:
            facts.insert(2, Fact(_("Header of the signature"), obj.signature_header))
        if obj.receipts:
            facts.append(Fact(_("Hours in which results are taken"), obj.window_hours))
            facts.append(Fact(_("Address for results"), self.request.build_absolute_uri(RESULTS_PATH)))
        if obj.source_ips:
            facts.append(Fact(_("Addresses that results may come from"), ", ".join(obj.source_ips)))
        return facts

    def extra(self, obj: Webhook) -> dict[str, Any]:
        return {
            "preview": json.dumps(services.preview(obj), ensure_ascii=False, indent=2),
            "parameters": [{**row, "kind": parameters.TYPES[row["type"]]} for row in obj.parameters],
            "grants": obj.grants.select_related("user", "role", "group"),
            "grant_form": GrantForm(workspace=self.workspace),
            "calls": obj.calls.all()[:SHOWN_CALLS],
        }


class WebhookFormPage(FormPage):
    permission = rights.MANAGE
    form_class = WebhookForm
    back_url_name = "webhooks:list"

    def success_url(self, obj: Webhook) -> str:
        return self.reverse("webhooks:detail", pk=obj.pk)


class NewWebhook(WebhookFormPage):
    title = gettext_lazy("New webhook")
    success_message = gettext_lazy("Saved and switched on. Test it now.")

    def save(self, form: WebhookForm, obj: Any) -> Webhook:
        return services.create(self.access, form.values())


class EditWebhook(WebhookMixin, WebhookFormPage):
    title = gettext_lazy("Edit the webhook")
    success_message = gettext_lazy("Saved. It is still switched off.")

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        webhook = self.get_object()
        if webhook.enabled:
            flash(request, _("Switch it off before you change it."), messages.WARNING)
            return HttpResponseRedirect(self.success_url(webhook))
        return super().get(request, *args, **kwargs)

    def initial(self, obj: Webhook) -> dict[str, Any]:
        values = {name: getattr(obj, name) for name in FIELDS}
        return initial_of({**values, "name": obj.name, "rate_per_second": obj.provider.rate_per_second})

    def save(self, form: WebhookForm, obj: Webhook) -> Webhook:
        return services.update(self.access, obj, form.values(), edit_version=self.seen_version())


class CopyWebhook(WebhookMixin, WebhookFormPage):
    """The form with another webhook's values; what is saved begins switched off."""

    title = gettext_lazy("Copy the webhook")
    success_message = gettext_lazy("Saved. It is switched off: switch it on to test and use it.")

    def initial(self, obj: Webhook) -> dict[str, Any]:
        return initial_of(services.copied(obj))

    def save(self, form: WebhookForm, obj: Webhook) -> Webhook:
        return services.copy(self.access, obj, form.values())


class _WebhookAction(WebhookMixin, ActionView):
    def success_url(self, obj: Webhook, result: Any) -> str:
        return self.reverse("webhooks:detail", pk=obj.pk)


class SwitchWebhook(_WebhookAction):
    def act(self, obj: Webhook) -> Webhook:
        return services.switch(self.access, obj, enabled=self.request.POST.get("to") == "on")

    def message(self, obj: Webhook, result: Webhook) -> str:
        return _("Switched on.") if result.enabled else _("Switched off. Nobody else is sent to through it.")


class GrantWebhook(_WebhookAction):
    """Let somebody send through it, or take that back (`revoke`)."""

    def act(self, obj: Webhook) -> Any:
        if key := self.request.POST.get("revoke"):
            rows = WebhookGrant.objects.select_related("webhook", "user", "role", "group")
            return granting.revoke(self.access, rows.get_in(self.workspace, key, webhook=obj))
        form = GrantForm(self.request.POST, workspace=self.workspace)
        if not form.is_valid():
            raise DomainError(" ".join(text for found in form.errors.values() for text in found), status=400)
        return granting.grant(self.access, obj, form.values())

    def message(self, obj: Webhook, result: Any) -> Any:
        return _("The grant was saved.") if result else _("The grant was taken back.")


class TestWebhook(WebhookMixin):
    """One call by hand, with its result and log on the same page."""

    title = gettext_lazy("Test the webhook")

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        webhook = self.get_object()
        return self.show(webhook, TestForm(webhook=webhook))

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        webhook = self.get_object()
        form, call, status = TestForm(request.POST, webhook=webhook), None, 422
        if form.is_valid():
            try:
                call, status = services.test(self.access, webhook, form.values()), 200
            except PermissionDenied:
                raise
            except DomainError as error:
                apply_errors(form, error)
        return self.show(webhook, form, call, status)

    def show(
        self, webhook: Webhook, form: TestForm, call: WebhookCall | None = None, status: int = 200
    ) -> HttpResponse:
        context = self.get_context(
            object=webhook,
            form=form,
            call=call,
            back_url=self.reverse("webhooks:detail", pk=webhook.pk),
            back_label=webhook.name,
        )
        return self.render("marketing/webhooks/test.html", context, status=status)


class CallLog(WorkspaceView):
    """A call as a file: for those who set webhooks up, and of test sends for those who may send through it."""

    permission = "workspace.view"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        call = WebhookCall.objects.select_related("webhook__provider").get_in(
            self.workspace, self.kwargs["pk"]
        )
        if not self.access.can(rights.MANAGE):
            rights.check_use(self.access, call.webhook)
            if call.recipient:
                raise NotFound()
            call.url = "–"
        return log_file(call)


class DeleteWebhook(WebhookMixin, DeletePage):
    model = Webhook
    back_url_name = "webhooks:list"

    def delete(self, obj: Webhook) -> None:  # type: ignore[override]
        services.delete(self.access, obj)
