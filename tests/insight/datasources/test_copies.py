"""Tables that are copied from a database outside: whole, by what is new, by schedule, and when something breaks."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from cdp import lake
from cdp.jobs.models import Job
from cdp.jobs.runner import run_job
from insight.datasources.connections import copying, feeds, scanning, services
from insight.datasources.models import Connection, Feed, SourceTable
from tests.factories import make_access
from tests.insight.datasources.servers import Server
from tests.insight.datasources.test_tables import Member

RunJobs = Callable[..., list[Any]]
Rows = list[tuple[Any, ...]]


class Copier(Member):
    """Somebody with a source, and a table or two copied from it."""

    def __init__(self, server: Server, run_jobs: RunJobs) -> None:
        super().__init__(make_access())
        self.server, self.run_jobs = server, run_jobs
        self.source = services.create(self.access, server.settings())

    def call(self, method: str, path: str, data: Any = None) -> Any:
        url = f"/api/v1/workspaces/{self.access.workspace.slug}/{path}"
        return getattr(self.client, method)(url, data, **({} if method == "get" else {"format": "json"}))

    def ask(self, table: str, **more: Any) -> Any:
        return self.call("post", f"sources/{self.source.pk}/bring-in/", {"table": table, **more})

    def bring(self, table: str, **more: Any) -> SourceTable:
        answer = self.ask(table, **more)
        assert answer.status_code == 202, answer.content
        self.run_jobs()
        return self.table(answer.json()["table"]["name"])

    def table(self, name: str) -> SourceTable:
        return SourceTable.objects.get(workspace=self.access.workspace, name=name)

    def again(self, table: SourceTable, **more: Any) -> Job:
        """Copy once more; the ended job. The table is read again."""
        answer = self.call("post", f"tables/{table.name}/copy/", more)
        assert answer.status_code == 202, answer.content
        self.run_jobs(allow_failure=True)
        table.refresh_from_db()
        return Job.objects.get(pk=answer.json()["job"]["id"])

    def rows(self, table: SourceTable, columns: str = "*") -> Rows:
        with lake.cursor() as handle:
            path = lake.table_path(table.workspace, table.lake_table)
            return handle.execute(f"SELECT {columns} FROM {path} ORDER BY ALL").fetchall()


@pytest.fixture
def copier(server: Server, run_jobs: RunJobs) -> Copier:
    return Copier(server, run_jobs)


def test_a_table_is_brought_in_whole(copier: Copier) -> None:
    table = copier.bring("members")
    assert copier.rows(table) == [
        ("m1", "13800000001", 5, dt.date(2026, 1, 2)),
        ("m2", None, 7, None),
    ]
    assert [column["type"] for column in table.columns] == ["text", "text", "integer", "date"]
    shown = copier.call("get", "tables/members/").json()
    assert (shown["rows"], shown["state"], shown["feed"]["source"]) == (2, "ready", copier.source.pk)
    listed = copier.call("get", f"sources/{copier.source.pk}/tables/?search=members").json()
    assert listed["results"][0]["tables"] == ["members"]
    assert listed["results"][0]["last_read_at"] == shown["loaded_at"]
    copier.server.run("INSERT INTO members VALUES ('m3', '', 0, '2026-02-03')")
    assert copier.again(table).result == {"table": "members", "rows": 3, "read": 3}
    assert (table.version, len(copier.rows(table))) == (2, 3)


def test_views_odd_names_and_chosen_columns_are_copied(copier: Copier) -> None:
    assert copier.rows(copier.bring("grown")) == [("m1",), ("m2",)]
    copier.server.run("INSERT INTO " + copier_quote(copier, 'Odd "name/here') + " VALUES (4)")
    odd = copier.bring('Odd "name/here')
    assert (odd.name, copier.rows(odd)) == ("Odd _name_here", [(4,)])
    some = copier.bring("members", name="points", columns=["points", "member_no"])
    assert copier.rows(some) == [("m1", 5), ("m2", 7)]


def copier_quote(copier: Copier, name: str) -> str:
    return copying.dialect_of(copier.source).quote(name)


POSTGRESQL = {
    "small": ("smallint", "7", 7),
    "large": ("bigint", "9007199254740993", 9007199254740993),
    "exact": ("numeric(10,2)", "12.34", Decimal("12.34")),
    "loose": ("numeric", "0.5", 0.5),
    "nan": ("numeric(10,2)", "'NaN'", None),
    "infinite": ("double precision", "'-Infinity'", None),
    "single": ("real", "1.5", 1.5),
    "cash": ("money", "12.5", 12.5),
    "flag": ("boolean", "true", True),
    "day": ("date", "'2026-01-02'", dt.date(2026, 1, 2)),
    "never": ("date", "'infinity'", None),
    "clock": ("timestamp(3)", "'2026-01-02 03:04:05.123'", dt.datetime(2026, 1, 2, 3, 4, 5, 123000)),
    "moment": ("timestamptz", "'2026-01-02 03:04:05+08'", dt.datetime(2026, 1, 1, 19, 4, 5, tzinfo=dt.UTC)),
    "ancient": ("timestamp", "'0044-03-15 12:00 BC'", None),
    "words": ("varchar(40)", "'é, ''quoted'' \"x\"\nand more'", "é, 'quoted' \"x\"\nand more"),
    "fixed": ("char(4)", "'ab'", "ab"),
    "who": ("uuid", "'00000000-0000-0000-0000-000000000001'", "00000000-0000-0000-0000-000000000001"),
    "document": ("jsonb", """'{"a": 1}'""", '{"a": 1}'),
    "likes": ("text[]", "'{tea,coffee}'", "tea,coffee"),
    "raw": ("bytea", r"'\x00ff'", "00ff"),
    "time": ("time", "'10:11'", "10:11:00"),
    "span": ("interval", "'1 day'", "1 day"),
    "nothing": ("text", "NULL", None),
}
MYSQL = {
    "small": ("tinyint(1)", "7", 7),
    "large": ("bigint unsigned", "18446744073709551615", 18446744073709551615),
    "exact": ("decimal(10,2)", "12.34", Decimal("12.34")),
    "loose": ("decimal(60,5)", "0.5", 0.5),
    "single": ("float", "1.5", 1.5),
    "flag": ("bit(1)", "1", 1),
    "year": ("year", "2026", 2026),
    "day": ("date", "'2026-01-02'", dt.date(2026, 1, 2)),
    "zero": ("date", "'0000-00-00'", None),
    "half": ("date", "'2026-02-00'", None),
    "invalid": ("datetime", "'2026-02-31 10:00:00'", None),
    "clock": ("datetime(3)", "'2026-01-02 03:04:05.123'", dt.datetime(2026, 1, 2, 3, 4, 5, 123000)),
    "moment": ("timestamp NULL", "'2026-01-02 03:04:05'", dt.datetime(2026, 1, 1, 19, 4, 5, tzinfo=dt.UTC)),
    "words": ("text", "'é, ''quoted'' \"x\"\nand more'", "é, 'quoted' \"x\"\nand more"),
    "binary_order": ("varchar(9) COLLATE utf8mb4_bin", "'Ä'", "Ä"),
    "latin": ("varchar(9) CHARACTER SET latin1", "'é'", "é"),
    "broken": ("varchar(9)", r"'a\0b'", "ab"),
    "document": ("json", """'{"a": 1}'""", '{"a": 1}'),
    "choice": ("enum('a', 'b')", "'a'", "a"),
    "likes": ("set('tea', 'coffee')", "'tea,coffee'", "tea,coffee"),
    "raw": ("varbinary(5)", "x'00ff'", "00ff"),
    "time": ("time", "'-100:11:12'", "-100:11:12"),
    "nothing": ("text", "NULL", None),
}


def test_every_type_arrives_as_it_was_meant(copier: Copier) -> None:
    """Also what one side can hold and the other cannot: it becomes empty, never another value, never an error."""
    types = POSTGRESQL if copier.server.kind == "postgresql" else MYSQL
    quoted = [copier_quote(copier, name) for name in types]
    columns = ", ".join(
        f"{name} {kind}" for name, (kind, _value, _e) in zip(quoted, types.values(), strict=True)
    )
    values = ", ".join(value for _kind, value, _expected in types.values())
    if copier.server.kind == "mysql":
        mode = ["SET sql_mode = 'ALLOW_INVALID_DATES'", "SET time_zone = '+08:00'"]
    else:
        mode = []
    copier.server.run(*mode, f"CREATE TABLE odd ({columns})", f"INSERT INTO odd VALUES ({values})")
    table = copier.bring("odd")
    (row,) = copier.rows(table)
    found = dict(zip((column["name"] for column in table.columns), row, strict=True))
    assert found == {name: expected for name, (_kind, _value, expected) in types.items()}


def make_events(server: Server) -> None:
    server.run(
        "CREATE TABLE events (id integer PRIMARY KEY, at_time timestamp(6) NULL, what varchar(20))",
        "INSERT INTO events VALUES (1, '2026-01-01 10:00:00', 'a'), (2, '2026-01-01 11:00:00', 'b'), (3, NULL, 'c')",
    )


INCREMENTAL = {"mode": "incremental", "cursor": "at_time"}


def test_only_what_is_new_is_read(copier: Copier) -> None:
    make_events(copier.server)
    table = copier.bring("events", **INCREMENTAL)
    assert len(copier.rows(table)) == 3
    # Another row at the very moment of the last one, a later one, and one that is older than all: it is not seen.
    copier.server.run(
        "INSERT INTO events VALUES (4, '2026-01-01 11:00:00', 'd'), (5, '2026-01-02 00:00:00.000001', 'e'), "
        "(6, '2025-01-01 00:00:00', 'old')"
    )
    job = copier.again(table)
    assert job.result == {"table": "events", "rows": 5, "read": 3}
    assert [row[0] for row in copier.rows(table)] == [1, 2, 3, 4, 5]
    assert copier.again(table, whole=True).result["rows"] == 6


def test_nothing_new_makes_no_new_version(copier: Copier) -> None:
    make_events(copier.server)
    table = copier.bring("events", **INCREMENTAL)
    job = copier.again(table)
    assert (job.status, job.result["read"], table.version) == ("succeeded", 1, 1)
    copier.server.run("DELETE FROM events")
    assert (copier.again(table).status, table.version, len(copier.rows(table))) == ("succeeded", 1, 3)
    assert table.error == "" and Feed.objects.get().error_code == ""


def test_changed_rows_replace_those_with_their_key(copier: Copier) -> None:
    make_events(copier.server)
    table = copier.bring("events", **INCREMENTAL, key="id")
    copier.server.run(
        "UPDATE events SET what = 'changed', at_time = '2026-01-03' WHERE id = 1",
        # Within the same moment as the last one that was read.
        "UPDATE events SET what = 'too' WHERE id = 2",
    )
    assert copier.again(table).status == "succeeded"
    assert copier.rows(table, "id, what") == [(1, "changed"), (2, "too"), (3, "c")]


@pytest.mark.parametrize("seed", range(3))
def test_increments_lead_to_the_source_itself(copier: Copier, seed: int) -> None:
    """Random changes, each with a new or the same moment, copied now and then: in the end both sides are the same."""
    make_events(copier.server)
    copier.server.run("DELETE FROM events WHERE at_time IS NULL")
    keyed = bool(seed % 2)
    table = copier.bring("events", **INCREMENTAL, key="id" if keyed else "")
    chance, hour, number = random.Random(seed), 0, 10
    for _round in range(4):
        for _change in range(chance.randrange(4)):
            hour += chance.randrange(2)
            moment = f"2026-02-01 {hour:02d}:00:00"
            number += 1
            if keyed and chance.random() < 0.5:
                copier.server.run(
                    f"UPDATE events SET what = 'x{number}', at_time = '{moment}' WHERE id IN (1, {number - 1})"
                )
            else:
                copier.server.run(f"INSERT INTO events VALUES ({number}, '{moment}', 'n{number}')")
        assert copier.again(table).status == "succeeded"
        assert copier.rows(table, "id, what") == sorted(copier.server.run("SELECT id, what FROM events"))


def test_moments_are_compared_as_moments(copier: Copier) -> None:
    """Neither the zone of the server nor that of the workspace moves the point from which on rows are read."""
    kind = "timestamptz" if copier.server.kind == "postgresql" else "timestamp NULL"
    zone = "SET TIME ZONE 'Asia/Tokyo'" if copier.server.kind == "postgresql" else "SET time_zone = '+09:00'"
    copier.server.run(
        zone,
        f"CREATE TABLE seen (id integer, at_time {kind})",
        "INSERT INTO seen VALUES (1, '2026-01-01 12:00:00')",
    )
    table = copier.bring("seen", **INCREMENTAL)
    assert Feed.objects.get().cursor_value.startswith("2026-01-01 03:00:00")
    copier.server.run(zone, "INSERT INTO seen VALUES (2, '2026-01-01 12:00:01'), (3, '2026-01-01 11:59:59')")
    copier.again(table)
    assert [row[0] for row in copier.rows(table)] == [1, 2]


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ("ALTER TABLE members DROP COLUMN phone", "column_missing", "no longer has these columns: phone"),
        (
            "ALTER TABLE members RENAME COLUMN phone TO telephone",
            "column_missing",
            "no longer has these columns: phone",
        ),
        ("DROP TABLE members", "table_missing", "no longer in the source"),
        ("DELETE FROM members", "no_rows", "empty in the source"),
        (
            {"postgresql": "points TYPE text", "mysql": "points text"},
            "column_missing",
            "another type now: points",
        ),
    ],
)
def test_a_changed_source_leaves_the_last_good_version(
    copier: Copier, change: Any, code: str, words: str
) -> None:
    if copier.server.kind == "postgresql":
        copier.server.run("DROP VIEW grown")
    table = copier.bring("members")
    rows = copier.rows(table)
    if isinstance(change, dict):
        verb = "ALTER COLUMN" if copier.server.kind == "postgresql" else "MODIFY COLUMN"
        change = f"ALTER TABLE members {verb} {change[copier.server.kind]}"
    copier.server.run(change)
    job = copier.again(table)
    assert (job.status, job.error_code) == ("failed", code)
    assert words in table.error and table.state == "ready"
    assert (table.version, copier.rows(table)) == (1, rows)
    assert copier.call("get", "tables/members/").json()["feed"]["error_code"] == code


def test_a_changed_password_is_said_and_a_new_one_mends_it(copier: Copier) -> None:
    table = copier.bring("members")
    server, old = copier.server, copier.server.password
    if server.kind == "postgresql":
        server.run(f"ALTER ROLE {server.user} PASSWORD 'another'")
    else:
        server.run("SET PASSWORD = PASSWORD('another')")
    server.password = "another"
    job = copier.again(table)
    assert (job.status, job.error_code, table.state) == ("failed", "auth_failed", "ready")
    assert old not in job.error + str(job.log) and len(copier.rows(table)) == 2
    answer = copier.call("patch", f"sources/{copier.source.pk}/", {"password": "another"})
    assert answer.status_code == 200
    assert copier.again(table).status == "succeeded" and table.error == ""


def test_a_password_changed_in_the_middle_is_said_and_not_told(
    copier: Copier, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The scanner's own message holds the password."""
    table = copier.bring("members")
    real, server = copying.reachable, copier.server

    def reachable(source: Connection) -> str:
        statement = (
            f"ALTER ROLE {server.user} PASSWORD 'another'"
            if server.kind == "postgresql"
            else "SET PASSWORD = PASSWORD('another')"
        )
        monkeypatch.setattr(copying, "reachable", real)
        server.run(statement)
        return real(source)

    monkeypatch.setattr(copying, "reachable", reachable)
    job = copier.again(table)
    assert job.error_code == "auth_failed"
    assert server.password not in job.error + str(job.log) + caplog.text
    server.password = "another"


