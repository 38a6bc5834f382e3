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
    """What of the templates of all variants the devices of a provider cannot do, each once."""
    actions = dict.fromkeys(push.Action(push.complete(template.push)["action"]) for template in templates)
    if kind.devices == "web":
        can, refusal = {push.Action.APP, push.Action.URL}, _("A browser cannot do this: %(action)s.")
    elif kind.devices == "ios":
        can, refusal = {push.Action.APP}, _("An app for iOS cannot do this: %(action)s.")
    else:
        return []
    return [refusal % {"action": action.label} for action in actions if action not in can]
