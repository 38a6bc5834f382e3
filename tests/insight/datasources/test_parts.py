"""Large tables that are copied in parts: every row once, nothing missed, and what happens when a part fails."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as configured
from hypothesis import HealthCheck, given
from hypothesis import settings as example_settings
from hypothesis import strategies as st

from cdp.jobs.models import Job
from insight.datasources.connections import copying, feeds, parts, scanning
from insight.datasources.models import Connection, Feed
from tests.insight.datasources.servers import Server
from tests.insight.datasources.test_copies import INCREMENTAL, Copier

RunJobs = Callable[..., list[Any]]
ROWS = 47


@pytest.fixture
def copier(server: Server, run_jobs: RunJobs, settings: Any) -> Copier:
    settings.COPY_PART_ROWS = 10
    found = Copier(server, run_jobs)
    server.run(
        "CREATE TABLE events (id bigint PRIMARY KEY, at_time timestamp(6) NULL, what varchar(20))",
        f"INSERT INTO events VALUES {rows(range(ROWS))}",
    )
    return found


def rows(numbers: Any) -> str:
    """Every fifth without a time; two at every moment."""
    return ", ".join(
        f"({number * 7}, {'NULL' if number % 5 == 0 else repr(moment(number))}, 'e{number}')"
        for number in numbers
    )


def moment(number: int) -> str:
    return str(dt.datetime(2026, 1, 1) + dt.timedelta(hours=number // 2))


def source_ids(copier: Copier) -> list[int]:
    return sorted(row[0] for row in copier.server.run("SELECT id FROM events"))


def ids(copier: Copier, table: Any) -> list[int]:
    return [row[0] for row in copier.rows(table, "id")]


def last_log() -> str:
    return str(Job.objects.filter(kind="table.copy").latest("created_at").log)


def left_files() -> list[Path]:
    return list(Path(configured.LAKE_TEMP_PATH).glob("import-*"))


def test_a_large_table_is_read_in_parts_and_every_row_arrives_once(copier: Copier) -> None:
    table = copier.bring("events")
    assert ids(copier, table) == source_ids(copier) and table.rows == ROWS
    assert "in 5 parts" in last_log() and left_files() == []
    assert "parts" not in str(Job.objects.get(pk=copier.again(copier.bring("members")).pk).log)


def test_a_table_without_a_number_as_key_is_cut_by_its_cursor_and_empty_ones_come_too(
    copier: Copier,
) -> None:
    copier.server.run("CREATE TABLE told AS SELECT * FROM events")
    table = copier.bring("told", **INCREMENTAL, key="what")
    assert ids(copier, table) == source_ids(copier)
    assert Feed.objects.get().cursor_value.startswith(moment(ROWS - 1))


def test_what_is_new_is_read_in_parts_where_it_is_much(copier: Copier) -> None:
    table = copier.bring("events", **INCREMENTAL, key="id")
    copier.server.run(
        f"INSERT INTO events VALUES {rows(range(ROWS, ROWS + 40))}",
        "UPDATE events SET what = 'changed', at_time = '2026-02-01 00:00:00' WHERE id = 7",
    )
    assert copier.again(table).status == "succeeded"
    assert "in 4 parts" in last_log()
    expected = copier.server.run("SELECT id, what FROM events WHERE at_time IS NOT NULL OR id < 329")
    assert copier.rows(table, "id, what") == sorted(expected)
    assert Feed.objects.get().cursor_value.startswith("2026-02-01 00:00:00")


@pytest.mark.parametrize("key", ["id", ""])
def test_a_change_in_a_part_that_was_read_already_comes_with_the_next_copy(
    copier: Copier, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    """Others that are read later have a greater cursor: the next copy must not begin with that."""
    monkeypatch.setattr(parts, "PARALLEL", 1)
    real, changed = scanning.copy, []

    def changing(*arguments: Any) -> int:
        found = real(*arguments)
        if not changed:
            changed.append(True)
            late = "INSERT INTO events VALUES (1, '2026-03-01 00:00:00', 'late')"
            copier.server.run(late, "INSERT INTO events VALUES (999, '2026-03-02 00:00:00', 'last')")
        return found

    monkeypatch.setattr(scanning, "copy", changing)
    table = copier.bring("events", **INCREMENTAL, key=key)
    assert 1 not in ids(copier, table) and 999 in ids(copier, table)
    assert copier.again(table).status == "succeeded"
    assert ids(copier, table) == source_ids(copier)


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ("ALTER TABLE events DROP COLUMN what", "column_missing", "no longer has these columns: what"),
        ("DROP TABLE events", "table_missing", "no longer in the source"),
        ("type", "column_missing", "another type now: what"),
        ("away", "source_unreachable", "Nothing answers"),
    ],
)
def test_a_source_that_changes_between_two_parts_leaves_the_last_good_version(
    copier: Copier, monkeypatch: pytest.MonkeyPatch, change: str, code: str, words: str
) -> None:
    table = copier.bring("events")
    monkeypatch.setattr(parts, "PARALLEL", 1)
    real, broken = scanning.copy, []

    def breaking(source: Connection, address: str, *arguments: Any) -> int:
        if broken:
            return real(source, address, *arguments)
        found = real(source, address, *arguments)
        broken.append(True)
        if change == "away":
            Connection.objects.update(port=1)
            source.port = 1
        elif change == "type":
            kind = "ALTER COLUMN what TYPE" if copier.server.kind == "postgresql" else "MODIFY COLUMN what"
            using = " USING NULL" if copier.server.kind == "postgresql" else ""
            copier.server.run("UPDATE events SET what = NULL", f"ALTER TABLE events {kind} bigint{using}")
            monkeypatch.setattr(scanning, "copy", failing)
        else:
            copier.server.run(change)
        return found

    def failing(*_arguments: Any) -> int:
        raise scanning.duckdb.IOException("the statement is no longer valid")

    monkeypatch.setattr(scanning, "copy", breaking)
    job = copier.again(table)
    assert (job.status, job.error_code) == ("failed", code)
    assert words in table.error and table.state == "ready"
    assert (table.version, len(copier.rows(table)), left_files()) == (1, ROWS, [])


def test_a_busy_database_is_asked_for_the_missing_parts_alone(
    copier: Copier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "PARALLEL", 1)
    real, asked = scanning.copy, []

    def busy_once(*arguments: Any) -> int:
        asked.append(arguments[5])
        if len(asked) == 4:
            raise scanning.duckdb.IOException("FATAL: sorry, too many clients already")
        return real(*arguments)

    monkeypatch.setattr(scanning, "copy", busy_once)
    table = copier.bring("events")
    assert ids(copier, table) == source_ids(copier)
    assert [asked.count(where) for where in dict.fromkeys(asked)] == [1, 1, 1, 2, 1]
    assert "3 of 5 parts are there" in last_log()


def test_a_cancelled_copy_leaves_no_parts(copier: Copier, monkeypatch: pytest.MonkeyPatch) -> None:
    table = copier.bring("events")
    job = feeds.copy_now(copier.access, feeds.feed_of(table))
    monkeypatch.setattr(parts, "PARALLEL", 1)
    real = parts.wait

    def cancelled(*arguments: Any) -> Any:
        Job.objects.filter(pk=job.pk).update(cancel_requested=True)
        return real(*arguments)

    monkeypatch.setattr(parts, "wait", cancelled)
    copier.run_jobs(allow_failure=True)
    job.refresh_from_db()
    table.refresh_from_db()
    assert (job.status, table.version, table.state, left_files()) == ("cancelled", 1, "ready", [])


def test_other_columns_than_before_are_read_from_the_beginning(copier: Copier, tmp_path: Path) -> None:
    table = copier.bring("events")
    feed = feeds.feed_of(table)
    plan = copying.plan(feed)
    parts.cut(feed, plan, "", tmp_path)
    parts.path_of(tmp_path, 0).write_bytes(b"")
    parts.cut(feed, plan, "", tmp_path)
    assert parts.path_of(tmp_path, 0).is_file()
    plan.columns = plan.columns[:1]
    parts.cut(feed, plan, "", tmp_path)
    assert not parts.path_of(tmp_path, 0).is_file()


WHEN = st.datetimes(dt.datetime(1970, 1, 1), dt.datetime(2100, 1, 1))


@example_settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.one_of(
        st.lists(st.integers(-(10**18), 10**18), min_size=1),
        st.lists(st.dates(), min_size=1),
        st.lists(WHEN, min_size=1),
    ),
    st.integers(2, 50),
)
def test_every_value_lies_in_exactly_one_part(values: list[Any], wanted: int) -> None:
    first, last = min(values), max(values)
    starts = [first, *parts._bounds(first, last, wanted)]
    assert starts == sorted(set(starts)) and len(starts) <= wanted
    for value in values:
        fitting = [
            number
            for number, start in enumerate(starts)
            if start <= value and (number + 1 == len(starts) or value < starts[number + 1])
        ]
        assert len(fitting) == 1
