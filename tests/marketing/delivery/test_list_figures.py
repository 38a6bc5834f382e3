"""Numbers on lists: new at each look where counting is quick, and never wrong for long where it is not."""

from __future__ import annotations

import pytest
from django.core.cache import cache

from marketing.delivery import list_figures
from marketing.delivery.models import Recipient, SendOut
from tests.marketing.delivery.shop import Shop, mails

State = Recipient.State


@pytest.fixture
def sent(shop: Shop) -> SendOut:
    return shop.submit(shop.mail(shop.audience(mails(3))))


def listed(send_out: SendOut) -> dict[str, int]:
    rows = list(SendOut.objects.filter(pk=send_out.pk))
    list_figures.attach(rows)
    return {name: getattr(rows[0], name) for name in list_figures.NAMES}


def fail_one(send_out: SendOut) -> None:
    last = send_out.recipients.order_by("-pk")[:1]
    Recipient.objects.filter(pk__in=last.values("pk")).update(state=State.FAILED)


def test_quick_counts_are_new_at_each_look(sent: SendOut) -> None:
    assert listed(sent) == {
        **dict.fromkeys(("target", "sent", "delivered"), 3),
        **dict.fromkeys(("opened", "clicked", "converted"), 0),
    }
    fail_one(sent)
    assert listed(sent)["delivered"] == 2


def test_a_send_out_that_is_deleted_meanwhile_has_no_numbers(sent: SendOut) -> None:
    rows = list(SendOut.objects.filter(pk=sent.pk))
    SendOut.objects.filter(pk=sent.pk).delete()
    list_figures.attach(rows)
    assert rows[0].target == rows[0].sent == 0  # type: ignore[attr-defined]


def test_slow_counts_stay_a_while_but_not_beyond_a_change_of_state(
    sent: SendOut, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(list_figures, "BRIEF", 0.0)
    monkeypatch.setattr(list_figures, "SHARE", 0.0001)
    assert listed(sent)["delivered"] == 3
    fail_one(sent)
    assert listed(sent)["delivered"] == 3
    SendOut.objects.filter(pk=sent.pk).update(state=SendOut.State.PAUSED)
    assert listed(sent)["delivered"] == 2
    fail_one(sent)
    cache.delete(f"list-figures:{sent.pk}:{SendOut.State.PAUSED}")
    assert listed(sent)["delivered"] == 2
