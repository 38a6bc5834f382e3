"""Reading the settings of a webhook as somebody gives them."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from cdp.core.errors import ValidationFailed
from cdp.core.identifiers import ID_TYPES
from cdp.core.outbound import check_url
from cdp.core.texts import is_storable
from marketing.channels.signing import is_key
from marketing.webhooks import parameters
from marketing.webhooks.models import Webhook

FIELDS = (
    "url",
    "auth",
    "key",
    "signature_header",
    "id_types",
    "parameters",
    "receipts",
    "window_hours",
    "statuses",
    "idempotent",
    "verify_body",
    "source_ips",
    "concurrency",
    "batch_size",
)
OF_PROVIDER = ("name", "rate_per_second")
KEPT = "••••••"
"""What a form or API client sends back for a key that shall stay as it is."""
OUTCOMES = ("delivered", "failed")
MOST_STATUSES = 20
MOST_ADDRESSES = 50
_BOUNDS = {
    "window_hours": (1, 720),
    "concurrency": (1, 50),
    "batch_size": (1, 1000),
    "rate_per_second": (1, 10_000),
}
_FLAGS = ("receipts", "idempotent", "verify_body")


def assign(webhook: Webhook, values: Mapping[str, Any]) -> None:
    """Set the values on the webhook and its provider; nothing is saved. Raises ValidationFailed with paths."""
    errors = {str(name): [_("Unknown field.")] for name in set(values) - {*FIELDS, *OF_PROVIDER}}
    given = {name: values[name] for name in (*FIELDS, *OF_PROVIDER) if name in values}
    name = given.pop("name", webhook.provider.name)
    if not isinstance(name, str) or not 1 <= len(name.strip()) <= 32:
        errors["name"] = [_("Give a name of 1 to 32 characters.")]
    else:
        webhook.provider.name = name.strip()
    for field, (least, most) in _BOUNDS.items():
        value = given.pop(field, None)
        if value is None:
            continue
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            errors[field] = [_("From %(least)d to %(most)d.") % {"least": least, "most": most}]
        else:
            setattr(webhook.provider if field == "rate_per_second" else webhook, field, value)
    for field in _FLAGS:
        if field in given:
            setattr(webhook, field, bool(given.pop(field)))
    _lists(webhook, given, errors)
    for field, value in given.items():
        if not (field == "key" and value in (KEPT, None)):
            setattr(webhook, field, str(value).strip() if field == "url" else value)
    _check(webhook, errors)
    if errors:
        raise ValidationFailed(_("Some fields need another value."), errors=errors)


def _lists(webhook: Webhook, given: dict[str, Any], errors: dict[str, list[str]]) -> None:
    if "parameters" in given:
        webhook.parameters = parameters.read(given.pop("parameters"), errors)
    if "id_types" in given:
        chosen = given.pop("id_types")
        if not isinstance(chosen, list) or any(
            not isinstance(key, str) or key not in ID_TYPES for key in chosen
        ):
            errors["id_types"] = [_("Choose some of %(types)s.") % {"types": ", ".join(ID_TYPES)}]
        else:
            webhook.id_types = [key for key in ID_TYPES if key in chosen]
    if "statuses" in given:
        found = _statuses(given.pop("statuses"), errors)
        kept = {code: webhook.status(code) for code in webhook.fixed_statuses}
        if any(row not in found for row in kept.values()):
            errors.setdefault("statuses", []).append(
                _("Results that were set while it reported results stay as they are; you can add others.")
            )
        webhook.statuses = found
    if "source_ips" in given:
        webhook.source_ips = _addresses(given.pop("source_ips"), errors)


def _statuses(given: Any, errors: dict[str, list[str]]) -> list[dict[str, str]]:
    if not isinstance(given, list):
        errors["statuses"] = [_("Give a list of results.")]
        return []
    if len(given) > MOST_STATUSES:
        errors["statuses"] = [_("At most %(most)d results.") % {"most": MOST_STATUSES}]
    found: list[dict[str, str]] = []
    for place, item in enumerate(given):
        row = (
            {part: str(item.get(part) or "").strip() for part in ("code", "label", "outcome")}
            if isinstance(item, Mapping)
            else {}
        )
        row["outcome"] = row.get("outcome") or OUTCOMES[0]
        code, label = row.get("code", ""), row.get("label", "")
        fits = 1 <= len(code) <= 32 and 1 <= len(label) <= 64 and row["outcome"] in OUTCOMES
        if not fits or not is_storable(code + label):
            errors[f"statuses/{place}"] = [
                _("A result has a code of at most 32 characters, a name of at most 64, and an outcome.")
            ]
        elif code in [other["code"] for other in found]:
            errors[f"statuses/{place}"] = [_("Two results have the code “%(code)s”.") % {"code": code}]
        else:
            found.append(row)
    return found


def _addresses(given: Any, errors: dict[str, list[str]]) -> list[str]:
    try:
        if not isinstance(given, list) or len(given) > MOST_ADDRESSES:
            raise ValueError
        return [str(ipaddress.ip_network(str(item).strip(), strict=False)) for item in given]
    except ValueError:
        errors["source_ips"] = [_("Give addresses or networks such as 203.0.113.7 or 203.0.113.0/24.")]
        return []


def _check(webhook: Webhook, errors: dict[str, list[str]]) -> None:
    """What must fit together."""
    try:
        check_url(str(webhook.url))
    except (ValidationFailed, ValueError) as error:
        errors["url"] = [str(error)]
    if len(str(webhook.url)) > 500:
        errors["url"] = [_("At most %(most)d characters.") % {"most": 500}]
    if webhook.auth not in Webhook.Auth.values:
        errors["auth"] = [_("Choose one of the list.")]
    if webhook.signature_header not in Webhook.Header.values:
        errors["signature_header"] = [_("Choose one of the list.")]
    if webhook.auth == Webhook.Auth.NONE:
        webhook.key, webhook.verify_body = "", False
    elif not is_key(webhook.key):
        errors["key"] = [_("A key has 8 to 64 printable characters without spaces.")]
    if not webhook.id_types:
        errors.setdefault("id_types", [_("Choose at least one.")])
    if not webhook.receipts:
        return
    if not webhook.statuses:
        errors.setdefault("statuses", [_("Say which results it reports.")])
    if webhook.auth == Webhook.Auth.NONE and not webhook.source_ips:
        errors.setdefault(
            "source_ips", [_("Without a key, results are taken only from addresses that are listed here.")]
        )