def test_changed_columns_are_taken_when_somebody_says_so(copier: Copier) -> None:
    if copier.server.kind == "postgresql":
        copier.server.run("DROP VIEW grown")
    table = copier.bring("members")
    copier.server.run(
        "ALTER TABLE members DROP COLUMN phone", "ALTER TABLE members ADD COLUMN city varchar(9)"
    )
    assert copier.again(table).status == "failed"
    assert copier.again(table, accept_columns=True).status == "succeeded"
    assert [column["name"] for column in table.columns] == ["member_no", "points", "joined", "city"]
    assert copier.again(table).status == "succeeded"


def test_a_new_column_comes_with_the_new_rows(copier: Copier) -> None:
    make_events(copier.server)
    table = copier.bring("events", **INCREMENTAL)
    copier.server.run(
        "ALTER TABLE events ADD COLUMN shop varchar(9)",
        "INSERT INTO events VALUES (9, '2026-03-01 00:00:00', 'z', 'north')",
    )
    assert copier.again(table).status == "succeeded"
    assert copier.rows(table, "id, shop") == [(1, None), (2, None), (3, None), (9, "north")]


def test_a_source_that_is_away_is_said_at_once(copier: Copier) -> None:
    table = copier.bring("members")
    Connection.objects.update(port=1)
    job = copier.again(table)
    assert (job.status, job.error_code, job.attempts) == ("failed", "source_unreachable", 1)
    assert table.state == "ready"


