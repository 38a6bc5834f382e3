"""Pausing and stopping while messages leave in another process: after the answer nothing leaves any more."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from marketing.channels.contract_sms import ContractSmsType
from marketing.delivery import bulk, receipts, services, suppressions
from marketing.delivery.models import SendBatch, SendOut
from marketing.delivery.personal import CHUNK
from tests.marketing.delivery.shop import Shop, mails, numbers
from tests.processes import eventually

PEOPLE = 3 * CHUNK


def steered_meanwhile(shop: Shop, send_out: SendOut, steer: Callable[..., Any]) -> int:
    """Steers in the middle of a chunk, with a connection of its own; the messages there when that was answered."""
    seen: list[int] = []

    def other_process() -> None:
        try:
            eventually(lambda: sum(shop.inbox().values()) >= 5)
            steer(shop.access, SendOut.objects.get(pk=send_out.pk))
            seen.append(sum(shop.inbox().values()))
        finally:
            connection.close()

    thread = threading.Thread(target=other_process)
    thread.start()
    shop.submit(send_out)
    thread.join(timeout=60)
    return seen[0]


@pytest.mark.parametrize(
    ("steer", "state", "rest"),
    [(services.pause, "paused", "queued"), (services.cancel, "cancelled", "cancelled")],
)
def test_no_mail_leaves_after_the_answer(
    sms_shop: Shop, steer: Callable[..., Any], state: str, rest: str
) -> None:
    shop = sms_shop
    send_out = shop.mail(shop.audience(mails(PEOPLE)), provider={"rate_per_second": 200})
    shop.sandbox.faults.add({"kind": "slow", "on": "smtp", "times": 10_000, "seconds": 0.02})
    seen = steered_meanwhile(shop, send_out, steer)
    send_out.refresh_from_db()
    assert send_out.state == state and 5 <= seen < PEOPLE
    assert sum(shop.inbox().values()) == seen
    assert shop.states(send_out) == {"delivered": seen, rest: PEOPLE - seen}


def test_whoever_is_suppressed_on_the_way_gets_no_mail(sms_shop: Shop) -> None:
    shop = sms_shop
    send_out = shop.mail(shop.audience(mails(PEOPLE)), provider={"rate_per_second": 200})
    shop.sandbox.faults.add({"kind": "slow", "on": "smtp", "times": 10_000, "seconds": 0.02})
    last: set[str] = set()

    def suppress(access: Any, steered: SendOut) -> None:
        """Those who are not claimed yet: after the fifth message the first chunk is under way."""
        last.update(row.target for row in steered.recipients.order_by("pk")[2 * CHUNK :])
        for target in last:
            suppressions.add(access, "email", target)

    steered_meanwhile(shop, send_out, suppress)
    assert len(last) == PEOPLE - 2 * CHUNK and not last & set(shop.inbox())
    assert shop.reasons(send_out) == {"suppressed": len(last)}


def test_a_batch_claimed_before_a_stop_does_not_leave_after_it(
    sms_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = sms_shop
    send_out = shop.sms(shop.audience(numbers(3)))
    claim = bulk._claim

    def stop_behind(*args: Any) -> bool:
        claimed = claim(*args)
        services.cancel(shop.access, SendOut.objects.get(pk=send_out.pk))
        return claimed

    monkeypatch.setattr(bulk, "_claim", stop_behind)
    stopped = shop.submit(send_out)
    assert stopped.state == "cancelled" and shop.states(stopped) == {"cancelled": 3} and not shop.inbox()


@pytest.mark.parametrize(
    ("steer", "repeated"), [(None, True), (services.pause, False), (services.cancel, False)]
)
def test_an_unanswered_call_is_not_repeated_while_paused_or_stopped(
    sms_shop: Shop, monkeypatch: pytest.MonkeyPatch, steer: Any, repeated: bool
) -> None:
    shop = sms_shop
    send_out = shop.sms(shop.audience(numbers(2)), config={"idempotent": True})
    services.submit(shop.access, send_out)
    send_out.refresh_from_db()
    SendOut.objects.filter(pk=send_out.pk).update(content={"sign_name": "Tide", "text": "Hello"})
    batch = SendBatch.objects.create(out_id="a" * 32, send_out=send_out, number=1, size=2, state="unknown")
    SendBatch.objects.update(next_poll_at="2026-01-01T00:00:00Z", handed_at="2026-01-01T00:00:00Z")
    calls: list[str] = []
    monkeypatch.setattr(ContractSmsType, "receipts", lambda *args: iter(()))
    monkeypatch.setattr(
        ContractSmsType, "send_bulk", lambda self, _p, asked: calls.append(asked.out_id) or "1"
    )
    if steer:
        steer(shop.access, send_out)
    receipts.poll_due()
    assert calls == ([batch.pk] if repeated else [])
