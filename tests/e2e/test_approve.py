"""A second person approves a send-out in a browser, and it leaves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from marketing.delivery import services
from marketing.delivery.models import Approval
from tests.factories import make_access
from tests.marketing.delivery.shop import Shop, mails


@pytest.fixture
def shop(transactional_db: None, sandbox: Any) -> Shop:
    return Shop(sandbox)


def test_submitted_by_one_and_approved_by_another(
    tab: Any, sign_in: Callable[[Any], str], shop: Shop
) -> None:
    shop.settings(approval={"enabled": True, "above": 0})
    other = make_access(shop.workspace)
    audience = shop.audience(mails(3))
    send_out = services.submit(shop.access, shop.mail(audience, "Spring"))
    assert send_out.state == "approval"
    home = sign_in(other)
    tab.goto(home)
    tab.get_by_text("Waiting for your approval").first.wait_for()
    tab.goto(f"{home}send-outs/approvals/")
    tab.locator("a.row-link", has_text="Spring").click()
    tab.get_by_text("Your approval is asked for").wait_for()
    tab.locator("#conflicts .spinner-border").wait_for()
    shop.run_jobs()
    tab.locator("#conflicts").get_by_text("Can be reached").wait_for()
    tab.fill("#remark", "Looks good")
    tab.get_by_role("button", name="Approve", exact=True).click()
    tab.locator("#confirm [data-part=yes]").click()
    tab.get_by_text("Approved.").first.wait_for()
    ended = shop.run_jobs(send_out)
    assert (ended.state, len(shop.inbox())) == ("finished", 3)
    assert Approval.objects.get().remark == "Looks good"
