"""Who gets the message, who does not, and that the numbers say why."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from cdp.jobs import JobContext
from cdp.jobs.models import Job
from marketing.delivery import freeze, queries, resolve, services, suppressions
from marketing.delivery.models import Recipient, Suppression
from tests.marketing.delivery.shop import Person, Shop, mails

MIXED: list[Person] = [
    (None, "ann@x.example", "Bath", date(2026, 3, 1)),
    (None, "no address", "Bath", None),
    (None, None, "Bath", None),
    (None, " ANN@X.example ", "York", None),
    (None, "bob@x.example", None, None),
]


def variable(shop: Shop, audience: Any, tag: str = "city", **more: str) -> dict[str, dict[str, str]]:
    """The variable `place` of a template, filled from a tag of the audience's own dataset."""
    dataset = audience.rule["items"][0]["dataset"] if "items" in audience.rule else audience.rule["dataset"]
    return {"place": {"dataset": dataset, "tag": tag, "missing": "replace", "value": "here", **more}}


def test_everybody_with_an_address_gets_it_once_and_the_others_are_counted(shop: Shop) -> None:
    send_out = shop.submit(shop.mail(shop.audience(MIXED)))
    assert send_out.state == "finished"
    assert shop.inbox() == {"ann@x.example": 1, "bob@x.example": 1}
    assert shop.reasons(send_out) == {"invalid": 1, "no_id": 1, "duplicate": 1}
    effect = queries.effect(send_out)
    assert (effect["target"], effect["left_out"], effect["sent"], effect["delivered"]) == (5, 3, 2, 2)


def test_suppressed_people_are_left_out(shop: Shop) -> None:
    audience = shop.audience(mails(3))
    suppressions.add(shop.access, "email", "C1@x.example")
    send_out = shop.submit(shop.mail(audience))
    assert set(shop.inbox()) == {"c0@x.example", "c2@x.example"}
    assert shop.reasons(send_out) == {"suppressed": 1}


def test_the_suppression_of_another_channel_or_workspace_does_not_count(shop: Shop) -> None:
    elsewhere = Shop(shop.sandbox)
    suppressions.add(elsewhere.access, "email", "c1@x.example")
    suppressions.add(shop.access, "sms", "13800001111")
    shop.submit(shop.mail(shop.audience(mails(3))))
    assert len(shop.inbox()) == 3


def test_somebody_who_unsubscribes_between_two_chunks_gets_nothing(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    send_out = shop.mail(shop.audience(mails(6)), provider={"rate_per_second": 3})

    def unsubscribe_the_last(*args: Any) -> None:
        if shop.sandbox.store.counts():
            suppressions.add(shop.access, "email", "c5@x.example")

    monkeypatch.setattr("marketing.delivery.personal.throttle", unsubscribe_the_last)
    send_out = shop.submit(send_out)
    assert set(shop.inbox()) == {f"c{number}@x.example" for number in range(5)}
    assert shop.reasons(send_out) == {"suppressed": 1}


def test_a_mailbox_that_does_not_exist_gets_no_second_mail(shop: Shop) -> None:
    audience = shop.audience([*mails(1), *mails(1, "bounce-hard-"), *mails(1, "bounce-soft-")])
    first = shop.submit(shop.mail(audience))
    assert shop.states(first) == {"delivered": 1, "failed": 2}
    assert {row["code"] for row in queries.failures(first)} == {"451", "550"}
    kept = Suppression.objects.get()
    assert (kept.reason, kept.source) == ("hard_bounce", first.pk)
    second = shop.submit(shop.mail(audience, "Second"))
    assert shop.reasons(second) == {"bounced": 1}


def test_at_most_the_set_number_of_people_after_the_others_are_left_out(shop: Shop) -> None:
    audience = shop.audience(mails(10))
    suppressions.add(shop.access, "email", "c1@x.example")
    send_out = shop.submit(shop.mail(audience, limit=4))
    assert len(shop.inbox()) == 4
    assert shop.reasons(send_out) == {"suppressed": 1, "limit": 5}


def test_a_limit_above_those_who_can_be_reached_leaves_nobody_out(shop: Shop) -> None:
    audience = shop.audience(mails(3))
    suppressions.add(shop.access, "email", "c1@x.example")
    send_out = shop.submit(shop.mail(audience, limit=3))
    assert shop.reasons(send_out) == {"suppressed": 1} and len(shop.inbox()) == 2


def test_nobody_to_reach_fails_and_says_where_to_look(shop: Shop) -> None:
    send_out = shop.submit(shop.mail(shop.audience([(None, None, None, None)])))
    assert send_out.state == "failed" and "Nobody in the audience can be reached" in send_out.state_reason


@pytest.mark.parametrize(
    ("missing", "texts", "reasons"),
    [
        ("replace", ["Bath", "York", "here"], {}),
        ("skip", ["Bath", "York"], {"missing_value": 1}),
    ],
)
def test_a_missing_value_is_replaced_or_leaves_the_person_out(
    shop: Shop, missing: str, texts: list[str], reasons: dict[str, int]
) -> None:
    people: list[Person] = [
        (None, f"c{number}@x.example", city, None) for number, city in enumerate(["Bath", "York", None])
    ]
    audience = shop.audience(people)
    send_out = shop.submit(
        shop.mail(
            audience,
            template={"subject": "Sale in ${place}"},
            variables=variable(shop, audience, missing=missing, value="here"),
        )
    )
    assert shop.subjects() == [f"Sale in {text}" for text in texts]
    assert shop.reasons(send_out) == reasons


def test_a_date_is_written_in_the_chosen_format(shop: Shop) -> None:
    audience = shop.audience(mails(1))
    chosen = variable(shop, audience, "joined", format="yyyy年M月d日")
    shop.submit(shop.mail(audience, template={"subject": "Since ${place}"}, variables=chosen))
    assert shop.subjects() == ["Since 2026年3月1日"]


def test_a_value_never_becomes_markup(shop: Shop) -> None:
    audience = shop.audience([(None, "ann@x.example", "<b>Bath</b>", None)])
    template = {"html": "<p>${place}</p>"}
    shop.submit(shop.mail(audience, template=template, variables=variable(shop, audience)))
    html = shop.source("ann@x.example").get_body(("html",)).get_content()
    assert "&lt;b&gt;Bath" in html and "<b>" not in html


def test_the_ledger_is_written_once_however_often_it_is_resolved(shop: Shop) -> None:
    send_out = shop.mail(shop.audience(MIXED))
    services.submit(shop.access, send_out)
    send_out.refresh_from_db()
    job = JobContext(Job.objects.get(status="queued"))
    freeze.keep(send_out, freeze.find(send_out, job))
    resolve.resolve(send_out, job)
    resolve.resolve(send_out, job)
    assert Recipient.objects.filter(send_out=send_out).count() == 5
    shop.run_jobs()
    assert shop.inbox() == {"ann@x.example": 1, "bob@x.example": 1}
