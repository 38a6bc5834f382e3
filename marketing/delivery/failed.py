"""Those of a send-out whose message has failed for certain."""

from __future__ import annotations

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from cdp.core.errors import Conflict
from marketing.delivery.models import Recipient, SendOut

NO_REPORT = "no_report"


def failed_of(send_out: SendOut) -> QuerySet[Recipient]:
    """Those whose message was refused or reported as failed.

    Without a report nobody knows, so people who only count as failed because time is up are not among them.
    """
    return send_out.recipients.filter(state=Recipient.State.FAILED).exclude(code=NO_REPORT)


def gone() -> Conflict:
    return Conflict(
        _(
            "Its recipients are no longer kept: they are deleted 168 hours after the end, or when the settings of the "
            "workspace say so. The numbers stay."
        ),
        code="recipients_deleted",
    )
