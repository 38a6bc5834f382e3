"""The effect of one send-out over time and by audience, on its page, in the API and as a file."""

from __future__ import annotations

import csv
import io
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from django.test import Client
from django.utils import timezone
from django.utils.timezone import get_fixed_timezone

from admin_center.audit.models import AuditEntry
from marketing.delivery import breakdown, course, expiry, queries, retention
from marketing.delivery.models import Recipient, SendOut
from tests.factories import make_token
from tests.marketing.console import Browser, without_marketing
from tests.marketing.delivery.shop import Shop, mails

MORNING = datetime(2026, 5, 31, 9, tzinfo=get_fixed_timezone(480))
HOUR = timedelta(hours=1)


def finished(shop: Shop, rows: list[dict[str, Any]]) -> SendOut:
    """A mail of that morning, with these recipients."""
    send_out = shop.mail(shop.audience(mails(1)))
    SendOut.objects.filter(pk=send_out.pk).update(
        state="finished", resolved_at=MORNING, started_at=MORNING, finished_at=MORNING
    )
    Recipient.objects.bulk_create(
        Recipient(send_out=send_out, person=f"u{n}", person_hash=f"{n}", **row) for n, row in enumerate(rows)
    )
    return SendOut.objects.get(pk=send_out.pk)


def person(state: str = "delivered", **after: float) -> dict[str, Any]:
    """Somebody's row: hours after that morning by what happened."""
    return {"state": state, **{f"{name}_at": MORNING + hours * HOUR for name, hours in after.items()}}


def test_the_course_agrees_with_a_slow_count_and_adds_up_to_the_whole(shop: Shop) -> None:
    rows = [
        person(handed=0.1, reported=0.2, opened=3.5, clicked=3.9),
        person(handed=0.9, reported=1.0, opened=3.0),
        person("handed", handed=1.5),
        person("failed", handed=1.5, reported=1.6),
        person("filtered"),
        person("queued"),
    ]
    send_out = finished(shop, rows)
    slow: Counter[tuple[str, int]] = Counter()
    for row in rows:
        if row["state"] in ("delivered", "handed", "failed"):
            slow["sent", row["handed_at"].hour] += 1
        if row["state"] == "delivered":
            slow["delivered", row["reported_at"].hour] += 1
        for name in ("opened", "clicked"):
            if f"{name}_at" in row:
                slow[name, row[f"{name}_at"].hour] += 1
    found = course.of(send_out)
    assert found["unit"] == "hour"
    assert [row["at"] for row in found["rows"]] == [f"2026-05-31T{n:02}:00:00+08:00" for n in range(9, 13)]
    for hour, row in enumerate(found["rows"], start=9):
        assert {name: row[name] for name in course.NAMES} == {name: slow[name, hour] for name in course.NAMES}
    effect = queries.effect(send_out)
    assert all(sum(row[name] for row in found["rows"]) == effect[name] for name in course.NAMES)


def test_what_takes_longer_than_two_days_goes_by_days_of_the_workspace(shop: Shop) -> None:
    # Fifteen hours after nine in the morning the next day begins.
    rows = [person(handed=0, reported=14.9, opened=15.1), person(handed=0, reported=0, opened=63.5)]
    found = course.of(finished(shop, rows))
    assert found["unit"] == "day"
    assert [(row["at"][:10], row["sent"], row["delivered"], row["opened"]) for row in found["rows"]] == [
        ("2026-05-31", 2, 2, 0),
        ("2026-06-01", 0, 0, 1),
        ("2026-06-02", 0, 0, 0),
        ("2026-06-03", 0, 0, 1),
    ]


def test_a_platforms_wrong_clock_does_not_stretch_the_course(shop: Shop) -> None:
    found = course.of(finished(shop, [person(handed=1, reported=-300_000)]))
    assert [row["delivered"] for row in found["rows"]] == [1]


def test_nothing_sent_has_no_course(shop: Shop) -> None:
    send_out = finished(shop, [person("filtered")])
    assert course.of(send_out)["rows"] == []
    assert (
        'data-course="course"'
        not in Browser(shop.access, "send-outs/").get(f"{send_out.pk}/").content.decode()
    )


