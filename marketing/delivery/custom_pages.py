"""Pages of the custom channel: the values of the parameters, and what the page of a send-out shows."""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from cdp.console.generic import Fact, FormPage
from cdp.console.generic.base import WorkspaceView
from cdp.core.identifiers import ID_TYPES
from insight.audiences import visibility
from marketing.content import rendering
from marketing.delivery import custom_figures, custom_message, custom_sending, services
from marketing.delivery.custom_form import CustomSendOutForm, ParametersForm
from marketing.delivery.funnel import steps
from marketing.delivery.models import SendOut
from marketing.delivery.views import SendOutMixin


class WebhookChoice(WorkspaceView):
    """A part of the form: the webhooks and ID types that fit the audiences chosen there."""

    permission = "marketing.custom.create"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        given = request.GET
        seen = visibility.visible(self.access).filter(pk__in=given.getlist("audiences"))
        initial: dict[str, Any] = {"audiences": list(seen)}
        form = self._form(initial)
        # What fits no more is not chosen any more; the ID types depend on the webhook.
        for name in ("provider", "id_type"):
            if given.get(name) in [str(key) for key, _label in form.fields[name].choices]:  # type: ignore[attr-defined]
                initial[name] = given[name]
                form = self._form(initial)
        return self.render("marketing/delivery/webhook_choice.html", {"form": form})

    def _form(self, initial: dict[str, Any]) -> CustomSendOutForm:
        return CustomSendOutForm(initial=dict(initial), access=self.access, channel="custom")


class Parameters(SendOutMixin, FormPage):
    verb = "create"
    template_name = "marketing/delivery/parameters.html"
    title = _("What each person gets")
    form_class = ParametersForm
    submit_label = _("Save and go on")
    back_url_name = "delivery:list"

    def get_object(self) -> SendOut:
        """Of other channels there is no such page."""
        send_out: SendOut = super().get_object()
        if not custom_message.is_custom(send_out) or send_out.resend_of_id:
            return SendOut.objects.none().get_in(self.workspace, send_out.pk)
        return send_out

    def form_options(self, obj: SendOut) -> dict[str, Any]:
        return {"send_out": obj}

    def save(self, form: ParametersForm, obj: SendOut) -> SendOut:
        values = form.values()
        templates = [row.template for row in values.get("variants", [])]
        params = [values["params"]] if "params" in values else [row.params for row in templates]
        kept = open_variables(obj, params)
        return services.update(
            self.access, obj, {**values, "variables": kept}, edit_version=self.seen_version()
        )

    def extra(self, form: ParametersForm, obj: SendOut) -> dict[str, Any]:
        return {"step": 2}

    def success_url(self, obj: SendOut) -> str:
        return self.reverse(f"delivery:{'variables' if obj.variable_names else 'detail'}", pk=obj.pk)


def open_variables(send_out: SendOut, params: list[dict[str, Any]]) -> dict[str, dict[str, str]]:
    """What is set for the variables of the values, and a text to be filled in for those that are new."""
    names = rendering.variables(*(str(text) for row in params for text in row.values()))
    new = {"missing": "replace", "value": "", "dataset": "", "tag": ""}
    return {name: send_out.variables.get(name, dict(new)) for name in names}


def facts(send_out: SendOut) -> list[Fact]:
    """Webhook, ID type, and the values of the parameters."""
    webhook = send_out.provider.webhook
    found = [Fact(gettext("Webhook"), webhook.name)]
    if send_out.id_type:
        found.append(Fact(gettext("ID type"), ID_TYPES[send_out.id_type].label))
    rows = list(send_out.variants.select_related("template"))
    for row in webhook.parameters:
        if rows:
            found += [
                Fact(
                    f"{row['label']} ({item.letter})",
                    item.template.params.get(row["name"], "–"),
                    f"{item.share} %",
                )
                for item in rows
            ]
        else:
            found.append(Fact(row["label"], send_out.template.params.get(row["name"], "–")))
    return found


def preview(answer: dict[str, Any]) -> dict[str, Any]:
    """The body of a call as it is shown."""
    return {"call_body": json.dumps(answer["body"], ensure_ascii=False, indent=2)}


def tests(send_out: SendOut) -> dict[str, Any]:
    """The latest test calls of a send-out that has not left."""
    return {"test_calls": custom_sending.last_tests(send_out)} if custom_message.is_custom(send_out) else {}


def effect(send_out: SendOut) -> dict[str, Any]:
    """Until when results are taken, in words."""
    if not custom_message.is_custom(send_out):
        return {}
    closes = custom_figures.closes_at(send_out)
    if closes is None:
        return {}
    left = closes - timezone.now()
    hours = max(0, int(left.total_seconds() // 3600))
    return {
        "closes_at": closes,
        "window_over": left.total_seconds() <= 0,
        "hours_left": hours,
        "minutes_left": max(0, int(left.total_seconds() // 60) % 60),
    }


def tiles(numbers: dict[str, Any]) -> list[dict[str, Any]]:
    """The figures of a send-out."""
    found = numbers["custom"]
    shown = [
        (gettext("Audience"), numbers["target"]),
        (gettext("Left out"), numbers["left_out"]),
        (gettext("Kept back"), numbers["kept_back"]),
        (gettext("Sent"), numbers["sent"]),
        (gettext("Accepted"), found["accepted"]),
        (gettext("Refused"), found["refused"]),
        (gettext("Unknown"), numbers["unknown"]),
        *((row["label"], row["count"]) for row in found["statuses"]),
    ]
    return [
        {"label": label, "value": f"{value:,}", "hint": ""}
        for label, value in shown
        if label != gettext("Kept back") or value
    ]


def funnel(numbers: dict[str, Any]) -> list[dict[str, Any]]:
    """Steps from the audience to the reported result, each as a share of the audience."""
    whole, found = numbers["target"], numbers["custom"]
    rows = [
        (gettext("Audience"), whole),
        (gettext("Sent"), numbers["sent"]),
        (gettext("Accepted"), found["accepted"]),
    ]
    if found["receipts"]:
        rows.append((gettext("Reported as delivered"), numbers["delivered"]))
    return steps(rows, whole)
