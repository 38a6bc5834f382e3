"""E-mail by a platform of the contract: templates and reviews, batches, reports, senders."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from cdp.core.errors import ValidationFailed
from marketing.channels import senders
from marketing.channels import services as channels
from marketing.channels.base import ProviderError
from marketing.channels.contract import ContractClient
from marketing.channels.models import Provider, SenderAddress
from marketing.content import mail, reviews
from marketing.content import services as contents
from marketing.content.models import Template, TemplateReview
from marketing.delivery import result_audience, reviewing, services
from marketing.delivery.models import Recipient, SendBatch, SendOut, Suppression
from marketing.sandbox.store import Wanted
from tests.marketing.delivery.shop import Shop, mails

HTML = "<p>Dear ${city}</p>"


def platform(shop: Shop, **config: Any) -> Provider:
    settings = {"base_url": f"{shop.sandbox.url}/contract", "review": False, **config}
    values = {"channel": "email", "type": "contract", "name": "Sandbox", "config": settings}
    return channels.create_provider(shop.access, values)


def letter(shop: Shop, people: list[Any], provider: Provider, **more: Any) -> SendOut:
    """A draft by the platform. `more`: template: its fields; others are the send-out's."""
    words = {"name": "Letter", "subject": "Hello", "sender_name": "Tide", "html": "<p>Hi</p>"}
    template = contents.create_template(shop.access, "email", {**words, **more.pop("template", {})})
    if reviews.needed(provider) and more.pop("submit_template", True):
        contents.submit_for_review(shop.access, template, provider)
    sender = senders.add(shop.access, provider, "shop@tide.example", "Shop")
    chosen = {"provider": provider, "sender": sender, "template": template}
    values = {"name": "Letter", "audience": shop.audience(people), **chosen, **more}
    return services.create(shop.access, "email", values)


def sent(shop: Shop) -> list[dict[str, Any]]:
    return shop.sandbox.store.messages(Wanted(), limit=5000)


def test_everybody_gets_the_mail_once_with_sender_subject_and_a_link_to_leave(sms_shop: Shop) -> None:
    send_out = sms_shop.submit(letter(sms_shop, mails(3), platform(sms_shop)))
    assert sms_shop.inbox() == {f"c{number}@x.example": 1 for number in range(3)}
    [first, *_others] = sent(sms_shop)
    assert first["subject"] == "Hello" and first["sender"].startswith('"Tide" <')
    assert mail.leave_url(sms_shop.workspace.pk) in first["html"]
    assert send_out.state == SendOut.State.FINISHED


def test_the_random_address_hides_the_sender_and_the_sender_address_does_not(sms_shop: Shop) -> None:
    sms_shop.submit(letter(sms_shop, mails(1), platform(sms_shop), return_path="sender"))
    assert sent(sms_shop)[0]["sender"] == '"Tide" <shop@tide.example>'


def test_people_with_different_texts_get_their_own_in_one_call_for_each_text(sms_shop: Shop) -> None:
    people = [
        (None, f"{city}{n}@x.example", city, None) for city in ("Bath", "York", "Hull") for n in range(2)
    ]
    audience_values = {"city": {"dataset": "", "tag": "", "missing": "replace", "value": "you"}}
    send_out = letter(
        sms_shop,
        people,
        platform(sms_shop),
        template={"html": HTML, "subject": "To ${city}"},
        variables=audience_values,
    )
    dataset = send_out.audience.rule["dataset"]
    tag = {"dataset": dataset, "tag": "city", "format": "", "missing": "skip", "value": ""}
    services.update(sms_shop.access, send_out, {"variables": {"city": tag}})
    sms_shop.submit(send_out)
    assert send_out.batches.count() == 3
    assert {(row["recipient"], row["subject"]) for row in sent(sms_shop)} == {
        (f"{city}{n}@x.example", f"To {city}") for city in ("Bath", "York", "Hull") for n in range(2)
    }


