"""Rows of the ledger: found, downloaded, and settled where nobody knew whether the message had left."""

from __future__ import annotations

import csv
import io
import subprocess
from typing import Any

import pytest
from django.utils import timezone

from admin_center.audit.models import AuditEntry, DownloadLog
from admin_center.permissions.access import MemberAccess
from admin_center.permissions.models import Role
from cdp.core.errors import Conflict, PermissionDenied
from marketing.channels.base import BatchReceipt
from marketing.delivery import (
    copying,
    expiry,
    failed,
    ledger,
    queries,
    receipts,
    retention,
    settling,
    suppressions,
)
from marketing.delivery.models import Recipient, SendBatch, SendOut
from tests.factories import make_access, make_token
from tests.marketing.console import Browser
from tests.marketing.delivery.push_shop import PushShop, imei
from tests.marketing.delivery.shop import Shop, mails, numbers


@pytest.fixture
def sent(shop: Shop) -> SendOut:
    """Two have got it, one is suppressed."""
    suppressions.add(shop.access, "email", "c2@x.example")
    return shop.submit(shop.mail(shop.audience(mails(3))))


def found(send_out: SendOut, **given: str) -> set[str]:
    return set(ledger.RecipientFilter(given, send_out).qs.values_list("person", flat=True))


def unknown(send_out: SendOut) -> list[int]:
    """Everybody who got it, as after an outage; returns the rows' keys."""
    rows = send_out.recipients.exclude(state="filtered")
    rows.update(state="unknown", reason="no_answer", detail="timed out")
    return list(rows.order_by("pk").values_list("pk", flat=True))


@pytest.mark.parametrize(
    ("given", "people"),
    [
        ({"person": "u000001"}, {"u000001"}),
        ({"person": " C1@X.example "}, {"u000001"}),
        ({"person": "c1"}, set()),
        ({"person": "u000001", "state": "filtered"}, set()),
        ({"reason": "suppressed"}, {"u000002"}),
        ({"state": "delivered"}, {"u000000", "u000001"}),
    ],
)
def test_people_are_found_by_id_address_state_and_cause(
    sent: SendOut, given: dict[str, str], people: set[str]
) -> None:
    assert found(sent, **given) == people


def test_a_number_is_found_in_any_spelling(shop: Shop) -> None:
    send_out = shop.submit(shop.sms(shop.audience(numbers(2))))
    assert found(send_out, person="+86 138 0013 1001") == {"u000001"}


def test_a_number_is_found_by_its_last_digits(shop: Shop) -> None:
    send_out = shop.submit(shop.sms(shop.audience(numbers(3, first=1004))))
    assert found(send_out, person="1005") == {"u000001"}
    assert found(send_out, person="05") == {"u000001"}
    assert found(send_out, person="13800131") == set()
    again = copying.resend(shop.access, failed_one(send_out, "1005"))
    copying.write_failed(again)
    assert found(again, person="1005") == {"u000001"}


def failed_one(send_out: SendOut, ending: str) -> SendOut:
    send_out.recipients.filter(ending=ending).update(state="failed", code="UNDELIV")
    SendOut.objects.filter(pk=send_out.pk).update(state="finished")
    send_out.refresh_from_db()
    return send_out


def test_of_a_number_everybody_sees_the_last_digits_alone(shop: Shop) -> None:
    send_out = shop.submit(shop.sms(shop.audience(numbers(1, first=1004))))
    assert shop.access.can("marketing.recipients.unmask")
    browser = Browser(shop.access, "send-outs/")
    page = browser.get(f"{send_out.pk}/").content.decode()
    file = b"".join(browser.get(f"{send_out.pk}/recipients/")).decode()
    path = f"/api/v1/workspaces/{shop.workspace.slug}/send-outs/{send_out.pk}/recipients/"
    answer = browser.client.get(path).content.decode()
    for text in (page, file, answer):
        assert "***1004" in text and "13800131004" not in text and "0013100" not in text


def test_a_code_is_told_in_words_with_the_code_on_hover(shop: Shop) -> None:
    send_out = failed_one(shop.submit(shop.sms(shop.audience(numbers(1, first=1004)))), "1004")
    page = Browser(shop.access, "send-outs/").get(f"{send_out.pk}/").content.decode()
    assert '<abbr title="UNDELIV">The phone is off or out of reach</abbr>' in page


def test_refresh_asks_the_platform_now(sms_shop: Shop) -> None:
    send_out = sms_shop.submit(sms_shop.sms(sms_shop.audience(numbers(2, first=1004))))
    assert sms_shop.states(send_out) == {"handed": 2}
    Browser(sms_shop.access, "send-outs/").post(f"{send_out.pk}/refresh/")
    assert sms_shop.states(send_out) == {"delivered": 2}


