"""What a person found out about messages of which nobody knew whether they had left.

Such messages are never sent again by themselves. A report of the platform settles them; so does a person who has
looked it up there.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from cdp.core import audit
from cdp.core.access import Access
from cdp.core.errors import Conflict
from marketing.delivery import services
from marketing.delivery.models import Recipient, SendBatch, SendOut, SettledReason

MOST = 1000
NOT_SENT = "not_sent"


def open_rows(send_out: SendOut) -> QuerySet[Recipient]:
    """Rows that a person may settle.

    Not those of a call that is going to be repeated under the same ID: its platform still answers for them.
    """
    rows = send_out.recipients.filter(state=Recipient.State.UNKNOWN)
    if send_out.provider.config.get("idempotent"):
        rows = rows.exclude(batch__state__in=[SendBatch.State.HANDING, SendBatch.State.UNKNOWN])
    return rows


def settle(access: Access, send_out: SendOut, recipients: Sequence[int], *, sent: bool) -> int:
    """Note that the messages have left (`sent`: they wait for reports) or have not (they failed); returns how many.

    What was reported meanwhile keeps its report. Raises Conflict where nothing was open.
    """
    access.require(f"marketing.{send_out.channel}.send")
    services.check_owner(send_out, access)
    state, code, at = Recipient.State.HANDED, "", None
    if not sent:
        state, code, at = Recipient.State.FAILED, NOT_SENT, timezone.now()
    with transaction.atomic():
        rows = open_rows(send_out).filter(pk__in=recipients[:MOST]).select_for_update(of=("self",))
        keys = list(rows.values_list("pk", flat=True))
        if not keys:
            raise Conflict(
                _("Nothing is open here any more: it has been reported, or its platform is asked again."),
                code="nothing_to_settle",
            )
        Recipient.objects.filter(pk__in=keys).update(
            state=state, code=code, reported_at=at, reason=SettledReason.BY_HAND, detail=""
        )
        audit.record(access, "send_out.settled", send_out, after={"recipients": keys, "sent": sent})
    return len(keys)
