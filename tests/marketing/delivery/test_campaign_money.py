"""What campaigns have taken and spent: sums over their send-outs, against an obvious recount."""

from __future__ import annotations

import random
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from cdp.core import timezones
from cdp.core.errors import ValidationFailed
from insight.campaigns import links, outcome
from insight.campaigns import services as campaigns
from insight.campaigns.models import Campaign
from insight.datasets.models import Dataset
from marketing.channels import services as channels
from marketing.delivery import conversion, expiry, services
from marketing.delivery.models import Recipient, SendOut
from tests.factories import make_token
from tests.marketing.delivery.shop import Shop, mails, numbers
from tests.marketing.delivery.test_conversion import behaviour, local

DAY = timedelta(days=1)
STATES = ("handed", "delivered", "failed", "unknown", "control", "filtered", "queued")
SENT = STATES[:4]


def campaign(shop: Shop, **more: Any) -> Campaign:
    today = timezones.today(shop.workspace)
    values = {"name": "Spring", "code": "s", "starts": today, "ends": today, **more}
    return campaigns.create(shop.access, values)


def written(
    shop: Shop, name: str, of: Campaign, people: dict[str, str], price: str | None, currency: str = "CNY"
) -> SendOut:
    """A finished mail to these people, by ID with the state of each; nobody is written to anew."""
    started = timezone.now() - 10 * DAY
    send_out = shop.mail(shop.audience(mails(1), name), name, campaigns=[of.pk])
    SendOut.objects.filter(pk=send_out.pk).update(
        state="finished",
        resolved_at=started,
        started_at=started,
        finished_at=started,
        audience_version=send_out.audience.current,
        price=price,
        price_currency=currency if price else "",
    )
    Recipient.objects.bulk_create(
        Recipient(
            send_out=send_out,
            person=person,
            person_hash=person,
            state=state,
            handed_at=started if state in SENT else None,
        )
        for person, state in people.items()
    )
    send_out.refresh_from_db()
    return send_out


def count(shop: Shop, send_out: SendOut, spent: dict[str, list[float]], **more: Any) -> None:
    """Count purchases of these amounts, by person, the day after it was sent."""
    moment = local(shop, timezone.now() - 9 * DAY)
    dataset = behaviour(
        shop, [(person, moment, "purchase", amount) for person, each in spent.items() for amount in each]
    )
    Dataset.objects.filter(pk=dataset.pk).update(name=f"Orders {dataset.pk}")
    chosen = {"dataset": dataset.pk, "types": ["purchase"], "days": 7, "amount": True, **more}
    conversion.choose(shop.access, send_out, chosen)
    shop.run_jobs()


def of(shop: Shop, row: Campaign) -> outcome.Outcome:
    return outcome.of(shop.access, row, timezones.today(shop.workspace))


@pytest.mark.parametrize("seed", range(3))
def test_revenue_and_cost_are_what_a_recount_gives(shop: Shop, seed: int) -> None:
    draw = random.Random(seed)
    spring = campaign(shop, budget="50", goal="5000")
    revenue, cost = Decimal(0), Decimal(0)
    for name, price in (("First", "0.0350"), ("Second", "0.5")):
        people = {f"u{number}": draw.choice(STATES) for number in range(60)}
        spent = {
            person: [draw.choice([5.0, 20.5, 99.99]) for _number in range(draw.randrange(4))]
            for person in people
        }
        count(shop, written(shop, name, spring, people, price), spent)
        for person, state in people.items():
            if state in SENT:
                revenue += sum((Decimal(str(amount)) for amount in spent[person]), Decimal(0))
        handed_over = sum(state in SENT for state in people.values())
        cost += round(Decimal(price) * handed_over, 2)
    found = of(shop, spring)
    assert found.money == outcome.Money(
        tasks=2, revenue=revenue, revenue_unknown=0, costs={"CNY": cost}, cost_unknown=0
    )
    assert found.goal_share == pytest.approx(float(revenue) / 5000)
    assert found.budget_share == pytest.approx(float(cost) / 50)


def test_what_is_not_known_is_said_and_not_counted_as_nothing(shop: Shop) -> None:
    spring = campaign(shop, budget="50", goal="5000")
    written(shop, "Unsent", spring, {"u1": "queued"}, "1")
    assert of(shop, spring).money == outcome.Money(0, None, 0, {}, 0)
    counted = written(shop, "First", spring, {"u1": "delivered"}, None)
    count(shop, counted, {"u1": [10]}, amount=False)
    found = of(shop, spring)
    assert found.money == outcome.Money(1, None, 1, {}, 1)
    assert found.goal_share is None and found.budget_share is None
    count(shop, counted, {"u1": []})
    assert of(shop, spring).money.revenue == 0 and of(shop, spring).goal_share == 0


def test_costs_of_other_currencies_stand_apart(shop: Shop) -> None:
    spring = campaign(shop, budget="10", budget_currency="EUR")
    people = {f"u{number}": "delivered" for number in range(4)}
    written(shop, "First", spring, people, "0.25", "EUR")
    written(shop, "Second", spring, people, "1", "USD")
    found = of(shop, spring)
    assert found.money.costs == {"EUR": Decimal("1.00"), "USD": Decimal("4.00")} and found.budget_share == 0.1


def test_a_main_campaign_takes_and_spends_what_those_below_it_do(shop: Shop) -> None:
    year = campaign(shop, code="y", is_main=True, goal="100")
    spring = campaign(shop, parent=year.pk)
    count(
        shop,
        written(shop, "First", spring, {"u1": "delivered", "u2": "control"}, "2"),
        {"u1": [30], "u2": [99]},
    )
    found = of(shop, year)
    assert (found.money.revenue, found.money.costs, found.goal_share) == (30, {"CNY": 2}, 0.3)


