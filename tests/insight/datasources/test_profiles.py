"""Figures of the columns of tables: of the built-in source, of databases, and of what an organization shares."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from admin_center.permissions.access import access_for
from insight.datasources import queries
from insight.datasources.connections import browsing, services
from insight.datasources.models import SourceTable
from tests.factories import make_access, make_member
from tests.insight.datasources.servers import Server
from tests.insight.datasources.sharing import Head
from tests.insight.datasources.test_tables import Member

RunJobs = Callable[..., list[Any]]
CITIES = ["Köln"] * 5 + ["Bonn"] * 3 + ["Trier"] + [""] * 2 + [None] * 4


def of(columns: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(column for column in columns if column["name"] == name)


def expected_top(values: list[Any]) -> list[tuple[str, float]]:
    """The plain way: the most frequent first, then by the value."""
    counted = Counter(str(value) for value in values if value is not None)
    ordered = sorted(counted.items(), key=lambda item: (-item[1], item[0]))[:5]
    return [(value, pytest.approx(count / len(values))) for value, count in ordered]


def tops(column: dict[str, Any]) -> list[tuple[str, float]]:
    return [(item["value"], item["share"]) for item in column["top"]]


@pytest.fixture
def member(db: None) -> Member:
    return Member(make_access())


@pytest.fixture
def table(member: Member, run_jobs: RunJobs) -> SourceTable:
    lines = [f"{number},{city or ''},1380000{number:04d}" for number, city in enumerate(CITIES)]
    member.send("", ("no,city,contact\n" + "\n".join(lines) + "\n").encode(), name="people")
    run_jobs()
    return SourceTable.objects.get(name="people")


def test_the_profile_of_a_table_has_ends_shares_and_frequent_values(
    member: Member, table: SourceTable
) -> None:
    shown = member.api("get", "people/profile/").json()
    city = of(shown["columns"], "city")
    assert (shown["rows"], city["min"], city["max"], city["distinct"]) == (15, "Bonn", "Trier", 3)
    assert city["filled"] == pytest.approx(9 / 15)
    assert tops(city) == expected_top([value or None for value in CITIES])
    page = member.browser.get(f"{member.base}tables/{table.pk}/").content.decode()
    assert "Frequent values" in page and "Köln" in page


def test_columns_whose_values_hardly_repeat_have_no_frequent_ones_and_contacts_are_masked(
    member: Member, table: SourceTable
) -> None:
    shown = member.api("get", "people/profile/").json()
    assert of(shown["columns"], "no")["top"] == of(shown["columns"], "contact")["top"] == []
    assert "1380000" not in str(of(shown["columns"], "contact"))


def test_in_a_large_table_frequent_values_are_counted_in_a_part(
    member: Member, run_jobs: RunJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = "".join("a\n" if number % 4 else "b\n" for number in range(60_000))
    member.send("", ("letter\n" + rows).encode(), name="large")
    run_jobs()
    monkeypatch.setattr(queries, "TOP_COUNTED_ROWS", 20_000)
    (letter,) = member.api("get", "large/profile/").json()["columns"]
    assert (letter["min"], letter["max"], letter["filled"]) == ("a", "b", 1)
    assert sum(item["share"] for item in letter["top"]) == pytest.approx(1)
    assert dict(tops(letter))["a"] == pytest.approx(0.75, abs=0.05)


def test_an_analyst_gets_no_profile(member: Member, table: SourceTable) -> None:
    analyst = make_member(member.access.workspace, "analyst")
    other = Member(access_for(analyst.user, member.access.workspace))
    assert other.api("get", "people/profile/").status_code == 403


def test_the_profile_of_a_table_of_a_database_is_that_of_its_rows(server: Server, member: Member) -> None:
    source = services.create(member.access, server.settings())
    text = "text" if server.kind == "postgresql" else "varchar(20)"
    values = ", ".join(
        f"({number}, {'NULL' if city is None else repr(city)}, '1380000{number:04d}')"
        for number, city in enumerate(CITIES)
    )
    server.run(
        f"CREATE TABLE people (id integer, city {text}, contact {text})",
        f"INSERT INTO people VALUES {values}",
    )
    url = f"/api/v1/workspaces/{member.access.workspace.slug}/sources/{source.pk}/tables/people/profile/"
    shown = member.client.get(url).json()
    assert (shown["rows"], shown["complete"]) == (15, True)
    city = of(shown["columns"], "city")
    assert (city["filled"], city["distinct"], city["max"]) == (pytest.approx(11 / 15), 4, "Trier")
    assert tops(city) == expected_top(CITIES)
    number = of(shown["columns"], "id")
    assert number["type"] == "integer" and number["top"] == []
    assert "1380000" not in str(shown)
    page = member.browser.get(f"{member.base}databases/{source.pk}/table/?table=people&profile=1")
    assert "Frequent values" in page.content.decode() and "Of all 15 rows" in page.content.decode()


def test_a_large_table_of_a_database_is_profiled_by_its_first_rows(
    server: Server, member: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = services.create(member.access, server.settings())
    monkeypatch.setattr(browsing, "PROFILED_ROWS", 1)
    shown = browsing.profile(source, "members")
    assert (shown["rows"], shown["complete"]) == (1, False)


def test_the_profile_of_a_shared_table_shows_granted_rows_and_columns_only(head: Head) -> None:
    url = f"sources/{head.source.pk}/tables/sales/profile/"
    head.share(["members"], head.north)
    assert head.north.call("get", url).json()["code"] == "no_grant"
    head.control("brand")
    head.values("give", head.north, "brand", ["A"])
    head.call("put", "columns/?table=sales", {"enabled": True})
    head.columns("give", head.north, ["id", "region", "amount"])
    shown = head.north.call("get", url).json()
    assert [column["name"] for column in shown["columns"]] == ["id", "region", "amount"]
    amount = of(shown["columns"], "amount")
    assert (shown["rows"], amount["min"], amount["max"]) == (2, "10", "30")
    page = head.browser.get(f"/organization/sources/{head.source.pk}/table/?table=sales&profile=1")
    assert page.status_code == 200 and "Of all 4 rows" in page.content.decode()


def test_a_table_that_is_slow_or_gone_is_said(
    postgresql: Server, member: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = services.create(member.access, postgresql.settings())
    postgresql.run("CREATE VIEW endless AS SELECT pg_sleep(60)::text AS nap")
    monkeypatch.setattr(browsing.scanning, "ANSWER_SECONDS", 1)
    url = f"/api/v1/workspaces/{member.access.workspace.slug}/sources/{source.pk}/tables/endless/profile/"
    slow = member.client.get(url)
    assert (slow.status_code, slow.json()["code"]) == (502, "source_failed")
    assert "within" in slow.json()["detail"] and postgresql.password not in slow.content.decode()
    postgresql.run("DROP VIEW endless")
    gone = member.client.get(url)
    assert (gone.status_code, gone.json()["code"]) == (404, "table_missing")