def test_reports_become_delivered_invalid_spam_and_failed(sms_shop: Shop) -> None:
    people = [(None, f"{word}@x.example", "Bath", None) for word in ("ann", "bounce", "spam", "bounce-soft")]
    send_out = sms_shop.submit(letter(sms_shop, people, platform(sms_shop)))
    sms_shop.poll()
    rows = {row.target: (row.state, row.reason) for row in send_out.recipients.all()}
    assert rows == {
        "ann@x.example": ("delivered", ""),
        "bounce@x.example": ("failed", "gone"),
        "spam@x.example": ("failed", "spam"),
        "bounce-soft@x.example": ("failed", ""),
    }
    assert set(Suppression.objects.values_list("reason", "masked")) == {
        ("hard_bounce", "b***@x.example"),
        ("complaint", "s***@x.example"),
    }
    assert [row.target for row in result_audience.people(send_out, ["spam"])] == ["spam@x.example"]
    assert [row.target for row in result_audience.people(send_out, ["invalid"])] == ["bounce@x.example"]


def test_2500_reports_come_in_pages_of_a_thousand(sms_shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    send_out = sms_shop.submit(letter(sms_shop, mails(2500), platform(sms_shop)))
    pages: list[int] = []
    call = ContractClient.call

    def noting(self: ContractClient, method: str, path: str, body: Any = None, params: Any = None) -> Any:
        if path.endswith("sendDetails"):
            pages.append(body["currentPage"])
        return call(self, method, path, body, params)

    monkeypatch.setattr(ContractClient, "call", noting)
    sms_shop.poll()
    assert pages == [1, 2, 3] and sms_shop.states(send_out) == {"delivered": 2500}


def test_no_question_for_reports_spans_more_than_thirty_days(sms_shop: Shop) -> None:
    client = ContractClient(platform(sms_shop))
    asked: list[tuple[str, str]] = []

    def answer(method: str, path: str, body: Any = None, params: Any = None) -> dict[str, Any]:
        asked.append((body["startDate"], body["endDate"]))
        return {"totalCount": 0}

    client.call = answer  # type: ignore[method-assign]
    assert not list(client.details("/email/sendDetails", "1", timezone.now() - timedelta(days=70)))
    assert len(asked) == 3 and all(one[1] == two[0] for one, two in pairwise(asked))


def test_a_time_out_after_accepting_sends_nothing_twice(sms_shop: Shop) -> None:
    provider = platform(sms_shop)
    send_out = letter(sms_shop, mails(2), provider)
    sms_shop.sandbox.faults.add({"kind": "lost_answer", "on": "email/sendBatch"})
    sms_shop.submit(send_out)
    assert sms_shop.states(send_out) == {"unknown": 2}
    sms_shop.poll()
    assert sms_shop.states(send_out) == {"delivered": 2} and set(sms_shop.inbox().values()) == {1}


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_wrong_token_or_address_is_shown_and_not_tried_again(sms_shop: Shop, status: int) -> None:
    send_out = letter(sms_shop, mails(1), platform(sms_shop))
    sms_shop.sandbox.faults.add({"kind": "error", "on": "email/sendBatch", "status": status, "times": 5})
    send_out = sms_shop.submit(send_out)
    assert send_out.state == SendOut.State.FAILED and str(status) in send_out.state_reason
    assert len(sms_shop.sandbox.faults.shown()) == 1 and sms_shop.sandbox.faults.shown()[0]["times"] == 4


def test_a_wrong_token_is_an_error_of_the_settings(sms_shop: Shop) -> None:
    provider = platform(sms_shop, token="wrong")
    sms_shop.sandbox.options.change({"token": "right"})
    found = channels.test_provider(sms_shop.access, provider)
    assert not found["ok"] and "401" in found["lines"][0]


def test_the_connection_test_succeeds_with_a_sender_that_nobody_knows(sms_shop: Shop) -> None:
    assert channels.test_provider(sms_shop.access, platform(sms_shop))["ok"]


def test_a_body_above_28_kb_is_refused_for_platforms(sms_shop: Shop) -> None:
    with pytest.raises(ValidationFailed) as caught:
        letter(sms_shop, mails(1), platform(sms_shop), template={"html": f"<p>{'x' * 29_000}</p>"})
    assert "template" in caught.value.errors


def test_a_sender_name_above_15_characters_is_refused_for_platforms(sms_shop: Shop) -> None:
    with pytest.raises(ValidationFailed) as caught:
        letter(sms_shop, mails(1), platform(sms_shop), template={"sender_name": "x" * 16})
    assert "template" in caught.value.errors


def test_opens_that_nobody_can_know_are_not_shown_as_none(sms_shop: Shop, client: Client) -> None:
    send_out = sms_shop.submit(letter(sms_shop, mails(1), platform(sms_shop)))
    client.force_login(sms_shop.access.user)
    page = client.get(f"/w/{sms_shop.workspace.slug}/send-outs/{send_out.pk}/")
    tiles = {tile["label"]: tile["value"] for tile in page.context["tiles"]}
    assert (tiles["Sent"], tiles["Opened"], tiles["Clicked"]) == ("1", "–", "–")
    assert [step["label"] for step in page.context["funnel"]] == ["Audience", "Sent", "Delivered"]
    assert b"reports neither opens nor clicks" in page.content


# Reviews


def test_without_review_a_template_is_used_at_once(sms_shop: Shop) -> None:
    sms_shop.submit(letter(sms_shop, mails(1), platform(sms_shop)))
    assert not TemplateReview.objects.exists() and not sent(sms_shop)[0]["template_code"]


def test_an_approved_template_is_sent_by_its_code(sms_shop: Shop) -> None:
    send_out = letter(sms_shop, mails(1), platform(sms_shop, review=True))
    sms_shop.submit(send_out)
    [row] = sent(sms_shop)
    assert row["template_code"] == TemplateReview.objects.get().remote_code
    assert row["subject"] == "Hello" and mail.leave_url(sms_shop.workspace.pk) in row["html"]


def test_a_submitted_template_has_all_five_fields(sms_shop: Shop) -> None:
    letter(sms_shop, mails(1), platform(sms_shop, review=True))
    kept = sms_shop.sandbox.store.template("email", TemplateReview.objects.get().remote_code)
    assert kept is not None
    assert kept["fields"].keys() == {
        "templateName", "templateSubject", "templateContent", "senderName", "remark"
    }  # fmt: skip


def test_the_reason_of_a_rejection_is_shown_and_the_next_try_keeps_the_code(sms_shop: Shop) -> None:
    provider = platform(sms_shop, review=True)
    template = contents.create_template(
        sms_shop.access,
        "email",
        {"name": "reject me", "subject": "S", "sender_name": "Tide", "html": "<p>Hi</p>"},
    )
    first = contents.submit_for_review(sms_shop.access, template, provider)
    assert first.state == "rejected" and "reject" in first.reason
    template = contents.update_template(sms_shop.access, template, {"name": "Fine", "subject": "Other"})
    again = contents.submit_for_review(sms_shop.access, template, provider)
    assert again.remote_code == first.remote_code and again.state == "approved"


@pytest.mark.parametrize("field", ["subject", "sender_name", "html"])
def test_other_words_in_an_approved_template_make_a_new_one_for_review(sms_shop: Shop, field: str) -> None:
    send_out = letter(sms_shop, mails(1), platform(sms_shop, review=True))
    new = contents.update_template(sms_shop.access, send_out.template, {field: "Other"})
    old = Template.objects.get(pk=send_out.template_id)
    assert new.pk != old.pk and new.name == "Letter (2)" and getattr(new, field) == "Other"
    assert getattr(old, field) != "Other" and reviews.approved(old, send_out.provider)
    assert reviews.approved(new, send_out.provider)


def test_another_name_keeps_the_approval(sms_shop: Shop) -> None:
    send_out = letter(sms_shop, mails(1), platform(sms_shop, review=True))
    same = contents.update_template(sms_shop.access, send_out.template, {"name": "Renamed"})
    assert same.pk == send_out.template_id and reviews.approved(same, send_out.provider)


def test_what_is_in_review_leaves_by_itself_once_it_is_approved(sms_shop: Shop) -> None:
    sms_shop.sandbox.options.change({"review_seconds": 3600.0})
    send_out = letter(sms_shop, mails(1), platform(sms_shop, review=True))
    send_out = services.submit(sms_shop.access, send_out, now=True)
    assert send_out.state == "reviewing" and reviewing.decide() == 0 and not sms_shop.inbox()
    sms_shop.sandbox.options.change({"review_seconds": 0.0})
    reviews.check(TemplateReview.objects.get(template=send_out.template))
    assert reviewing.decide() == 1
    assert sms_shop.run_jobs(send_out).state == "finished" and len(sms_shop.inbox()) == 1


def scheduled(shop: Shop) -> SendOut:
    """Its time has come, and the platform still reviews."""
    shop.sandbox.options.change({"review_seconds": 3600.0})
    send_out = letter(shop, mails(1), platform(shop, review=True))
    services.submit(shop.access, send_out, scheduled_at=timezone.now() + timedelta(hours=1))
    SendOut.objects.filter(pk=send_out.pk).update(scheduled_at=timezone.now() - timedelta(minutes=1))
    return shop.when_due(send_out)


def test_a_scheduled_mail_waits_for_its_review_and_leaves_once_it_is_approved(sms_shop: Shop) -> None:
    send_out = scheduled(sms_shop)
    assert send_out.state == SendOut.State.WAITING and send_out.held_until and not sent(sms_shop)
    sms_shop.sandbox.options.change({"review_seconds": 0.0})
    assert sms_shop.when_due(send_out).state == SendOut.State.FINISHED and len(sent(sms_shop)) == 1


def test_a_scheduled_mail_fails_when_the_review_takes_more_than_a_day(sms_shop: Shop) -> None:
    send_out = scheduled(sms_shop)
    SendOut.objects.filter(pk=send_out.pk).update(scheduled_at=timezone.now() - timedelta(hours=25))
    send_out = sms_shop.when_due(send_out)
    assert send_out.state == SendOut.State.FAILED and "in time" in send_out.state_reason


# Senders


def test_the_platform_s_senders_are_fetched_with_those_that_are_frozen(sms_shop: Shop) -> None:
    provider = platform(sms_shop)
    sms_shop.sandbox.options.change({"senders": "news@tide.example, frozen@tide.example"})
    assert senders.fetch(sms_shop.access, provider) == {"new": 2, "frozen": 1, "known": 0}
    assert set(provider.senders.values_list("address", "state")) == {
        ("news@tide.example", "normal"),
        ("frozen@tide.example", "frozen"),
    }


def test_a_platform_that_lists_no_senders_is_asked_for_those_added_by_hand(sms_shop: Shop) -> None:
    provider = platform(sms_shop)
    sender = senders.add(sms_shop.access, provider, "shop@tide.example")
    SenderAddress.objects.filter(pk=sender.pk).update(address="frozen@tide.example")
    assert senders.fetch(sms_shop.access, provider) == {"new": 0, "frozen": 1, "known": 1}


def test_a_sender_that_the_platform_does_not_know_is_not_added(sms_shop: Shop) -> None:
    with pytest.raises(ValidationFailed) as caught:
        senders.add(sms_shop.access, platform(sms_shop), "unknown@tide.example")
    assert "address" in caught.value.errors


def test_a_frozen_sender_cannot_be_chosen(sms_shop: Shop) -> None:
    send_out = letter(sms_shop, mails(1), platform(sms_shop))
    frozen = senders.add(sms_shop.access, send_out.provider, "frozen@tide.example")
    with pytest.raises(ValidationFailed) as caught:
        services.update(sms_shop.access, send_out, {"sender": frozen})
    assert "sender" in caught.value.errors


# Callbacks and leaving


def reports_url(client: Client, provider: Provider) -> str:
    from marketing.channels import callbacks

    return callbacks.reports_url(provider).partition("/t/")[2].join(["/t/", "/receipts"])


def test_a_platform_may_report_by_itself_as_often_as_it_likes(sms_shop: Shop, client: Client) -> None:
    send_out = sms_shop.submit(letter(sms_shop, mails(2), platform(sms_shop)))
    batch = SendBatch.objects.get()
    rows = [{"outId": batch.pk, "toAddress": "c0@x.example", "status": 0}]
    url = reports_url(client, send_out.provider)
    for taken in (1, 0):
        answer = client.post(url, {"sendDetailDTOs": rows}, content_type="application/json")
        assert answer.json() == {"taken": taken}
    assert sms_shop.states(send_out) == {"delivered": 1, "handed": 1}


def test_a_platform_cannot_report_for_another_one(sms_shop: Shop, client: Client) -> None:
    send_out = sms_shop.submit(letter(sms_shop, mails(1), platform(sms_shop)))
    other = channels.create_provider(
        sms_shop.access,
        {
            "channel": "email",
            "type": "contract",
            "name": "Other",
            "config": {"base_url": "http://127.0.0.1:9"},
        },
    )
    rows = [{"outId": SendBatch.objects.get().pk, "toAddress": "c0@x.example", "status": 4}]
    body = {"sendDetailDTOs": rows}
    assert client.post(reports_url(client, other), body, content_type="application/json").json() == {
        "taken": 0
    }
    assert sms_shop.states(send_out) == {"handed": 1}
    assert client.post("/t/x/forged/receipts", body, content_type="application/json").status_code == 404


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"sendDetailDTOs": 7}', b'{"sendDetailDTOs": ["x"]}'])
def test_broken_reports_are_refused(sms_shop: Shop, client: Client, body: bytes) -> None:
    url = reports_url(client, platform(sms_shop))
    assert client.post(url, body, content_type="application/json").status_code == 400


