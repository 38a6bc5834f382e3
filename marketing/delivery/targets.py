"""What kind of address or number a send-out goes to."""

from __future__ import annotations

from marketing.channels.base import provider_type
from marketing.channels.models import Provider
from marketing.delivery.models import SendOut

DIGITS = 4


def last_digits(channel: str, target: str) -> str:
    """What numbers of SMS are shown and found by; nothing on other channels."""
    return target[-DIGITS:] if channel == Provider.Channel.SMS else ""


def id_type_of(send_out: SendOut) -> str:
    """The ID type that it writes to: chosen on the custom channel, that of the provider on others."""
    return send_out.id_type or provider_type(send_out.provider).id_type
