"""The control group: always the same people, counted, and never written to."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from cdp.core.errors import ValidationFailed
from marketing.delivery import copying, lifecycle, queries, services, split, suppressions
from marketing.delivery.models import Recipient, SendBatch, SendOut
from tests.marketing.delivery.shop import Shop, mails, numbers


def kept_back(send_out: SendOut) -> set[str]:
    return set(send_out.recipients.filter(state="control").values_list("person", flat=True))


def by_hand(send_out: SendOut, count: int) -> set[str]:
    """Those who should be kept back, asked one by one."""
    people = [f"u{number:06}" for number in range(count)]
    return {person for person in people if split.is_kept_back(send_out, person)}


@pytest.mark.django_db
def test_lots_in_sql_are_those_in_python() -> None:
    people = ["u1", "王小明", "a'b\\c", "x" * 200, *(f"u{number}" for number in range(200))]
    with connection.cursor() as cursor:
        for salt in ("salt", "盐", "holdout:wsp_1"):
            cursor.execute(f"SELECT person, {split._LOT} FROM unnest(%s::text[]) AS person", [salt, people])
            assert dict(cursor.fetchall()) == {person: split.lot(salt, person) for person in people}


def test_lots_are_spread_evenly_and_differ_between_salts() -> None:
    drawn = [split.lot("one", f"u{number}") for number in range(20_000)]
    other = [split.lot("two", f"u{number}") for number in range(20_000)]
    for upper in (500, 1000, 5000):
        assert sum(lot < upper for lot in drawn) == pytest.approx(20_000 * upper / split.LOTS, rel=0.1)
    both = sum(first < 1000 and second < 1000 for first, second in zip(drawn, other, strict=True))
    assert both == pytest.approx(200, rel=0.35)


def test_they_get_nothing_and_are_counted(shop: Shop) -> None:
    send_out = shop.submit(shop.mail(shop.audience(mails(40)), holdout=25))
    expected = by_hand(send_out, 40)
    assert kept_back(send_out) == expected and 2 < len(expected) < 20
    assert set(shop.inbox()) == {f"c{n}@x.example" for n in range(40) if f"u{n:06}" not in expected}
    effect = queries.effect(send_out)
    assert (effect["target"], effect["kept_back"], effect["sent"]) == (40, len(expected), 40 - len(expected))
    assert effect["left_out"] == 0 and shop.reasons(send_out) == {}
    rows = send_out.recipients.filter(state="control")
    assert set(rows.values_list("reason", "handed_at", "batch")) == {("holdout", None, None)}


def test_on_the_other_path_as_well(sms_shop: Shop) -> None:
    send_out = sms_shop.submit(sms_shop.sms(sms_shop.audience(numbers(30)), holdout=30))
    expected = by_hand(send_out, 30)
    assert kept_back(send_out) == expected and expected
    sms_shop.poll()
    sms_shop.poll()
    assert len(sms_shop.inbox()) == 30 - len(expected)
    assert kept_back(send_out) == expected
    assert sum(SendBatch.objects.values_list("size", flat=True)) == 30 - len(expected)


def test_the_same_people_are_kept_back_for_the_same_salt(shop: Shop) -> None:
    audience = shop.audience(mails(40))
    salts = {"One": "", "Two": "", "Three": "x"}
    drafts = [shop.mail(audience, name, holdout=20, holdout_salt=salt) for name, salt in salts.items()]
    first, second, other = (kept_back(shop.submit(draft)) for draft in drafts)
    assert first == second != other


def test_a_greater_share_keeps_back_the_same_people_and_more(shop: Shop) -> None:
    audience = shop.audience(mails(40))
    few, many = (kept_back(shop.submit(shop.mail(audience, f"{n} %", holdout=n))) for n in (10, 50))
    assert few < many


def test_only_people_who_could_get_it_are_kept_back(shop: Shop) -> None:
    audience = shop.audience(mails(20))
    send_out = shop.mail(audience, holdout=50)
    chosen = sorted(by_hand(send_out, 20))[0]
    suppressions.add(shop.access, "email", f"c{int(chosen[1:])}@x.example")
    send_out = shop.submit(send_out)
    assert shop.recipient(send_out, int(chosen[1:])).reason == "suppressed"
    assert kept_back(send_out) == by_hand(send_out, 20) - {chosen}


def test_nothing_that_claims_recipients_can_claim_them(shop: Shop) -> None:
    """Pausing, resuming, running the job again, sending again to the failed, stopping: they stay where they are."""
    people = [*mails(12), *mails(12, "bounce-hard-")]
    send_out = shop.submit(shop.mail(shop.audience(people), holdout=50))
    expected = by_hand(send_out, 24)
    SendOut.objects.filter(pk=send_out.pk).update(state="paused")
    services.resume(shop.access, SendOut.objects.get(pk=send_out.pk))
    send_out = shop.run_jobs(send_out)
    assert kept_back(send_out) == expected and send_out.state == "finished"
    again = shop.submit(copying.resend(shop.access, send_out))
    assert again.holdout == 0 and not kept_back(again)
    assert not set(again.recipients.values_list("person", flat=True)) & expected
    SendOut.objects.filter(pk=send_out.pk).update(state="sending")
    send_out = services.cancel(shop.access, SendOut.objects.get(pk=send_out.pk))
    assert kept_back(send_out) == expected
    assert not {f"c{int(person[1:])}@x.example" for person in expected} & set(shop.inbox())


@pytest.mark.parametrize("how", ["batch", "handed_at"])
def test_the_database_itself_refuses_to_hand_them_over(shop: Shop, how: str) -> None:
    send_out = shop.submit(shop.mail(shop.audience(mails(12)), holdout=50))
    batch = SendBatch.objects.create(out_id="x", send_out=send_out, number=1, size=1)
    value: Any = batch if how == "batch" else send_out.finished_at
    with pytest.raises(IntegrityError), transaction.atomic():
        Recipient.objects.filter(state="control").update(**{how: value})


def test_a_send_out_of_the_control_group_alone_is_over_and_untouched(shop: Shop) -> None:
    send_out = shop.mail(shop.audience(mails(1)), holdout=50)
    salt = next(f"s{n}" for n in range(99) if split.lot(f"holdout:s{n}", "u000000") < 5000)
    send_out = services.update(shop.access, send_out, {"holdout_salt": salt})
    send_out = shop.submit(send_out)
    assert send_out.state == "finished" and lifecycle.is_untouched(send_out) and not shop.inbox()


@pytest.mark.parametrize("value", [-1, 51])
def test_at_most_half_can_be_kept_back(shop: Shop, value: int) -> None:
    with pytest.raises(ValidationFailed) as refused:
        shop.mail(shop.audience(mails(1)), holdout=value)
    assert list(refused.value.errors) == ["holdout"]
