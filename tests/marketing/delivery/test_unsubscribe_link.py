"""The switch that says whether the mails of a send-out end with a link to unsubscribe."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from marketing.content import mail
from marketing.delivery import checking, copying, services
from marketing.delivery.models import SendOut, Suppression
from tests.marketing.console import Browser
from tests.marketing.delivery.shop import Shop, mails
from tests.marketing.delivery.test_mail_platform import letter, platform, sent


def bodies(shop: Shop) -> list[str]:
    """Both parts of the latest mail."""
    found = shop.source("c0@x.example")
    return [found.get_body((kind,)).get_content() for kind in ("html", "plain")]


def test_switched_on_each_mail_has_a_link_and_the_headers_for_the_button(shop: Shop) -> None:
    shop.submit(shop.mail(shop.audience(mails(1))))
    head = shop.source("c0@x.example")["List-Unsubscribe"].strip("<>")
    assert shop.source("c0@x.example")["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert all(head in body for body in bodies(shop))


def test_switched_off_it_has_neither(shop: Shop) -> None:
    send_out = shop.submit(shop.mail(shop.audience(mails(1)), unsubscribe_link=False))
    found = shop.source("c0@x.example")
    assert found["List-Unsubscribe"] is None and found["List-Unsubscribe-Post"] is None
    html, text = bodies(shop)
    assert "/t/u/" not in html + text and "Unsubscribe" not in html + text
    assert "/t/o/" in html and send_out.state == SendOut.State.FINISHED


def test_who_has_unsubscribed_gets_no_mail_without_a_link_either(shop: Shop) -> None:
    audience = shop.audience(mails(2))
    shop.submit(shop.mail(audience))
    head = shop.source("c0@x.example")["List-Unsubscribe"].strip("<>")
    Client().post(head[head.index("/t/") :])
    assert Suppression.objects.count() == 1
    later = shop.submit(shop.mail(audience, "Later", unsubscribe_link=False))
    assert shop.states(later) == {"delivered": 1, "filtered": 1}
    assert shop.reasons(later) == {"suppressed": 1}


@pytest.mark.parametrize("review", [False, True])
def test_a_platform_gets_the_mail_without_it(sms_shop: Shop, review: bool) -> None:
    send_out = letter(sms_shop, mails(1), platform(sms_shop, review=review), unsubscribe_link=False)
    sms_shop.submit(send_out)
    [row] = sent(sms_shop)
    assert row["html"] == "<p>Hi</p>" and mail.leave_url(sms_shop.workspace.pk) not in row["html"]


def test_a_promotion_without_one_is_warned_of_and_a_notice_is_not(shop: Shop) -> None:
    def warned(name: str, **more: Any) -> bool:
        send_out = shop.mail(shop.audience(mails(1), f"{name} people"), name, **more)
        return any("no link to unsubscribe" in text for text in checking.summary(send_out)["warnings"])

    assert not warned("With")
    assert warned("Without", unsubscribe_link=False)
    assert not warned("Notice", unsubscribe_link=False, template={"purpose": "notice"})


def test_a_copy_keeps_the_choice_and_an_approval_sees_a_change_of_it(shop: Shop) -> None:
    send_out = shop.mail(shop.audience(mails(1)), unsubscribe_link=False)
    assert copying.copy(shop.access, send_out).unsubscribe_link is False
    shop.settings(approval={"enabled": True, "above": 0})
    waiting = services.submit(shop.access, send_out, now=True)
    assert waiting.state == SendOut.State.APPROVAL
    changed = services.update(shop.access, waiting, {"unsubscribe_link": True})
    assert changed.state == SendOut.State.DRAFT


def test_page_and_api_set_it(shop: Shop) -> None:
    send_out = shop.mail(shop.audience(mails(1)))
    console = Browser(shop.access, "send-outs/")
    page = console.get(f"{send_out.pk}/edit/").content.decode()
    assert 'name="unsubscribe_link"' in page and "checked" in page.split('name="unsubscribe_link"')[1][:120]
    one = f"/api/v1/workspaces/{shop.workspace.slug}/send-outs/{send_out.pk}/"
    assert console.client.get(one).json()["unsubscribe_link"] is True
    answer = console.client.patch(one, {"unsubscribe_link": False}, "application/json")
    assert answer.status_code == 200 and answer.json()["unsubscribe_link"] is False
    send_out.refresh_from_db()
    assert send_out.unsubscribe_link is False
    page = console.get(f"{send_out.pk}/edit/").content.decode()
    assert "checked" not in page.split('name="unsubscribe_link"')[1][:120].split(">")[0]
