"""Fetching reports from the queues of platforms that have such."""

from __future__ import annotations

from marketing.channels import queueing
from marketing.channels.base import BatchReceipt, Queueing
from marketing.channels.models import Provider
from marketing.delivery import bulk, receipts
from marketing.delivery.models import SendBatch


def read_all() -> int:
    """Read every queue of reports; returns how many rows of ledgers changed."""
    return queueing.each("reports", _read)


def _read(provider: Provider, kind: Queueing) -> int:
    return sum(take_in(provider, page) for page in kind.reports(provider))


def take_in(provider: Provider, page: list[tuple[str, BatchReceipt]]) -> int:
    """Write reports into the ledgers of whichever workspace the provider belongs to."""
    found: dict[str, list[BatchReceipt]] = {}
    for out_id, receipt in page:
        found.setdefault(out_id, []).append(receipt)
    batches = SendBatch.objects.select_related("send_out__provider").filter(
        pk__in=found, send_out__provider__in=provider.alike()
    )
    changed = 0
    for batch in batches:
        if batch.state == SendBatch.State.UNKNOWN:
            bulk.mark_handed(batch, batch.biz_id)
        changed += receipts.apply(batch, found[batch.pk])
    return changed