def test_sms_cost_what_they_are_billed_as(shop: Shop) -> None:
    spring = campaign(shop)
    send_out = written(shop, "Text", spring, {}, "0.05")
    content = {"text": "好" * 60 + "${name}", "sign_name": "Tide"}
    SendOut.objects.filter(pk=send_out.pk).update(channel="sms", content=content)
    for person, name in (("u1", ""), ("u2", "x" * 80)):
        Recipient.objects.create(
            send_out=send_out, person=person, person_hash=person, state="delivered", values={"name": name}
        )
    # One SMS and three.
    assert of(shop, spring).money.costs == {"CNY": Decimal("0.20")}


def test_money_stays_when_the_recipients_go(shop: Shop) -> None:
    spring = campaign(shop)
    count(shop, written(shop, "First", spring, {"u1": "delivered", "u2": "failed"}, "2"), {"u1": [30]})
    before = of(shop, spring).money
    assert expiry.delete_old_recipients() == 1 and not Recipient.objects.exists()
    assert (
        of(shop, spring).money == before == outcome.Money(1, Decimal("30.00"), 0, {"CNY": Decimal("4.00")}, 0)
    )


def test_a_send_out_keeps_the_price_of_the_day_on_which_it_starts(shop: Shop) -> None:
    priced = {"price": Decimal("0.1"), "price_currency": "HKD"}
    send_out = shop.sms(shop.audience(numbers(3)), provider=priced)
    shop.submit(send_out)
    channels.update_provider(shop.access, send_out.provider, {"price": Decimal("9")})
    send_out.refresh_from_db()
    assert (send_out.price, send_out.price_currency) == (Decimal("0.1"), "HKD")


@pytest.mark.parametrize("price", ["-1", "1000000"])
def test_a_price_lies_between_nothing_and_a_million(shop: Shop, price: str) -> None:
    send_out = shop.mail(shop.audience(mails(1)))
    with pytest.raises(ValidationFailed) as refused:
        channels.update_provider(shop.access, send_out.provider, {"price": Decimal(price)})
    assert "price" in refused.value.errors


def test_a_task_of_a_campaign_brings_no_audience_into_it(shop: Shop) -> None:
    spring = campaign(shop)
    send_out = written(shop, "First", spring, {"u1": "delivered"}, None)
    assert links.ids_of("send_out", send_out.pk) == [spring.pk]
    assert send_out.audience is not None and links.ids_of("audience", send_out.audience.pk) == []


def test_page_and_api_say_the_same(shop: Shop, client: Client) -> None:
    spring = campaign(shop, budget="10", goal="100")
    count(shop, written(shop, "First", spring, {"u1": "delivered"}, "0.75"), {"u1": [24.5]})
    written(shop, "Second", spring, {"u1": "delivered"}, None)
    headers: dict[str, Any] = {"Authorization": f"Bearer {make_token(shop.access)}"}
    url = f"/api/v1/workspaces/{shop.workspace.slug}/campaigns/{spring.pk}/links/"
    found = client.get(url, headers=headers).json()
    assert {
        name: found[name] for name in ("tasks", "revenue", "revenue_unknown", "costs", "cost_unknown")
    } == {
        "tasks": 2,
        "revenue": "24.50",
        "revenue_unknown": 1,
        "costs": {"CNY": "0.75"},
        "cost_unknown": 1,
    }
    assert (found["goal_share"], found["budget_share"]) == (0.245, 0.075)
    row = next(row for row in found["links"]["send_out"] if row["name"] == "First")
    assert (row["group"], row["revenue"], row["cost"], row["currency"]) == ("E-mail", "24.50", "0.75", "CNY")
    client.force_login(shop.access.user)
    page = client.get(f"/w/{shop.workspace.slug}/campaigns/{spring.pk}/").content.decode()
    for text in (
        "24.50 CNY",
        "24.5 % of 100 CNY",
        "0.75 CNY",
        "7.5 % of 10 CNY",
        "Not counted at 1 send-out.",
    ):
        assert text in page


def test_the_page_says_that_nothing_is_known(shop: Shop, client: Client) -> None:
    spring = campaign(shop, budget="10", goal="100")
    client.force_login(shop.access.user)
    page = client.get(f"/w/{shop.workspace.slug}/campaigns/{spring.pk}/").content.decode()
    assert "no send-out counts conversions with amounts" in page and "planned 100 CNY" in page
    assert "no send-out had a price per message" in page and "planned 10 CNY" in page


def test_send_outs_stand_by_channel_with_a_way_to_each_list(shop: Shop, client: Client) -> None:
    spring = campaign(shop)
    audience = shop.audience([*mails(1), *numbers(1)])
    for name in ("A mail", "B mail"):
        shop.mail(audience, name, campaigns=[spring.pk])
    text = shop.sms(audience, "A text", campaigns=[spring.pk])
    services.update(shop.access, SendOut.objects.get(name="A mail"), {"name": "C mail"})
    parts = {kind.key: rows for kind, rows in links.belongings(shop.access, spring)}
    assert [(row.group, row.name) for row in parts["send_out"]] == [
        ("E-mail", "C mail"),
        ("E-mail", "B mail"),
        ("SMS", text.name),
    ]
    client.force_login(shop.access.user)
    page = client.get(f"/w/{shop.workspace.slug}/campaigns/{spring.pk}/").content.decode()
    assert f'href="/w/{shop.workspace.slug}/send-outs/?channel=sms"' in page