def test_the_file_holds_every_row_in_pieces_and_is_logged(
    shop: Shop, sent: SendOut, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "ROWS", 2)
    Recipient.objects.filter(person="u000001").update(detail="=1+1")
    content = b"".join(Browser(shop.access, "send-outs/").get(f"{sent.pk}/recipients/")).decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(content)))
    assert [row["person"] for row in rows] == ["u000000", "u000001", "u000002"]
    assert (rows[2]["state"], rows[2]["reason"], rows[1]["detail"]) == ("filtered", "suppressed", "'=1+1")
    logged = DownloadLog.objects.get()
    assert (logged.rows, logged.user, logged.object_id) == (3, shop.access.user, sent.pk)
    assert AuditEntry.objects.filter(action="send_out.recipients_downloaded").count() == 1


def test_the_button_to_refresh_stands_where_there_is_somebody_to_ask(sms_shop: Shop) -> None:
    browser = Browser(sms_shop.access, "send-outs/")
    mail = sms_shop.submit(sms_shop.mail(sms_shop.audience(mails(1), "Mails")))
    # A mail server keeps no reports.
    assert "/refresh/" not in browser.get(f"{mail.pk}/").content.decode()
    text = sms_shop.submit(sms_shop.sms(sms_shop.audience(numbers(1))))
    assert f"{text.pk}/refresh/" in browser.get(f"{text.pk}/").content.decode()
    SendOut.objects.update(rows_deleted_at=timezone.now(), counters=queries.summary(text))
    assert "/refresh/" not in browser.get(f"{text.pk}/").content.decode()
    assert receipts.ask_now(SendOut.objects.get(pk=text.pk)) == 0


def test_push_messages_can_be_refreshed_too(push_shop: PushShop) -> None:
    sent = push_shop.submit(push_shop.push(push_shop.phones([imei(1), imei(2)])))
    browser = Browser(push_shop.access, "send-outs/")
    assert f"{sent.pk}/refresh/" in browser.get(f"{sent.pk}/").content.decode()
    page = browser.client.post(f"{browser.base}{sent.pk}/refresh/", follow=True).content.decode()
    assert "The platform was asked" in page


def shell(text: str, command: str) -> str:
    """What the command of the handbook prints for a downloaded file."""
    return subprocess.run(
        ["sh", "-c", command], input=text, capture_output=True, text=True, check=False
    ).stdout


def test_the_file_proves_that_nobody_got_a_message_twice(sms_shop: Shop) -> None:
    # Two people share a number, one has none.
    people = [*numbers(3), numbers(1)[0], (None, None, "Bath", None)]
    texts = sms_shop.submit(sms_shop.sms(sms_shop.audience(people, "Texts")))
    letters = sms_shop.submit(sms_shop.mail(sms_shop.audience(mails(3), "Letters")))
    for send_out, sent in ((texts, 3), (letters, 3)):
        file = b"".join(ledger.export(sms_shop.access, send_out, send_out.recipients.order_by("pk"))).decode()
        targets = shell(file, "tail -n +2 | cut -d, -f1,2 | grep -v ',$' | sort")
        assert len(targets.splitlines()) == sent
        assert shell(targets, "uniq -d") == ""
        assert shell(file, "tail -n +2 | cut -d, -f2,3 | grep -v ',$' | sort | uniq -d") == ""
        # The same shows what it is to find one: a row that stands there twice.
        again = file + file.splitlines()[1] + "\n"
        assert shell(again, "tail -n +2 | cut -d, -f1,2 | grep -v ',$' | sort | uniq -d").startswith(
            send_out.pk
        )
    rows = list(csv.DictReader(io.StringIO(file.lstrip("\ufeff"))))
    assert [row["idempotency_key"] for row in rows] == [
        f"{row.pk}.{letters.pk}" for row in letters.recipients.order_by("pk")
    ]
    batch = texts.batches.get()
    assert {
        row["out_id"] for row in ledger.shown(texts.recipients.exclude(batch=None), texts, sms_shop.access)
    } == {batch.out_id}


def test_whoever_has_no_target_has_no_hash_that_could_be_guessed(sms_shop: Shop) -> None:
    sent = sms_shop.submit(sms_shop.sms(sms_shop.audience([*numbers(1), (None, None, "Bath", None)])))
    rows = {
        row["state"]: row["target_hash"] for row in ledger.shown(sent.recipients.all(), sent, sms_shop.access)
    }
    assert rows["filtered"] == "" and len(rows["handed"]) == 64


def test_the_file_is_masked_without_the_right(shop: Shop, sent: SendOut) -> None:
    reader = member(shop, "marketing.email.view")
    content = b"".join(ledger.export(reader, sent, sent.recipients.order_by("pk"))).decode()
    assert "c1@x.example" not in content and "u000001" not in content
    assert not DownloadLog.objects.get().unmasked
    with pytest.raises(PermissionDenied):
        ledger.export(member(shop), sent, sent.recipients.all())


