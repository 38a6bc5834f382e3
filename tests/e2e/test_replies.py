"""Somebody answers an SMS in the sandbox: the reply is read and answered, and a T ends messages, in a real browser."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest

from insight.audiences import outside
from marketing.channels import services as channels
from marketing.content import services as contents
from marketing.content import signatures
from marketing.delivery import services as delivery
from marketing.delivery.models import Suppression
from marketing.replies.models import InboundMessage
from tests.e2e.shop import Shop, go
from tests.processes import eventually

MOBILE = "13800001234"


@pytest.fixture
def shop(run_jobs: Callable[..., Any]) -> Shop:
    return Shop(run_jobs)


def arrived(count: int) -> None:
    eventually(lambda: InboundMessage.objects.count() >= count)
    assert InboundMessage.objects.count() == count


def answer_in_the_sandbox(tab: Any, sandbox: Any, mobile: str, text: str) -> None:
    tab.goto(f"{sandbox.url}/inbox/?channel=sms")
    tab.get_by_role("row", name=mobile).first.get_by_role("link").first.click()
    tab.get_by_label("Reply as the recipient").fill(text)
    tab.get_by_role("button", name="Send").click()


def test_a_reply_is_read_and_answered_and_a_t_unsubscribes(
    shop: Shop, tab: Any, sign_in: Callable[[Any], str], run_jobs: Callable[..., Any], sandbox: Any
) -> None:
    from playwright.sync_api import expect

    sandbox.options.change({"review_seconds": 0.0})
    access = shop.access
    audience, _job = outside.upload(
        access, BytesIO(f"{MOBILE}\n".encode()), "list.csv", {"id_type": "mobile", "name": "Visitors"}
    )
    run_jobs()
    audience.refresh_from_db()
    config = {"base_url": f"{sandbox.url}/contract", "replies": True}
    values = {"channel": "sms", "type": "contract", "name": "Platform", "config": config}
    provider = channels.create_provider(access, values)
    signature = signatures.add(access, provider, "Tide")
    template = contents.create_template(access, "sms", {"name": "Sale", "text": "Come to the sale"})
    contents.submit_for_review(access, template, provider)
    chosen = {"provider": provider, "signature": signature, "template": template, "audience": audience}
    send_out = delivery.create(access, "sms", {"name": "Sale", **chosen})
    delivery.submit(access, send_out)
    run_jobs()
    sign_in(access)
    home = tab.url
    answer_in_the_sandbox(tab, sandbox, MOBILE, "Until when?")
    arrived(1)
    tab.goto(home)
    go(tab, "Replies")
    row = tab.get_by_role("row", name="Until when?")
    expect(row).to_contain_text(f"…{MOBILE[-4:]}")
    expect(row).to_contain_text("Unread")
    expect(tab.locator("main")).not_to_contain_text(MOBILE)
    row.get_by_role("checkbox").check()
    tab.get_by_role("button", name="Write back").click()
    expect(tab.get_by_text("One SMS goes out")).to_be_visible()
    tab.locator("select[name=template].tomselected").wait_for(state="attached")
    tab.locator("select[name=template]").evaluate(f"(field) => field.tomselect.setValue('{template.pk}')")
    tab.get_by_role("button", name="Send", exact=True).click()
    expect(tab.get_by_text("One SMS is on its way.")).to_be_visible()
    run_jobs()
    expect(tab.get_by_role("row", name="Until when?")).to_contain_text("Answered")
    go(tab, "Send-outs")
    expect(tab.get_by_role("row", name="Sale (reply)")).to_contain_text("Message reply")

    answer_in_the_sandbox(tab, sandbox, MOBILE, "Ｔ")
    arrived(2)
    assert Suppression.objects.get().signature == "Tide"
    tab.goto(home)
    go(tab, "Suppressions")
    tab.get_by_role("link", name=f"{MOBILE[:3]}****{MOBILE[-4:]}").click()
    tab.get_by_label("Why").fill("She rang us on Monday")
    tab.get_by_role("button", name="Messages may go there again").click()
    expect(tab.get_by_text("Messages go there again.")).to_be_visible()
    assert not Suppression.objects.exists()


def test_an_sms_is_shown_and_counted_while_it_is_written(
    shop: Shop, tab: Any, sign_in: Callable[[Any], str]
) -> None:
    from playwright.sync_api import expect

    tab.goto(sign_in(shop.access) + "content/new/sms/")
    tab.locator("textarea[name=text]").fill("a" * 71)
    expect(tab.get_by_text("71 characters, sent as 2 SMS")).to_be_visible()
    expect(tab.locator(".phone-text")).to_have_text("a" * 71)
