"""Push messages to browsers, from the draft to what browsers report."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from cdp.core.errors import ValidationFailed
from marketing.content import services as contents
from marketing.delivery import (
    comparing,
    push_figures,
    push_reports,
    reach_page,
    result_audience,
    suppressions,
    tracking,
    trial,
)
from marketing.delivery.composition import Share
from marketing.delivery.models import Recipient, SendOut, TrackedLink
from marketing.devices import registry
from marketing.devices.models import PushDevice
from tests.marketing.delivery.web_shop import WebShop, address
from tests.marketing.sandbox.conftest import eventually


def report(row: Recipient, word: str) -> int:
    """A browser's report of a message; the status of the answer."""
    path = tracking.event_url(row).partition("//")[2].partition("/")[2]
    return Client().post(f"/{path}", word, content_type="text/plain").status_code


def test_a_message_goes_to_browsers_and_what_they_report_is_counted(reported_web_shop: WebShop) -> None:
    shop = reported_web_shop
    site = shop.site()
    for number, reaction in enumerate(("shown", "clicked", "closed", "silent")):
        shop.browser(site, number, reaction=reaction)
    row = shop.submit(shop.notice(site, shop.people(6)))
    assert row.state == "finished", row.state_reason
    assert shop.reasons(row) == {"no_device": 2}
    eventually(lambda: row.recipients.filter(state="delivered").count() == 3)
    eventually(lambda: row.recipients.filter(dismissed_at__isnull=False).count() == 1)
    eventually(lambda: row.recipients.filter(opened_at__isnull=False).count() == 1)
    found = push_figures.of(row)
    assert {name: found[name] for name in push_figures.COUNTS} == {
        "target": 6, "planned": 4, "sent": 4, "received": 3, "opened": 1, "ignored": 1,
    }  # fmt: skip
    assert found["rates"] == pytest.approx(
        {"match": 4 / 6, "receive": 3 / 4, "open": 1 / 3, "ignore": 1 / 3, "planned_over_sent": 1}
    )
    assert [row.person for row in result_audience.people(row, ["opened"])] == ["u000001"]
    assert [row.person for row in result_audience.people(row, ["ignored"])] == ["u000002"]
    assert [row.person for row in result_audience.people(row, ["no_report"])] == ["u000003"]


def test_a_browser_decrypts_what_was_written_with_time_to_live_urgency_and_topic(web_shop: WebShop) -> None:
    site = web_shop.site()
    web_shop.browser(site, 0)
    tap = {"action": "url", "url": "https://shop.example/hats", "ttl_hours": 2, "extra": {"city": "${city}"}}
    written = {"subject": "Hats in ${city}", "text": "Neu: Hüte 帽子", "push": tap}
    draft = web_shop.notice(
        site,
        web_shop.people(1),
        template=written,
        variables={"city": {"value": "Bath"}},
    )
    row = web_shop.submit(draft)
    assert row.state == "finished", row.state_reason
    [found] = web_shop.shown()
    recipient = row.recipients.get()
    assert found["headers"] == {"ttl": "7200", "urgency": "normal", "topic": found["payload"]["tag"]}
    assert found["payload"] == {
        "tideline": 1,
        "title": "Hats in Bath",
        "body": "Neu: Hüte 帽子",
        "url": tracking.click_url(recipient, TrackedLink.objects.get(send_out=row).number),
        "extra": {"city": "Bath"},
        "tag": found["payload"]["tag"],
        "report": tracking.event_url(recipient),
    }


def test_a_click_opens_the_link_and_counts_for_its_person_alone(web_shop: WebShop) -> None:
    site = web_shop.site()
    for number in range(2):
        web_shop.browser(site, number)
    tap = {"action": "url", "url": "https://shop.example/hats"}
    row = web_shop.submit(web_shop.notice(site, web_shop.people(2), template={"push": tap}))
    first = web_shop.recipient(row, 0)
    path = tracking.click_url(first, 1).partition("//")[2].partition("/")[2]
    answer = Client(headers={"user-agent": "Mozilla/5.0 Chrome/130"}).get(f"/{path}")
    assert answer.headers["Location"] == "https://shop.example/hats"
    first.refresh_from_db()
    assert first.clicked_at and first.opened_at and first.state == "delivered"
    assert web_shop.recipient(row, 1).opened_at is None


