"""Conversions in a window after the message, against a slow plain reference; the lift; what stays when rows go."""

from __future__ import annotations

import csv
import io
import random
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from django.test import Client
from django.utils import timezone

from cdp.core import timezones
from cdp.core.errors import Conflict, PermissionDenied, ValidationFailed
from insight.datasets.models import Dataset, DatasetField
from insight.oneid import services as identities
from marketing.delivery import conversion, expiry, lift, queries, significance
from marketing.delivery.models import Recipient, SendOut
from tests.factories import make_access, make_token
from tests.insight.audiences.world import make_dataset, new_version
from tests.marketing.delivery.shop import Shop, mails

DAY = timedelta(days=1)
Event = tuple[str, datetime, str, float | None]
SENT = ("handed", "delivered", "failed", "unknown")


def table_of(events: list[Event]) -> pa.Table:
    people, moments, kinds, amounts = zip(*events, strict=True) if events else ((), (), (), ())
    return pa.table(
        {
            "user_unique_id": pa.array(people, pa.string()),
            "at": pa.array(moments, pa.timestamp("us")),
            "type": pa.array(kinds, pa.string()),
            "amount": pa.array(amounts, pa.float64()),
        }
    )


def behaviour(shop: Shop, events: list[Event], id_type: str = "one_id") -> Dataset:
    dataset = make_dataset(shop.workspace, "Orders", "behaviour", table_of(events))
    for column, role in (("member", "identifier"), ("at", "time"), ("type", "type"), ("amount", "amount")):
        DatasetField.objects.create(
            dataset=dataset,
            column=column,
            role=role,
            name=column,
            id_type=id_type if role == "identifier" else "",
        )
    return dataset


def local(shop: Shop, moment: datetime) -> datetime:
    return moment.astimezone(timezones.zone(shop.workspace)).replace(tzinfo=None)


def written(shop: Shop, people: list[tuple[str, str, int, datetime | None]], started: datetime) -> SendOut:
    """A finished send-out whose ledger has these people: ID, state, variant, when it was handed over."""
    send_out = shop.mail(shop.audience(mails(1)))
    version = send_out.audience.current
    SendOut.objects.filter(pk=send_out.pk).update(
        state="finished",
        resolved_at=started,
        started_at=started,
        finished_at=started,
        audience_version=version,
    )
    Recipient.objects.bulk_create(
        Recipient(
            send_out=send_out,
            person=person,
            person_hash=f"{person}{number}",
            state=state,
            variant=variant,
            handed_at=handed,
        )
        for number, (person, state, variant, handed) in enumerate(people)
    )
    send_out.refresh_from_db()
    return send_out


def choose(shop: Shop, send_out: SendOut, dataset: Dataset, **more: Any) -> dict[str, Any]:
    conversion.choose(shop.access, send_out, {"dataset": dataset.pk, "types": ["purchase"], **more})
    shop.run_jobs()
    send_out.refresh_from_db()
    return lift.of(send_out)


def reference(
    shop: Shop,
    people: list[tuple[str, str, int, datetime | None]],
    events: list[Event],
    first: datetime,
    *,
    days: int,
    least: float | None,
) -> dict[int, tuple[int, int, float]]:
    """Slow and obvious: people, converted and amount of each lot. `first`: when the first message left."""
    found: dict[int, tuple[int, int, float]] = {}
    for person, state, variant, handed in people:
        if state not in (*SENT, "control"):
            continue
        lot = -1 if state == "control" else variant
        since = local(shop, handed or first)
        spent = [
            amount or 0.0
            for who, at, kind, amount in events
            if who == person
            and kind == "purchase"
            and since <= at < since + days * DAY
            and (least is None or (amount is not None and amount >= least))
        ]
        count, converted, total = found.get(lot, (0, 0, 0.0))
        found[lot] = (count + 1, converted + bool(spent), total + sum(spent))
    return found


