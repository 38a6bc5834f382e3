"""Pages that prepare and steer send-outs."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.db import transaction
from django.http import Http404
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from cdp.console.generic import (
    ActionView,
    DeletePage,
    FormPage,
)
from cdp.console.generic.detail import ObjectMixin
from cdp.console.middleware import flash
from cdp.core.errors import PermissionDenied, ValidationFailed
from insight.audiences import visibility
from insight.campaigns import links as campaigns
from marketing.channels.models import Provider
from marketing.content import digital, signatures
from marketing.content.design import starters
from marketing.delivery import (
    composition,
    copying,
    mail_editor,
    own_template,
    platform_choice,
    services,
    sms_editor,
    trial,
)
from marketing.delivery.campaign_links import KIND
from marketing.delivery.custom_form import form_of
from marketing.delivery.forms import (
    SendOutForm,
    VariablesForm,
    WhenForm,
    variants_as_fields,
)
from marketing.delivery.models import SendOut
from marketing.delivery.suppressions import ID_TYPES_OF

CHANNELS = tuple(Provider.Channel.values)


class SendOutMixin(ObjectMixin):
    """A page of one send-out; the point that it asks for is the one of the send-out's channel."""

    model = SendOut
    verb = "view"
    permission = "workspace.view"

    def get_object(self) -> SendOut:
        send_out: SendOut = super().get_object()
        view = f"marketing.{send_out.channel}.view"
        if not self.access.can(view):
            raise PermissionDenied(point=view)
        self.access.require(f"marketing.{send_out.channel}.{self.verb}")
        return send_out


def kind_of(send_out: SendOut) -> str:
    """The channel, and the mark of those that answer people who wrote."""
    label = str(send_out.get_channel_display())
    return f"{label} · {send_out.get_origin_display()}" if send_out.origin else label


class SendOutFormPage(FormPage):
    template_name = "marketing/delivery/form.html"
    form_class = staticmethod(form_of)
    back_url_name = "delivery:list"
    submit_label = _("Save and go on")

    def success_url(self, obj: SendOut) -> str:
        step = "variables" if obj.variable_names and not obj.resend_of_id else "detail"
        if obj.channel == Provider.Channel.CUSTOM and not obj.resend_of_id:
            step = "parameters" if obj.provider.webhook.parameters else "detail"
        return self.reverse(f"delivery:{step}", pk=obj.pk)

    def extra(self, form: SendOutForm, obj: SendOut | None) -> dict[str, Any]:
        channel = obj.channel if obj else self.kwargs["channel"]
        may_write = self.access.can("marketing.content.manage")
        return {
            "step": 1,
            "channel": channel,
            "new_template_url": self._template_url(channel) if may_write else "",
            **(self._sms_urls() if may_write and channel == Provider.Channel.SMS else {}),
            "connect_url": self._connect_url(channel),
            "accounts_url": self.reverse("accounts:list") if channel == Provider.Channel.PUSH else "",
            "new_sender_url": self._sender_url(channel),
            "upload_url": self._upload_url(channel, obj),
            "platform_reasons": platform_choice.reasons(self.workspace, channel),
            "sms": sms_editor.known(self.workspace) if channel == Provider.Channel.SMS else None,
            "starters": starters.all() if form.has_mail else [],
        }

    def _upload_url(self, channel: str, obj: SendOut | None) -> str:
        """Where a list of IDs becomes an audience, and leads back to this form."""
        if not self.access.can("insight.audience.filter"):
            return ""
        back = self.reverse("delivery:edit", pk=obj.pk) if obj else self.request.path
        types = ID_TYPES_OF[channel]
        query = {"id_type": types[0], "next": back} if len(types) == 1 else {"next": back}
        return self.reverse("audiences:upload") + "?" + urlencode(query)

    def _template_url(self, channel: str) -> str:
        return "" if channel == Provider.Channel.CUSTOM else self.reverse("content:new", channel=channel)

    def _sms_urls(self) -> dict[str, str]:
        """Where digital SMS and signatures are made on the way, if some platform takes them."""
        urls = {"add_signature_url": self.reverse("content:signature-new")}
        if signatures.platforms(self.workspace).exists():
            urls["new_signature_url"] = self.reverse("content:signature-submit")
        if digital.platforms(self.workspace):
            urls["new_digital_url"] = self.reverse("content:new-digital")
        return urls

    def _connect_url(self, channel: str) -> str:
        may_connect = channel == Provider.Channel.PUSH and self.access.can("marketing.accounts.manage")
        return self.reverse("channels:list") if may_connect else ""

    def _sender_url(self, channel: str) -> str:
        may_add = channel == Provider.Channel.EMAIL and self.access.can("marketing.accounts.manage")
        return self.reverse("channels:any-sender-new") if may_add else ""

    def values(self, form: SendOutForm, variables: dict[str, Any]) -> dict[str, Any]:
        """Cleaned data, and a text for variables that have none yet; the next page asks for them."""
        values = form.values()
        if "template" not in values and not values.get("variants"):
            return values
        mail = (
            {name: values.pop(name) for name in mail_editor.NAMES if name in values} if form.has_mail else {}
        )
        text = values.pop("text", "")
        if mail_editor.is_written(mail):
            values = own_template.with_mail(self.access, values, mail, name=values["name"])
        elif text and not values["variants"]:
            values = own_template.with_text(self.access, values, text, name=values["name"])
        templates = [row.template for row in values["variants"]] or [values["template"]]
        names = [name for template in templates for name in template.variables]
        kept = {name: variables.get(name, {"missing": "replace", "value": ""}) for name in names}
        for given in kept.values():
            given.setdefault("dataset", "")
            given.setdefault("tag", "")
        return {**values, "variables": kept}


