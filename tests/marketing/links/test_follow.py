"""Following short links: where they lead, and who is counted."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.utils import timezone

from marketing.links import codes, guessing, queries, regions, services
from marketing.links.models import LinkClick, ShortLink
from tests.factories import make_workspace
from tests.marketing.links.shop import ANDROID, COMPUTER, PHONE, TARGET, follow, make_link, make_shop


@pytest.fixture
def access(db: None) -> Any:
    return make_shop()


@pytest.fixture
def link(access: Any) -> ShortLink:
    return make_link(access)


def person(link: ShortLink, mobile: str = "13800138000") -> str:
    return f"?ph={codes.person_code(link.key, mobile)}"


def test_a_link_leads_on_and_is_not_cached(link: ShortLink) -> None:
    answer = follow(link)
    assert answer.status_code == 302 and answer["Location"] == TARGET
    assert answer["Cache-Control"] == "no-store"
    assert not answer.cookies


@pytest.mark.parametrize("days", services.DAYS)
def test_a_link_leads_on_until_its_end(access: Any, days: int) -> None:
    link = make_link(access, days=days)
    assert abs(link.expires_at - timezone.now() - timedelta(days=days)) < timedelta(minutes=1)
    assert follow(link).status_code == 302
    ShortLink.objects.update(expires_at=timezone.now())
    answer = follow(link)
    assert answer.status_code == 410 and "This link has ended" in answer.content.decode()
    assert LinkClick.objects.count() == 1


def test_a_stopped_link_has_ended_until_it_is_extended(access: Any, link: ShortLink) -> None:
    services.stop(access, link)
    assert follow(link).status_code == 410
    services.extend(access, link, 1)
    assert follow(link).status_code == 302


def test_a_removed_link_and_an_unknown_code_are_not_there(access: Any, link: ShortLink) -> None:
    services.delete(access, link)
    assert follow(link).status_code == 404
    for code in ("abcdef", "a", "abcdefg", "..%2f..", "%00", link.code.swapcase()):
        answer = Client().get(f"/s/{code}")
        assert answer.status_code in (400, 404), code


def test_nothing_in_the_request_changes_where_a_link_leads(link: ShortLink) -> None:
    for query in (
        "?url=https://evil.example",
        "?next=//evil.example",
        "?ph=https://evil.example",
        "?target=x",
    ):
        assert follow(link, query)["Location"] == TARGET
    answer = Client().get(f"/s/{link.code}", headers={"X-Forwarded-Host": "evil.example"})
    assert answer["Location"] == TARGET


def test_parameters_are_passed_on_where_the_link_says_so(access: Any) -> None:
    link = make_link(access, forward_query=True)
    assert follow(link, "?utm_source=poster&ph=abc")["Location"] == f"{TARGET}?utm_source=poster"
    smuggled = follow(link, "?a=b%0d%0aSet-Cookie:x%23@evil.example")["Location"]
    assert smuggled.startswith(f"{TARGET}?a=") and "\n" not in smuggled and "#" not in smuggled


def test_a_person_is_named_by_their_own_address_and_counted_once(link: ShortLink) -> None:
    for ip in ("203.0.113.7", "198.51.100.9"):
        follow(link, person(link), ip=ip)
    follow(link, person(link, "13800138001"))
    found = queries.numbers(link)
    assert (found["clicks"], found["people"], found["named"]) == (3, 2, 2)
    assert {queries.masked(link, row["person"]) for row in queries.people(link)} == {
        "138****8000",
        "138****8001",
    }


@pytest.mark.parametrize(
    "forged", ["?ph=0000000000", "?ph=13800138000", "?ph=", "?ph=%F0%9F%92%A9", "?ph=" + "a" * 5000]
)
def test_a_forged_persons_code_names_nobody_and_still_leads_on(link: ShortLink, forged: str) -> None:
    assert follow(link, forged).status_code == 302
    assert queries.numbers(link)["named"] == 0


def test_a_persons_code_of_one_link_is_nothing_in_another(access: Any, link: ShortLink) -> None:
    other = make_link(access, name="Other")
    follow(other, person(link))
    assert queries.numbers(other)["named"] == 0


def test_without_a_name_people_are_browsers_of_a_day(link: ShortLink) -> None:
    follow(link)
    follow(link)
    follow(link, agent=ANDROID)
    follow(link, ip="198.51.100.9")
    found = queries.numbers(link)
    assert (found["clicks"], found["people"]) == (4, 3)
    first = LinkClick.objects.order_by("pk").first()
    assert first is not None
    assert "203" not in first.visitor


def test_addresses_are_not_kept(link: ShortLink) -> None:
    follow(link, person(link))
    kept = " ".join(str(value) for value in LinkClick.objects.values_list()[0])
    assert "203.0.113.7" not in kept and "13800138000" not in kept and "Mozilla" not in kept


@pytest.mark.parametrize(
    ("agent", "headers"),
    [
        ("", {}),
        ("facebookexternalhit/1.1", {}),
        ("Mozilla/5.0 (compatible; Googlebot/2.1)", {}),
        ("WhatsApp/2.23", {}),
        ("Slackbot-LinkExpanding 1.0", {}),
        ("curl/8.0", {}),
        (PHONE, {"Sec-Purpose": "prefetch;prerender"}),
        (PHONE, {"X-Purpose": "preview"}),
    ],
)
def test_machines_are_led_on_and_count_for_nobody(link: ShortLink, agent: str, headers: Any) -> None:
    assert follow(link, person(link), agent=agent, **headers).status_code == 302
    found = queries.numbers(link)
    assert (found["clicks"], found["people"], found["named"], found["machines"]) == (0, 0, 0, 1)


def test_asking_for_the_head_counts_as_a_machine(link: ShortLink) -> None:
    answer = Client().head(f"/s/{link.code}", headers={"User-Agent": PHONE})
    assert answer.status_code == 302 and queries.numbers(link)["machines"] == 1


def test_nothing_but_reading_is_answered(link: ShortLink) -> None:
    assert Client().post(f"/s/{link.code}").status_code == 405


@pytest.mark.parametrize(
    ("agent", "device", "system"),
    [
        (PHONE, "phone", "iOS"),
        (ANDROID, "phone", "Android"),
        (COMPUTER, "computer", "Windows"),
        ("Mozilla/5.0 (iPad; CPU OS 17_0 like Mac OS X) Mobile/15E148", "tablet", "iOS"),
        ("Mozilla/5.0 (Linux; Android 13; SM-X700) Chrome/120 Safari/537.36", "tablet", "Android"),
        ("Mozilla/5.0 (Phone; OpenHarmony 5.0) ArkWeb/4.1 Mobile", "phone", "HarmonyOS"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) Safari/605", "computer", "macOS"),
        ("Mozilla/5.0 (X11; Linux x86_64) Firefox/127.0", "computer", "Linux"),
        ("Opera/9.80 (Series 60)", "other", ""),
    ],
)
def test_the_device_is_read_from_the_browser(link: ShortLink, agent: str, device: str, system: str) -> None:
    follow(link, agent=agent)
    assert LinkClick.objects.values_list("device", "system").get() == (device, system)


def test_days_and_hours_are_those_of_the_workspace(link: ShortLink) -> None:
    assert link.workspace.time_zone == "Asia/Shanghai"
    zone = ZoneInfo("Asia/Shanghai")
    moments = [(3, 23, 59), (4, 0, 1), (6, 0, 30)]
    for number, (day, hour, minute) in enumerate(moments):
        at = timezone.datetime(2026, 3, day, hour, minute, tzinfo=zone)
        LinkClick.objects.create(link=link, at=at, visitor=str(number), device="phone")
    assert [(row["day"].day, row["clicks"]) for row in queries.by_day(link)] == [
        (3, 1),
        (4, 1),
        (5, 0),
        (6, 1),
    ]
    hours = {row["hour"]: row["people"] for row in queries.by_hour(link)}
    assert len(hours) == 24 and {hour for hour, count in hours.items() if count} == {0, 23} and hours[0] == 2


def test_guessing_gets_no_answer_for_a_while(link: ShortLink) -> None:
    for number in range(guessing.MISSES):
        assert Client().get(f"/s/no{number:04d}", REMOTE_ADDR="203.0.113.7").status_code == 404
    assert Client().get("/s/nomore", REMOTE_ADDR="203.0.113.7").status_code == 429
    assert follow(link, ip="203.0.113.7").status_code == 429
    assert follow(link, ip="203.0.113.8").status_code == 302


def test_regions_come_from_the_operators_file(link: ShortLink, settings: Any, tmp_path: Path) -> None:
    file = tmp_path / "regions.csv"
    file.write_text(
        "203.0.113.0/25,Shanghai\n2001:db8::/32,Beijing\n198.51.100.0/24,Sichuan\n", encoding="utf-8"
    )
    settings.REGION_FILE = str(file)
    found = [
        regions.region_of(ip)
        for ip in (
            "203.0.113.0",
            "203.0.113.127",
            "203.0.113.128",
            "2001:db8::5",
            "2001:db9::",
            "1.1.1.1",
            None,
        )
    ]
    assert found == ["Shanghai", "Shanghai", "", "Beijing", "", "", ""]
    follow(link)
    assert [row["value"] for row in queries.by(link, "region")] == ["Shanghai"]


@pytest.mark.parametrize("content", ["no network,Shanghai\n", "203.0.113.0/24\n", None])
def test_a_broken_file_of_regions_stops_no_link(
    link: ShortLink, settings: Any, tmp_path: Path, content: str | None
) -> None:
    file = tmp_path / "regions.csv"
    if content is not None:
        file.write_text(content, encoding="utf-8")
    settings.REGION_FILE = str(file)
    assert follow(link).status_code == 302
    assert LinkClick.objects.get().region == ""


def test_clicks_of_other_links_are_not_counted(access: Any, link: ShortLink) -> None:
    follow(make_link(access, name="Other"))
    assert queries.numbers(link)["clicks"] == 0
    assert {row.name: row.views for row in queries.counted(access.workspace)} == {"Sale": 0, "Other": 1}
    assert not queries.counted(make_workspace(access.workspace.organization)).exists()
