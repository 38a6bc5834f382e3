"""Providers that fail for a while: nobody is lost, nobody gets it twice, and it goes on by itself."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from cdp.console.models import Notification
from marketing.channels import services as channels
from marketing.channels.models import Provider
from marketing.delivery import jobs, schedule, services
from marketing.delivery.models import Recipient, SendBatch, SendOut
from tests.marketing.delivery.shop import Shop, mails, numbers


@pytest.fixture
def unreachable() -> int:
    """A port on which nobody listens."""
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def lead_to(shop: Shop, send_out: SendOut, port: int) -> None:
    provider = Provider.objects.get(pk=send_out.provider_id)
    channels.update_provider(shop.access, provider, {"config": {**provider.config, "port": str(port)}})


def test_a_mail_server_that_cannot_be_reached_is_tried_again(shop: Shop, unreachable: int) -> None:
    send_out = shop.mail(shop.audience(mails(3)))
    lead_to(shop, send_out, unreachable)
    waiting = shop.submit(send_out)
    assert waiting.state == "waiting" and "cannot be reached" in waiting.state_reason
    assert waiting.held_until is not None and waiting.held_until > timezone.now()
    assert shop.states(waiting) == {"queued": 3}
    assert not Notification.objects.filter(title__contains="Letter").exists()
    lead_to(shop, send_out, shop.sandbox.smtp_port)
    assert shop.when_due(waiting).state == "finished"
    assert shop.inbox() == {f"c{number}@x.example": 1 for number in range(3)}


def test_the_pauses_grow_and_hold_for_all_send_outs_of_the_provider(shop: Shop, unreachable: int) -> None:
    audience = shop.audience(mails(1))
    send_out = shop.mail(audience)
    lead_to(shop, send_out, unreachable)
    waiting = shop.submit(send_out)
    pauses = []
    for _turn in range(5):
        waiting = shop.when_due(waiting)
        assert waiting.state == "waiting" and waiting.held_until is not None
        pauses.append((waiting.held_until - timezone.now()).total_seconds())
    assert pauses == sorted(pauses) and pauses[0] > 4 and pauses[-1] > 60
    provider = Provider.objects.get(pk=send_out.provider_id)
    assert provider.is_paused
    other = services.create(
        shop.access,
        "email",
        {
            "name": "Other",
            "audience": audience,
            "provider": provider,
            "sender": send_out.sender,
            "template": send_out.template,
        },
    )
    other = shop.submit(other)
    assert (other.state, other.held_until) == ("waiting", provider.paused_until)


def test_after_a_day_without_success_a_person_must_decide(shop: Shop, unreachable: int) -> None:
    send_out = shop.mail(shop.audience(mails(1)))
    lead_to(shop, send_out, unreachable)
    waiting = shop.submit(send_out)
    SendOut.objects.update(failing_since=timezone.now() - jobs.OUTAGE)
    paused = shop.when_due(waiting)
    assert paused.state == "paused" and "cannot be reached" in paused.state_reason
    assert Notification.objects.filter(title__startswith="Failed", title__contains="Letter").count() == 1
    lead_to(shop, send_out, shop.sandbox.smtp_port)
    services.resume(shop.access, paused)
    assert shop.run_jobs(paused).state == "finished" and shop.inbox() == {"c0@x.example": 1}


def test_a_connection_lost_after_the_content_leaves_one_unknown_and_sends_the_others(shop: Shop) -> None:
    shop.sandbox.faults.add({"kind": "lost_answer", "on": "smtp"})
    waiting = shop.submit(shop.mail(shop.audience(mails(5))))
    assert waiting.state == "waiting"
    assert shop.states(waiting) == {"unknown": 1, "queued": 4}
    send_out = shop.when_due(waiting)
    assert send_out.state == "finished" and shop.states(send_out) == {"unknown": 1, "delivered": 4}
    assert shop.inbox() == {f"c{number}@x.example": 1 for number in range(5)}


def test_a_refused_sign_in_fails_and_can_go_on_once_mended(shop: Shop) -> None:
    send_out = shop.mail(shop.audience(mails(2)))
    shop.sandbox.options.change({"smtp_user": "me", "smtp_password": "secret"})
    login = {**send_out.provider.config, "username": "me", "password": "wrong"}
    channels.update_provider(shop.access, send_out.provider, {"config": login})
    failed = shop.submit(send_out)
    assert failed.state == "failed" and shop.states(failed) == {"queued": 2}
    channels.update_provider(shop.access, Provider.objects.get(), {"config": {**login, "password": "secret"}})
    services.resume(shop.access, failed)
    assert shop.run_jobs(failed).state == "finished" and set(shop.inbox().values()) == {1}


def test_a_provider_switched_off_sends_nothing(shop: Shop) -> None:
    send_out = shop.mail(shop.audience(mails(1)))
    services.submit(shop.access, send_out)
    Provider.objects.update(enabled=False)
    failed = shop.run_jobs(send_out)
    assert failed.state == "failed" and "switched off" in failed.state_reason and not shop.inbox()


def test_a_send_out_that_lost_its_job_is_started_again(shop: Shop) -> None:
    send_out = shop.mail(shop.audience(mails(1)))
    SendOut.objects.filter(pk=send_out.pk).update(state="sending", updated_at=timezone.now())
    assert schedule.start_due() == 0
    SendOut.objects.filter(pk=send_out.pk).update(updated_at=timezone.now() - timedelta(minutes=2))
    assert schedule.start_due() == 1
    assert schedule.start_due() == 0
    assert shop.run_jobs(send_out).state == "finished" and len(shop.inbox()) == 1


def test_a_platform_that_fails_loses_no_further_batch_until_it_answers(sms_shop: Shop) -> None:
    """An answer of 500 leaves a batch unknown; while even reports fail, the other batches stay where they are."""
    shop = sms_shop
    send_out = shop.sms(shop.audience(numbers(6)), provider={"batch_size": 2})
    shop.sandbox.faults.add({"kind": "error", "on": "sendBatch"})
    shop.sandbox.faults.add({"kind": "error", "on": "sendDetails", "times": 2})
    waiting = shop.submit(send_out)
    for _turn in range(2):
        waiting = shop.when_due(waiting)
        assert waiting.state == "waiting" and shop.states(waiting) == {"unknown": 2, "queued": 4}
    finished = shop.when_due(waiting)
    assert finished.state == "finished" and shop.states(finished) == {"unknown": 2, "handed": 4}
    assert len(shop.inbox()) == 4 and set(shop.inbox().values()) == {1}


@pytest.mark.parametrize("kind", ["lost_answer", "error"])
def test_a_batch_without_an_answer_is_settled_by_its_report_or_a_safe_repeat(
    sms_shop: Shop, kind: str
) -> None:
    shop = sms_shop
    config = {"idempotent": True} if kind == "error" else {}
    send_out = shop.sms(shop.audience(numbers(3)), config=config)
    shop.sandbox.faults.add({"kind": kind, "on": "sendBatch"})
    waiting = shop.submit(send_out)
    assert shop.states(waiting) == {"unknown": 3}
    for _turn in range(2):
        shop.poll()
    assert shop.states(send_out) == {"delivered": 3}
    assert set(shop.inbox().values()) == {1} and len(shop.inbox()) == 3
    assert shop.when_due(waiting).state == "finished"
    assert set(shop.inbox().values()) == {1}


def test_without_a_promise_of_the_platform_an_unknown_batch_is_never_sent_again(sms_shop: Shop) -> None:
    shop = sms_shop
    send_out = shop.sms(shop.audience(numbers(3)))
    shop.sandbox.faults.add({"kind": "error", "on": "sendBatch"})
    waiting = shop.submit(send_out)
    for _turn in range(5):
        shop.poll()
    assert shop.states(waiting) == {"unknown": 3} and not shop.inbox()
    long_ago = timezone.now() - timedelta(hours=73)
    SendBatch.objects.update(handed_at=long_ago)
    shop.poll()
    assert shop.states(waiting) == {"failed": 3}
    assert set(Recipient.objects.values_list("code", flat=True)) == {"no_report"}
    assert SendBatch.objects.get().state == "closed"


def test_a_platform_that_cannot_be_reached_keeps_every_batch(sms_shop: Shop, unreachable: int) -> None:
    shop = sms_shop
    send_out = shop.sms(shop.audience(numbers(4)), provider={"batch_size": 2})
    right = send_out.provider.config
    broken = {**right, "base_url": f"http://127.0.0.1:{unreachable}/contract"}
    services_of = Provider.objects.get(pk=send_out.provider_id)
    services.submit(shop.access, send_out)
    channels.update_provider(shop.access, services_of, {"config": broken})
    waiting = shop.run_jobs(send_out)
    assert waiting.state == "waiting" and shop.states(waiting) == {"queued": 4}
    channels.update_provider(shop.access, Provider.objects.get(), {"config": right})
    assert shop.when_due(waiting).state == "finished" and set(shop.inbox().values()) == {1}


def test_a_platform_that_refuses_every_batch_fails_the_send_out_with_its_words(sms_shop: Shop) -> None:
    shop = sms_shop
    send_out = shop.sms(shop.audience(numbers(2)))
    services.submit(shop.access, send_out)
    shop.sandbox.options.change({"token": "secret"})
    failed = shop.run_jobs(send_out)
    assert failed.state == "failed" and "The provider refused every message" in failed.state_reason
    assert shop.states(failed) == {"failed": 2} and not shop.inbox()


def test_a_batch_left_by_a_dead_worker_is_asked_for_even_when_its_send_out_has_ended(sms_shop: Shop) -> None:
    shop = sms_shop
    send_out = shop.submit(shop.sms(shop.audience(numbers(2))))
    SendBatch.objects.update(
        state="handing", handed_at=timezone.now() - timedelta(minutes=6), next_poll_at=None
    )
    Recipient.objects.update(state="handing")
    shop.poll()
    assert shop.states(send_out) == {"delivered": 2}