def test_the_page_has_the_course_as_a_chart_and_as_a_table(shop: Shop) -> None:
    send_out = finished(shop, [person(handed=0.1, reported=0.2)])
    answer = Browser(shop.access, "send-outs/").get(f"{send_out.pk}/")
    page = answer.content.decode()
    assert 'data-course="course"' in page and "2026-05-31 09:00" in page
    # Nobody has opened it: that is no line.
    assert [line["name"] for line in answer.context["course"]["series"]] == ["Sent", "Delivered"]


def by_audience(shop: Shop) -> SendOut:
    """Three people are in the first audience, the same and two more in the second; the fifth has no address."""
    people = [*mails(4), (None, None, "Bath", None)]
    first, second = shop.audience(mails(3), "First"), shop.audience(people, "Second")
    return shop.submit(shop.mail(first, audiences=[first, second]))


def test_whoever_is_in_several_audiences_counts_in_each(shop: Shop) -> None:
    send_out = by_audience(shop)
    Recipient.objects.filter(send_out=send_out, person="u000000").update(opened_at=timezone.now())
    first, second = breakdown.of(send_out)
    assert (first["name"], first["people"], first["several"], first["sent"], first["opened"]) == (
        "First",
        3,
        3,
        3,
        1,
    )
    assert (second["people"], second["several"], second["sent"], second["left_out"]) == (5, 3, 4, 1)
    assert queries.effect(send_out)["target"] == 5
    page = Browser(shop.access, "send-outs/").get(f"{send_out.pk}/").content.decode()
    assert "By audience" in page and "counts in each of them" in page


def test_one_audience_is_the_whole(shop: Shop) -> None:
    send_out = shop.submit(shop.mail(shop.audience(mails(2))))
    [only] = breakdown.of(send_out)
    assert (only["people"], only["several"], only["sent"]) == (2, 0, 2)
    assert "By audience" not in Browser(shop.access, "send-outs/").get(f"{send_out.pk}/").content.decode()


def test_the_numbers_by_time_and_audience_stay_when_the_recipients_go(shop: Shop) -> None:
    send_out = by_audience(shop)
    before = course.of(send_out), breakdown.of(send_out)
    SendOut.objects.update(finished_at=timezone.now() - retention.LEAST)
    assert expiry.delete_old_recipients() == 1
    send_out.refresh_from_db()
    assert (course.of(send_out), breakdown.of(send_out)) == before
    assert Browser(shop.access, "send-outs/").get(f"{send_out.pk}/").status_code == 200


def test_the_file_has_the_numbers_of_the_api(shop: Shop, client: Client) -> None:
    send_out = by_audience(shop)
    headers: dict[str, Any] = {"Authorization": f"Bearer {make_token(shop.access)}"}
    base = f"/api/v1/workspaces/{shop.workspace.slug}/send-outs/{send_out.pk}/effect/"
    found = client.get(base, headers=headers).json()
    console = Browser(shop.access, "send-outs/")
    texts = [
        b"".join(answer).decode("utf-8-sig")
        for answer in (client.get(f"{base}download/", headers=headers), console.get(f"{send_out.pk}/effect/"))
    ]
    assert texts[0] == texts[1]
    rows = {
        (row["part"], row["of"], row["measure"]): row["value"]
        for row in csv.DictReader(io.StringIO(texts[0]))
    }
    assert rows["total", "", "sent"] == str(found["sent"]) == "4"
    assert rows["left_out", "no_id", "people"] == "1"
    assert rows["audience", "Second", "people"] == str(found["audiences"][1]["people"]) == "5"
    [hour] = found["course"]["rows"]
    assert rows["hour", hour["at"], "sent"] == "4"
    assert AuditEntry.objects.filter(action="send_out.effect_downloaded").count() == 2


def test_the_file_needs_the_right_to_see_the_channel(shop: Shop) -> None:
    send_out = finished(shop, [person()])
    assert without_marketing(shop.workspace, "send-outs/").get(f"{send_out.pk}/effect/").status_code == 403
