"""The file of recipients while services fail: a platform that cannot fetch it may refuse the batch for good."""

from __future__ import annotations

import psycopg
import pytest
from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.test import Client

from marketing.delivery import tracking
from marketing.delivery.models import SendOut
from tests.conftest import _database_url
from tests.marketing.delivery.shop import Shop, numbers


def address_of_a_batch(shop: Shop) -> str:
    send_out: SendOut = shop.submit(shop.sms(shop.audience(numbers(2))))
    return tracking.file_url(send_out.batches.get().pk).removeprefix(settings.BASE_URL)


def test_it_is_handed_out_over_a_new_connection_where_the_old_one_was_cut(sms_shop: Shop) -> None:
    address = address_of_a_batch(sms_shop)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        own = cursor.fetchone()[0]
    with psycopg.connect(_database_url(), autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s)", [own])
    assert len(Client().get(address).content.split()) == 2


def test_it_needs_no_redis(sms_shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    address = address_of_a_batch(sms_shop)

    def away(*_: object) -> None:
        raise ConnectionError

    monkeypatch.setattr(type(cache._connections[cache._alias]), "get", away)
    assert len(Client().get(address).content.split()) == 2
