"""Use cases of webhooks: set up, switch, copy, try, remove."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from django.utils import timezone
from django.utils.translation import gettext as _

from cdp.core import audit, naming
from cdp.core.access import Access
from cdp.core.errors import Conflict, PreconditionFailed, ValidationFailed
from cdp.core.identifiers import ID_TYPES
from marketing.channels.models import Provider
from marketing.webhooks import calling, parameters, protocol, rights, settings
from marketing.webhooks.models import Webhook, WebhookCall

CHANNEL, TYPE = Provider.Channel.CUSTOM, "webhook"
CALLS_KEPT = timedelta(days=30)


def create(access: Access, values: Mapping[str, Any], *, enabled: bool = True) -> Webhook:
    """A new webhook, switched on. Raises ValidationFailed with the fields that need another value."""
    access.require(rights.MANAGE)
    provider = Provider(workspace=access.workspace, channel=CHANNEL, type=TYPE, enabled=enabled)
    webhook = Webhook(workspace=access.workspace, provider=provider, created_by=access.user)
    settings.assign(webhook, values)
    with transaction.atomic():
        _save(webhook)
        audit.record(access, "webhook.created", webhook, after={"name": webhook.name})
    return webhook


def update(
    access: Access, webhook: Webhook, values: Mapping[str, Any], *, edit_version: int | None = None
) -> Webhook:
    """Change a webhook that is switched off. A key that is not given, or given as dots, is kept."""
    access.require(rights.MANAGE)
    with transaction.atomic():
        webhook = _locked(webhook)
        if edit_version is not None and edit_version != webhook.edit_version:
            raise PreconditionFailed()
        _check_off(webhook)
        settings.assign(webhook, values)
        webhook.bump()
        _save(webhook)
        audit.record(access, "webhook.changed", webhook, after={"fields": sorted(values)})
    return webhook


def switch(access: Access, webhook: Webhook, *, enabled: bool) -> Webhook:
    """On: it can be tried and used. Off: it can be changed, and who has not been sent to yet is not."""
    access.require(rights.MANAGE)
    with transaction.atomic():
        webhook = _locked(webhook)
        Provider.objects.filter(pk=webhook.provider_id).update(
            enabled=enabled, consecutive_errors=0, paused_until=None, last_error=""
        )
        webhook.bump()
        webhook.save(update_fields=["edit_version", "updated_at"])
        audit.record(access, "webhook.switched", webhook, after={"on": enabled})
    webhook.provider.refresh_from_db()
    return webhook


def copied(webhook: Webhook) -> dict[str, Any]:
    """The values of a copy, which begins switched off; its key as dots."""
    return {
        **{name: getattr(webhook, name) for name in settings.FIELDS},
        "key": settings.KEPT if webhook.key else "",
        "rate_per_second": webhook.provider.rate_per_second,
        "name": _free_name(webhook),
    }


def copy(access: Access, webhook: Webhook, values: Mapping[str, Any]) -> Webhook:
    """Like `create`, from another webhook's values and with its key where none is given; switched off."""
    whole = {**copied(webhook), **values}
    if whole["key"] == settings.KEPT:
        whole["key"] = webhook.key
    return create(access, whole, enabled=False)


def delete(access: Access, webhook: Webhook) -> None:
    """Remove a webhook that is switched off and that no send-out has used."""
    access.require(rights.MANAGE)
    try:
        with transaction.atomic():
            webhook = _locked(webhook)
            _check_off(webhook)
            audit.record(access, "webhook.deleted", webhook, before={"name": webhook.name})
            provider = webhook.provider
            webhook.delete()
            provider.delete()
    except ProtectedError:
        raise Conflict(
            _("Send-outs use this webhook, so it stays. Keep it switched off."), code="in_use"
        ) from None


