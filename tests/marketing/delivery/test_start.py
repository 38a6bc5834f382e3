"""Starting, scheduling, pausing, stopping: each once, whatever is repeated."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from cdp.core.errors import Conflict, ValidationFailed
from cdp.jobs.models import Job
from cdp.jobs.runner import run_job
from marketing.channels.base import BulkRequest
from marketing.channels.contract_sms import ContractSmsType
from marketing.channels.models import Provider
from marketing.content import services as contents
from marketing.delivery import schedule, services
from marketing.delivery.models import SendOut
from tests.factories import make_token
from tests.marketing.delivery.shop import Shop, mails, numbers

HOUR = timedelta(hours=1)


def test_a_second_start_is_refused_and_sends_nothing_twice(shop: Shop) -> None:
    send_out = shop.mail(shop.audience(mails(2)))
    services.submit(shop.access, send_out)
    for _turn in range(2):
        with pytest.raises(Conflict) as refused:
            services.submit(shop.access, send_out)
        assert refused.value.code == "send_out_started"
    assert Job.objects.filter(kind="send_out.run").count() == 1
    shop.run_jobs()
    with pytest.raises(Conflict):
        services.submit(shop.access, send_out)
    assert set(shop.inbox().values()) == {1}


def test_a_job_that_runs_twice_sends_once(shop: Shop) -> None:
    send_out = shop.submit(shop.mail(shop.audience(mails(2))))
    job = Job.objects.get(kind="send_out.run")
    Job.objects.filter(pk=job.pk).update(status="queued")
    SendOut.objects.update(state="sending")
    run_job(job.pk)
    send_out.refresh_from_db()
    assert send_out.state == "finished" and set(shop.inbox().values()) == {1}


def test_a_repeated_call_of_the_api_gets_the_first_answer(shop: Shop, client: Any) -> None:
    send_out = shop.mail(shop.audience(mails(1)))
    url = f"/api/v1/workspaces/{shop.workspace.slug}/send-outs/{send_out.pk}/submit/"
    headers = {"Authorization": f"Bearer {make_token(shop.access)}", "Idempotency-Key": "one"}
    first, second = (
        client.post(url, {}, content_type="application/json", headers=headers) for _turn in range(2)
    )
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json()["job"] == second.json()["job"]
    shop.run_jobs()
    assert set(shop.inbox().values()) == {1}


def test_a_scheduled_send_out_waits_for_its_time(shop: Shop) -> None:
    send_out = services.submit(
        shop.access, shop.mail(shop.audience(mails(1))), scheduled_at=timezone.now() + HOUR
    )
    assert send_out.state == "waiting" and schedule.start_due() == 0
    SendOut.objects.update(scheduled_at=timezone.now())
    assert schedule.start_due() == 1 and schedule.start_due() == 0
    assert shop.run_jobs(send_out).state == "finished" and len(shop.inbox()) == 1


@pytest.mark.parametrize("moment", [-HOUR, timedelta(days=366)])
def test_a_time_that_is_over_or_too_far_is_refused(shop: Shop, moment: timedelta) -> None:
    send_out = shop.mail(shop.audience(mails(1)))
    with pytest.raises(ValidationFailed) as refused:
        services.submit(shop.access, send_out, scheduled_at=timezone.now() + moment)
    assert "scheduled_at" in refused.value.errors
    assert SendOut.objects.get().state == "draft"


def test_send_now_overrules_the_time_set_before(shop: Shop) -> None:
    send_out = shop.mail(shop.audience(mails(1)), scheduled_at=timezone.now() + HOUR)
    sent = shop.submit(send_out, now=True)
    assert (sent.state, sent.scheduled_at) == ("finished", None)


def test_after_a_long_standstill_nothing_is_sent_by_surprise(shop: Shop) -> None:
    send_out = services.submit(
        shop.access, shop.mail(shop.audience(mails(1))), scheduled_at=timezone.now() + HOUR
    )
    SendOut.objects.update(scheduled_at=timezone.now() - 25 * HOUR)
    schedule.start_due()
    failed = shop.run_jobs(send_out)
    assert failed.state == "failed" and "Missed its time" in failed.state_reason and not shop.inbox()
    assert shop.submit(failed, now=True).state == "finished" and len(shop.inbox()) == 1


def test_a_template_edited_after_scheduling_is_sent_as_it_is_at_the_start(shop: Shop) -> None:
    send_out = shop.mail(shop.audience(mails(1)))
    services.submit(shop.access, send_out, scheduled_at=timezone.now() + HOUR)
    contents.update_template(shop.access, send_out.template, {"subject": "New words"})
    SendOut.objects.update(scheduled_at=timezone.now())
    schedule.start_due()
    shop.run_jobs()
    assert shop.subjects() == ["New words"]


def test_a_template_edited_on_the_way_changes_nothing(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    send_out = shop.mail(shop.audience(mails(4)), provider={"rate_per_second": 2})

    def edit(*args: Any) -> None:
        contents.update_template(shop.access, send_out.template, {"subject": "New words"})

    monkeypatch.setattr("marketing.delivery.personal.throttle", edit)
    shop.submit(send_out)
    assert shop.subjects() == ["Hello"] * 4


def test_a_variable_added_after_scheduling_stops_it_with_the_reason(shop: Shop) -> None:
    send_out = shop.mail(shop.audience(mails(1)))
    services.submit(shop.access, send_out, scheduled_at=timezone.now() + HOUR)
    contents.update_template(shop.access, send_out.template, {"subject": "Hello ${first_name}"})
    SendOut.objects.update(scheduled_at=timezone.now())
    schedule.start_due()
    failed = shop.run_jobs(send_out)
    assert failed.state == "failed" and "first_name" in failed.state_reason and not shop.inbox()
    given = {"first_name": {"missing": "replace", "value": "you"}}
    mended = services.update(shop.access, failed, {"variables": given})
    assert shop.submit(mended, now=True).state == "finished" and shop.subjects() == ["Hello you"]


def stop_after(shop: Shop, monkeypatch: pytest.MonkeyPatch, count: int, act: Any) -> None:
    """Calls `act` once, before the message after so many leaves."""
    acted: list[Any] = []

    def throttle(send_out: SendOut, wanted: int, check: Any) -> None:
        if sum(shop.inbox().values()) >= count and not acted:
            acted.append(act())
            check()

    monkeypatch.setattr("marketing.delivery.personal.throttle", throttle)


def test_stopped_in_the_middle_nobody_else_gets_it(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    send_out = shop.mail(shop.audience(mails(6)), provider={"rate_per_second": 2})
    stop_after(shop, monkeypatch, 2, lambda: services.cancel(shop.access, SendOut.objects.get()))
    stopped = shop.submit(send_out)
    assert stopped.state == "cancelled" and stopped.finished_at is not None
    assert shop.states(stopped) == {"delivered": 2, "cancelled": 4}
    assert len(shop.inbox()) == 2
    with pytest.raises(Conflict):
        services.resume(shop.access, stopped)
    assert schedule.start_due() == 0


def test_paused_and_resumed_everybody_gets_it_once(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    send_out = shop.mail(shop.audience(mails(6)), provider={"rate_per_second": 2})
    stop_after(shop, monkeypatch, 4, lambda: services.pause(shop.access, SendOut.objects.get()))
    paused = shop.submit(send_out)
    assert paused.state == "paused" and shop.states(paused) == {"delivered": 4, "queued": 2}
    services.resume(shop.access, paused)
    finished = shop.run_jobs(paused)
    assert finished.state == "finished" and len(shop.inbox()) == 6 and set(shop.inbox().values()) == {1}


def test_what_is_being_sent_cannot_be_edited(shop: Shop) -> None:
    send_out = shop.submit(shop.mail(shop.audience(mails(1))))
    with pytest.raises(Conflict) as refused:
        services.update(shop.access, send_out, {"name": "Other"})
    assert refused.value.code == "send_out_started"


def test_an_edit_after_a_failed_start_finds_its_people_anew(shop: Shop) -> None:
    """The first start wrote a ledger and reached nobody; nothing of it must be left."""
    send_out = shop.mail(shop.audience([(None, "no address", None, None)]))
    failed = shop.submit(send_out)
    assert failed.state == "failed" and shop.reasons(failed) == {"invalid": 1}
    others = shop.audience(mails(2), "Others")
    sent = shop.submit(services.update(shop.access, failed, {"audience": others}))
    assert sent.state == "finished" and shop.states(sent) == {"delivered": 2}


def test_no_more_leave_in_a_minute_than_was_set(shop: Shop) -> None:
    send_out = shop.mail(shop.audience(mails(5)), per_minute=120)
    begun = timezone.now()
    shop.submit(send_out)
    # The bucket holds two at first; the other three follow at two a second.
    assert (timezone.now() - begun).total_seconds() >= 1.4 and len(shop.inbox()) == 5


def test_no_more_leave_in_a_second_than_the_provider_takes(shop: Shop) -> None:
    send_out = shop.mail(shop.audience(mails(12)), provider={"rate_per_second": 5})
    begun = timezone.now()
    shop.submit(send_out)
    assert (timezone.now() - begun).total_seconds() >= 1.4 and len(shop.inbox()) == 12


def test_a_batch_under_way_when_it_is_stopped_counts_as_sent(
    sms_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = sms_shop
    send_out = shop.sms(shop.audience(numbers(4)), provider={"batch_size": 2})
    send = ContractSmsType.send_bulk

    def stop_meanwhile(self: ContractSmsType, provider: Provider, request: BulkRequest) -> str:
        services.cancel(shop.access, SendOut.objects.get())
        return send(self, provider, request)

    monkeypatch.setattr(ContractSmsType, "send_bulk", stop_meanwhile)
    stopped = shop.submit(send_out)
    assert stopped.state == "cancelled" and shop.states(stopped) == {"handed": 2, "cancelled": 2}
    assert sum(shop.inbox().values()) == 2
    shop.poll()
    assert shop.states(stopped) == {"delivered": 2, "cancelled": 2}