class NewSendOut(SendOutFormPage):
    def permission_point(self) -> str:
        if self.kwargs["channel"] not in CHANNELS:
            raise Http404
        return f"marketing.{self.kwargs['channel']}.create"

    def get_context(self, **more: Any) -> dict[str, Any]:
        label = Provider.Channel(self.kwargs["channel"]).label
        return {
            **super().get_context(**more),
            "title": gettext("New send-out: %(channel)s") % {"channel": label},
        }

    def initial(self, obj: Any) -> dict[str, Any]:
        given = self.request.GET
        chosen = visibility.visible(self.access).filter(pk__in=given.getlist("audience"))
        return {"audiences": list(chosen), "campaigns": given.getlist("campaign")}

    def form_options(self, obj: Any) -> dict[str, Any]:
        return {"access": self.access, "channel": self.kwargs["channel"]}

    @transaction.atomic
    def save(self, form: SendOutForm, obj: Any) -> SendOut:
        return services.create(self.access, self.kwargs["channel"], self.values(form, {}))


class EditSendOut(SendOutMixin, SendOutFormPage):
    verb = "create"
    title = _("Edit the send-out")

    def initial(self, obj: SendOut) -> dict[str, Any]:
        parts = composition.whole(obj)
        added = visibility.visible(self.access).filter(pk__in=self.request.GET.getlist("audience"))
        values = {name: getattr(obj, f"{name}_id", getattr(obj, name)) for name in services.FIELDS}
        return {
            **values,
            "audiences": [*parts.audiences, *added],
            **mail_editor.of(obj.template),
            "exclude": parts.exclude,
            **variants_as_fields(parts.variants),
            "campaigns": campaigns.ids_of(KIND, obj.pk),
        }

    def form_options(self, obj: SendOut) -> dict[str, Any]:
        return {"access": self.access, "channel": obj.channel, "resend": obj.resend_of_id is not None}

    @transaction.atomic
    def save(self, form: SendOutForm, obj: SendOut) -> SendOut:
        if obj.resend_of_id is not None:
            return services.update(self.access, obj, form.values(), edit_version=self.seen_version())
        return services.update(
            self.access, obj, self.values(form, obj.variables), edit_version=self.seen_version()
        )


class Variables(SendOutMixin, FormPage):
    verb = "create"
    template_name = "marketing/delivery/variables.html"
    title = _("Where variables get their text")
    form_class = VariablesForm
    submit_label = _("Save and look at the message")
    back_url_name = "delivery:list"

    def form_options(self, obj: SendOut) -> dict[str, Any]:
        return {"send_out": obj}

    def save(self, form: VariablesForm, obj: SendOut) -> SendOut:
        return services.update(
            self.access, obj, {"variables": form.values()}, edit_version=self.seen_version()
        )

    def extra(self, form: VariablesForm, obj: SendOut) -> dict[str, Any]:
        return {"step": 2}

    def success_url(self, obj: SendOut) -> str:
        return self.reverse("delivery:detail", pk=obj.pk)


