"""Send-outs of the custom channel: one call per person, retries, and what the own system answers."""

from __future__ import annotations

import signal
from collections import Counter
from datetime import date, timedelta
from typing import Any

import pytest
from django.utils import timezone

from cdp.core.errors import Conflict, PermissionDenied, ValidationFailed
from cdp.jobs import services as jobs
from cdp.jobs.models import Job
from cdp.jobs.runner import run_job
from marketing.channels.models import Provider
from marketing.content.models import Template
from marketing.delivery import copying, custom_sending, lifecycle, queries, services, trial
from marketing.delivery.composition import Share
from marketing.delivery.custom_message import written
from marketing.delivery.models import Recipient, SendOut
from marketing.webhooks import services as webhooks
from marketing.webhooks.models import WebhookCall
from tests.marketing.delivery.shop import numbers
from tests.marketing.delivery.test_killed_sender import recover
from tests.marketing.delivery.webhook_shop import WebhookShop
from tests.processes import script

_HERE = date(2026, 3, 1)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls are made again at once."""
    monkeypatch.setattr(custom_sending, "PAUSES", (0.0, 0.0, 0.0))


@pytest.fixture
def shop(webhook_shop: WebhookShop) -> WebhookShop:
    return webhook_shop


def ending(text: str) -> tuple[Any, ...]:
    """Somebody whose number ends so that the own system treats it specially."""
    return (f"1380013{text}", None, "Bath", _HERE)


def test_everybody_leads_to_one_signed_call_with_their_own_values(shop: WebhookShop) -> None:
    people = [("13800131001", None, "Bath", _HERE), ("13800131002", None, "Oslo", _HERE)]
    audience = shop.audience(people)
    dataset = audience.rule["dataset"]
    send_out = shop.call(
        audience,
        params={"title": "Hello from ${city}", "points": "5"},
        variables={"city": {"dataset": dataset, "tag": "city", "missing": "skip", "value": ""}},
    )
    send_out = shop.submit(send_out)
    assert send_out.state == "finished" and shop.states(send_out) == {"handed": 2}
    bodies = {body["user_profile"]["target_id"]: body for body in shop.bodies()}
    assert len(bodies) == 2
    body = bodies["13800131002"]
    assert body["user_profile"]["target_type"] == "MOBILE"
    assert body["params"] == {"title": "Hello from ${city}", "points": "5", "vars": {"city": "Oslo"}}
    assert body["callback_params"]["task_id"] == send_out.pk
    assert body["callback_params"]["webhook_id"] == send_out.provider.webhook.pk
    assert len(body["callback_params"]["send_time"]) == 13


def test_whoever_has_no_value_is_left_out_or_gets_the_replacement(shop: WebhookShop) -> None:
    audience = shop.audience([("13800131001", None, None, _HERE)])
    tag = {"dataset": audience.rule["dataset"], "tag": "city", "missing": "skip", "value": ""}
    params = {"title": "Hi ${city}", "points": "5"}
    left_out = shop.submit(shop.call(audience, params=params, variables={"city": tag}))
    assert shop.reasons(left_out) == {"missing_value": 1}
    tag |= {"missing": "replace", "value": "there"}
    shop.submit(shop.call(audience, "Again", params=params, variables={"city": tag}))
    assert shop.bodies()[0]["params"]["vars"] == {"city": "there"}


def test_an_unsigned_webhook_sends_an_empty_header(shop: WebhookShop) -> None:
    shop.sandbox.options.webhook_key = ""
    settings = {"auth": "none", "key": "", "receipts": False}
    send_out = shop.submit(shop.call(shop.audience(numbers(1)), webhook=settings))
    assert shop.states(send_out) == {"handed": 1}


def test_only_the_code_ok_counts_as_accepted(shop: WebhookShop) -> None:
    send_out = shop.submit(shop.call(shop.audience([ending("0001"), *numbers(1)])))
    assert shop.states(send_out) == {"failed": 1, "handed": 1}
    refused = send_out.recipients.get(state="failed")
    assert (refused.code, refused.detail) == ("BLACKLISTED", "This person is on the black list.")


def test_a_refusal_is_not_called_again(shop: WebhookShop) -> None:
    send_out = shop.submit(shop.call(shop.audience([ending("0001")])))
    assert WebhookCall.objects.filter(task=send_out.pk).count() == 1


def test_a_failing_system_is_called_four_times_under_one_key(shop: WebhookShop) -> None:
    send_out = shop.submit(shop.call(shop.audience([ending("0004")])))
    row = send_out.recipients.get()
    assert (row.state, row.code) == ("failed", "no_answer")
    assert list(WebhookCall.objects.order_by("attempt").values_list("attempt", "status")) == [
        (number, 500) for number in (1, 2, 3, 4)
    ]


@pytest.mark.parametrize("status", [429, 503])
def test_who_is_asked_to_wait_is_called_again(shop: WebhookShop, status: int) -> None:
    shop.sandbox.faults.add({"kind": "error", "on": "own-system", "times": 2, "status": status})
    send_out = shop.submit(shop.call(shop.audience(numbers(1))))
    assert shop.states(send_out) == {"handed": 1}
    assert shop.inbox() == {"13800131000": 1}


@pytest.mark.parametrize(("idempotent", "state"), [(False, "unknown"), (True, "handed")])
def test_a_call_without_an_answer_is_repeated_only_where_its_key_is_known(
    shop: WebhookShop, idempotent: bool, state: str
) -> None:
    shop.sandbox.faults.add({"kind": "lost_answer", "on": "own-system"})
    send_out = shop.call(shop.audience(numbers(1)), webhook={"idempotent": idempotent})
    send_out = shop.submit(send_out)
    assert shop.states(send_out) == {state: 1}
    assert shop.inbox() == {"13800131000": 1}


def test_who_may_have_been_served_is_parked_and_never_counts_as_failed(
    shop: WebhookShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("marketing.delivery.custom_sending.PAUSES", (0.0, 0.0, 0.0))
    shop.sandbox.faults.add({"kind": "lost_answer", "on": "own-system", "times": 10})
    send_out = shop.submit(shop.call(shop.audience(numbers(1)), webhook={"idempotent": True}))
    assert shop.states(send_out) == {"unknown": 1}
    assert shop.inbox() == {"13800131000": 1}


def test_after_fifty_failures_in_a_row_nobody_is_called_for_a_minute(shop: WebhookShop) -> None:
    shop.sandbox.faults.add({"kind": "error", "on": "own-system", "times": 10_000})
    send_out = shop.submit(shop.call(shop.audience(numbers(60))))
    assert send_out.state == "waiting" and shop.states(send_out)["queued"] > 0
    provider = Provider.objects.get(pk=send_out.provider_id)
    assert provider.paused_until is not None
    assert timedelta(seconds=50) < provider.paused_until - timezone.now() <= timedelta(seconds=60)
    shop.sandbox.faults.clear()
    send_out = shop.when_due(send_out)
    assert send_out.state == "finished" and set(shop.inbox().values()) == {1}
    assert shop.states(send_out)["handed"] == len(shop.inbox())


def test_calls_are_logged_with_masked_ids_and_no_signature(shop: WebhookShop) -> None:
    shop.submit(shop.call(shop.audience(numbers(1))))
    call = WebhookCall.objects.get()
    assert call.ok and call.status == 200
    assert "138****1000" in call.body and "13800131000" not in call.body
    assert "nonce=" in call.url and "Signature" not in call.url


def test_a_private_address_is_refused_when_it_is_called(shop: WebhookShop, settings: Any) -> None:
    send_out = shop.call(shop.audience(numbers(1)))
    settings.OUTBOUND_ALLOW_PRIVATE = False
    send_out = shop.submit(send_out)
    assert list(send_out.recipients.values_list("state", "code")) == [("failed", "private_address")]
    assert not shop.inbox()


def test_a_webhook_switched_off_on_the_way_fails_who_is_left(shop: WebhookShop) -> None:
    send_out = shop.call(shop.audience(numbers(3)))
    services.submit(shop.access, send_out)
    webhooks.switch(shop.access, send_out.provider.webhook, enabled=False)
    send_out = shop.run_jobs(send_out)
    assert set(send_out.recipients.values_list("state", "code")) == {("failed", "webhook_off")}
    assert not shop.inbox()


def test_a_grant_taken_back_before_the_time_stops_the_send_out(shop: WebhookShop) -> None:
    send_out = shop.call(shop.audience(numbers(1)))
    services.submit(shop.access, send_out)
    SendOut.objects.filter(pk=send_out.pk).update(owner=None)
    send_out = shop.run_jobs(send_out)
    assert send_out.state == "failed" and not shop.inbox()


BEFORE_THE_ANSWER = """
from cdp.jobs.runner import run_job
from marketing.delivery import personal
write, written = personal.write, []
def die_at_the_second(*arguments):
    written.append(1)
    if len(written) == 2:
        os.kill(os.getpid(), 9)
    write(*arguments)
