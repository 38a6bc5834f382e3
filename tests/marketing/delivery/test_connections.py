"""Mails over several connections: faster, within the server's bounds, and never twice."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from django.conf import settings
from django.core.cache import cache

from cdp.core.errors import ValidationFailed
from marketing.channels import pool
from marketing.channels.base import Message, ProviderError, provider_type
from marketing.channels.models import Provider
from marketing.delivery import personal
from marketing.delivery.models import SendOut
from tests.marketing.delivery.shop import Shop, mails


class MailServer:
    """A mail server that counts its connections, takes its time, and can drop some."""

    def __init__(self) -> None:
        self.got: Counter[str] = Counter()
        self.open = self.widest = self.opened = 0
        self.most_open, self.port = 1000, 0
        self.idle = threading.Event()
        self.seconds = 0.02
        self.drops: Callable[[str], str] = lambda address: ""

    async def handle_EHLO(
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        return responses

    async def handle_RCPT(
        self, server: Any, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.drops(address) == "before":
            server.transport.abort()
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Session, envelope: Envelope) -> str:
        await asyncio.sleep(self.seconds)
        [address] = envelope.rcpt_tos
        self.got[address] += 1
        if self.drops(address) == "after":
            server.transport.abort()
        return "250 OK"


class CountingSMTP(SMTP):
    """One connection."""

    def connection_made(self, transport: Any) -> None:
        counts: MailServer = self.event_handler
        counts.opened += 1
        if counts.open >= counts.most_open:
            self.counted = False
            transport.abort()
            return
        self.counted = True
        counts.open += 1
        counts.widest = max(counts.widest, counts.open)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        if self.counted:
            self.event_handler.open -= 1
            if not self.event_handler.open:
                self.event_handler.idle.set()
            super().connection_lost(error)


class Running(Controller):
    def factory(self) -> SMTP:
        return CountingSMTP(self.handler)


@pytest.fixture
def server() -> Iterator[Any]:
    handler = MailServer()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        handler.port = taken.getsockname()[1]
    running = Running(handler, hostname="127.0.0.1", port=handler.port)
    running.start()
    # On starting it makes one connection to itself.
    assert handler.idle.wait(5)
    handler.opened = handler.widest = 0
    yield handler
    running.stop(no_assert=True)


def letter(shop: Shop, server: Any, people: int, **config: Any) -> SendOut:
    given = {"host": "127.0.0.1", "port": str(server.port), "security": "none", **config}
    provider = {"config": given, "rate_per_second": 1000}
    return shop.mail(shop.audience(mails(people)), provider=provider)


def test_mails_go_over_several_connections_and_to_everybody_once(shop: Shop, server: Any) -> None:
    send_out = shop.submit(letter(shop, server, 60))
    assert send_out.state == "finished" and shop.states(send_out) == {"delivered": 60}
    assert set(server.got.values()) == {1} and len(server.got) == 60
    assert server.widest == 4


def test_the_setting_bounds_the_connections(shop: Shop, server: Any) -> None:
    shop.submit(letter(shop, server, 40, connections="2"))
    assert server.widest == 2


def test_few_mails_need_one_connection(shop: Shop, server: Any) -> None:
    shop.submit(letter(shop, server, 4))
    assert server.opened == 1


def test_a_server_that_takes_two_connections_gets_everything_by_two(shop: Shop, server: Any) -> None:
    server.most_open = 2
    send_out = shop.submit(letter(shop, server, 40))
    assert shop.states(send_out) == {"delivered": 40} and server.widest == 2


def test_a_connection_dropped_before_the_mail_loses_nothing_and_sends_nothing_twice(
    shop: Shop, server: Any
) -> None:
    dropped = []

    def drops(address: str) -> str:
        if address == "c7@x.example" and not dropped:
            dropped.append(address)
            return "before"
        return ""

    server.drops = drops
    send_out = shop.submit(letter(shop, server, 40))
    assert dropped and send_out.state == "finished"
    assert shop.states(send_out) == {"delivered": 40} and set(server.got.values()) == {1}


def test_a_connection_dropped_after_the_mail_leaves_one_unknown_and_the_rest_goes_out_later(
    shop: Shop, server: Any
) -> None:
    server.drops = lambda address: "after" if address == "c7@x.example" else ""
    waiting = shop.submit(letter(shop, server, 40))
    assert waiting.state == "waiting"
    states = shop.states(waiting)
    assert states["unknown"] == 1 and states["queued"] >= 20 and sum(states.values()) == 40
    lost = shop.recipient(waiting, 7)
    assert (lost.state, lost.reason) == ("unknown", "connection_lost") and lost.detail
    provider = Provider.objects.get(pk=waiting.provider_id)
    assert provider.consecutive_errors == 1
    done = shop.when_due(waiting)
    assert done.state == "finished" and shop.states(done) == {"delivered": 39, "unknown": 1}
    assert set(server.got.values()) == {1} and len(server.got) == 40
    provider.refresh_from_db()
    assert provider.consecutive_errors == 0


def test_two_send_outs_share_the_places_of_their_server(shop: Shop, server: Any) -> None:
    send_out = letter(shop, server, 20, connections="3")
    kind: Any = provider_type(send_out.provider)
    with (
        kind.session(send_out.provider, "a@x.example", at_once=10) as first,
        kind.session(send_out.provider, "a@x.example", at_once=20) as second,
        kind.session(send_out.provider, "a@x.example", at_once=20) as third,
    ):
        found = [len(session.connections) for session in (first, second, third)]
    assert found == [2, 1, 1]
    with kind.session(send_out.provider, "a@x.example", at_once=20) as alone:
        assert len(alone.connections) == 3


def test_places_of_a_dead_worker_are_free_again(shop: Shop, server: Any) -> None:
    key = "prv_dead"
    for number in range(2):
        cache.add(f"connections:{key}:{number}", 1, pool.PLACE_SECONDS)
    assert pool._take_places(key, 2, 2) == []
    left: Any = redis.Redis.from_url(settings.REDIS_URL).ttl(cache.make_key(f"connections:{key}:0"))
    assert 0 < left <= pool.PLACE_SECONDS


def test_a_domain_s_limit_holds_over_all_connections(shop: Shop, server: Any) -> None:
    send_out = letter(shop, server, 3, domain_per_minute="60")
    shop.submit(send_out)
    assert len(server.got) == 3 and set(server.got.values()) == {1}


def test_more_connections_than_any_server_likes_are_refused(shop: Shop, server: Any) -> None:
    with pytest.raises(ValidationFailed) as caught:
        letter(shop, server, 1, connections="21")
    assert "config/connections" in caught.value.errors


def test_the_gravest_error_of_several_connections_is_told() -> None:
    class Failing:
        def __init__(self, error: ProviderError) -> None:
            self.error = error

        def send_one(self, message: Message) -> Any:
            raise self.error

    lost = ProviderError("lost", code="connection_lost", retryable=True)
    refused = ProviderError("refused", code="sender_refused")
    with pytest.raises(ProviderError) as caught:
        list(pool.Pool([Failing(refused)]).send([Message(1, "a@x.example"), Message(2, "b@x.example")]))
    assert caught.value is refused
    assert max([lost, refused], key=pool._gravity) is refused


def test_a_chunk_takes_no_longer_than_somebody_who_pauses_may_wait() -> None:
    size, sizes = personal.FIRST_CHUNK, []
    for seconds_each in (0.001, 0.001, 0.001, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 2.0, 0.001):
        size = personal._next_size(size, size * seconds_each, personal.CHUNK)
        sizes.append(size)
    assert sizes == [40, 50, 50, 25, 12, 6, 3, 1, 1, 1, 2]
