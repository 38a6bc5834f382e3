"""Short links in the messages of send-outs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from cdp.core.errors import Conflict
from marketing.content import services as contents
from marketing.delivery import services, sms_rules
from marketing.delivery.composition import Share
from marketing.delivery.models import SendOut
from marketing.links import services as links
from marketing.links.models import ShortLink
from tests.marketing.delivery.shop import Shop, mails, numbers


@pytest.fixture
def link(shop: Shop) -> ShortLink:
    links.add_domain(shop.access, "shop.example.com")
    return links.create(shop.access, name="Sale", target="https://shop.example.com/", days=1)


@pytest.fixture
def send_out(shop: Shop, link: ShortLink) -> SendOut:
    return shop.sms(shop.audience(numbers(1)), template={"text": f"See {link.url}"})


def test_a_link_that_ends_before_the_message_leaves_is_refused(shop: Shop, send_out: SendOut) -> None:
    with pytest.raises(Conflict) as refused:
        services.submit(shop.access, send_out, scheduled_at=timezone.now() + timedelta(hours=25))
    assert refused.value.code == "short_link_over" and "Sale" in str(refused.value)
    soon = timezone.now() + timedelta(hours=23)
    assert services.submit(shop.access, send_out, scheduled_at=soon).state == "waiting"


def test_a_link_that_ends_within_a_day_is_warned_of(shop: Shop, link: ShortLink, send_out: SendOut) -> None:
    [warning] = sms_rules.warnings(send_out)
    assert "Sale" in warning and "within a day" in warning
    links.extend(shop.access, link, 30)
    assert sms_rules.warnings(send_out) == []


def test_a_stopped_link_is_refused_until_it_is_extended(
    shop: Shop, link: ShortLink, send_out: SendOut
) -> None:
    links.stop(shop.access, link)
    with pytest.raises(Conflict):
        services.submit(shop.access, send_out, now=True)
    links.extend(shop.access, link, 30)
    later: Any = timezone.now() + timedelta(days=25)
    assert services.submit(shop.access, send_out, scheduled_at=later).state == "waiting"


def test_links_of_every_variant_count(shop: Shop, link: ShortLink) -> None:
    texts = {"Without": "Come in", "With": f"See {link.url}"}
    templates = [
        contents.create_template(shop.access, "email", {"name": name, "subject": name, "text": text})
        for name, text in texts.items()
    ]
    shares = [Share(template, 50) for template in templates]
    send_out = shop.mail(shop.audience(mails(1)), variants=shares)
    links.stop(shop.access, link)
    with pytest.raises(Conflict) as refused:
        services.submit(shop.access, send_out, now=True)
    assert refused.value.code == "short_link_over"


def test_a_link_of_a_waiting_send_out_is_not_removed(shop: Shop, link: ShortLink, send_out: SendOut) -> None:
    services.submit(shop.access, send_out, scheduled_at=timezone.now() + timedelta(hours=2))
    with pytest.raises(Conflict) as refused:
        links.delete(shop.access, link)
    assert refused.value.code == "in_use"
    services.cancel(shop.access, send_out)
    links.delete(shop.access, link)
