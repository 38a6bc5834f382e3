"""Send-outs whose provider is held back by something else than itself, such as an account that lets nobody in."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from cdp.core.errors import Conflict
from marketing.channels import health
from marketing.channels.models import Provider
from marketing.delivery.contact_policy import Held
from marketing.delivery.models import SendOut

CODE = "provider_failing"
PATIENCE = timedelta(minutes=30)
"""So long after its time a send-out waits for what holds its provider back."""
_PAUSE = timedelta(minutes=5)


def check(send_out: SendOut) -> None:
    """Raises Held where it may still come right in time, Conflict (provider_failing) where it will not."""
    hold = health.held_by(send_out.provider)
    if hold is None:
        return
    now = timezone.now()
    end = (send_out.scheduled_at or send_out.started_at or now) + PATIENCE
    if hold.for_good or now >= end:
        raise Conflict(hold.reason, code=CODE)
    raise Held(min(end, now + _PAUSE), hold.reason)


def waiting(provider: Provider) -> list[str]:
    """Names of the send-outs that will leave by a provider."""
    states = (SendOut.State.WAITING, SendOut.State.APPROVAL)
    return list(SendOut.objects.filter(provider=provider, state__in=states).values_list("name", flat=True))