def test_one_person_gets_one_message_in_all_browsers(web_shop: WebShop) -> None:
    site = web_shop.site()
    devices = [web_shop.browser(site, 0) for _number in range(3)]
    registry.switch_off(web_shop.access, devices[2])
    row = web_shop.submit(web_shop.notice(site, web_shop.people(1)))
    assert row.recipients.count() == 1
    assert len(web_shop.shown()) == 2
    assert len({found["payload"]["tag"] for found in web_shop.shown()}) == 1


@pytest.mark.parametrize("status", [404, 410])
def test_a_subscription_that_is_gone_is_switched_off_and_its_person_has_no_device(
    web_shop: WebShop, status: int
) -> None:
    site = web_shop.site()
    device = web_shop.browser(site, 0, answer=status)
    web_shop.browser(site, 1)
    row = web_shop.submit(web_shop.notice(site, web_shop.people(2)))
    device.refresh_from_db()
    assert (device.enabled, device.off_reason) == (False, "gone")
    lost = web_shop.recipient(row, 0)
    assert (lost.state, lost.code) == ("failed", "no_device")
    assert web_shop.recipient(row, 1).state == "handed"
    again = web_shop.submit(web_shop.notice(site, row.audience, "More"))
    assert web_shop.reasons(again) == {"no_device": 1}


def test_a_message_that_is_too_large_for_a_push_service_has_failed(web_shop: WebShop) -> None:
    site = web_shop.site()
    web_shop.browser(site, 0, answer=413)
    row = web_shop.submit(web_shop.notice(site, web_shop.people(1)))
    assert (row.recipients.get().state, row.recipients.get().code) == ("failed", "too_long")
    assert push_figures.of(row)["sent"] == 0


def test_a_busy_push_service_is_tried_again_and_nobody_gets_the_message_twice(web_shop: WebShop) -> None:
    site = web_shop.site()
    web_shop.browser(site, 0)
    busy = web_shop.browser(site, 1, answer=429)
    web_shop.browser(site, 2)
    row = web_shop.submit(web_shop.notice(site, web_shop.people(3)))
    assert (row.state, web_shop.states(row)) == ("waiting", {"handed": 1, "queued": 2})
    key = busy.address["endpoint"].rpartition("/")[2]
    with web_shop.sandbox.store._transaction() as connection:
        connection.execute("UPDATE browsers SET answer = 201 WHERE id = ?", (key,))
    row = web_shop.when_due(row)
    assert (row.state, web_shop.states(row)) == ("finished", {"handed": 3})
    assert set(web_shop.inbox().values()) == {1}
    busy.refresh_from_db()
    assert busy.failures == 0


def test_a_push_service_that_never_works_does_not_hold_up_the_others(web_shop: WebShop) -> None:
    site = web_shop.site()
    web_shop.browser(site, 0, answer=503)
    web_shop.browser(site, 1)
    row = web_shop.submit(web_shop.notice(site, web_shop.people(2)))
    for _try in range(registry.MOST_FAILURES):
        row = web_shop.when_due(row)
    assert row.state == "finished"
    assert (web_shop.recipient(row, 0).state, web_shop.recipient(row, 0).code) == ("failed", "503")
    assert web_shop.recipient(row, 1).state == "handed"


def test_a_sender_with_other_keys_is_refused(web_shop: WebShop) -> None:
    site, other = web_shop.site(), web_shop.site("Other")
    subscription = web_shop.subscription(other)
    keys = {"endpoint": subscription["endpoint"], **subscription["keys"]}
    registry.register(site, "web", keys, {"email": address(0)})
    row = web_shop.submit(web_shop.notice(site, web_shop.people(1)))
    assert (row.recipients.get().state, row.recipients.get().code) == ("failed", "403")


def test_reports_count_once_for_exactly_their_person(web_shop: WebShop) -> None:
    site = web_shop.site()
    for number in range(2):
        web_shop.browser(site, number)
    row = web_shop.submit(web_shop.notice(site, web_shop.people(2)))
    first, second = (web_shop.recipient(row, number) for number in range(2))
    assert report(first, "shown") == 204
    first.refresh_from_db()
    assert (first.state, first.opened_at, first.dismissed_at) == ("delivered", None, None)
    assert report(first, "clicked") == report(first, "clicked") == 204
    before = Recipient.objects.get(pk=first.pk).opened_at
    assert before is not None
    report(first, "clicked")
    first.refresh_from_db()
    assert first.opened_at == before
    assert report(second, "closed") == 204
    second.refresh_from_db()
    assert second.dismissed_at and second.opened_at is None


