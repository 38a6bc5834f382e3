"""A person's word on a send-out that missed its time."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from cdp.core import audit
from cdp.core.access import Access
from cdp.core.errors import Conflict
from marketing.delivery import lateness, schedule, services
from marketing.delivery.models import SendOut


def decide(access: Access, send_out: SendOut, *, send: bool) -> SendOut:
    """It starts now, or fails for having missed its time. Raises Conflict where it is not late."""
    access.require(f"marketing.{send_out.channel}.send")
    services.check_owner(send_out, access)
    with transaction.atomic():
        send_out = (
            SendOut.objects.select_for_update(of=("self",))
            .select_related("workspace", "owner")
            .get(pk=send_out.pk)
        )
        if send_out.state != SendOut.State.LATE:
            raise Conflict(_("It is not late, or somebody has decided already."), code="send_out_state")
        if send:
            schedule.begin(send_out)
        else:
            lateness.skip(send_out, timezone.now())
        audit.record(access, "send_out.late_decided", send_out, after={"sent": send})
    return send_out
