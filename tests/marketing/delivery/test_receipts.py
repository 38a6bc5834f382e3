"""Reports of platforms, openings, clicks and unsubscribing."""

from __future__ import annotations

import time

import pytest
from django.test import Client

from cdp.jobs import JobContext
from cdp.jobs.models import Job
from marketing.channels.base import BatchReceipt
from marketing.delivery import bulk, freeze, queries, receipts, resolve, tracking
from marketing.delivery.models import Engagement, Recipient, SendBatch, SendOut, Suppression
from tests.marketing.delivery.shop import Person, Shop, mails, numbers

BROWSER = "Mozilla/5.0 (X11; Linux x86_64) Firefox/130.0"


@pytest.fixture
def batch(sms_shop: Shop) -> SendBatch:
    """Handed over to one person, without a report yet."""
    send_out = sms_shop.submit(sms_shop.sms(sms_shop.audience(numbers(1))))
    return SendBatch.objects.select_related("send_out__provider").get(send_out=send_out)


def report(batch: SendBatch, *states: str) -> str:
    """Apply reports one after another; the recipient's state afterwards."""
    for state in states:
        receipts.apply(batch, [BatchReceipt("13800131000", state, code=state)])  # type: ignore[arg-type]
    return Recipient.objects.get().state


@pytest.mark.parametrize(
    ("states", "after"),
    [
        (["delivered"], "delivered"),
        (["failed"], "failed"),
        (["delivered", "delivered"], "delivered"),
        (["delivered", "failed"], "delivered"),
        (["failed", "delivered"], "delivered"),
        (["failed", "failed"], "failed"),
    ],
)
def test_reports_may_come_twice_and_in_any_order(batch: SendBatch, states: list[str], after: str) -> None:
    assert report(batch, *states) == after
    effect = queries.effect(batch.send_out)
    assert (effect["sent"], effect["delivered"], effect["failed"]) == (
        1,
        int(after == "delivered"),
        int(after == "failed"),
    )


def test_both_reports_in_one_answer_count_as_delivered(batch: SendBatch) -> None:
    both = [BatchReceipt("13800131000", "delivered"), BatchReceipt("13800131000", "failed")]
    assert receipts.apply(batch, both) == 1
    assert Recipient.objects.get().state == "delivered"


def test_a_report_that_comes_before_the_answer_of_the_call_stays(batch: SendBatch) -> None:
    SendBatch.objects.update(state="handing")
    Recipient.objects.update(state="handing")
    report(batch, "delivered")
    bulk.mark_handed(batch, "biz")
    assert Recipient.objects.get().state == "delivered"


def test_a_report_about_somebody_else_changes_nothing(batch: SendBatch) -> None:
    assert receipts.apply(batch, [BatchReceipt("13800139999", "failed")]) == 0
    assert Recipient.objects.get().state == "handed"


def test_a_cancelled_recipient_stays_cancelled(batch: SendBatch) -> None:
    Recipient.objects.update(state="cancelled")
    assert report(batch, "delivered") == "cancelled"


def test_the_platform_is_asked_until_everybody_has_reported(sms_shop: Shop) -> None:
    shop = sms_shop
    shop.sandbox.options.change({"late_seconds": 0.0})
    people: list[Person] = [
        (number, None, None, None) for number in ("13800131000", "13800130001", "13800130003")
    ]
    send_out = shop.submit(shop.sms(shop.audience(people)))
    assert shop.states(send_out) == {"handed": 3}
    shop.poll()
    assert shop.states(send_out) == {"delivered": 2, "failed": 1}
    assert SendBatch.objects.get().state == "closed"
    assert queries.failures(send_out) == [{"code": "UNDELIV", "detail": "UNDELIV", "count": 1}]


def test_texts_differ_by_batch_and_invalid_numbers_are_counted(sms_shop: Shop) -> None:
    shop = sms_shop
    people: list[Person] = [
        ("+86 13800131000", None, "Bath", None),
        ("13800131001", None, "York", None),
        ("13800131002", None, "Bath", None),
        ("12345", None, "Bath", None),
    ]
    audience = shop.audience(people)
    given = {"city": {"dataset": audience.rule["dataset"], "tag": "city", "missing": "skip"}}
    send_out = shop.submit(shop.sms(audience, template={"text": "To ${city}"}, variables=given))
    assert shop.inbox() == {f"1380013100{digit}": 1 for digit in range(3)}
    assert shop.reasons(send_out) == {"invalid": 1}
    assert sorted(SendBatch.objects.values_list("params__city", "size")) == [("Bath", 2), ("York", 1)]


def test_the_file_of_a_batch_holds_only_those_who_still_get_it(sms_shop: Shop) -> None:
    shop = sms_shop
    shop.settings(caps={"sms": {"per_day": 1}})
    audience = shop.audience(numbers(3))
    first = shop.submit(shop.sms(shop.audience(numbers(1), "One"), "First"))
    second = shop.submit(shop.sms(audience, "Second"))
    assert (first.state, second.state) == ("finished", "finished")
    assert shop.inbox() == {f"1380013100{digit}": 1 for digit in range(3)}
    assert shop.reasons(second) == {"capped": 1}