def test_forged_reports_are_refused(web_shop: WebShop) -> None:
    site = web_shop.site()
    web_shop.browser(site, 0)
    row = web_shop.submit(web_shop.notice(site, web_shop.people(1)))
    recipient = row.recipients.get()
    path = "/" + tracking.event_url(recipient).partition("//")[2].partition("/")[2]
    signature = path.rpartition(":")[2]
    for wrong in (f"/t/e/{recipient.pk + 1:x}-{row.pk}:{signature}", path[:-1] + "_", "/t/e/x"):
        assert Client().post(wrong, "clicked", content_type="text/plain").status_code == 404
    assert report(recipient, "delivered") == 404
    click = tracking.click_url(recipient, 0).rpartition("/")[2]
    assert Client().post(f"/t/e/{click}", "clicked", content_type="text/plain").status_code == 404
    recipient.refresh_from_db()
    assert recipient.state == "handed"


def test_after_72_hours_nothing_counts_any_more(web_shop: WebShop) -> None:
    site = web_shop.site()
    web_shop.browser(site, 0)
    row = web_shop.submit(web_shop.notice(site, web_shop.people(1)))
    SendOut.objects.filter(pk=row.pk).update(
        started_at=timezone.now() - push_reports.COUNTED - timedelta(minutes=1)
    )
    assert report(row.recipients.get(), "clicked") == 204
    assert row.recipients.get().opened_at is None


def test_who_is_suppressed_gets_nothing(web_shop: WebShop) -> None:
    site = web_shop.site()
    for number in range(2):
        web_shop.browser(site, number)
    suppressions.add(web_shop.access, "push", address(0))
    row = web_shop.submit(web_shop.notice(site, web_shop.people(2)))
    assert web_shop.reasons(row) == {"suppressed": 1}
    assert web_shop.states(row) == {"filtered": 1, "handed": 1}


def test_a_control_group_and_variants_are_of_people_with_a_device(web_shop: WebShop) -> None:
    site = web_shop.site()
    for number in range(40):
        web_shop.browser(site, number)
    audience = web_shop.people(60)
    first, second = (
        contents.create_template(web_shop.access, "push", {"name": title, "subject": title, "text": "New"})
        for title in ("Hello", "Hats!")
    )
    shares = [Share(first, 50), Share(second, 50)]
    row = web_shop.submit(
        web_shop.notice(site, audience, holdout=50, variants=shares, template={"name": "Unused"})
    )
    states = web_shop.states(row)
    assert states["control"] + states["handed"] == 40 and states["filtered"] == 20
    assert 5 <= states["control"] <= 35
    assert {found["payload"]["title"] for found in web_shop.shown()} == {"Hello", "Hats!"}
    assert sum(item["sent"] for item in comparing.variants(row)) == states["handed"]


def test_a_test_goes_to_the_browsers_of_those_named_and_counts_nothing(web_shop: WebShop) -> None:
    site = web_shop.site()
    web_shop.browser(site, 0)
    draft = web_shop.notice(site, web_shop.people(2))
    answer = trial.send_test(web_shop.access, draft, [address(0), address(1)])
    assert answer["sent"] == [address(0)]
    assert "no_device" in answer["failed"][address(1)]
    [found] = web_shop.shown()
    assert found["payload"]["title"] == "[Test] Hello"
    token = found["payload"]["report"].rpartition("/")[2]
    assert Client().post(f"/t/e/{token}", "clicked", content_type="text/plain").status_code == 204
    assert not Recipient.objects.exists()


@pytest.mark.parametrize("action", ["page", "custom"])
def test_what_a_browser_cannot_do_is_refused(web_shop: WebShop, action: str) -> None:
    tap = {"action": action, "custom": "x", "package": "com.example.shop", "activity": "MainActivity"}
    with pytest.raises(ValidationFailed) as caught:
        web_shop.notice(web_shop.site(), web_shop.people(1), template={"push": tap})
    assert "template" in caught.value.errors


def test_while_audiences_are_chosen_people_with_a_device_are_counted(web_shop: WebShop) -> None:
    site, audience = web_shop.site(), web_shop.people(5)
    for number in (0, 0, 3):
        web_shop.browser(site, number)
    registry.forget(web_shop.access, web_shop.browser(site, 4))
    found: Any = reach_page.with_device(web_shop.workspace, site.pk, [audience], [], "email")
    assert found == 2
    assert PushDevice.objects.count() == 3
