"""What channels that write to installations of apps by themselves share: settings, and what an app gets."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cdp.core.errors import ValidationFailed
from cdp.core.identifiers import id_type_choices
from marketing.channels import upush
from marketing.channels.base import ConfigField, Message, PersonalProviderType, ProviderType
from marketing.channels.models import Provider
from marketing.devices import registry, sites

OWN = "tideline"
"""The name under which an app gets what it needs to open links and to report."""
_OWN_FIELDS = ("tideline", "url", "tag", "report")


def common_fields(id_type: str) -> Sequence[ConfigField]:
    """Settings of all app channels; `id_type` is the usual one."""
    return (
        ConfigField(
            "id_type",
            gettext_lazy("The app registers devices by"),
            kind="choice",
            required=True,
            default=id_type,
            choices=id_type_choices(),
            help_text=gettext_lazy(
                "Audiences must be saved with this ID, plain or as a hash. It cannot be changed later."
            ),
        ),
        ConfigField(
            "receipts",
            gettext_lazy("The app reports what becomes of messages"),
            kind="flag",
            default=True,
            help_text=gettext_lazy(
                "To the address that each message carries. Without it nobody learns of opened messages."
            ),
        ),
    )


class AppType(PersonalProviderType):
    """The installations of one app on one system."""

    channel = "push"
    to_devices = True

    def of(self, provider: Provider) -> ProviderType:
        found = copy.copy(self)
        found.id_type = str(provider.config.get("id_type") or self.id_type)  # type: ignore[misc]
        return found

    def completed(self, config: dict[str, Any], old: dict[str, Any]) -> dict[str, Any]:
        if old.get("id_type") not in (None, "", config["id_type"]):
            message = _("This stays as it is, since devices are registered by it. Make another channel.")
            raise ValidationFailed(message, errors={"config/id_type": [message]})
        return config


def url_problems(urls: Mapping[str, str]) -> dict[str, str]:
    """Which of the addresses must not be called, by the names of their settings.

    An installation that allows private addresses is one to try things out on, and may have a push service without TLS.
    """
    found = {}
    for name, url in urls.items():
        try:
            sites.check_endpoint(url)
        except (ValidationFailed, ValueError) as error:
            found[name] = str(error)
    return found


def registered(provider: Provider) -> str:
    """How many devices messages would reach, as a line of the connection test."""
    return _("Devices registered: %(count)d.") % {"count": registry.reachable(provider).count()}


def own_part(message: Message) -> dict[str, str]:
    """What the app needs itself: the link to open, where to report, and the text it was handed."""
    payload, push = message.push["payload"], message.push["options"]
    found = {name: str(payload[name]) for name in _OWN_FIELDS if payload[name]}
    return {**found, "custom": push["custom"]} if push["action"] == "custom" else found


def aps_of(message: Message) -> dict[str, Any]:
    """The part that iOS itself reads."""
    payload = message.push["payload"]
    return upush.aps_of(message.push["options"], payload["title"], payload["body"])