def test_a_slow_limit_makes_small_batches(sms_shop: Shop) -> None:
    send_out = sms_shop.submit(sms_shop.sms(sms_shop.audience(numbers(5)), per_minute=300))
    assert send_out.batches.count() == 1
    send_out = sms_shop.sms(sms_shop.audience(numbers(5), "Others"), "Slow", per_minute=2)
    job = JobContext(Job.objects.first())  # type: ignore[arg-type]
    freeze.keep(send_out, freeze.find(send_out, job))
    resolve.resolve(send_out, job)
    bulk.make_batches(send_out)
    assert sorted(send_out.batches.values_list("size", flat=True)) == [1, 2, 2]


@pytest.fixture
def letter(shop: Shop) -> SendOut:
    template = {"html": '<p><a href="https://shop.example/sale">Sale</a></p>'}
    return shop.submit(shop.mail(shop.audience(mails(2)), template=template))


def links_of(shop: Shop, address: str) -> tuple[str, str, str]:
    """Paths in a mail: click, picture, unsubscribe."""
    mail = shop.source(address)
    html = mail.get_body(("html",)).get_content()
    paths = [part.split('"')[0] for part in html.split("/t/")[1:]]
    unsubscribe = str(mail["List-Unsubscribe"]).strip("<>")
    return "/t/" + paths[0], "/t/" + paths[-1], unsubscribe[unsubscribe.index("/t/") :]


def test_a_click_counts_once_per_person_and_leads_on(shop: Shop, letter: SendOut) -> None:
    click, _picture, _unsubscribe = links_of(shop, "c0@x.example")
    for _turn in range(2):
        answer = Client().get(click, headers={"User-Agent": BROWSER})
        assert (answer.status_code, answer.headers["Location"]) == (302, "https://shop.example/sale")
    effect = queries.effect(letter)
    assert (effect["clicked"], effect["opened"]) == (1, 1)
    assert queries.links(letter) == [
        {"number": 1, "url": "https://shop.example/sale", "people": 1, "clicks": 2}
    ]


def test_machines_are_kept_apart(shop: Shop, letter: SendOut) -> None:
    click, picture, _unsubscribe = links_of(shop, "c0@x.example")
    Client().get(click, headers={"User-Agent": "Barracuda link scanner"})
    Client().head(picture, headers={"User-Agent": BROWSER})
    assert (queries.effect(letter)["clicked"], queries.effect(letter)["opened"]) == (0, 0)
    assert Engagement.objects.filter(is_machine=True).count() == 2


def test_opening_an_unknown_message_proves_that_it_arrived(shop: Shop, letter: SendOut) -> None:
    Recipient.objects.update(state="unknown", reason="worker_lost")
    _click, picture, _unsubscribe = links_of(shop, "c0@x.example")
    Client().get(picture, headers={"User-Agent": BROWSER})
    assert shop.recipient(letter, 0).state == "delivered" and shop.recipient(letter, 1).state == "unknown"


@pytest.mark.parametrize("token", ["x", "1-0:forged", ""])
def test_a_forged_address_is_not_found(db: None, token: str) -> None:
    for name in ("c", "u"):
        assert Client().get(f"/t/{name}/{token}").status_code == 404


def test_the_unsubscribe_link_asks_acts_on_post_and_holds_for_later_send_outs(
    shop: Shop, letter: SendOut
) -> None:
    _click, _picture, path = links_of(shop, "c0@x.example")
    assert shop.source("c0@x.example")["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    Client().get(path)
    assert not Suppression.objects.exists()
    for _turn in range(2):
        answer = Client(enforce_csrf_checks=True).post(path, {"List-Unsubscribe": "One-Click"})
        assert answer.status_code == 200
    kept = Suppression.objects.get()
    assert (kept.reason, kept.source) == ("unsubscribed", letter.pk)
    assert queries.effect(letter)["unsubscribed"] == 1
    later = shop.submit(shop.mail(letter.audience, "Later"))
    assert shop.reasons(later) == {"suppressed": 1}


def test_a_recipients_file_needs_its_signed_address_and_lasts_a_day(
    sms_shop: Shop, batch: SendBatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = tracking.file_url(batch.out_id)
    path = url[url.index("/t/") :]
    assert Client().get(path).content == b"13800131000\n"
    assert Client().get(path[:-3] + "xxx").status_code == 403
    assert Client().get(path.replace(batch.out_id, "0" * 32)).status_code == 403
    now = time.time()
    monkeypatch.setattr("django.core.signing.time.time", lambda: now + tracking.FILE_SECONDS - 60)
    assert Client().get(path).status_code == 200
    monkeypatch.setattr("django.core.signing.time.time", lambda: now + tracking.FILE_SECONDS + 60)
    over = Client().get(path)
    assert over.status_code == 403
    assert b"13800131000" not in over.content


def test_a_signed_address_of_no_batch_is_not_found(db: None) -> None:
    url = tracking.file_url("0" * 32)
    assert Client().get(url[url.index("/t/") :]).status_code == 404