def test_there_is_no_file_once_the_recipients_are_gone(shop: Shop, sent: SendOut) -> None:
    SendOut.objects.update(finished_at=timezone.now() - retention.LEAST)
    expiry.delete_old_recipients()
    sent.refresh_from_db()
    with pytest.raises(Conflict) as refused:
        ledger.export(shop.access, sent, sent.recipients.all())
    assert refused.value.code == "recipients_deleted" and not DownloadLog.objects.exists()


def test_what_was_not_sent_fails_and_can_be_sent_again(shop: Shop, sent: SendOut) -> None:
    first, second = unknown(sent)
    assert not copying.can_resend(sent)
    assert settling.settle(shop.access, sent, [first], sent=False) == 1
    assert settling.settle(shop.access, sent, [second], sent=True) == 1
    assert shop.states(sent) == {"failed": 1, "handed": 1, "filtered": 1}
    assert [row.pk for row in failed.failed_of(sent)] == [first]
    assert AuditEntry.objects.filter(action="send_out.settled", object_id=sent.pk).count() == 2


def test_what_was_reported_meanwhile_keeps_its_report(shop: Shop, sent: SendOut) -> None:
    first, second = unknown(sent)
    Recipient.objects.filter(pk=first).update(state="delivered", reason="")
    assert settling.settle(shop.access, sent, [first, second], sent=False) == 1
    assert Recipient.objects.get(pk=first).state == "delivered"
    with pytest.raises(Conflict) as refused:
        settling.settle(shop.access, sent, [first, second], sent=True)
    assert refused.value.code == "nothing_to_settle"


def test_rows_of_another_send_out_are_not_touched(shop: Shop, sent: SendOut) -> None:
    other = shop.submit(shop.mail(sent.audience, "Other"))
    keys = unknown(other)
    with pytest.raises(Conflict):
        settling.settle(shop.access, sent, keys, sent=False)
    assert shop.states(other)["unknown"] == len(keys)


@pytest.mark.parametrize("idempotent", [False, True])
def test_a_call_that_is_repeated_is_left_to_its_platform(shop: Shop, idempotent: bool) -> None:
    send_out = shop.submit(shop.sms(shop.audience(numbers(1)), config={"idempotent": idempotent}))
    keys = unknown(send_out)
    SendBatch.objects.update(state="unknown")
    assert settling.open_rows(send_out).exists() is not idempotent
    if not idempotent:
        settling.settle(shop.access, send_out, keys, sent=False)
        late = BatchReceipt("13800131000", "delivered")
        assert receipts.apply(SendBatch.objects.get(), [late]) == 1
        assert shop.states(send_out) == {"delivered": 1}, "a report that comes late is still believed"


def test_settling_needs_the_right_to_send_and_to_steer_others_send_outs(shop: Shop, sent: SendOut) -> None:
    keys = unknown(sent)
    for points in (["marketing.email.view"], ["marketing.email.view", "marketing.email.send"]):
        with pytest.raises(PermissionDenied):
            settling.settle(member(shop, *points), sent, keys, sent=True)
    assert shop.states(sent)["unknown"] == 2


def test_the_page_offers_to_settle_what_is_unknown(shop: Shop, sent: SendOut) -> None:
    console = Browser(shop.access, "send-outs/")
    assert "They were sent" not in console.get(f"{sent.pk}/").content.decode()
    first, _second = unknown(sent)
    page = console.get(f"{sent.pk}/?reason=no_answer&person=c0@x.example").content.decode()
    assert "They were sent" in page and f'value="{first}"' in page and "u000001" not in page
    assert console.post(f"{sent.pk}/settle/", row=[str(first), "x"], sent="no").status_code == 302
    assert shop.states(sent) == {"failed": 1, "unknown": 1, "filtered": 1}


def test_the_api_finds_downloads_and_settles(shop: Shop, sent: SendOut, client: Any) -> None:
    first, _second = unknown(sent)
    headers = {"Authorization": f"Bearer {make_token(shop.access)}"}
    base = f"/api/v1/workspaces/{shop.workspace.slug}/send-outs/{sent.pk}/"
    rows = client.get(f"{base}recipients/?person=c0@x.example", headers=headers).json()["results"]
    assert [(row["id"], row["state"]) for row in rows] == [(first, "unknown")]
    file = client.get(f"{base}recipients/download/?reason=suppressed", headers=headers)
    assert b"".join(file).decode().count("\n") == 2

    def settle(body: dict[str, Any]) -> Any:
        return client.post(f"{base}settle/", body, content_type="application/json", headers=headers)

    assert settle({"recipients": [], "sent": True}).status_code == 400
    assert settle({"recipients": [first], "sent": True}).json() == {"settled": 1}
    assert settle({"recipients": [first], "sent": True}).json()["code"] == "nothing_to_settle"


def member(shop: Shop, *points: str) -> MemberAccess:
    """Somebody else in the workspace, with these rights."""
    Role.objects.filter(workspace=shop.workspace, code="analyst").update(
        permissions=["workspace.view", *points]
    )
    return make_access(shop.workspace, "analyst")
