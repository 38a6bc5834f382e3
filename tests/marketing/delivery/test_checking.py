"""What the dialog shows before a send-out is submitted, against slow counts."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from insight.datasets.models import Dataset
from marketing.delivery import checking, suppressions
from tests.marketing.console import Browser
from tests.marketing.delivery.shop import Person, Shop, mails, numbers

LONG = "好" * 100


def test_people_are_counted_as_they_would_get_it(shop: Shop) -> None:
    people: list[Person] = [*numbers(5), (None, None, "Bath", None), ("13800131000", None, "Bath", None)]
    suppressions.add(shop.access, "sms", "13800131001")
    draft = shop.sms(shop.audience(people), template={"text": LONG})
    found = checking.estimate(draft)
    assert (found.people, found.reachable, found.suppressed, found.receive) == (7, 5, 1, 4)
    assert (found.segments, found.total, found.barred) == (2, 8, None)


def test_limit_and_control_group_are_taken_off(shop: Shop) -> None:
    draft = shop.mail(shop.audience(mails(20)), limit=10, holdout=20)
    found = checking.estimate(draft)
    assert (found.reachable, found.receive, found.total) == (20, 8, None)


def test_the_longest_text_of_the_people_counts(shop: Shop) -> None:
    people: list[Person] = [
        ("13800131010", None, "Bath", None),
        ("13800131011", None, "B" * 140, None),
    ]
    audience = shop.audience(people)
    city = {"dataset": Dataset.objects.get().pk, "tag": "city", "missing": "replace", "value": "?"}
    draft = shop.sms(audience, template={"text": "Hi ${city}"}, variables={"city": city})
    found = checking.estimate(draft)
    assert (found.segments, found.total) == (3, 6)


def test_the_dialog_shows_it_all_and_saves_nothing(shop: Shop) -> None:
    draft = shop.sms(shop.audience(numbers(3)), template={"text": LONG}, limit=2)
    browser = Browser(shop.access, "send-outs/")
    day = (timezone.now() + timedelta(days=3)).date()
    page = browser.get(f"{draft.pk}/check/", when="later", scheduled_at=f"{day} 10:30").content.decode()
    for text in ("Everybody", "Tide · Approved", "at most <strong>4</strong>", f"{day} 10:30", LONG[:20]):
        assert text in page, text
    draft.refresh_from_db()
    assert draft.scheduled_at is None and draft.state == "draft"


def test_a_time_that_is_over_is_told_in_the_dialog(shop: Shop) -> None:
    draft = shop.mail(shop.audience(mails(1)))
    browser = Browser(shop.access, "send-outs/")
    page = browser.get(f"{draft.pk}/check/", when="later", scheduled_at="2020-01-01 10:00").content.decode()
    assert "This time is over" in page and "disabled" in page


def test_the_api_gives_the_same(shop: Shop, client: Any) -> None:
    draft = shop.mail(shop.audience(mails(3)))
    client.force_login(shop.access.user)
    path = f"/api/v1/workspaces/{shop.workspace.slug}/send-outs/{draft.pk}/check/"
    found = client.get(path).json()
    assert found["estimate"]["receive"] == 3 and found["audiences"] == ["Everybody"]
    assert found["templates"] == [{"name": "Letter", "review": "", "carriers": ""}]