personal.write = die_at_the_second
run_job(sys.argv[1])
"""


@pytest.mark.parametrize("idempotent", [True, False])
def test_killed_after_calling_nobody_is_called_for_twice(
    reported_webhook_shop: WebhookShop, idempotent: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = reported_webhook_shop
    shop.sandbox.options.results_url = ""
    monkeypatch.setattr(jobs, "dispatch", lambda job: None)
    send_out = shop.call(shop.audience(numbers(50)), webhook={"idempotent": idempotent})
    services.submit(shop.access, send_out)
    job = Job.objects.get(kind="send_out.run")
    assert script(BEFORE_THE_ANSWER, job.pk) == -signal.SIGKILL
    assert shop.states(send_out)["handing"] == 10
    recover()
    run_job(job.pk)
    assert shop.states(send_out) == ({"handed": 50} if idempotent else {"handed": 40, "unknown": 10})
    assert len(shop.inbox()) == 50 and set(shop.inbox().values()) == {1}


def test_variants_get_values_of_their_own(shop: WebhookShop) -> None:
    variants = [
        Share(written({"title": title, "points": "5"}), share) for title, share in (("One", 50), ("Two", 50))
    ]
    send_out = shop.submit(shop.call(shop.audience(numbers(40)), variants=variants))
    titles = Counter(body["params"]["title"] for body in shop.bodies())
    assert set(titles) == {"One", "Two"} and sum(titles.values()) == 40
    assert [row["name"] for row in queries.variants(send_out)] == ["One", "Two"]


def test_a_copy_changed_leaves_the_first_one_as_it_is(shop: WebhookShop) -> None:
    send_out = shop.call(shop.audience(numbers(1)))
    again = copying.copy(shop.access, send_out)
    assert again.template_id == send_out.template_id
    again = services.update(shop.access, again, {"params": {"title": "Other", "points": "6"}})
    send_out.refresh_from_db()
    assert send_out.template.params["title"] == "Hello" and again.template.params["title"] == "Other"


def test_equal_values_are_kept_once(shop: WebhookShop) -> None:
    audience, webhook = shop.audience(numbers(1)), shop.webhook()
    first, second = (shop.call(audience, name, webhook=webhook) for name in ("One", "Two"))
    assert first.template_id == second.template_id
    assert Template.objects.filter(channel="custom").count() == 1


def test_another_webhook_keeps_the_values_that_it_knows(shop: WebhookShop) -> None:
    send_out = shop.call(shop.audience(numbers(1)))
    other = shop.webhook("Other", parameters=[{"name": "title", "label": "Title", "type": "text"}])
    send_out = services.update(shop.access, send_out, {"provider": other.provider})
    assert send_out.template.params == {"title": "Hello"}
    assert send_out.template.provider_id == other.provider_id


@pytest.mark.parametrize(
    ("params", "path"),
    [
        ({"nothing": "x"}, "params/nothing"),
        ({"points": "many"}, "params/points"),
        ({"points": "${city}"}, "params/points"),
        ({"title": "x" * 2001}, "params/title"),
    ],
)
def test_values_that_do_not_fit_are_refused_at_their_parameter(
    shop: WebhookShop, params: dict[str, str], path: str
) -> None:
    with pytest.raises(ValidationFailed) as caught:
        shop.call(shop.audience(numbers(1)), params=params)
    assert list(caught.value.errors) == [path]


def test_a_parameter_without_a_value_keeps_it_from_leaving(shop: WebhookShop) -> None:
    send_out = shop.call(shop.audience(numbers(1)), params={"title": "Hello"})
    with pytest.raises(Conflict) as caught:
        services.submit(shop.access, send_out)
    assert caught.value.code == "params_open" and "Points" in str(caught.value)


def test_an_id_type_that_the_webhook_does_not_take_is_refused(shop: WebhookShop) -> None:
    with pytest.raises(ValidationFailed) as caught:
        shop.call(shop.audience(numbers(1)), id_type="imei")
    assert "id_type" in caught.value.errors


def test_variables_need_an_audience_selected_by_tags(shop: WebhookShop) -> None:
    audience = shop.audience(numbers(1))
    audience.origin = "upload"
    audience.save()
    with pytest.raises(ValidationFailed) as caught:
        shop.call(audience, params={"title": "Hi ${city}", "points": "1"})
    assert "selected by tags" in str(caught.value.errors["params"])


@pytest.mark.parametrize(("minutes", "editable"), [(11, True), (9, False)])
def test_it_is_fixed_ten_minutes_before_it_leaves(shop: WebhookShop, minutes: int, editable: bool) -> None:
    send_out = shop.call(shop.audience(numbers(1)))
    services.submit(shop.access, send_out, scheduled_at=timezone.now() + timedelta(hours=1))
    SendOut.objects.update(scheduled_at=timezone.now() + timedelta(minutes=minutes))
    send_out.refresh_from_db()
    assert lifecycle.is_editable(send_out) is lifecycle.is_deletable(send_out) is editable


def test_a_finished_one_can_be_deleted(shop: WebhookShop) -> None:
    send_out = shop.submit(shop.call(shop.audience(numbers(1))))
    services.delete(shop.access, send_out)
    assert not SendOut.objects.exists() and not Recipient.objects.exists()


def test_a_test_send_says_whether_it_was_accepted_and_keeps_the_log(shop: WebhookShop) -> None:
    send_out = shop.call(shop.audience(numbers(1)))
    found = trial.send_test(shop.access, send_out, ["13800131234", "13800130001"])
    assert found["sent"] == ["13800131234"]
    assert found["failed"] == {"13800130001": "This person is on the black list."}
    assert WebhookCall.objects.filter(pk__in=found["calls"], task=send_out.pk, recipient=0).count() == 2
    assert not send_out.recipients.exists()


def test_the_preview_is_the_body_that_is_sent(shop: WebhookShop) -> None:
    send_out = shop.call(shop.audience(numbers(1)))
    shown = trial.preview(send_out)["body"]
    shop.submit(send_out)
    sent = shop.bodies()[0]
    assert shown["params"] == sent["params"]
    assert shown["callback_params"].keys() == sent["callback_params"].keys()
    assert shown["user_profile"]["target_type"] == sent["user_profile"]["target_type"]


def test_suppressed_people_are_not_called_for(shop: WebhookShop) -> None:
    from marketing.delivery import suppressions

    suppressions.add(shop.access, "custom", "+86 138 0013 1000")
    send_out = shop.submit(shop.call(shop.audience(numbers(2))))
    assert shop.reasons(send_out) == {"suppressed": 1} and list(shop.inbox()) == ["13800131001"]


def test_without_a_grant_it_cannot_be_made(shop: WebhookShop) -> None:
    from tests.marketing.webhooks.people import sender

    audience, webhook = shop.audience(numbers(1)), shop.webhook()
    shop.access = sender(shop.workspace)
    with pytest.raises(PermissionDenied):
        shop.call(audience, webhook=webhook)
