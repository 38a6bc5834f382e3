"""The channel's effect over some days, and the pages of push messages."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.utils import timezone

from cdp.core import timezones
from cdp.core.errors import ValidationFailed
from marketing.delivery import push_effect, push_figures, queries
from marketing.delivery.models import Recipient, SendBatch, SendOut
from tests.factories import make_access
from tests.marketing.console import Browser, without_marketing
from tests.marketing.delivery.push_shop import PushShop, imei
from tests.marketing.delivery.test_api import Caller


@pytest.mark.parametrize(
    ("counts", "is_ios", "rates"),
    [
        ((100, 80, 75, 60, 15, 6), False, (0.8, 0.8, 0.25, 0.1)),
        ((100, 80, 75, None, 15, None), True, (0.8, None, 0.2, None)),
        ((100, 80, 75, None, 15, 6), False, (0.8, None, None, None)),
        ((0, 0, 0, 0, 0, 0), False, (None, None, None, None)),
    ],
)
def test_rates_follow_their_formulas(
    counts: tuple[int | None, ...], is_ios: bool, rates: tuple[float | None, ...]
) -> None:
    given = dict(zip(push_figures.COUNTS, counts, strict=True))
    found = push_figures.rates(given, is_ios=is_ios)
    assert tuple(found[name] for name in push_figures.RATES) == rates


def started(send_out: SendOut, days_ago: int) -> None:
    SendOut.objects.filter(pk=send_out.pk).update(started_at=timezone.now() - timedelta(days=days_ago))


def rows(send_out: SendOut, states: list[tuple[str, bool, bool]]) -> None:
    """Recipients by state, whether they opened it, and whether they swiped it away."""
    now = timezone.now()
    Recipient.objects.bulk_create(
        Recipient(
            send_out=send_out,
            person=str(number),
            person_hash=str(number),
            state=state,
            opened_at=now if opened else None,
            dismissed_at=now if swiped else None,
        )
        for number, (state, opened, swiped) in enumerate(states)
    )


@pytest.fixture
def three(push_shop: PushShop) -> list[SendOut]:
    """Of one app one of today and one of six days ago, of another app one of seven days ago."""
    audience = push_shop.phones([imei(1001)])
    app = push_shop.app("First")
    made = [push_shop.push(audience, name, provider=app) for name in ("Today", "Six days")]
    made.append(push_shop.push(audience, "A week"))
    for send_out, days in zip(made, (0, 6, 7), strict=True):
        started(send_out, days)
    rows(made[0], [("delivered", True, False), ("delivered", False, True), ("handed", False, False)])
    rows(made[1], [("delivered", True, False), ("filtered", False, False)])
    rows(made[2], [("delivered", True, False)])
    return made


def test_the_totals_of_the_last_seven_days_are_the_sums_of_the_days(
    push_shop: PushShop, three: list[SendOut]
) -> None:
    found = push_effect.effect(push_shop.access, push_effect.period(push_shop.access))
    assert found["totals"] == {"sent": 4, "received": 3, "opened": 2, "ignored": 1}
    assert [day["sent"] for day in found["by_day"]] == [1, 0, 0, 0, 0, 0, 3]
    assert [row.name for row, _figures in found["send_outs"]] == ["Today", "Six days"]


def test_one_app_alone_can_be_looked_at(push_shop: PushShop, three: list[SendOut]) -> None:
    days = push_effect.period(push_shop.access, timezones.today(push_shop.workspace) - timedelta(days=30))
    of_all = push_effect.effect(push_shop.access, days)
    of_one = push_effect.effect(push_shop.access, days, provider=three[2].provider_id)
    assert (of_all["totals"]["sent"], of_one["totals"]["sent"]) == (5, 1)


def test_what_the_platform_counts_holds_where_it_is_more(push_shop: PushShop, three: list[SendOut]) -> None:
    counts = {"planned": 3, "sent": 2, "opened": 2, "ignored": 0}
    SendBatch.objects.create(out_id="a", send_out=three[0], number=1, size=3, counts=counts)
    found = push_figures.of(three[0])
    assert (found["planned"], found["sent"], found["opened"], found["ignored"]) == (3, 2, 2, 1)


def test_the_list_shows_the_same_openings(push_shop: PushShop, three: list[SendOut]) -> None:
    counts = {"planned": 3, "sent": 3, "opened": 3, "ignored": 0}
    SendBatch.objects.create(out_id="a", send_out=three[0], number=1, size=3, counts=counts)
    found = {row.name: row.opened for row in queries.with_figures(SendOut.objects.all())}  # type: ignore[attr-defined]
    assert found == {"Today": 3, "Six days": 1, "A week": 1}
    assert queries.effect(three[0])["opened"] == 3


def test_all_figures_take_two_queries(three: list[SendOut], django_assert_num_queries: Any) -> None:
    for row in three:
        assert row.provider.config
    with django_assert_num_queries(2):
        push_figures.of_all(three)


@pytest.mark.parametrize(
    ("first", "last", "allowed"),
    [
        (date(2026, 5, 1), date(2026, 6, 29), True),
        (date(2026, 5, 1), date(2026, 6, 30), False),
        (date(2026, 5, 2), date(2026, 5, 1), False),
        (date(2026, 5, 1), date(2026, 5, 1), True),
    ],
)
def test_a_period_has_one_to_sixty_days(push_shop: PushShop, first: date, last: date, allowed: bool) -> None:
    if allowed:
        assert push_effect.period(push_shop.access, first, last).first == first
    else:
        with pytest.raises(ValidationFailed):
            push_effect.period(push_shop.access, first, last)


def test_the_page_and_the_api_show_the_same(push_shop: PushShop, three: list[SendOut]) -> None:
    page = Browser(push_shop.access, "send-outs/").get("push/").content.decode()
    assert ">Six days<" in page and ">A week<" not in page and "66.7 %" in page
    found = Caller(push_shop)("get", "push-effect/")
    assert found["totals"]["sent"] == 4 and found["send_outs"][0]["rates"]["receive"] == pytest.approx(2 / 3)


def test_too_many_days_are_told_and_refused(push_shop: PushShop) -> None:
    browser = Browser(push_shop.access, "send-outs/")
    answer = browser.get("push/", **{"from": "2026-01-01", "to": "2026-03-02"})
    assert answer.status_code == 422 and "Choose 1 to 60 days." in answer.content.decode()
    assert browser.get("push/", **{"from": "yesterday"}).status_code == 422
    Caller(push_shop)("get", "push-effect/?from=2026-01-01&to=2026-03-02", status=400)


def test_the_page_needs_the_right_to_see_push_messages(push_shop: PushShop) -> None:
    assert without_marketing(push_shop.workspace, "send-outs/").get("push/").status_code == 403


def test_a_push_message_is_made_in_the_console(push_shop: PushShop) -> None:
    audience = push_shop.phones([imei(1001)])
    provider = push_shop.app()
    templates = Browser(push_shop.access, "content/")
    written = {
        "name": "Hats",
        "purpose": "promotion",
        "subject": "Hello",
        "text": "New hats",
        "push_action": "url",
        "push_url": "https://shop.example/hats",
        "push_extra": "product=4711\nplace = home",
        "push_ttl_hours": "24",
        "push_sound": "on",
    }
    assert templates.post("new/push/", **{**written, "push_url": "shop.example"}).status_code == 422
    answer = templates.post("new/push/", **written)
    page = templates.client.get(answer.url).content.decode()
    assert 'class="phone"' in page and "product=4711" in page
    browser = Browser(push_shop.access, "send-outs/")
    template = answer.url.rstrip("/").rpartition("/")[2]
    form = {"name": "Hats", "provider": provider.pk, "template": template, "audiences": [audience.pk]}
    made = browser.post("new/push/", **form)
    assert made.status_code == 302, made.content.decode()
    page = browser.client.get(made.url).content.decode()
    assert "https://shop.example/hats" in page and "866412030123456" in page
    send_out = SendOut.objects.get()
    assert send_out.template.push["extra"] == {"product": "4711", "place": "home"}
    push_shop.submit(send_out)
    page = browser.client.get(made.url).content.decode()
    assert "From audience to tap" in page and "Match rate 100.0 %" in page and "Swiped away" in page


def test_analysts_may_send_push_messages(push_shop: PushShop) -> None:
    access = make_access(push_shop.workspace, "analyst")
    assert all(access.can(f"marketing.push.{verb}") for verb in ("view", "create", "send"))
    assert not access.can("marketing.push.manage_others")
