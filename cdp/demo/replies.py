"""What some of the demo's customers answer to the SMS that they got."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from marketing.delivery.models import SendOut
from marketing.replies import receiving
from marketing.replies.models import InboundMessage

TEXTS = (
    "谢谢！请问优惠可以在网上用吗？",
    "收到，周末去店里看看。",
    "T",
    "我的地址变了，怎么改？",
    "你们几点关门？",
    "退订",
    "祝福收到，谢谢",
)
READ = 2
"""So many, the earliest, have been read already."""


def load(send_out: SendOut) -> None:
    """The same replies at every run, from the first recipients, a few minutes apart."""
    rows = list(send_out.recipients.exclude(target="").order_by("pk")[: len(TEXTS)])
    first = timezone.now() - timedelta(minutes=9 * len(TEXTS))
    for number, (row, text) in enumerate(zip(rows, TEXTS, strict=False)):
        at = first + timedelta(minutes=9 * number)
        given = {"messageId": f"demo-{number}", "phoneNum": row.target, "content": text}
        receiving.receive(send_out.provider, {**given, "receiveDate": str(int(at.timestamp()))})
    read = InboundMessage.objects.in_workspace(send_out.workspace_id).order_by("received_at")[:READ]
    InboundMessage.objects.filter(pk__in=[row.pk for row in read], read_at=None).update(
        read_at=timezone.now(), read_by=send_out.owner
    )
