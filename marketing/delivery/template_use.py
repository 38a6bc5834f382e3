"""Templates of send-outs: none goes while a send-out may still leave with it."""

from __future__ import annotations

from django.db.models import Q

from marketing.content import usage
from marketing.content.models import Template
from marketing.delivery.models import SendOut

_DONE = (SendOut.State.FINISHED, SendOut.State.CANCELLED)
"""What has failed can be started again; these keep what they have sent."""


def _users(template: Template) -> list[str]:
    """Names of the send-outs that are prepared or under way with the template."""
    rows = SendOut.objects.in_workspace(template.workspace_id).exclude(state__in=_DONE)
    which = Q(template=template) | Q(variants__template=template)
    return list(rows.filter(which).order_by("name").values_list("name", flat=True).distinct())


def register() -> None:
    usage.USES.add("send_outs", _users)
