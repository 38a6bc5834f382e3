"""What people answer to SMS: taken in once, acted on, read and answered."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from django.db import connection

from admin_center.audit.models import AuditEntry
from cdp.core.errors import Conflict, PermissionDenied, ValidationFailed
from marketing.channels import callbacks
from marketing.channels.models import Provider
from marketing.content import services as contents
from marketing.content import signatures
from marketing.content.models import Template
from marketing.delivery import queries, suppressions
from marketing.delivery import services as delivery
from marketing.delivery.models import SendOut, Suppression
from marketing.replies import receiving, services
from marketing.replies.models import InboundMessage
from marketing.sandbox.contract import shown_text
from marketing.sandbox.store import Wanted
from tests.factories import make_access
from tests.marketing.delivery.shop import Shop, numbers

REPLIES = {"replies": True}
ANN, BOB = "13800131000", "13800131001"


def sent(shop: Shop, name: str = "Offer", audience: Any = None, **more: Any) -> SendOut:
    audience = audience or shop.audience(numbers(2))
    return shop.submit(shop.sms(audience, name, config=REPLIES, **more))


def again(shop: Shop, first: SendOut, name: str, **changes: Any) -> SendOut:
    """Another SMS by the same provider to the same audience."""
    template = contents.create_template(
        shop.access, "sms", {"name": name, "text": name, **changes.pop("text", {})}
    )
    contents.submit_for_review(shop.access, template, first.provider)
    values = {"provider": first.provider, "signature": first.signature, "template": template, **changes}
    return shop.submit(
        delivery.create(shop.access, "sms", {"name": name, "audience": first.audience, **values})
    )


def reply(send_out: SendOut, text: str, mobile: str = ANN, number: int = 1, **more: Any) -> InboundMessage:
    given = {"messageId": str(number), "phoneNum": mobile, "content": text, "signName": "Tide", **more}
    return receiving.receive(send_out.provider, given)[0]


def inbox(shop: Shop) -> list[tuple[str, str]]:
    rows = shop.sandbox.store.messages(Wanted(), limit=1000)
    return [(row["recipient"], shown_text(row)) for row in reversed(rows)]


@pytest.mark.parametrize("text", ["T", "t", " td ", "退订", "Ｔ", "ＴＤ", "n", "　T　"])
def test_the_agreed_words_unsubscribe(text: str) -> None:
    assert receiving.unsubscribes(text)


@pytest.mark.parametrize("text", ["", "Thanks", "T!", "no", "TD please", "我不退订", "回T退订"])
def test_other_words_do_not(text: str) -> None:
    assert not receiving.unsubscribes(text)


def test_a_reply_in_the_sandbox_arrives_by_itself(sms_shop: Shop) -> None:
    send_out = sent(sms_shop)
    sms_shop.sandbox.store.add_reply(ANN, "Where is my parcel?", push=False)
    until = time.monotonic() + 20
    while not InboundMessage.objects.exists() and time.monotonic() < until:
        time.sleep(0.05)
    row = InboundMessage.objects.get()
    assert (row.text, row.last_digits, row.signature_text) == ("Where is my parcel?", "1000", "Tide")
    assert row.send_out == send_out and row.state == "unread" and row.person == "u000000"


def test_a_reply_is_kept_once_however_often_it_is_handed_over(sms_shop: Shop) -> None:
    send_out = sent(sms_shop)
    reply(send_out, "Hi")
    reply(send_out, "Hi again")
    assert InboundMessage.objects.get().text == "Hi"


def test_the_number_is_kept_encrypted(sms_shop: Shop) -> None:
    reply(sent(sms_shop), "Hi")
    with connection.cursor() as cursor:
        cursor.execute("SELECT t::text FROM replies_inboundmessage t")
        [(row,)] = cursor.fetchall()
    assert ANN not in row and InboundMessage.objects.get().mobile == ANN


def test_a_reply_to_nothing_is_kept_all_the_same(sms_shop: Shop) -> None:
    row = reply(sent(sms_shop), "Who are you?", "13900000000", signName="")
    assert row.send_out is None and row.first_signature is None


class TestUnsubscribing:
    def test_later_promotions_with_the_signature_leave_the_number_out(self, sms_shop: Shop) -> None:
        first = sent(sms_shop)
        reply(first, "T")
        later = again(sms_shop, first, "Later")
        assert [row["reason"] for row in queries.reasons(later)] == ["suppressed"]
        assert [to for to, _text in inbox(sms_shop)].count(ANN) == 1
        assert queries.effect(first)["unsubscribed"] == 1

    def test_notices_and_other_signatures_still_reach_it(self, sms_shop: Shop) -> None:
        first = sent(sms_shop)
        reply(first, "退订")
        again(sms_shop, first, "Notice", text={"purpose": "notice"})
        other = signatures.add(sms_shop.access, first.provider, "Other")
        again(sms_shop, first, "Other", signature=other)
        assert [text for to, text in inbox(sms_shop) if to == ANN] == [
            "【Tide】Hello回T退订",
            "【Tide】Notice",
            "【Other】Other回T退订",
        ]

    def test_who_answers_while_it_is_queued_gets_nothing_more(self, sms_shop: Shop) -> None:
        first = sent(sms_shop)
        waiting = sms_shop.sms(first.audience, "Waiting", config=REPLIES)
        reply(first, "TD")
        assert [row["reason"] for row in queries.reasons(sms_shop.submit(waiting))] == ["suppressed"]

    def test_only_an_administrator_brings_somebody_back_and_says_why(self, sms_shop: Shop) -> None:
        first = sent(sms_shop)
        reply(first, "T")
        row = Suppression.objects.get()
        assert (row.signature, row.masked) == ("Tide", "138****1000")
        with pytest.raises(PermissionDenied):
            suppressions.remove(make_access(sms_shop.workspace, "developer"), row, "She rang")
        with pytest.raises(ValidationFailed):
            suppressions.remove(sms_shop.access, row)
        suppressions.remove(sms_shop.access, row, "She rang on Monday")
        assert not Suppression.objects.exists()
        entry = AuditEntry.objects.get(action="suppression.removed")
        assert "She rang on Monday" in json.dumps(entry.detail)
        assert again(sms_shop, first, "Back").recipients.filter(state="filtered").count() == 0


def template(shop: Shop, provider: Provider, text: str = "Thank you", **more: Any) -> Template:
    made = contents.create_template(shop.access, "sms", {"name": text[:20], "text": text, **more})
    contents.submit_for_review(shop.access, made, provider)
    return made


class TestAnswering:
    def test_each_number_gets_one_sms_with_the_signature_it_was_first_written_to_with(
        self, sms_shop: Shop
    ) -> None:
        first = sent(sms_shop)
        other = signatures.add(sms_shop.access, first.provider, "Other")
        again(sms_shop, first, "Second", signature=other)
        rows = [
            reply(first, "One", ANN, 1, signName="Other"),
            reply(first, "Two", ANN, 2, signName="Tide"),
            reply(first, "Three", BOB, 3),
        ]
        sms_shop.sandbox.store.clear()
        made = services.answer(sms_shop.access, rows, template(sms_shop, first.provider))
        sms_shop.run_jobs()
        assert sorted(inbox(sms_shop)) == [
            (ANN, "【Tide】Thank you回T退订"),
            (BOB, "【Tide】Thank you回T退订"),
        ]
        [send_out] = made
        send_out.refresh_from_db()
        assert (send_out.origin, send_out.state, send_out.name) == ("reply", "finished", "Thank you (reply)")
        assert {row.state for row in InboundMessage.objects.all()} == {"answered"}

    def test_two_signatures_make_two_send_outs(self, sms_shop: Shop) -> None:
        first = sent(sms_shop)
        other = signatures.add(sms_shop.access, first.provider, "Other")
        second = sms_shop.audience(numbers(1, 2000), "Others")
        again(sms_shop, first, "Second", signature=other, audience=second)
        rows = [reply(first, "Hi", ANN, 1), reply(first, "Hi", "13800132000", 2, signName="Other")]
        sms_shop.sandbox.store.clear()
        made = services.answer(sms_shop.access, rows, template(sms_shop, first.provider))
        sms_shop.run_jobs()
        assert len(made) == 2
        assert sorted(text for _to, text in inbox(sms_shop)) == [
            "【Other】Thank you回T退订",
            "【Tide】Thank you回T退订",
        ]

    def test_who_has_unsubscribed_gets_no_answer(self, sms_shop: Shop) -> None:
        first = sent(sms_shop)
        rows = [reply(first, "T")]
        sms_shop.sandbox.store.clear()
        services.answer(sms_shop.access, rows, template(sms_shop, first.provider))
        sms_shop.run_jobs()
        assert inbox(sms_shop) == []

    @pytest.mark.parametrize("more", [{"text": "Hello ${name}"}, {"purpose": "notice"}])
    def test_only_promotions_without_variables_answer(self, sms_shop: Shop, more: dict[str, str]) -> None:
        first = sent(sms_shop)
        wrong = template(sms_shop, first.provider, **{"text": "Other", **more})
        with pytest.raises(ValidationFailed):
            services.answer(sms_shop.access, [reply(first, "Hi")], wrong)

    def test_an_unapproved_template_does_not_answer(self, sms_shop: Shop) -> None:
        first = sent(sms_shop)
        made = contents.create_template(sms_shop.access, "sms", {"name": "New", "text": "New"})
        with pytest.raises(ValidationFailed):
            services.answer(sms_shop.access, [reply(first, "Hi")], made)

    def test_nobody_is_answered_alone_where_a_second_person_must_approve(self, sms_shop: Shop) -> None:
        first = sent(sms_shop)
        row, answer = reply(first, "Hi"), template(sms_shop, first.provider)
        sms_shop.settings(approval={"enabled": True, "above": 0})
        with pytest.raises(Conflict) as raised:
            services.answer(sms_shop.access, [row], answer)
        assert raised.value.code == "approval_needed"
        assert not SendOut.objects.filter(origin="reply").exists()

    def test_a_template_approved_elsewhere_is_refused_and_nothing_is_kept(self, sms_shop: Shop) -> None:
        first = sent(sms_shop)
        elsewhere = sms_shop.sms(first.audience, "Elsewhere").template
        row = reply(first, "Hi")
        with pytest.raises(Conflict):
            services.answer(sms_shop.access, [row], elsewhere)
        assert not SendOut.objects.filter(origin="reply").exists()


class TestCallback:
    def post(self, client: Any, url: str, body: Any, **headers: str) -> Any:
        path = "/t/" + url.partition("/t/")[2]
        return client.post(path, json.dumps(body), content_type="application/json", headers=headers)

    def test_it_takes_replies_and_says_what_is_wrong_with_others(self, client: Any, sms_shop: Shop) -> None:
        url = callbacks.replies_url(sent(sms_shop).provider)
        body = {"messageId": "7", "phoneNum": ANN, "content": "Hi"}
        assert self.post(client, url, body).json()["new"] is True
        assert self.post(client, url, body).json()["new"] is False
        for wrong in ({"phoneNum": "12"}, {"messageId": ""}, {"content": " "}):
            assert self.post(client, url, body | wrong).status_code == 400
        assert self.post(client, url, [body]).status_code == 400
        assert self.post(client, url + "x", body).status_code == 404

    def test_the_address_for_reports_takes_them_as_well(self, client: Any, sms_shop: Shop) -> None:
        url = callbacks.reports_url(sent(sms_shop).provider) + "/inbound"
        body = {"messageId": "7", "phoneNum": ANN, "content": "T", "signName": "【Tide】"}
        assert self.post(client, url, body).json()["new"] is True
        assert Suppression.objects.get().signature == "Tide"
        assert self.post(client, url.replace("/t/x/", "/t/x/y"), body).status_code == 404

    def test_what_cannot_be_kept_is_told(self, client: Any, sms_shop: Shop) -> None:
        url = callbacks.replies_url(sent(sms_shop).provider)
        for field in ("messageId", "content", "signName", "outId", "extCode"):
            body = {"messageId": "7", "phoneNum": ANN, "content": "Hi", field: "a\x00"}
            assert self.post(client, url, body).status_code == 400
        assert not InboundMessage.objects.exists()

    def test_with_a_secret_it_takes_signed_ones_alone(self, client: Any, sms_shop: Shop) -> None:
        provider = sent(sms_shop).provider
        provider.config = {**provider.config, "callback_secret": "s3cret"}
        provider.save()
        url, body = callbacks.replies_url(provider), {"messageId": "7", "phoneNum": ANN, "content": "Hi"}
        assert self.post(client, url, body).status_code == 403
        signed = callbacks.signature("s3cret", json.dumps(body).encode())
        assert self.post(client, url, body, **{callbacks.SIGNATURE: signed}).status_code == 200
        assert (
            self.post(client, url, body | {"content": "T"}, **{callbacks.SIGNATURE: signed}).status_code
            == 403
        )


class TestPages:
    def test_a_reader_sees_the_last_four_digits_alone(self, client: Any, sms_shop: Shop) -> None:
        reply(sent(sms_shop), "Where is my parcel?")
        client.force_login(sms_shop.access.user)
        page = client.get(f"/w/{sms_shop.workspace.slug}/replies/").content.decode()
        assert "…1000" in page and "Where is my parcel?" in page and ANN not in page

    def test_ticked_replies_are_marked_and_answered(self, client: Any, sms_shop: Shop) -> None:
        first = sent(sms_shop)
        rows = [reply(first, "One", ANN, 1), reply(first, "Two", BOB, 2)]
        client.force_login(sms_shop.access.user)
        base = f"/w/{sms_shop.workspace.slug}/replies/"
        keys = [row.pk for row in rows]
        client.post(base, {"action": "read", "row": keys})
        assert {row.state for row in InboundMessage.objects.all()} == {"read"}
        answer = client.post(base, {"action": "write_back", "row": keys})
        assert answer["Location"] == base + "answer/"
        assert "2 SMS go out" in client.get(base + "answer/").content.decode()
        chosen = template(sms_shop, first.provider)
        client.post(base + "answer/", {"reply": keys, "template": chosen.pk})
        assert SendOut.objects.get(origin="reply").recipients.count() == 2
        listed = client.get(f"/w/{sms_shop.workspace.slug}/send-outs/").content.decode()
        assert "Message reply" in listed

    def test_the_api_lists_marks_and_answers(self, client: Any, sms_shop: Shop) -> None:
        first = sent(sms_shop)
        row = reply(first, "One")
        client.force_login(sms_shop.access.user)
        base = f"/api/v1/workspaces/{sms_shop.workspace.slug}/replies/"
        [found] = client.get(base + "?state=unread&signature=Tide").json()["results"]
        assert (found["last_digits"], found["text"]) == ("1000", "One") and ANN not in json.dumps(found)
        send = {"content_type": "application/json"}
        assert client.post(base + "read/", {"replies": [row.pk]}, **send).json() == {"read": 1}
        body = {"replies": [row.pk], "template": template(sms_shop, first.provider).pk}
        answer = client.post(base + "answer/", body, **send)
        assert answer.status_code == 202 and len(answer.json()["send_outs"]) == 1
        assert client.get(base + f"{row.pk}/").json()["state"] == "answered"
