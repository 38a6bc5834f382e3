"""A batch's push message with its variables filled, as it goes to the platform."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from marketing.channels.base import ProviderType
from marketing.content import push, rendering
from marketing.content.models import Template
from marketing.delivery import mail_message


def filled(content: dict[str, Any], values: dict[str, str]) -> dict[str, Any]:
    """Frozen content with the variables' texts: in their places for push messages, as `params` for other channels."""
    if "from_address" in content:
        return mail_message.filled(content, values)
    if "push" not in content:
        return {**content, "params": values}
    return {
        **content,
        "subject": rendering.fill(str(content["subject"]), values),
        "text": rendering.fill(str(content["text"]), values),
        "push": push.fill(content["push"], values),
    }


def problems(templates: list[Template], kind: ProviderType) -> list[str]:
    """What of the templates of all variants the app of a provider cannot do, each once."""
    if kind.to_devices:
        return _of_browsers(templates)
    if kind.id_type != "idfa":
        return []
    actions = dict.fromkeys(push.android_only(template.push) for template in templates)
    return [
        _("An app for iOS cannot do this: %(action)s.") % {"action": action} for action in actions if action
    ]


def _of_browsers(templates: list[Template]) -> list[str]:
    actions = dict.fromkeys(push.complete(template.push)["action"] for template in templates)
    return [
        _("A browser cannot do this: %(action)s.") % {"action": push.Action(action).label}
        for action in actions
        if action not in (push.Action.APP, push.Action.URL)
    ]