def test_a_first_copy_that_failed_can_be_asked_for_again(copier: Copier) -> None:
    copier.server.run("CREATE TABLE later (id integer)")
    assert copier.ask("later").status_code == 202
    copier.run_jobs(allow_failure=True)
    assert (copier.table("later").state, Job.objects.latest("created_at").error_code) == ("failed", "no_rows")
    copier.server.run("INSERT INTO later VALUES (1)")
    table = copier.bring("later")
    assert (table.state, copier.rows(table)) == ("ready", [(1,)])


def test_a_version_published_before_the_worker_died_is_not_made_twice(copier: Copier) -> None:
    table = copier.bring("members")
    job = Job.objects.get(kind="table.copy")
    Job.objects.filter(pk=job.pk).update(status=Job.Status.QUEUED, run_token="")
    run_job(job.pk)
    table.refresh_from_db()
    job.refresh_from_db()
    assert (job.status, table.version) == ("succeeded", 1)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"columns": ["nowhere"]}, "columns"),
        ({"columns": "id"}, "columns"),
        ({"mode": "sometimes"}, "mode"),
        ({"mode": "incremental"}, "cursor"),
        ({"mode": "incremental", "cursor": "what"}, "cursor"),
        ({"mode": "incremental", "cursor": "id", "columns": ["what"]}, "cursor"),
        ({"mode": "incremental", "cursor": "id", "key": "nowhere"}, "key"),
        ({"refresh": {"every": "week"}}, "refresh/every"),
        ({"refresh": {"every": "hour", "hours": 0}}, "refresh/hours"),
        ({"name": "a/b"}, "name"),
        ({"colour": "red"}, "colour"),
        ({"table": ""}, "table"),
    ],
)
def test_bad_settings_are_refused_at_the_field(copier: Copier, change: dict[str, Any], field: str) -> None:
    make_events(copier.server)
    answer = copier.ask(**{"table": "events", **change})
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])
    assert not SourceTable.objects.exists()