class SendOutAction(SendOutMixin, ActionView):
    """A button of a send-out; it goes back to its page."""

    verb = "send"

    def success_url(self, obj: SendOut, result: Any) -> str:
        return self.reverse("delivery:detail", pk=obj.pk)


class Submit(SendOutAction):
    """Send at once (`when` is now) or at the given time (`when` is later)."""

    def act(self, obj: SendOut) -> SendOut:
        if self.request.POST.get("when") == "repeat":
            return services.submit(self.access, obj)
        if self.request.POST.get("when") != "later":
            return services.submit(self.access, obj, now=True)
        form = WhenForm(self.request.POST)
        if not form.is_valid():
            raise ValidationFailed(" ".join(map(str, form.errors["scheduled_at"])))
        return services.submit(self.access, obj, scheduled_at=form.cleaned_data["scheduled_at"])

    def success_url(self, obj: SendOut, result: SendOut | None) -> str:
        """After an error the time that was typed is still there."""
        url = super().success_url(obj, result)
        typed = self.request.POST.get("scheduled_at", "")
        return f"{url}?{urlencode({'at': typed})}" if result is None and typed else url

    def message(self, obj: SendOut, result: SendOut) -> str:
        # The page itself says what one that has not started waits for.
        return gettext("Sending has started.") if result.state == SendOut.State.SENDING else ""


class Pause(SendOutAction):
    success_message = _("Paused. What has been handed over stays sent.")

    def act(self, obj: SendOut) -> SendOut:
        return services.pause(self.access, obj)


class Resume(SendOutAction):
    success_message = _("It goes on.")

    def act(self, obj: SendOut) -> SendOut:
        return services.resume(self.access, obj)


class Cancel(SendOutAction):
    success_message = _("Stopped. What has been handed over stays sent.")

    def act(self, obj: SendOut) -> SendOut:
        return services.cancel(self.access, obj)


class Copy(SendOutAction):
    """Goes to the copy's form."""

    verb = "create"
    success_message = _("This is the copy. Change what you like, then go on.")

    def act(self, obj: SendOut) -> SendOut:
        return copying.copy(self.access, obj)

    def success_url(self, obj: SendOut, result: SendOut | None) -> str:
        return self.reverse("delivery:edit", pk=result.pk) if result else super().success_url(obj, result)


class Resend(SendOutAction):
    """Goes to the page of the draft for those who failed."""

    verb = "create"
    success_message = _("This is the same message for those who failed. Nothing has been sent yet.")

    def act(self, obj: SendOut) -> SendOut:
        return copying.resend(self.access, obj)

    def success_url(self, obj: SendOut, result: SendOut | None) -> str:
        return super().success_url(result or obj, result)


class TestSend(SendOutAction):
    """Sends the message to targets typed in, separated by commas or spaces."""

    def act(self, obj: SendOut) -> dict[str, Any]:
        targets = self.request.POST.get("targets", "").replace(",", " ").replace("，", " ").split()
        variant = obj.variant_number(self.request.POST.get("variant")) or 0
        return trial.send_test(self.access, obj, targets, variant=variant)

    def message(self, obj: SendOut, result: dict[str, Any]) -> str:
        for target, reason in result["failed"].items():
            flash(self.request, f"{target}: {reason}", messages.ERROR)
        if not result["sent"]:
            return ""
        return gettext("Test sent to %(targets)s.") % {"targets": ", ".join(result["sent"])}


class DeleteSendOut(SendOutMixin, DeletePage):
    verb = "create"
    back_url_name = "delivery:list"

    def consequences(self, obj: SendOut) -> list[Any]:
        return [_("Its recipients and numbers go with it.")] if obj.resolved_at else []

    def delete(self, obj: SendOut) -> None:  # type: ignore[override]
        services.delete(self.access, obj)