@pytest.mark.parametrize("seed", range(4))
def test_counted_as_a_slow_reference_counts(shop: Shop, seed: int) -> None:
    draw = random.Random(seed)
    started = timezone.now() - 20 * DAY
    people = [
        (
            f"u{number}",
            draw.choice([*SENT, "control", "control", "filtered", "queued", "cancelled"]),
            draw.randrange(3),
            None,
        )
        for number in range(120)
    ]
    people = [
        (
            person,
            state,
            0 if state == "control" else variant,
            started + draw.random() * DAY if state in SENT else None,
        )
        for person, state, variant, _handed in people
    ]
    first = min(handed for _person, _state, _variant, handed in people if handed)
    events: list[Event] = []
    for _number in range(400):
        person, _state, _variant, handed = draw.choice(people)
        since = local(shop, handed or first)
        offset = draw.choice(
            [0 * DAY, 5 * DAY, -DAY / 86_400_000_000, 5 * DAY - DAY / 86_400_000_000, draw.random() * 9 * DAY]
        )
        kind, amount = draw.choice(["purchase", "visit"]), draw.choice([None, 5.0, 20.0, 99.5])
        events.append((person, since + offset, kind, amount))
    least = draw.choice([None, 20.0])
    dataset = behaviour(shop, events)
    send_out = written(shop, people, started)
    choose(shop, send_out, dataset, days=5, least_amount=least, amount=True)
    expected = reference(shop, people, events, first, days=5, least=least)
    groups = {
        int(lot): (row["people"], row["converted"], pytest.approx(row["amount"]))
        for lot, row in send_out.conversions["groups"].items()
    }
    assert groups == expected


def half_and_half(shop: Shop, ours: int, theirs: int, each: int = 100) -> tuple[SendOut, Dataset]:
    """So many of each hundred written to, and of each hundred kept back, bought the day after."""
    started = timezone.now() - 10 * DAY
    people: list[tuple[str, str, int, datetime | None]] = [
        *((f"t{number}", "delivered", 0, started) for number in range(each)),
        *((f"c{number}", "control", 0, None) for number in range(each)),
    ]
    moment = local(shop, started) + DAY
    events: list[Event] = [
        *((f"t{number}", moment, "purchase", 10.0) for number in range(ours)),
        *((f"c{number}", moment, "purchase", 10.0) for number in range(theirs)),
    ]
    return written(shop, people, started), behaviour(shop, events)


def test_the_lift_against_those_kept_back(shop: Shop) -> None:
    send_out, dataset = half_and_half(shop, 40, 20)
    found = choose(shop, send_out, dataset, days=7, amount=True)
    difference = significance.compare(significance.rate(40, 100), significance.rate(20, 100))
    assert difference is not None
    assert found["lift"]["difference"] == difference.as_json() and difference.significant
    assert found["lift"]["relative"] == pytest.approx(1.0) and found["lift"]["extra"] == pytest.approx(20)
    assert found["target"]["amount"] == 400 and found["target"]["amount_per_person"] == 4
    assert found["control"]["rate"]["share"] == 0.2


def test_few_people_are_told(shop: Shop) -> None:
    send_out, dataset = half_and_half(shop, 3, 1, each=5)
    difference = choose(shop, send_out, dataset, days=7)["lift"]["difference"]
    assert difference["few"] and difference["p"] is None


def test_without_anybody_kept_back_there_is_no_lift(shop: Shop) -> None:
    started = timezone.now() - 10 * DAY
    send_out = written(shop, [("u1", "delivered", 0, started)], started)
    dataset = behaviour(shop, [("u1", local(shop, started), "purchase", None)])
    found = choose(shop, send_out, dataset, days=1)
    assert found["control"] is None and found["lift"] is None and found["target"]["converted"] == 1


def test_another_id_is_matched_through_the_identities_or_refused(shop: Shop) -> None:
    started = timezone.now() - 10 * DAY
    send_out = written(shop, [("u000000", "delivered", 0, started)], started)
    dataset = behaviour(
        shop, [("c0@x.example", local(shop, started) + DAY, "purchase", 5.0)], id_type="email"
    )
    with pytest.raises(ValidationFailed) as refused:
        choose(shop, send_out, dataset)
    assert "knows its people by another ID" in str(refused.value.errors["dataset"][0])
    members = Dataset.objects.get(kind="user_tags")
    identities.update(
        shop.access,
        {"sources": [{"kind": "dataset", "dataset": members.pk, "columns": ["member_no", "email"]}]},
    )
    identities.run(shop.access)
    shop.run_jobs()
    assert choose(shop, send_out, dataset)["target"]["converted"] == 1


