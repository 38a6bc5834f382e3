"""Purchases after a mail, beside those of people who did not get it."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import F

from cdp.core.access import Access
from cdp.demo.steps import finish
from insight.datasets.models import Dataset
from marketing.delivery import conversion
from marketing.delivery.models import SendOut

AGO = timedelta(days=4)
"""The demo's behaviour ends today: a mail that left just now would have had no time to work."""


def load(access: Access, send_out: SendOut, behaviour: Dataset) -> None:
    """As if the mail had left some days ago; then what its readers bought is counted."""
    if send_out.conversion or send_out.started_at is None:
        return
    send_out.recipients.filter(handed_at__isnull=False).update(handed_at=F("handed_at") - AGO)
    moments = {name: F(name) - AGO for name in ("started_at", "finished_at")}
    SendOut.objects.filter(pk=send_out.pk).update(**moments)
    send_out.refresh_from_db()
    chosen = {"dataset": behaviour.pk, "types": ["购买"], "days": 7, "amount": True}
    job = conversion.choose(access, send_out, chosen)
    if job is not None:
        finish(job)