def preview(webhook: Webhook, id_type: str = "") -> dict[str, Any] | list[dict[str, Any]]:
    """A call's body as the settings make it, with examples for what each send-out gives.

    A list of one person where the webhook takes lists.
    """
    values = {row["name"]: _example(row) for row in webhook.parameters}
    texts = {"name": _("Ann")} if any(row["type"] == "text" for row in webhook.parameters) else {}
    content = protocol.body(
        id_type=id_type or webhook.id_types[0],
        target=calling.EXAMPLES[id_type or webhook.id_types[0]],
        parameters=values,
        texts=texts,
        task="snd_…",
        webhook=webhook.pk,
        send_time=int(time.time() * 1000),
    )
    return calling.as_sent(webhook, [content], ["snd_…:1"])


def _example(row: Mapping[str, str]) -> str:
    if row["type"] == "integer":
        return "1"
    return _("Dear ${name}") if row["type"] == "text" else row["label"]


def test(access: Access, webhook: Webhook, data: Mapping[str, Any]) -> WebhookCall:
    """Call it once for `target` of `id_type` with `params`; what came of it, whether good or bad, is kept as a call."""
    access.require(rights.MANAGE)
    if not webhook.enabled:
        raise Conflict(_("The webhook is switched off. Switch it on to try it."), code="webhook_off")
    errors: dict[str, list[str]] = {}
    id_type, given = str(data.get("id_type") or ""), data.get("params") or {}
    if id_type not in webhook.id_types:
        errors["id_type"] = [_("Choose an ID type that the webhook takes.")]
    target = ID_TYPES[id_type].normalise(str(data.get("target") or "")) if id_type in ID_TYPES else None
    if id_type in ID_TYPES and target is None:
        errors["target"] = [_("This is not a valid ID of the type.")]
    if not isinstance(given, Mapping):
        errors["params"] = [_("An object is needed here.")]
    else:
        found = parameters.problems(webhook.parameters, given)
        errors |= {f"params/{name}": texts for name, texts in found.items()}
    if errors:
        raise ValidationFailed(_("Some fields need another value."), errors=errors)
    whole = {row["name"]: given.get(row["name"], "") for row in webhook.parameters}
    content = protocol.body(
        id_type=id_type,
        target=str(target),
        parameters=whole,
        texts={},
        task="test",
        webhook=webhook.pk,
        send_time=int(time.time() * 1000),
    )
    call = calling.call_once(webhook, content, key=f"test:{uuid.uuid4().hex}")
    call.save()
    Provider.objects.filter(pk=webhook.provider_id).update(checked_at=timezone.now())
    audit.record(
        access, "webhook.tested", webhook, after={"target": ID_TYPES[id_type].mask(target), "ok": call.ok}
    )
    return call


def forget_calls() -> int:
    """Delete calls that are older than they are kept; returns how many."""
    return WebhookCall.objects.filter(at__lt=timezone.now() - CALLS_KEPT).delete()[0]


def _locked(webhook: Webhook) -> Webhook:
    rows = Webhook.objects.select_for_update(of=("self",)).select_related("provider", "workspace")
    return rows.get(pk=webhook.pk)


def _check_off(webhook: Webhook) -> None:
    if webhook.enabled:
        raise Conflict(
            _("The webhook is switched on. Switch it off before you change or remove it."), code="webhook_on"
        )


def _save(webhook: Webhook) -> None:
    if webhook.receipts:
        webhook.fixed_statuses = [row["code"] for row in webhook.statuses]
    try:
        with transaction.atomic():
            webhook.provider.save()
            webhook.provider_id = webhook.provider.pk
            webhook.save()
    except IntegrityError as error:
        if "provider_name_unique" not in str(error):
            raise
        message = _("Another webhook has this name.")
        raise ValidationFailed(message, errors={"name": [message]}) from None


def _free_name(webhook: Webhook) -> str:
    taken = set(
        Provider.objects.filter(workspace=webhook.workspace_id, channel=CHANNEL).values_list(
            "name", flat=True
        )
    )
    return naming.first_free(webhook.name, naming.numbered(_("copy")), taken, 32)
