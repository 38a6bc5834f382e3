"""Who may change a send-out until when, copies, and sending once more to those who failed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from cdp.core.errors import Conflict, ValidationFailed
from marketing.content import services as contents
from marketing.delivery import copying, failed, lifecycle, services
from marketing.delivery.models import Recipient, SendOut
from tests.marketing.delivery.shop import Shop, mails, numbers

HOUR = timedelta(hours=1)


def due_in(send_out: SendOut, minutes: float) -> SendOut:
    SendOut.objects.filter(pk=send_out.pk).update(
        state="waiting", scheduled_at=timezone.now() + timedelta(minutes=minutes)
    )
    return SendOut.objects.get(pk=send_out.pk)


@pytest.mark.parametrize(
    ("channel", "minutes", "open_still"),
    [("sms", 4.9, False), ("sms", 5.1, True), ("email", 9.9, False), ("email", 10.1, True)],
)
def test_a_waiting_send_out_is_fixed_minutes_before_it_leaves(
    shop: Shop, channel: str, minutes: float, open_still: bool
) -> None:
    make = shop.mail if channel == "email" else shop.sms
    people = mails(1) if channel == "email" else numbers(1)
    send_out = due_in(make(shop.audience(people)), minutes)
    if open_still:
        assert services.update(shop.access, send_out, {"name": "Other"}).state == "draft"
        services.delete(shop.access, due_in(send_out, minutes))
        assert not SendOut.objects.exists()
        return
    for act in (
        lambda: services.update(shop.access, send_out, {"name": "Other"}),
        lambda: services.delete(shop.access, send_out),
    ):
        with pytest.raises(Conflict) as refused:
            act()
        assert refused.value.code == "send_out_too_close"
    assert services.cancel(shop.access, send_out).state == "cancelled"


@pytest.mark.parametrize(("channel", "minutes"), [("sms", 5), ("email", 10)])
def test_a_time_within_the_lead_is_refused(shop: Shop, channel: str, minutes: int) -> None:
    make = shop.mail if channel == "email" else shop.sms
    send_out = make(shop.audience(mails(1) if channel == "email" else numbers(1)))
    with pytest.raises(ValidationFailed) as refused:
        services.submit(shop.access, send_out, scheduled_at=timezone.now() + timedelta(minutes=minutes - 0.5))
    assert str(minutes) in refused.value.errors["scheduled_at"][0]
    later = timezone.now() + timedelta(minutes=minutes + 0.5)
    assert services.submit(shop.access, send_out, scheduled_at=later).state == "waiting"


@pytest.mark.parametrize(
    ("state", "written", "edit", "delete"),
    [
        ("draft", False, True, True),
        ("sending", False, False, False),
        ("paused", False, False, False),
        ("failed", False, True, True),
        ("failed", True, False, False),
        ("cancelled", False, False, True),
        ("cancelled", True, False, False),
        ("finished", True, False, False),
    ],
)
def test_the_state_says_what_may_be_changed(
    shop: Shop, state: str, written: bool, edit: bool, delete: bool
) -> None:
    send_out = shop.mail(shop.audience(mails(1)))
    SendOut.objects.update(state=state, resolved_at=timezone.now())
    Recipient.objects.create(
        send_out=send_out, person="u", person_hash="h", state="delivered" if written else "filtered"
    )
    send_out.refresh_from_db()
    assert (lifecycle.is_editable(send_out), lifecycle.is_deletable(send_out)) == (edit, delete)


def test_two_send_outs_of_a_channel_cannot_have_one_name(shop: Shop) -> None:
    audience = shop.audience([("13800131000", "a@x.example", None, None)])
    send_out = shop.mail(audience, "Spring")
    with pytest.raises(ValidationFailed) as refused:
        copying.copy(shop.access, send_out, name="Spring")
    assert "name" in refused.value.errors
    assert shop.sms(audience, "Spring").pk


def test_more_people_than_the_audience_has_are_refused(shop: Shop) -> None:
    audience = shop.audience(mails(3))
    assert shop.mail(audience, limit=3).limit == 3
    with pytest.raises(ValidationFailed) as refused:
        shop.mail(audience, "More", limit=4)
    assert "3" in refused.value.errors["limit"][0]


def test_a_copy_has_everything_but_the_time_and_a_name_of_its_own(shop: Shop) -> None:
    send_out = shop.mail(shop.audience(mails(3)), limit=2, per_minute=9, scheduled_at=timezone.now() + HOUR)
    first, second = copying.copy(shop.access, send_out), copying.copy(shop.access, send_out)
    assert (first.name, second.name) == ("Letter (copy)", "Letter (copy 2)")
    assert (first.limit, first.per_minute, first.scheduled_at, first.state) == (2, 9, None, "draft")
    assert shop.submit(first).state == "finished" and sum(shop.inbox().values()) == 2


def failing(shop: Shop, **more: Any) -> SendOut:
    """Sent to two who get it and two whose server refuses it for now."""
    people = [*mails(2), *((None, f"bounce-soft-{n}@x.example", None, None) for n in range(2))]
    sent = shop.submit(shop.mail(shop.audience(people), **more))
    assert shop.states(sent) == {"delivered": 2, "failed": 2}
    return sent


def test_a_resend_goes_to_exactly_the_failed(shop: Shop) -> None:
    sent = failing(shop)
    shop.sandbox.store.clear()
    again = copying.resend(shop.access, sent)
    assert (again.name, again.state, again.resend_of_id) == ("Letter (again)", "draft", sent.pk)
    shop.submit(again)
    rows = list(again.recipients.order_by("person").values_list("person", flat=True))
    expected = list(failed.failed_of(sent).order_by("person").values_list("person", flat=True))
    assert rows == expected and len(rows) == 2 and not shop.inbox()


def test_a_resend_says_what_was_said_first(shop: Shop) -> None:
    given = {"who": {"missing": "replace", "value": "you"}}
    sent = failing(shop, template={"subject": "Hello ${who}"}, variables=given)
    Recipient.objects.filter(send_out=sent, person="u000000").update(state="failed", code="451")
    contents.update_template(shop.access, sent.template, {"subject": "New ${thing}"})
    shop.sandbox.store.clear()
    again = shop.submit(copying.resend(shop.access, sent))
    assert again.recipients.count() == 3 and shop.subjects() == ["Hello you"]


def test_a_report_that_comes_in_before_the_resend_starts_takes_the_person_out(shop: Shop) -> None:
    sent = failing(shop)
    again = copying.resend(shop.access, sent)
    Recipient.objects.filter(send_out=sent, person="u000002").update(state="delivered")
    shop.submit(again)
    assert set(again.recipients.values_list("person", flat=True)) == {"u000003"}


def test_whose_message_has_no_report_is_not_written_to_again(shop: Shop) -> None:
    sent = failing(shop)
    Recipient.objects.filter(send_out=sent, state="failed").update(code="no_report")
    with pytest.raises(Conflict) as refused:
        copying.resend(shop.access, sent)
    assert refused.value.code == "nobody_failed"


def test_a_resend_keeps_its_message_and_people(shop: Shop) -> None:
    again = copying.resend(shop.access, failing(shop))
    other = shop.audience(mails(1), "Others")
    with pytest.raises(ValidationFailed) as refused:
        services.update(shop.access, again, {"audience": other})
    assert "audience" in refused.value.errors
    assert services.update(shop.access, again, {"name": "Third try"}).content["subject"] == "Hello"


def test_the_first_stays_while_a_resend_needs_it(shop: Shop) -> None:
    sent = failing(shop)
    copying.resend(shop.access, sent)
    SendOut.objects.filter(pk=sent.pk).update(rows_deleted_at=timezone.now())
    with pytest.raises(Conflict) as refused:
        services.delete(shop.access, sent)
    assert refused.value.code == "send_out_resent"