def test_missing_tables_taken_names_and_twin_columns_are_refused(copier: Copier) -> None:
    missing = copier.ask("nowhere")
    assert (missing.status_code, missing.json()["code"]) == (404, "table_missing")
    copier.bring("members")
    assert copier.ask("members").json()["code"] == "name_taken"
    if copier.server.kind == "postgresql":
        copier.server.run('CREATE TABLE twins ("A" integer, a integer)')
        assert copier.ask("twins").json()["code"] == "duplicate_header"
        assert copier.ask("twins", columns=["a"]).status_code == 202


def test_settings_are_changed_and_the_next_copy_is_whole(copier: Copier) -> None:
    make_events(copier.server)
    table = copier.bring("events")
    path = f"tables/{table.name}/feed/"
    changed = copier.call("patch", path, {**INCREMENTAL, "refresh": {"every": "hour", "hours": 1}}).json()
    assert changed["feed"]["cursor"] == "at_time" and changed["feed"]["next_copy_at"]
    assert copier.again(table).result["read"] == 3
    assert copier.again(table).result["read"] == 1
    assert list(copier.call("patch", path, {"cursor": "what"}).json()["errors"]) == ["cursor"]
    assert copier.call("patch", path, {"refresh": {"every": "off"}}).json()["feed"]["next_copy_at"] is None
    assert Feed.objects.get().cursor_value