def test_people_leave_with_their_address_and_get_no_later_mail(sms_shop: Shop, client: Client) -> None:
    send_out = letter(sms_shop, mails(2), platform(sms_shop))
    url = "/t/" + mail.leave_url(sms_shop.workspace.pk).partition("/t/")[2]
    assert client.get(url).status_code == 200 and not Suppression.objects.exists()
    assert client.post(url, {"address": "C1@x.example"}, REMOTE_ADDR="192.0.2.1").status_code == 200
    sms_shop.submit(send_out)
    assert sms_shop.inbox() == {"c0@x.example": 1}


def test_what_is_no_address_is_told_on_the_page(sms_shop: Shop, client: Client) -> None:
    url = "/t/" + mail.leave_url(sms_shop.workspace.pk).partition("/t/")[2]
    assert client.post(url, {"address": "nobody"}, REMOTE_ADDR="192.0.2.2").status_code == 400
    assert client.get("/t/a/forged").status_code == 404


def test_an_sms_platform_s_error_stays_an_error_of_the_platform(sms_shop: Shop) -> None:
    client = ContractClient(platform(sms_shop))
    with pytest.raises(ProviderError) as caught:
        client.call("GET", "/email/emailTemplate/none")
    assert caught.value.code == "provider_misconfigured" and not caught.value.retryable


def test_a_report_of_spam_after_delivery_marks_a_delivered_row(sms_shop: Shop) -> None:
    send_out = sms_shop.submit(letter(sms_shop, mails(1), platform(sms_shop)))
    sms_shop.poll()
    from marketing.channels.contract_email import read_receipt
    from marketing.delivery import receipts

    report = read_receipt({"toAddress": "c0@x.example", "status": 3, "code": "SPAM"})
    assert report is not None
    receipts.apply(SendBatch.objects.get(), [report])
    row = Recipient.objects.get(send_out=send_out)
    assert (row.state, row.reason) == ("delivered", "spam")
    assert Suppression.objects.get().reason == "complaint"
