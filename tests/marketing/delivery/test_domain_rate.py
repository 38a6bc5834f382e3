"""So many mails a minute to one domain, whatever else is in the queue."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings

from marketing.delivery import domain_rate, rate
from marketing.delivery.models import Recipient, SendOut
from tests.marketing.delivery.shop import Shop


def prepared(shop: Shop, addresses: list[str], per_minute: str) -> SendOut:
    """A send-out whose ledger stands, and nobody has been written to."""
    host = {"host": "127.0.0.1", "port": str(shop.sandbox.smtp_port), "security": "none"}
    people = [(None, address, "Bath", None) for address in addresses]
    provider = {"config": {**host, "domain_per_minute": per_minute}}
    send_out = shop.mail(shop.audience(people), provider=provider)
    for number, address in enumerate(addresses):
        Recipient.objects.create(
            send_out=send_out, person=f"u{number}", person_hash=f"{number:064}", target=address
        )
    return send_out


def nothing() -> None:
    pass


def next_of(send_out: SendOut, size: int = 20) -> list[str]:
    rows = domain_rate.next_rows(send_out, size, nothing)
    assert rows is not None
    found = {row.pk: row.target for row in Recipient.objects.filter(pk__in=rows)}
    return [found[pk] for pk in rows]


def test_a_slow_domain_does_not_hold_up_the_others(shop: Shop) -> None:
    addresses = ["a@one.example", "b@one.example", "c@two.example", "d@ONE.example", "e@three.example"]
    send_out = prepared(shop, addresses, "6")
    assert next_of(send_out) == ["a@one.example", "c@two.example", "e@three.example"]


def test_a_full_domain_makes_the_sender_wait_until_it_takes_a_mail(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    send_out = prepared(shop, ["a@one.example", "b@one.example"], "6")
    waits: list[float] = []

    def empty_the_wait(seconds: float, check: Any) -> None:
        waits.append(seconds)
        import redis

        redis.Redis.from_url(settings.REDIS_URL).delete(f"rate:domain:{send_out.provider_id}:one.example")

    assert next_of(send_out) == ["a@one.example"]
    send_out.recipients.filter(person="u0").delete()
    monkeypatch.setattr(rate, "wait", empty_the_wait)
    assert next_of(send_out) == ["b@one.example"]
    assert len(waits) == 1 and 5 < waits[0] <= 10


def test_no_more_than_asked_for_are_taken(shop: Shop) -> None:
    send_out = prepared(shop, [f"a@d{number}.example" for number in range(5)], "6")
    assert len(next_of(send_out, size=3)) == 3


def test_without_a_limit_everybody_is_next(shop: Shop) -> None:
    assert domain_rate.next_rows(prepared(shop, ["a@one.example"], ""), 20, nothing) is None


def test_a_limited_send_out_reaches_everybody_once(shop: Shop) -> None:
    host = {"host": "127.0.0.1", "port": str(shop.sandbox.smtp_port), "security": "none"}
    people = [(None, f"a@d{number}.example", "Bath", None) for number in range(5)]
    provider = {"config": {**host, "domain_per_minute": "60"}}
    send_out = shop.submit(shop.mail(shop.audience(people), provider=provider))
    assert shop.states(send_out) == {"delivered": 5} and set(shop.inbox().values()) == {1}
