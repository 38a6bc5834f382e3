"""The numbers of the custom channel: what the own system accepted, and the results that it has reported since.

| Figure | Meaning |
|---|---|
| accepted | calls that it answered with OK, or of which it has reported a result |
| refused | calls that it refused, or that could not be made |
| no_receipt | accepted, without a result |
| statuses | per result of the webhook: code, label, outcome, count |
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Q
from django.utils.translation import gettext_lazy as _

from marketing.delivery.models import Recipient, ReportedReason, SendOut

_STATES = Recipient.State
REPORTED = Q(reason=ReportedReason.RECEIPT)
_PREFIX = "status:"


def of(send_out: SendOut) -> dict[str, Any]:
    """The figures of one send-out."""
    rows = send_out.recipients.order_by()
    found = rows.aggregate(
        accepted=Count("pk", filter=Q(state=_STATES.HANDED) | REPORTED),
        refused=Count("pk", filter=Q(state=_STATES.FAILED) & ~REPORTED),
        no_receipt=Count("pk", filter=Q(state=_STATES.HANDED)),
    )
    counts = dict(rows.filter(REPORTED).values_list("code").annotate(number=Count("pk")))
    webhook = send_out.provider.webhook
    return {
        **found,
        "receipts": webhook.receipts,
        "statuses": [{**row, "count": counts.get(row["code"], 0)} for row in webhook.statuses],
    }


def closes_at(send_out: SendOut) -> datetime | None:
    """When no more results are taken; None as long as it is not over, or where none are taken at all."""
    webhook = send_out.provider.webhook
    if not webhook.receipts or send_out.finished_at is None:
        return None
    return send_out.finished_at + timedelta(hours=webhook.window_hours)


def results(send_out: SendOut) -> dict[str, tuple[Any, Q]]:
    """Of which people an audience can be made, by key: label and condition."""
    statuses = {
        f"{_PREFIX}{row['code']}": (f"{row['label']} ({row['code']})", REPORTED & Q(code=row["code"]))
        for row in send_out.provider.webhook.statuses
    }
    return {
        **statuses,
        "no_report": (_("Accepted, no result"), Q(state=_STATES.HANDED)),
        "failed": (_("Refused"), Q(state=_STATES.FAILED) & ~REPORTED),
    }
