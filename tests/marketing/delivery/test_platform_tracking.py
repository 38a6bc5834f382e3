"""Opens and clicks of mails by a platform that fills in addresses of each person."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.test import Client

from marketing.content import mail
from marketing.delivery import mail_message, queries, services, tracking, trial
from marketing.delivery.models import Recipient, SendOut, Suppression, TrackedLink
from marketing.sandbox.contract import fill
from tests.marketing.delivery.shop import Shop, mails
from tests.marketing.delivery.test_mail_platform import letter, platform, sent

BROWSER = "Mozilla/5.0 (X11; Linux x86_64) Firefox/130.0"
HATS, CAPS = "https://shop.example/hats", "https://shop.example/caps"
HTML = f'<p>Look: <a href="{HATS}">hats</a>, <a href="{CAPS}?a=1&amp;b=2">caps</a></p>'


def received(shop: Shop) -> dict[str, str]:
    """By address, the mail that the platform made for it."""
    return {row["recipient"]: fill(row["html"], json.loads(row["params"] or "{}")) for row in sent(shop)}


def paths(html: str, kind: str) -> list[str]:
    """Addresses of ours of one kind in a mail, as a browser asks for them."""
    return [match.replace("&amp;", "&") for match in re.findall(rf'"https?://[^/"]+(/t/{kind}/[^"]+)"', html)]


@pytest.fixture
def posted(sms_shop: Shop) -> SendOut:
    """To three people, by a platform that fills in."""
    provider = platform(sms_shop, line_links=True)
    return sms_shop.submit(letter(sms_shop, mails(3), provider, template={"html": HTML}))


def visit(path: str) -> Any:
    return Client().get(path, headers={"user-agent": BROWSER})


def test_a_click_counts_for_its_person_and_leads_on(sms_shop: Shop, posted: SendOut) -> None:
    html = received(sms_shop)["c1@x.example"]
    first, second = paths(html, "c")
    answer = visit(second)
    assert (answer.status_code, answer.headers["Location"]) == (302, f"{CAPS}?a=1&b=2")
    visit(second)
    clicked = Recipient.objects.get(send_out=posted, clicked_at__isnull=False)
    assert clicked.target == "c1@x.example" and clicked.state == "delivered"
    assert {row["url"]: (row["people"], row["clicks"]) for row in queries.links(posted)} == {
        HATS: (0, 0),
        f"{CAPS}?a=1&b=2": (1, 2),
    }
    assert visit(first).headers["Location"] == HATS


def test_an_opening_counts_for_its_person(sms_shop: Shop, posted: SendOut) -> None:
    [picture] = paths(received(sms_shop)["c2@x.example"], "o")
    assert visit(picture).headers["Content-Type"] == "image/gif"
    assert Recipient.objects.get(send_out=posted, opened_at__isnull=False).target == "c2@x.example"
    numbers = queries.effect(posted)
    assert (numbers["opened"], numbers["clicked"]) == (1, 0)


def test_the_link_at_the_end_unsubscribes_its_person_without_asking_who_it_is(
    sms_shop: Shop, posted: SendOut
) -> None:
    html = received(sms_shop)["c0@x.example"]
    assert mail.leave_url(sms_shop.workspace.pk) not in html
    [leave] = paths(html, "u")
    assert visit(leave).status_code == 200 and not Suppression.objects.exists()
    Client().post(leave)
    assert Suppression.objects.get().masked == "c***@x.example"
    assert Recipient.objects.get(send_out=posted, unsubscribed_at__isnull=False).target == "c0@x.example"


def test_nothing_is_left_to_be_filled_in_and_nobody_reads_anothers_address(
    sms_shop: Shop, posted: SendOut
) -> None:
    mails_of = received(sms_shop)
    assert len(mails_of) == 3 and not any("${" in html for html in mails_of.values())
    every = [path for html in mails_of.values() for kind in "cou" for path in paths(html, kind)]
    assert len(every) == len(set(every)) == 3 * 4


def test_a_forged_address_names_nobody(sms_shop: Shop, posted: SendOut) -> None:
    one, *_others = paths(received(sms_shop)["c1@x.example"], "c")
    row = posted.recipients.last()
    assert row is not None
    signature = one.split(":")[1].split("/")[0]
    forged = f"/t/c/{row.pk:x}-0-{posted.pk}:{signature}/1"
    assert forged != one and visit(forged).status_code == 404
    assert visit(f"{one.rsplit('/', 1)[0]}/99").status_code == 404
    assert not Recipient.objects.filter(clicked_at__isnull=False).exists()


def test_a_token_of_one_link_counts_no_other(sms_shop: Shop, posted: SendOut) -> None:
    row = posted.recipients.first()
    assert row is not None
    token = tracking.person_token(row.pk, posted.pk, 1)
    assert visit(f"/t/c/{token}/2").headers["Location"] == HATS


def test_people_with_their_own_texts_are_still_told_apart_by_us(sms_shop: Shop) -> None:
    people = [(None, f"{name}@x.example", city, None) for name, city in (("ann", "<b>Bath"), ("bo", "York"))]
    send_out = letter(
        sms_shop,
        people,
        platform(sms_shop, line_links=True),
        template={"html": f'<p>${{city}} <a href="{HATS}">hats</a></p>', "subject": "To ${city}"},
        variables={"city": {"dataset": "", "tag": "", "missing": "replace", "value": "you"}},
    )
    dataset = send_out.audience.rule["dataset"]
    tag = {"dataset": dataset, "tag": "city", "format": "", "missing": "skip", "value": ""}
    services.update(sms_shop.access, send_out, {"variables": {"city": tag}})
    sms_shop.submit(send_out)
    lines = [json.loads(row["params"]) for row in sent(sms_shop)]
    assert all(set(line) == {"tl_person", "tl_leave"} for line in lines)
    assert "&lt;b&gt;Bath" in received(sms_shop)["ann@x.example"]
    [hats] = paths(received(sms_shop)["bo@x.example"], "c")
    assert visit(hats).headers["Location"] == HATS


def test_without_the_setting_or_the_wish_the_mail_is_as_it_was_written(sms_shop: Shop) -> None:
    first = sms_shop.submit(letter(sms_shop, mails(1), platform(sms_shop), template={"html": HTML}))
    assert HATS in sent(sms_shop)[0]["html"] and not sent(sms_shop)[0]["params"]
    assert not mail_message.opens_are_known(first) and not TrackedLink.objects.exists()


def test_untracked_it_counts_nothing(sms_shop: Shop) -> None:
    provider = platform(sms_shop, line_links=True)
    send_out = sms_shop.submit(letter(sms_shop, mails(1), provider, template={"html": HTML}, track=False))
    [row] = sent(sms_shop)
    assert HATS in row["html"] and not row["params"] and not TrackedLink.objects.exists()
    assert not mail_message.opens_are_known(send_out)


def test_a_test_send_counts_nothing_and_leads_straight_on(sms_shop: Shop) -> None:
    provider = platform(sms_shop, line_links=True)
    send_out = letter(sms_shop, mails(1), provider, template={"html": HTML})
    trial.send_test(sms_shop.access, send_out, ["me@x.example"])
    [row] = sent(sms_shop)
    assert HATS in row["html"] and "${" not in row["html"]


def test_the_reviewed_template_goes_along_with_the_text_that_counts(sms_shop: Shop) -> None:
    provider = platform(sms_shop, line_links=True, review=True)
    sms_shop.submit(letter(sms_shop, mails(1), provider, template={"html": HTML}))
    [row] = sent(sms_shop)
    assert row["template_code"] and "${tl_person}" in row["html"]


def test_the_page_says_why_there_are_no_opens(sms_shop: Shop, client: Client) -> None:
    client.force_login(sms_shop.access.user)
    known = sms_shop.submit(
        letter(sms_shop, mails(1), platform(sms_shop, line_links=True), template={"html": HTML})
    )
    page = client.get(f"/w/{sms_shop.workspace.slug}/send-outs/{known.pk}/")
    assert {tile["label"]: tile["value"] for tile in page.context["tiles"]}["Opened"] == "0"
    assert b"reports neither opens nor clicks" not in page.content
