"""Tables that are copied from a source of the organization: what a copy holds, and what is told when it fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cdp.jobs.models import Job
from insight.audiences import lineage
from insight.audiences import services as audiences
from insight.datasets import services as datasets
from insight.datasources.models import Connection, Feed, TableGrant
from tests.insight.datasources.sharing import SALES_DATASET, Head

RunJobs = Callable[..., list[Any]]


def test_copies_hold_the_shared_rows_and_columns_only(head: Head) -> None:
    head.control("brand")
    head.values("give", head.north, "brand", ["A"])
    head.call("put", "columns/?table=sales", {"enabled": True})
    head.columns("give", head.north, ["id", "region"])
    table = head.north.bring(head.source, "sales")
    assert ([column["name"] for column in table.columns], head.north.ids(table)) == (["id", "region"], [1, 3])
    refused = head.north.call(
        "post", f"sources/{head.source.pk}/bring-in/", {"table": "sales", "name": "x", "columns": ["amount"]}
    )
    assert (refused.status_code, list(refused.json()["errors"])) == (400, ["columns"])


def test_the_next_copy_follows_a_changed_grant_also_where_only_what_is_new_is_read(head: Head) -> None:
    head.control("brand")
    head.values("give", head.north, "brand", ["A", "B"])
    table = head.north.bring(head.source, "sales", mode="incremental", cursor="id")
    assert head.north.ids(table) == [1, 2, 3]
    head.server.run("INSERT INTO sales VALUES (6, 'B', 'north', 60, NULL), (7, 'C', 'north', 70, NULL)")
    assert head.north.again(table).result == {"table": "sales", "rows": 4, "read": 2}
    head.values("take", head.north, "brand", ["B"])
    assert head.north.ids(table) == [1, 2, 3, 6]
    head.north.again(table)
    assert head.north.ids(table) == [1, 3]
    head.values("give", head.north, "brand", ["C"])
    head.north.again(table)
    assert head.north.ids(table) == [1, 3, 7]


def test_a_copy_without_a_right_fails_and_the_rows_from_before_stay(head: Head) -> None:
    head.share(["sales"], head.north)
    table = head.north.bring(head.source, "sales")
    head.control("brand", "region")
    head.values("give", head.north, "brand", ["A"])
    job = head.north.again(table)
    assert (job.error_code, job.attempts, table.state, head.north.ids(table)) == (
        "no_grant",
        1,
        "ready",
        [1, 2, 3, 4],
    )
    assert "shared by region" in table.error and "Ask a manager" in table.error
    assert head.north.call("get", "tables/sales/").json()["feed"]["error_code"] == "no_grant"
    head.values("give", head.north, "region", ["east"])
    assert (head.north.again(table).error_code, head.north.ids(table)) == ("no_grant", [1, 2, 3, 4])
    assert "no rows that are shared" in table.error
    head.values("give", head.north, "region", ["north"])
    head.north.again(table)
    assert (table.error, head.north.ids(table)) == ("", [1])


def test_columns_that_are_taken_back_leave_the_copy_and_flag_the_dataset(
    one: Head, run_jobs: RunJobs
) -> None:
    one.call("put", "columns/?table=sales", {"enabled": True})
    one.columns("give", one.north, ["id", "brand", "region"])
    table = one.north.bring(one.source, "sales")
    data = {
        "name": "Sales",
        "kind": "user_tags",
        "table": "sales",
        "user_id": {"column": "id", "id_type": "one_id"},
        "tags": [
            {"column": "brand", "name": "Brand", "type": "enum"},
            {"column": "region", "name": "Region", "type": "enum"},
        ],
    }
    dataset = datasets.create(one.north.access, data)
    datasets.refresh(one.north.access, dataset)
    run_jobs()
    one.columns("take", one.north, ["region"])
    job = one.north.again(table)
    assert job.status == "succeeded" and "region" in str(job.log)
    assert [column["name"] for column in table.columns] == ["id", "brand"]
    datasets.refresh(one.north.access, dataset)
    run_jobs()
    dataset.refresh_from_db()
    assert next(warning for warning in dataset.warnings if warning["code"] == "lost_columns")["names"] == [
        "region"
    ]


def test_a_copy_whose_cursor_is_taken_back_says_so(one: Head) -> None:
    one.call("put", "columns/?table=sales", {"enabled": True})
    one.columns("give", one.north, ["id", "brand"])
    table = one.north.bring(one.source, "sales", mode="incremental", cursor="id")
    one.columns("take", one.north, ["id"])
    assert one.north.again(table).error_code == "no_grant" and "New rows are told by" in table.error


def test_a_dataset_whose_table_has_been_taken_back_is_not_refreshed_and_says_why(
    one: Head, run_jobs: RunJobs
) -> None:
    one.share(["sales"], one.north)
    one.north.bring(one.source, "sales")
    dataset = datasets.create(one.north.access, SALES_DATASET)
    datasets.refresh(one.north.access, dataset)
    run_jobs()
    TableGrant.objects.all().delete()
    datasets.refresh(one.north.access, dataset)
    [job] = run_jobs(allow_failure=True)
    dataset.refresh_from_db()
    assert (job.error_code, dataset.state, dataset.error_code) == ("no_grant", "failed", "no_grant")
    assert dataset.version == 1 and "not shared with your workspace" in dataset.error
    for reason, count in (("no_grant", 1), ("table_missing", 0)):
        assert one.north.call("get", f"datasets/?reason={reason}").json()["count"] == count
        page = one.north.browser.get(f"/w/{one.north.workspace.slug}/datasets/?reason={reason}")
        assert ("Sales" in page.content.decode()) is bool(count)
    one.share(["sales"], one.north)
    datasets.refresh(one.north.access, dataset)
    run_jobs()
    dataset.refresh_from_db()
    assert (dataset.state, dataset.error_code, dataset.version) == ("ready", "", 2)


def test_the_dataset_and_the_audience_say_why_their_table_is_not_copied(one: Head, run_jobs: RunJobs) -> None:
    one.share(["sales"], one.north)
    one.north.bring(one.source, "sales")
    dataset = datasets.create(one.north.access, SALES_DATASET)
    datasets.refresh(one.north.access, dataset)
    run_jobs()
    rule = {
        "op": "union",
        "items": [{"kind": "tag", "dataset": dataset.pk, "tag": "brand", "operator": "in", "value": ["A"]}],
    }
    audience = audiences.create(one.north.access, {"name": "As", "rule": rule, "save_ids": ["one_id"]})
    run_jobs()
    table = Feed.objects.get().table
    password = Connection.objects.get().password
    breaking: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
        "no_grant": (lambda: TableGrant.objects.all().delete(), lambda: one.share(["sales"], one.north)),
        "auth_failed": (
            lambda: Connection.objects.update(password="changed"),
            lambda: Connection.objects.update(password=password),
        ),
        "column_missing": (
            lambda: one.server.run("ALTER TABLE sales RENAME COLUMN brand TO label"),
            lambda: one.server.run("ALTER TABLE sales RENAME COLUMN label TO brand"),
        ),
        "table_missing": (
            lambda: one.server.run("ALTER TABLE sales RENAME TO sold"),
            lambda: one.server.run("ALTER TABLE sold RENAME TO sales"),
        ),
    }
    said = set()
    for code, (damage, mend) in breaking.items():
        damage()
        job = one.north.again(table)
        assert (job.error_code, job.attempts) == (code, 1)
        shown = one.north.call("get", f"datasets/{dataset.pk}/").json()["failed_copies"]
        assert [(copy["table"], copy["code"], copy["detail"]) for copy in shown] == [
            ("sales", code, table.error)
        ]
        audience.refresh_from_db()
        stop = lineage.of(audience).as_json()["made_from"][0]
        assert [failure["code"] for failure in stop["failures"]] == [code]
        page = one.north.browser.get(f"/w/{one.north.workspace.slug}/datasets/{dataset.pk}/").content.decode()
        assert "could not be loaded the last time" in page
        page = one.north.browser.get(
            f"/w/{one.north.workspace.slug}/audiences/{audience.pk}/"
        ).content.decode()
        assert "could not be loaded the last time" in page
        said.add(table.error)
        mend()
        assert one.north.again(table).status == "succeeded"
        assert one.north.call("get", f"datasets/{dataset.pk}/").json()["failed_copies"] == []
    assert len(said) == len(breaking)


def test_a_busy_database_is_tried_again_after_one_five_and_fifteen_minutes(
    one: Head, run_jobs: RunJobs
) -> None:
    one.share("*", one.north)
    table = one.north.bring(one.source, "sales")
    one.server.run(f"ALTER DATABASE {one.server.database} CONNECTION LIMIT 0")
    job = one.north.again(table)
    assert (job.status, job.error_code, job.attempts) == ("failed", "engine_busy", 4)
    waits = [line["text"] for line in job.log if "Trying again" in line["text"]]
    assert ["60" in waits[0], "300" in waits[1], "900" in waits[2], len(waits)] == [True, True, True, 3]
    assert Job.objects.get(pk=job.pk).error == "The database has too much to do at the moment."
