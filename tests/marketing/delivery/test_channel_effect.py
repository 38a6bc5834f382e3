"""Mails and SMS over some days: sums equal the ledger, also once its rows are gone; CSV equals the chart."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from cdp.core import timezones
from cdp.core.errors import ValidationFailed
from insight.campaigns import links
from insight.campaigns import services as campaigns
from insight.datasets.models import Dataset
from marketing.channels import services as channels
from marketing.content import rendering, sms_length
from marketing.delivery import channel_effect, channel_figures, checking, expiry, trial
from marketing.delivery.models import Recipient, SendOut
from tests.factories import make_token
from tests.marketing.console import Browser
from tests.marketing.delivery.shop import Shop, mails, numbers

DAY = timedelta(days=1)


def written(shop: Shop, name: str, states: list[tuple[str, str]], ago: int = 0, **more: Any) -> SendOut:
    """A finished mail whose recipients have these states and causes."""
    audience = more.pop("audience", None) or shop.audience(mails(1), name)
    send_out = shop.mail(audience, name, **more)
    moment = timezone.now() - ago * DAY
    SendOut.objects.filter(pk=send_out.pk).update(
        state="finished", resolved_at=moment, started_at=moment, finished_at=moment
    )
    Recipient.objects.bulk_create(
        Recipient(send_out=send_out, person=f"u{n}", person_hash=f"{n}", state=state, reason=reason)
        for n, (state, reason) in enumerate(states)
    )
    send_out.refresh_from_db()
    return send_out


MIXED = [
    ("delivered", ""),
    ("delivered", ""),
    ("handed", ""),
    ("failed", "gone"),
    ("failed", "returned"),
    ("filtered", ""),
]
COUNTED = {"sent": 5, "delivered": 2, "failed": 2, "invalid": 1}


def test_sums_equal_the_ledger(shop: Shop) -> None:
    first = written(shop, "First", MIXED)
    written(shop, "Second", [("delivered", "")], ago=3, audience=first.audience)
    written(shop, "Old", [("delivered", "")], ago=30, audience=first.audience)
    found = channel_effect.effect(shop.access, "email", channel_effect.period(shop.access))
    assert found["totals"] == {"sent": 6, "delivered": 3, "failed": 2, "invalid": 1}
    assert [row["sent"] for row in found["by_day"]] == [0, 0, 0, 1, 0, 0, 5]
    one = channel_effect.effect(
        shop.access, "email", channel_effect.period(shop.access), provider=first.provider_id
    )
    assert one["totals"] == COUNTED


def test_the_sums_stay_when_the_recipients_go(shop: Shop) -> None:
    written(shop, "First", MIXED, ago=8)
    days = channel_effect.period(shop.access, timezones.today(shop.workspace) - 20 * DAY)
    before = channel_effect.effect(shop.access, "email", days)["totals"]
    assert expiry.delete_old_recipients() == 1 and not Recipient.objects.exists()
    assert channel_effect.effect(shop.access, "email", days)["totals"] == before == COUNTED


def test_sms_are_counted_as_they_are_billed(shop: Shop) -> None:
    send_out = written(shop, "Text", [])
    content = {"text": "好" * 60 + "${name}", "sign_name": "Tide"}
    SendOut.objects.filter(pk=send_out.pk).update(channel="sms", content=content)
    for number, (name, state) in enumerate(
        [("", "delivered"), ("x" * 80, "delivered"), ("x" * 80, "failed")]
    ):
        Recipient.objects.create(
            send_out=send_out, person=str(number), person_hash=str(number), state=state, values={"name": name}
        )
    days = channel_effect.period(shop.access)
    people = channel_effect.effect(shop.access, "sms", days)["totals"]
    billed = channel_effect.effect(shop.access, "sms", days, unit="segments")["totals"]
    assert people == {"sent": 3, "delivered": 2, "failed": 1}
    # 66 characters with the signature are one SMS, 146 are three.
    assert billed == {"sent": 7, "delivered": 4, "failed": 3}


def test_two_days_go_hour_by_hour(shop: Shop) -> None:
    first = written(shop, "First", MIXED)
    SendOut.objects.update(started_at=timezone.now() - DAY)
    today = timezones.today(shop.workspace)
    days = channel_effect.period(shop.access, today - DAY, today)
    found = channel_effect.effect(shop.access, "email", days)
    first.refresh_from_db()
    assert first.started_at is not None
    hour = first.started_at.replace(minute=0, second=0, microsecond=0)
    assert len(found["by_hour"]) == 48
    assert [row["hour"] for row in found["by_hour"] if row["sent"]] == [hour]
    assert (
        {name: sum(row[name] for row in found["by_hour"]) for name in COUNTED} == found["totals"] == COUNTED
    )
    three = channel_effect.effect(shop.access, "email", channel_effect.period(shop.access, today - 2 * DAY))
    assert "by_hour" not in three
    asked = {"from": (today - DAY).isoformat(), "to": today.isoformat()}
    browser = Browser(shop.access, "send-outs/effect/email/")
    page = browser.get(**asked)
    assert page.context["course"]["unit"] == "hour" and "By hour" in page.content.decode()
    rows = list(csv.DictReader(io.StringIO(b"".join(browser.get("download/", **asked)).decode("utf-8-sig"))))
    assert len(rows) == 48 and sum(int(row["sent"]) for row in rows) == 5


@pytest.mark.parametrize("days", [0, 367])
def test_at_most_a_year(shop: Shop, days: int) -> None:
    today = timezones.today(shop.workspace)
    with pytest.raises(ValidationFailed):
        channel_effect.period(shop.access, today - (days - 1) * DAY, today)


def test_page_api_and_csv_say_the_same(shop: Shop, client: Client) -> None:
    written(shop, "First", MIXED)
    headers: dict[str, Any] = {"Authorization": f"Bearer {make_token(shop.access)}"}
    base = f"/api/v1/workspaces/{shop.workspace.slug}/channel-effect/"
    found = client.get(f"{base}?channel=email", headers=headers).json()
    assert found["totals"] == COUNTED and found["send_outs"][0]["sent"] == 5
    assert client.get(f"{base}?channel=push", headers=headers).status_code == 400
    client.force_login(shop.access.user)
    pages = f"/w/{shop.workspace.slug}/send-outs/effect/email/"
    page = client.get(pages)
    assert page.context["course"]["series"][0]["data"] == [row["sent"] for row in found["by_day"]]
    for url, more in ((f"{base}download/?channel=email", {"headers": headers}), (f"{pages}download/", {})):
        text = b"".join(client.get(url, **more)).decode("utf-8-sig")  # type: ignore[arg-type]
        rows = list(csv.DictReader(io.StringIO(text)))
        assert [int(row["sent"]) for row in rows] == [row["sent"] for row in found["by_day"]]
    assert client.get(f"{pages}?from=x").status_code == 422
    assert client.get(f"/w/{shop.workspace.slug}/send-outs/effect/push/").status_code == 404


def test_a_campaign_sums_conversions_too(shop: Shop) -> None:
    days = {"starts": "2026-01-01", "ends": "2026-12-31"}
    campaign = campaigns.create(shop.access, {"name": "Spring", "code": "s", **days})
    for name, converted in (("First", 3), ("Second", 4)):
        send_out = written(shop, name, [("delivered", "")], campaigns=[campaign.pk])
        SendOut.objects.filter(pk=send_out.pk).update(conversions={"converted": converted})
    total = links.results(links.belongings(shop.access, campaign))
    assert (total["sent"], total["delivered"], total["converted"]) == (2, 2, 7)


def test_sms_are_counted_in_segments_as_a_slow_count_does(sms_shop: Shop) -> None:
    """The reference fills every text and counts its characters."""
    people: list[Any] = [(f"1380013{n}", None, "B" * n, None) for n in (4, 60, 64, 65, 66, 1000)]
    people = [(f"1380013{1010 + place}", *row[1:3], None) for place, row in enumerate(people)]
    audience = sms_shop.audience(people)
    city = {"dataset": Dataset.objects.get().pk, "tag": "city", "missing": "replace", "value": "?"}
    draft = sms_shop.sms(
        audience, template={"text": "Hi ${city}${city}!"}, variables={"city": city}, config={"replies": True}
    )
    sent = sms_shop.submit(draft)
    sms_shop.poll()
    slow = sum(
        sms_length.measure("【Tide】" + rendering.fill("Hi ${city}${city}!", row.values) + "回T退订").parts
        for row in sent.recipients.all()
    )
    found = channel_figures.of(sent)
    assert found["people"]["delivered"] == 6 and found["segments"]["sent"] == slow > 6
    assert found["segments"]["delivered"] == slow


def test_where_the_platform_bills_by_the_gsm_alphabet_each_persons_own_text_decides(sms_shop: Shop) -> None:
    people: list[Any] = [
        (f"138001310{10 + place}", None, city, None) for place, city in enumerate(["Bath", "巴斯", "B" * 80])
    ]
    audience = sms_shop.audience(people)
    city = {"dataset": Dataset.objects.get().pk, "tag": "city", "missing": "replace", "value": "?"}
    draft = sms_shop.sms(
        audience,
        template={"text": "a" * 90 + "${city}"},
        variables={"city": city},
        config={"billing": "gsm7", "signature_form": "square"},
    )
    assert trial.preview(draft)["head"] == "[Tide] "
    assert checking.estimate(draft).segments == 2
    sent = sms_shop.submit(draft)
    # What the platform is set to later does not change what was billed.
    config = {**sent.provider.config, "billing": "ucs2"}
    channels.update_provider(sms_shop.access, sent.provider, {"config": config})
    assert channel_figures.of(SendOut.objects.get(pk=sent.pk))["segments"]["sent"] == 1 + 2 + 2


def test_a_text_of_a_hundred_characters_is_two_sms_for_each_number(sms_shop: Shop) -> None:
    text = {"text": "好" * 100}
    sent = sms_shop.submit(sms_shop.sms(sms_shop.audience(numbers(3, first=1010)), template=text))
    sms_shop.poll()
    assert channel_figures.of(sent)["segments"]["delivered"] == 6
    browser = Browser(sms_shop.access, "send-outs/")
    assert browser.get().content.decode().count("6 SMS") == 2
    page = browser.get(f"{sent.pk}/").content.decode()
    assert "SMS delivered" in page


def test_the_list_counts_the_sms_of_all_its_rows_at_once(
    shop: Shop, django_assert_max_num_queries: Any
) -> None:
    audience = shop.audience(numbers(1, first=1010))
    for name in ("One", "Two", "Three"):
        draft = shop.sms(audience, name)
        Recipient.objects.create(send_out=draft, person="u", person_hash="h", state="delivered")
        SendOut.objects.filter(pk=draft.pk).update(
            state="finished", content={"text": "好" * 100, "sign_name": "T"}
        )
    drafts = list(SendOut.objects.select_related("template", "provider"))
    with django_assert_max_num_queries(2):
        found = channel_figures.of_all(drafts)
    assert [row["segments"]["sent"] for row in found.values()] == [2, 2, 2]