def test_the_numbers_stay_when_the_recipients_go(shop: Shop) -> None:
    send_out, dataset = half_and_half(shop, 40, 20)
    before = choose(shop, send_out, dataset, days=7)
    # Somebody buys late, and only then the recipients are deleted: it counts.
    events = [*((f"t{n}", local(shop, send_out.started_at) + DAY, "purchase", 1.0) for n in range(41))]
    new_version(dataset, table_of(events))
    assert expiry.delete_old_recipients() == 1
    send_out.refresh_from_db()
    after = lift.of(send_out)
    assert send_out.recipients.count() == 0
    assert (before["target"]["converted"], after["target"]["converted"]) == (40, 41)
    assert queries.summary(send_out)["conversion"] == after and not after["open"]
    with pytest.raises(Conflict) as refused:
        conversion.recount(shop.access, send_out)
    assert refused.value.code == "recipients_deleted"


def test_counted_anew_only_when_the_behaviour_was_refreshed(shop: Shop) -> None:
    send_out, dataset = half_and_half(shop, 4, 2, each=10)
    choose(shop, send_out, dataset, days=7)
    assert conversion.start_due() == 0
    new_version(dataset, table_of([("t1", local(shop, send_out.started_at), "purchase", 1.0)]))
    assert conversion.start_due() == 1
    shop.run_jobs()
    send_out.refresh_from_db()
    assert send_out.conversions["converted"] == 1


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"days": 0}, "days"),
        ({"days": 91}, "days"),
        ({"types": []}, "types"),
        ({"dataset": "ds_none"}, "dataset"),
        ({"least_amount": -1}, "least_amount"),
        ({"other": 1}, "other"),
    ],
)
def test_wrong_values_are_refused_at_their_field(shop: Shop, values: dict[str, Any], field: str) -> None:
    send_out, dataset = half_and_half(shop, 1, 1, each=2)
    given = {"dataset": dataset.pk, "types": ["purchase"], **values}
    with pytest.raises(ValidationFailed) as refused:
        conversion.choose(shop.access, send_out, given)
    assert field in refused.value.errors


def test_only_the_owner_chooses(shop: Shop) -> None:
    send_out, dataset = half_and_half(shop, 1, 1, each=2)
    with pytest.raises(PermissionDenied):
        conversion.choose(
            make_access(shop.workspace, "analyst"), send_out, {"dataset": dataset.pk, "types": ["x"]}
        )


def test_page_api_and_csv_say_the_same(shop: Shop, client: Client) -> None:
    send_out, dataset = half_and_half(shop, 40, 20)
    api = f"/api/v1/workspaces/{shop.workspace.slug}/send-outs/{send_out.pk}/"
    headers: dict[str, Any] = {"Authorization": f"Bearer {make_token(shop.access)}"}
    body = {"dataset": dataset.pk, "types": ["purchase"], "days": 7, "amount": True}
    answer = client.put(f"{api}conversion/", body, content_type="application/json", headers=headers)
    assert answer.status_code == 202
    shop.run_jobs()
    found = client.get(f"{api}conversion/", headers=headers).json()
    assert found == client.get(f"{api}effect/", headers=headers).json()["conversion"]
    text = b"".join(client.get(f"{api}conversion/download/", headers=headers)).decode("utf-8-sig")
    target, control = list(csv.DictReader(io.StringIO(text)))
    assert (int(target["converted"]), float(target["amount"])) == (found["target"]["converted"], 400.0)
    assert float(control["share"]) == found["control"]["rate"]["share"] == 0.2
    client.force_login(shop.access.user)
    base = f"/w/{shop.workspace.slug}/send-outs/{send_out.pk}/"
    page = client.get(base)
    content = page.content.decode()
    assert "The message has worked" in content and "40.0 %" in content and "How this is computed" in content
    assert page.context["funnel"][-1]["count"] == 40
    assert f'value="{dataset.pk}:purchase" selected' in client.get(f"{base}conversion/").content.decode()
    form = {"behaviour": [f"{dataset.pk}:purchase"], "days": "3"}
    assert client.post(f"{base}conversion/", form).status_code == 302
    assert client.post(f"{base}conversion/count/").status_code == 302
    send_out.refresh_from_db()
    assert send_out.conversion["days"] == 3 and not send_out.conversion["amount"]
    assert client.put(f"{api}conversion/", {}, content_type="application/json", headers=headers).json() == {}
