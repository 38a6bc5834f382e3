"""Use cases of providers and sender addresses."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from django.utils.translation import gettext as _

from cdp.core import audit
from cdp.core.access import Access
from cdp.core.errors import Conflict, PreconditionFailed, ValidationFailed
from cdp.core.outbound import check_url
from marketing.channels import health, return_source
from marketing.channels.base import ConfigField, ProviderType, find_type, provider_type
from marketing.channels.models import Provider, ProviderSettings

SECRET = ("secret", "key")
MOST = 1_000_000
"""No message costs as much."""
SHOWN = 4
"""So many last characters of some secrets are shown."""
KEPT = "••••••"
"""What a form or API client sends back for a secret that shall stay as it is."""


_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_DOMAIN = re.compile(
    r"(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{1,62}", re.IGNORECASE
)


def create_provider(access: Access, values: dict[str, Any]) -> Provider:
    """A new provider. Raises ValidationFailed with the fields (config fields as "config/host")."""
    provider = Provider(workspace=access.workspace, channel=values["channel"], type=values["type"])
    assign(provider, values)
    save(provider)
    audit.record(
        access, "provider.created", provider, after={"name": provider.name, "channel": provider.channel}
    )
    return provider


def update_provider(
    access: Access, provider: Provider, values: dict[str, Any], *, edit_version: int | None = None
) -> Provider:
    """Change a provider; its channel and type stay. Secrets that are not given, or given as dots, are kept."""
    _check_own(provider)
    if edit_version is not None and edit_version != provider.edit_version:
        raise PreconditionFailed()
    assign(provider, values)
    provider.bump()
    provider.consecutive_errors, provider.paused_until, provider.last_error = 0, None, ""
    provider.failing_since = None
    save(provider)
    audit.record(access, "provider.changed", provider, after={"fields": sorted(values)})
    return provider


def _check_own(provider: Provider) -> None:
    if provider.shared_id:
        raise Conflict(
            _("This provider belongs to the organization. Its managers look after it."),
            code="provider_shared",
        )


def assign(provider: ProviderSettings, values: dict[str, Any]) -> None:
    """Put checked values in. Raises ValidationFailed with the fields (config fields as "config/host")."""
    kind = find_type(provider.channel, provider.type)
    if kind is None:
        message = _("There is no such kind of provider for this channel.")
        raise ValidationFailed(message, errors={"type": [message]})
    errors: dict[str, list[str]] = {}
    for field in ("name", "rate_per_second", "batch_size", "price", "price_currency", "enabled"):
        if field in values:
            setattr(provider, field, values[field])
    if not str(provider.name).strip() or len(provider.name) > 50:
        errors["name"] = [_("Give a name of 1 to 50 characters.")]
    for field in ("rate_per_second", "batch_size"):
        if getattr(provider, field) < 1:
            errors[field] = [_("At least 1.")]
    if provider.price is not None and not 0 <= provider.price < MOST:
        errors["price"] = [_("Give an amount of 0 or more with at most four decimals.")]
    old = provider.config
    provider.config = _config(kind, old, values.get("config", {}), errors)
    if not errors:
        errors |= return_source.check(provider, kind, old)
    if errors:
        raise ValidationFailed(_("Some fields need another value."), errors=errors)
    provider.config = kind.completed(provider.config, old)


def _config(
    kind: ProviderType, old: dict[str, Any], given: dict[str, Any], errors: dict[str, list[str]]
) -> dict[str, Any]:
    if not isinstance(given, dict):
        errors["config"] = [_("Give an object.")]
        return old
    config = read_config(kind.fields, old, given, errors)
    for name, message in kind.config_problems(config).items():
        errors.setdefault(f"config/{name}", [message])
    return config


def read_config(
    fields: Sequence[ConfigField],
    old: Mapping[str, Any],
    given: Mapping[str, Any],
    errors: dict[str, list[str]],
) -> dict[str, Any]:
    """Settings with what is given in the place of `old`; what is wrong goes to `errors` at config/<name>."""
    known = {field.name for field in fields}
    for name in set(given) - known:
        errors[f"config/{name}"] = [_("Unknown field.")]
    config: dict[str, Any] = {}
    for field in fields:
        value = given.get(field.name, old.get(field.name, field.default))
        if field.kind in SECRET and (value is None or str(value).startswith(KEPT)):
            value = old.get(field.name, "")
        problem = _problem(field, value)
        if problem:
            errors[f"config/{field.name}"] = [problem]
        config[field.name] = value
    return config


def _problem(field: ConfigField, value: Any) -> str:
    if value in ("", None):
        return _("This is needed.") if field.required else ""
    if field.kind != "key" and _CONTROL.search(str(value)):
        return _("Line breaks cannot stand here.")
    if field.kind == "number" and not (str(value).isdecimal() and 0 < int(value) < 65_536):
        return _("A whole number from 1 to 65535.")
    if field.kind == "domain" and not _DOMAIN.fullmatch(str(value)):
        return _("A domain such as mail.example.com.")
    if field.kind == "choice" and value not in {key for key, _label in field.choices}:
        return _("Choose one of the list.")
    if field.kind == "url":
        try:
            check_url(str(value))
        except ValidationFailed as error:
            return str(error)
    return ""


def save(provider: ProviderSettings) -> None:
    """Raises ValidationFailed where the name is taken."""
    try:
        with transaction.atomic():
            provider.save()
    except IntegrityError:
        message = _("Another provider of this channel has this name.")
        raise ValidationFailed(message, errors={"name": [message]}) from None


def secrets_of(kind: ProviderType) -> list[ConfigField]:
    """The keys that can be renewed without touching other settings."""
    return [field for field in kind.fields if field.kind == "secret"]


def renew_keys(access: Access, provider: Provider, keys: dict[str, Any]) -> dict[str, Any]:
    """Put new keys in, and try them at once: {"ok", "lines"} as `test_provider`. Raises ValidationFailed.

    Keys that are not given, or given as dots, are kept.
    """
    known = {field.name for field in secrets_of(provider_type(provider))}
    if wrong := sorted(set(keys) - known):
        raise ValidationFailed(errors={f"config/{name}": [_("Unknown field.")] for name in wrong})
    update_provider(access, provider, {"config": keys})
    return test_provider(access, provider)


def shown_config(provider: Provider) -> dict[str, Any]:
    """The settings without secrets: a secret that is set shows as dots, some with their end."""
    return shown(provider_type(provider).fields, provider.config)


def shown(fields: Sequence[ConfigField], config: Mapping[str, Any]) -> dict[str, Any]:
    """Settings without secrets: one that is set shows as dots, some with their end."""
    return {
        field.name: _dots(field, str(config.get(field.name) or ""))
        if field.kind in SECRET
        else config.get(field.name, field.default)
        for field in fields
    }


def _dots(field: ConfigField, secret: str) -> str:
    if not secret:
        return ""
    return KEPT + secret[-SHOWN:] if field.ending and len(secret) >= 2 * SHOWN else KEPT


def test_provider(access: Access, provider: Provider) -> dict[str, Any]:
    """Try the connection: {"ok": bool, "lines": [...]}. What was found is kept on the provider."""
    found = health.check(provider)
    if found.ok:
        audit.record(access, "provider.tested", provider)
    return {"ok": found.ok, "lines": found.lines}


def delete_provider(access: Access, provider: Provider) -> None:
    """Remove a provider that no send-out used. Raises Conflict otherwise."""
    _check_own(provider)
    try:
        with transaction.atomic():
            audit.record(access, "provider.deleted", provider, before={"name": provider.name})
            provider.delete()
    except ProtectedError:
        raise Conflict(
            _("Send-outs have used this provider. Switch it off instead, so that their history stays."),
            code="in_use",
        ) from None