def test_copies_start_when_they_are_due(copier: Copier) -> None:
    table = copier.bring("members", refresh={"every": "day", "at": "03:00"})
    assert feeds.start_due() == 0
    Feed.objects.update(next_copy_at=timezone.now() - dt.timedelta(days=3))
    copier.server.run("INSERT INTO members VALUES ('m3', NULL, 1, NULL)")
    assert feeds.start_due() == 1 and feeds.start_due() == 0
    copier.run_jobs()
    table.refresh_from_db()
    assert table.rows == 3 and Feed.objects.get().next_copy_at > timezone.now()


def test_a_source_stays_while_tables_are_copied_from_it(copier: Copier) -> None:
    table = copier.bring("members")
    path = f"sources/{copier.source.pk}/"
    refused = copier.call("delete", path)
    assert (refused.status_code, refused.json()["code"]) == (409, "in_use") and "members" in refused.json()[
        "detail"
    ]
    assert copier.call("delete", f"tables/{table.name}/feed/").status_code == 204
    assert copier.call("get", f"tables/{table.name}/").json()["feed"] is None
    assert len(copier.rows(table)) == 2
    assert copier.call("post", f"tables/{table.name}/copy/").status_code == 404
    assert copier.call("delete", path).status_code == 204


def test_files_are_not_loaded_into_a_copied_table(copier: Copier) -> None:
    table = copier.bring("members")
    answer = copier.send(f"{table.name}/replace/", b"a\n1\n")
    assert (answer.status_code, answer.json()["code"]) == (409, "table_fed")
    copier.call("delete", f"tables/{table.name}/feed/")
    assert copier.send(f"{table.name}/replace/", b"a\n1\n").status_code == 202


def test_a_cancelled_copy_leaves_the_last_version(copier: Copier, monkeypatch: pytest.MonkeyPatch) -> None:
    table = copier.bring("members")
    copier.server.run("INSERT INTO members VALUES ('m3', NULL, 1, NULL)")
    job = feeds.copy_now(copier.access, feeds.feed_of(table))
    real = scanning.copy

    def cancelled_meanwhile(*arguments: Any) -> int:
        """Somebody cancels after the rows were read."""
        rows = real(*arguments)
        Job.objects.filter(pk=job.pk).update(cancel_requested=True)
        return rows

    monkeypatch.setattr(scanning, "copy", cancelled_meanwhile)
    copier.run_jobs(allow_failure=True)
    job.refresh_from_db()
    table.refresh_from_db()
    assert (job.status, table.version, table.state, len(copier.rows(table))) == ("cancelled", 1, "ready", 2)
