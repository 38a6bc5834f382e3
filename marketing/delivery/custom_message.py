"""Messages of the custom channel: values for the parameters of a webhook, kept as templates that nobody edits.

The same values of a webhook are one template, found by its name, which is their hash. Send-outs and variants that say
the same share it; a change of the values takes another one.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from cdp.core.access import Access
from cdp.core.errors import Conflict, ValidationFailed
from insight.audiences.models import Audience
from marketing.channels.base import Message
from marketing.channels.models import Provider
from marketing.content import rendering
from marketing.content.models import Template
from marketing.delivery import contents, targeting
from marketing.delivery.composition import Share
from marketing.delivery.models import Recipient, SendOut
from marketing.delivery.targets import id_type_of
from marketing.webhooks import parameters, protocol, rights
from marketing.webhooks.calling import EXAMPLES, as_sent
from marketing.webhooks.models import Webhook

CHANNEL = Provider.Channel.CUSTOM
SELECTION = "selection"


def is_custom(send_out: SendOut) -> bool:
    return send_out.channel == CHANNEL


def webhook_of(send_out: SendOut) -> Webhook:
    """Read anew: it may have been switched off meanwhile."""
    return Webhook.objects.select_related("provider").get(provider=send_out.provider_id)


def is_off(send_out: SendOut) -> bool:
    """Whether its webhook has been switched off."""
    return not webhook_of(send_out).enabled


def written(params: Any) -> Template:
    """Values as a template that `with_templates` puts its place into."""
    return Template(channel=CHANNEL, params=params)


def with_templates(access: Access, send_out: SendOut, values: dict[str, Any]) -> dict[str, Any]:
    """The values of a send-out with `params`, `purpose` and variants' values turned into templates.

    Raises ValidationFailed (paths such as params/title), PermissionDenied where the webhook is not granted.
    """
    if not is_custom(send_out):
        return values
    rest = dict(values)
    before = send_out.template if send_out.template_id else None
    params, purpose = rest.pop("params", None), rest.pop("purpose", before.purpose if before else None)
    provider = rest.get("provider") or (send_out.provider if send_out.provider_id else None)
    if provider is None or provider.channel != CHANNEL or send_out.resend_of_id:
        return rest
    webhook = provider.webhook
    if provider.pk != send_out.provider_id:
        rights.check_use(access, webhook)
        if not rest.get("id_type") and len(webhook.id_types) == 1:
            rest["id_type"] = webhook.id_types[0]
    purpose = purpose or Template.Purpose.PROMOTION
    errors: dict[str, list[str]] = {}
    if purpose not in Template.Purpose.values:
        errors["purpose"] = [_("Choose one of the list.")]
    if params is not None:
        errors |= _problems(webhook, params, "params")
    for place, row in enumerate(rest.get("variants") or []):
        if row.template._state.adding:
            errors |= _problems(webhook, row.template.params, f"variants/{place}/params")
    if errors:
        raise ValidationFailed(_("Some fields need another value."), errors=errors)
    return {**rest, **_templates(access, send_out, webhook, rest, params, purpose)}


def _problems(webhook: Webhook, params: Any, path: str) -> dict[str, list[str]]:
    if not isinstance(params, Mapping):
        return {path: [_("An object is needed here.")]}
    found = parameters.problems(webhook.parameters, params)
    return {f"{path}/{name}": texts for name, texts in found.items()}


def _templates(
    access: Access,
    send_out: SendOut,
    webhook: Webhook,
    given: dict[str, Any],
    params: dict[str, Any] | None,
    purpose: str,
) -> dict[str, Any]:
    """`template` or `variants` where they change."""
    if given.get("variants"):
        rows = [
            Share(
                _kept(access, webhook, row.template.params, purpose)
                if row.template._state.adding
                else row.template,
                row.share,
            )
            for row in given["variants"]
        ]
        return {"variants": rows}
    if params is not None:
        return {"template": _kept(access, webhook, params, purpose)}
    if given.get("template") is not None:
        return {}
    before = send_out.template if send_out.template_id else None
    if before is not None and before.provider_id == webhook.provider_id:
        return {} if before.purpose == purpose else _with_purpose(access, send_out, webhook, purpose)
    # Another webhook: what both know stays.
    known = {row["name"] for row in webhook.parameters}
    stays = {name: value for name, value in before.params.items() if name in known} if before else {}
    if parameters.problems(webhook.parameters, stays):
        stays = {}
    return {"template": _kept(access, webhook, stays, purpose)}


def _with_purpose(access: Access, send_out: SendOut, webhook: Webhook, purpose: str) -> dict[str, Any]:
    rows = [
        Share(_kept(access, webhook, row.template.params, purpose), row.share)
        for row in send_out.variants.select_related("template")
    ]
    return (
        {"variants": rows}
        if rows
        else {"template": _kept(access, webhook, send_out.template.params, purpose)}
    )


def _kept(access: Access, webhook: Webhook, params: Mapping[str, Any], purpose: str) -> Template:
    values = {name: str(value) for name, value in params.items()}
    said = json.dumps([webhook.provider_id, purpose, values], sort_keys=True)
    template, _made = Template.objects.get_or_create(
        workspace=access.workspace,
        channel=CHANNEL,
        name=hashlib.sha256(said.encode()).hexdigest()[:40],
        defaults={
            "purpose": purpose,
            "params": values,
            "provider_id": webhook.provider_id,
            "owner": access.user,
        },
    )
    return template


def problems(
    send_out: SendOut, templates: Sequence[Template], wanted: Sequence[Audience]
) -> dict[str, list[str]]:
    """What keeps a send-out of the channel from being saved, by field."""
    if not is_custom(send_out):
        return {"id_type": [_("Only the custom channel has a choice here.")]} if send_out.id_type else {}
    if send_out.provider.channel != CHANNEL:
        return {}
    webhook, found = send_out.provider.webhook, {}
    if send_out.id_type not in webhook.id_types:
        found["id_type"] = [_("Choose an ID type that the webhook takes.")]
    if any(template.provider_id != webhook.provider_id for template in templates):
        found["params"] = [_("These are values for another webhook.")]
    if any(parameters.problems(webhook.parameters, template.params) for template in templates):
        found["params"] = [_("The webhook's parameters have changed. Look at the values again.")]
    names = rendering.variables(*(text for template in templates for text in template.texts))
    others = [row.name for row in wanted if row.origin != SELECTION]
    if names and others:
        found["params"] = [
            _("Variables need audiences that were selected by tags. These were not: %(names)s.")
            % {"names": ", ".join(others)}
        ]
    return found


def unfilled(send_out: SendOut) -> list[str]:
    """Display names of the parameters without a value, of all variants."""
    if not is_custom(send_out):
        return []
    declared = webhook_of(send_out).parameters
    found = [
        name for template in send_out.templates for name in parameters.missing(declared, template.params)
    ]
    return list(dict.fromkeys(found))


def check_unchanged(send_out: SendOut) -> None:
    """Before anything is fixed: raises Conflict where its webhook was changed so that it no longer fits."""
    if not is_custom(send_out) or send_out.resend_of_id:
        return
    if unfilled(send_out) or problems(send_out, send_out.templates, targeting.included(send_out)):
        raise Conflict(
            _("The webhook was changed since this was submitted. Look at the values again."),
            code="params_open",
        )


def check_use(access: Access, send_out: SendOut) -> None:
    """Raises PermissionDenied where the person may not send through the webhook now."""
    if is_custom(send_out):
        rights.check_use(access, webhook_of(send_out))


def frozen(template: Template) -> dict[str, Any]:
    """The content of a send-out or variant."""
    return {"purpose": template.purpose, "parameters": template.params}


def compose(send_out: SendOut, recipient: Recipient, key: str = "") -> Message:
    """One person's call. Its key is the same whenever the call is made again."""
    moment = recipient.handed_at.timestamp() if recipient.handed_at else time.time()
    payload = protocol.body(
        id_type=id_type_of(send_out),
        target=recipient.target,
        parameters=contents.of_variant(send_out.content, recipient.variant)["parameters"],
        texts=recipient.values,
        task=send_out.pk,
        webhook=send_out.provider.webhook.pk,
        send_time=int(moment * 1000),
    )
    headers = {"Idempotency-Key": key or f"{send_out.pk}:{recipient.pk}"}
    return Message(key=recipient.pk, target=recipient.target, headers=headers, payload=payload)


def preview(send_out: SendOut, values: dict[str, str], variant: int) -> dict[str, Any]:
    """The parameters as one person gets them, and the body of the call."""
    webhook, templates = webhook_of(send_out), send_out.templates
    template = templates[variant if variant < len(templates) else 0]
    params = template.params
    if send_out.content:
        params = contents.of_variant(send_out.content, variant)["parameters"]
    id_type = send_out.id_type or webhook.id_types[0]
    names = rendering.variables(*map(str, params.values()))
    body = protocol.body(
        id_type=id_type,
        target=EXAMPLES[id_type],
        parameters={row["name"]: params.get(row["name"], "") for row in webhook.parameters},
        texts={name: values.get(name, "") for name in names},
        task=send_out.pk,
        webhook=webhook.pk,
        send_time=int(time.time() * 1000),
    )
    return {
        "parameters": [
            {
                **row,
                "value": params.get(row["name"], ""),
                "shown": rendering.fill(str(params.get(row["name"], "")), values),
            }
            for row in webhook.parameters
        ],
        "body": as_sent(webhook, [body], [f"{send_out.pk}:1"]),
    }
