"""Clicks on short links count for the message that carried the link, and are events."""

from __future__ import annotations

from typing import Any

import pytest

from marketing.content import services as contents
from marketing.delivery import expiry, queries, services
from marketing.delivery.models import Engagement, Recipient, SendOut
from marketing.links import parameters
from marketing.links import queries as link_queries
from marketing.links import services as links
from marketing.links.models import LinkClick, ShortLink
from marketing.outcomes import writing
from tests.marketing.delivery.shop import Shop, numbers
from tests.marketing.links.shop import follow
from tests.marketing.outcomes.recount import ids_in_lake, in_lake, of_ledger
from tests.marketing.outcomes.test_events import ended

ANN, BOB, STRANGER = "13800131000", "13800131001", "13900139000"


@pytest.fixture
def link(sms_shop: Shop) -> ShortLink:
    links.add_domain(sms_shop.access, "shop.example.com")
    return links.create(sms_shop.access, name="Sale", target="https://shop.example.com/", days=7)


def sent(shop: Shop, link: ShortLink, name: str = "Offer") -> SendOut:
    """To two people, with a link that tells them apart."""
    text = {"text": f"See {link.url_with_parameter} now"}
    config = {"short_params": True, "promo_variables": True, "short_links": True}
    send_out = shop.submit(shop.sms(shop.audience(numbers(2), name), name, template=text, config=config))
    assert send_out.state == "finished", send_out.state_reason
    return send_out


def click(link: ShortLink, mobile: str, **more: Any) -> None:
    """Follow the address that the person got."""
    link.refresh_from_db()
    keys = parameters.keys_of(link.workspace, link.url_with_parameter)
    [code] = parameters.values(keys, mobile).values()
    assert follow(link, f"?ph={code}", **more).status_code == 302


def test_a_click_counts_for_the_message_in_the_funnel_and_among_its_links(
    sms_shop: Shop, link: ShortLink
) -> None:
    send_out = sent(sms_shop, link)
    click(link, ANN)
    click(link, ANN)
    assert queries.effect(send_out)["clicked"] == 1
    assert queries.links(send_out) == [{"number": 1, "url": link.url, "people": 1, "clicks": 2}]
    assert link_queries.numbers(link)["clicks"] == 2
    row = sms_shop.recipient(send_out, 0)
    assert row.clicked_at is not None and row.state == "delivered"
    assert sms_shop.recipient(send_out, 1).clicked_at is None


def test_machines_and_strangers_click_for_nobody(sms_shop: Shop, link: ShortLink) -> None:
    send_out = sent(sms_shop, link)
    click(link, ANN, agent="curl/8.0")
    follow(link)
    follow(link, "?ph=aaaaaa")
    click(link, STRANGER)
    assert queries.effect(send_out)["clicked"] == 0 and not Engagement.objects.exists()


def test_a_click_belongs_to_the_latest_message_with_the_link(sms_shop: Shop, link: ShortLink) -> None:
    first, second = sent(sms_shop, link), sent(sms_shop, link, "Again")
    template = contents.create_template(sms_shop.access, "sms", {"name": "No link", "text": "Hello"})
    contents.submit_for_review(sms_shop.access, template, first.provider)
    values = {"provider": first.provider, "signature": first.signature, "template": template}
    without = services.create(sms_shop.access, "sms", {"name": "Bare", "audience": first.audience, **values})
    without = sms_shop.submit(without)
    click(link, BOB)
    clicked = [queries.effect(row)["clicked"] for row in (first, second, without)]
    assert clicked == [0, 1, 0] and LinkClick.objects.get().send_out == second.pk


def test_a_click_is_one_event_of_the_person_as_the_audience_knows_them(
    sms_shop: Shop, link: ShortLink
) -> None:
    send_out = sent(sms_shop, link)
    click(link, ANN)
    writing.write_all(sms_shop.workspace)
    writing.write_all(sms_shop.workspace, whole=True)
    assert in_lake(sms_shop.workspace) == of_ledger(send_out)
    found = [row for row in in_lake(sms_shop.workspace) if "click" in row[1]]
    assert [(row[0], row[1], row[3], row[4]) for row in found] == [
        ("u000000", "short_link_clicked", send_out.pk, link.url)
    ]


def test_a_click_without_a_message_is_an_event_of_the_number_and_stays_one(
    sms_shop: Shop, link: ShortLink
) -> None:
    sent(sms_shop, link)
    click(link, STRANGER)
    for whole in (False, False, True):
        writing.write_all(sms_shop.workspace, whole=whole)
    found = in_lake(sms_shop.workspace, id_type="mobile")
    assert [(row[0], row[1], row[3], row[4]) for row in found] == [
        (STRANGER, "short_link_clicked", None, link.url)
    ]


def test_a_click_that_was_counted_is_not_counted_again_once_the_rows_are_gone(
    sms_shop: Shop, link: ShortLink
) -> None:
    send_out = sent(sms_shop, link)
    click(link, ANN)
    before = queries.links(send_out)
    expected = of_ledger(send_out)
    ended(send_out)
    expiry.delete_old_recipients()
    send_out.refresh_from_db()
    writing.write_all(sms_shop.workspace, whole=True)
    assert not Recipient.objects.exists() and in_lake(sms_shop.workspace) == expected
    assert queries.links(send_out) == before


def test_a_late_click_still_finds_the_latest_message_before_it(sms_shop: Shop, link: ShortLink) -> None:
    """Links are good for up to 30 days, recipients are kept for seven."""
    for name in ("Offer", "Again"):
        last = sent(sms_shop, link, name)
        ended(last)
    expiry.delete_old_recipients()
    before = in_lake(sms_shop.workspace)
    click(link, ANN)
    click(link, STRANGER)
    for whole in (False, True):
        writing.write_all(sms_shop.workspace, whole=whole)
    new = [row for row in in_lake(sms_shop.workspace) if row not in before]
    assert sorted((row[0], row[1], row[3]) for row in new) == [
        (STRANGER, "short_link_clicked", None),
        ("u000000", "short_link_clicked", last.pk),
    ]
    keys = ids_in_lake(sms_shop.workspace)
    assert len(keys) == len(set(keys)) == len(before) + 2


def test_the_numbers_of_an_audience_do_not_come_into_the_lake(sms_shop: Shop, link: ShortLink) -> None:
    sent(sms_shop, link)
    click(link, ANN)
    writing.write_all(sms_shop.workspace)
    found = in_lake(sms_shop.workspace)
    assert "short_link_clicked" in {row[1] for row in found}
    assert {row[0] for row in found} == {"u000000", "u000001"}
    assert not [row for row in found if {ANN, BOB} & set(map(str, row))]
