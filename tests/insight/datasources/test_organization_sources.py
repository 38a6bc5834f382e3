"""Sources of an organization by the API: who sees what of them, and what copies follow a changed grant."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from admin_center.audit.models import AuditEntry
from cdp.jobs.models import Job
from insight.audiences import lineage
from insight.audiences import services as audiences
from insight.datasets import services as datasets
from insight.datasources.connections import services
from insight.datasources.models import ColumnGrant, Connection, Feed, RowGrant, TableControl, TableGrant
from tests.factories import make_access, make_manager, make_organization, make_token, make_workspace
from tests.insight.datasources.servers import Server
from tests.insight.datasources.sharing import Head

RunJobs = Callable[..., list[Any]]


@pytest.fixture
def head(server: Server, run_jobs: RunJobs) -> Head:
    return Head(server, run_jobs)


@pytest.fixture
def one(postgresql: Server, run_jobs: RunJobs) -> Head:
    """For what does not depend on the kind of database."""
    return Head(postgresql, run_jobs)


def test_managers_add_change_and_remove_sources_by_api(one: Head) -> None:
    given = one.server.settings(name="Second")
    made = one.client.post("/api/v1/organization/sources/", given, format="json")
    assert (made.status_code, made.json()["scope"]) == (201, "organization")
    assert one.server.password not in made.content.decode()
    url = f"/api/v1/organization/sources/{made.json()['id']}/"
    assert one.client.patch(url, {"name": "Renamed"}, format="json").json()["name"] == "Renamed"
    wrong = one.client.patch(url, {"password": "wrong"}, format="json")
    assert (wrong.status_code, wrong.json()["code"]) == (400, "auth_failed")
    assert one.client.post(f"{url}test/", {}, format="json").json()["ok"] is True
    taken = one.client.patch(url, {"name": "Warehouse"}, format="json")
    assert (taken.status_code, taken.json()["code"]) == (409, "name_taken")
    assert one.client.delete(url).status_code == 204


def test_all_sources_are_listed_with_whom_they_belong_to(one: Head) -> None:
    services.create(one.north.access, one.server.settings(name="Till"))
    services.create(make_access(), one.server.settings(name="Strange"))
    rows = one.client.get("/api/v1/organization/sources/?ordering=name").json()["results"]
    assert [(row["name"], row["scope"], row["workspace"]) for row in rows] == [
        ("Till", "workspace", one.north.workspace.slug),
        ("Warehouse", "organization", None),
    ]


@pytest.mark.parametrize("who", ["administrator", "stranger", "scoped", "nobody"])
def test_others_than_managers_of_the_organization_get_nowhere(one: Head, who: str) -> None:
    strange = make_organization()
    scoped = make_access(one.north.workspace, user=make_manager(one.organization))
    tokens = {
        "administrator": lambda: make_token(one.north.access),
        "stranger": lambda: make_token(make_access(make_workspace(strange), user=make_manager(strange))),
        "scoped": lambda: make_token(scoped, "insight"),
        "nobody": lambda: "",
    }
    client = APIClient(HTTP_AUTHORIZATION=f"Bearer {tokens[who]()}")
    expected = {"administrator": 403, "stranger": 404, "scoped": 403, "nobody": 401}[who]
    base = f"/api/v1/organization/sources/{one.source.pk}/"
    for path in ("", "tables/", "grants/?table=sales", "rows/?table=sales", "columns/?table=sales"):
        assert client.get(base + path).status_code == expected, path
    data = {"tables": "*", "workspaces": [one.north.workspace.slug]}
    assert client.post(f"{base}grants/", data, format="json").status_code == expected
    assert (
        client.put(f"{base}rows/?table=sales", {"fields": ["brand"]}, format="json").status_code == expected
    )
    assert client.delete(base).status_code == expected
    assert not TableGrant.objects.exists() and not TableControl.objects.exists()


def test_a_source_is_seen_by_a_workspace_only_while_something_is_shared(head: Head) -> None:
    path = f"sources/{head.source.pk}/"
    assert head.north.sources() == [] and head.north.call("get", path).status_code == 404
    head.share(["sales"], head.north)
    assert (head.north.sources(), head.south.sources()) == (["Warehouse"], [])
    shown = head.north.call("get", path).json()
    assert (shown["scope"], shown["host"], shown["account"]) == ("organization", None, None)
    tables = head.north.call("get", f"{path}tables/").json()["results"]
    assert [table["name"] for table in tables] == ["sales"]
    assert head.north.call("get", f"{path}tables/members/").json()["code"] == "no_grant"
    refused = head.north.call("post", f"{path}bring-in/", {"table": "members"})
    assert (refused.status_code, refused.json()["code"]) == (409, "no_grant")
    data = {"tables": ["sales"], "workspaces": [head.north.workspace.slug]}
    assert head.call("post", "grants/revoke/", data).status_code == 204
    assert head.north.sources() == [] and head.north.call("get", f"{path}tables/sales/").status_code == 404


def test_a_name_in_other_letters_opens_nothing(head: Head) -> None:
    head.share("*", head.north)
    head.control("brand")
    for name in ("SALES", "Sales", "sales "):
        answer = head.north.call("get", f"sources/{head.source.pk}/tables/{name}/?sample=1")
        assert (answer.status_code, answer.json()["code"]) == (404, "table_missing")
        asked = head.north.call("post", f"sources/{head.source.pk}/bring-in/", {"table": name})
        assert asked.json()["code"] == "table_missing"


def test_workspaces_neither_change_nor_test_what_is_the_organizations(one: Head) -> None:
    one.share("*", one.north)
    path = f"sources/{one.source.pk}/"
    assert one.north.call("patch", path, {"name": "Mine"}).status_code == 403
    assert one.north.call("post", f"{path}test/", {}).status_code == 403
    assert one.north.call("delete", path).status_code == 403
    assert Connection.objects.get().name == "Warehouse"


def test_all_tables_means_those_to_come_too(head: Head) -> None:
    head.share("*", head.north)
    path = f"sources/{head.source.pk}/tables/?search=later"
    assert head.north.call("get", path).json()["results"] == []
    head.server.run("CREATE TABLE later (id integer)")
    assert [row["name"] for row in head.north.call("get", path).json()["results"]] == ["later"]


def test_a_grant_ends_at_its_time(one: Head) -> None:
    end = timezone.now() + timedelta(hours=1)
    one.share(["sales"], one.north, expires_at=end.isoformat())
    table = one.north.bring(one.source, "sales")
    TableGrant.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert one.north.sources() == []
    job = one.north.again(table)
    assert (job.status, job.error_code, table.state, table.rows) == ("failed", "no_grant", "ready", 4)
    assert "was shared with your workspace until" in table.error
    past = one.call(
        "post",
        "grants/",
        {"tables": "*", "workspaces": [one.north.workspace.slug], "expires_at": "2020-01-01T00:00:00Z"},
    )
    assert (past.status_code, list(past.json()["errors"])) == (400, ["expires_at"])


def test_several_tables_show_the_workspaces_that_have_all_and_ends_that_agree(one: Head) -> None:
    end = (timezone.now() + timedelta(days=9)).isoformat()
    one.share(["sales", "members"], one.north)
    one.share(["sales"], one.south)

    def shown(*tables: str) -> list[tuple[Any, ...]]:
        query = "&".join(f"table={table}" for table in tables)
        rows = one.call("get", f"grants/?{query}").json()["results"]
        return [(row["workspace"], bool(row["expires_at"]), row["differs"]) for row in rows]

    north, south = one.north.workspace.slug, one.south.workspace.slug
    assert shown("sales") == [(north, False, False), (south, False, False)]
    assert shown("sales", "members") == [(north, False, False)]
    one.share(["sales"], one.north, expires_at=end)
    assert shown("sales", "members") == [(north, False, True)]
    one.share(["members"], one.north, expires_at=end)
    assert shown("sales", "members") == [(north, True, False)]


def test_rows_are_shared_by_values_of_all_controlled_fields(head: Head) -> None:
    head.share("*", head.north, head.south)
    assert head.control("brand").status_code == 200
    assert head.sampled(head.north) == head.sampled(head.south) == 409
    head.values("give", head.north, "brand", ["A"])
    head.values("give", head.south, "brand", ["B"])
    assert head.sampled(head.north)["id"] == ["1", "3"]
    assert head.sampled(head.south)["id"] == ["2"]
    head.control("brand", "region")
    assert head.sampled(head.north) == 409
    head.values("give", head.north, "region", ["south"])
    assert head.sampled(head.north)["id"] == ["3"]
    head.control("brand")
    assert head.sampled(head.north)["id"] == ["1", "3"]
    head.control("brand", "region")
    assert head.sampled(head.north) == 409


def test_every_value_means_those_to_come_and_rows_without_one(head: Head) -> None:
    head.control("brand")
    head.values("give", head.north, "brand", "*")
    assert head.sampled(head.north)["id"] == ["1", "2", "3", "4"]
    head.server.run("INSERT INTO sales VALUES (5, 'C', 'north', 50, NULL)")
    assert head.sampled(head.north)["id"] == ["1", "2", "3", "4", "5"]
    head.values("take", head.north, "brand", "*")
    assert head.sampled(head.north) == 404
    head.values("give", head.north, "brand", ["A", "B"])
    assert head.sampled(head.north)["id"] == ["1", "2", "3"]


def test_rows_and_columns_need_no_grant_of_the_table_and_meet(head: Head) -> None:
    head.control("brand")
    head.values("give", head.north, "brand", ["A"])
    assert head.sampled(head.north)["amount"] == ["10", "30"]
    assert head.call("put", "columns/?table=sales", {"enabled": True}).status_code == 200
    assert head.sampled(head.north) == 409
    head.columns("give", head.north, ["id", "region"])
    assert head.sampled(head.north) == {"id": ["1", "3"], "region": ["north", "south"]}
    head.columns("give", head.south, "*")
    assert head.sampled(head.south) == 409
    head.columns("take", head.north, ["id"])
    assert head.sampled(head.north) == {"region": ["north", "south"]}


def test_all_columns_are_those_of_today(head: Head) -> None:
    head.call("put", "columns/?table=sales", {"enabled": True})
    head.columns("give", head.north, "*")
    head.server.run("ALTER TABLE sales ADD COLUMN secret integer")
    assert list(head.sampled(head.north)) == ["id", "brand", "region", "amount", "sold"]


def test_dates_and_unknown_columns_control_no_rows(head: Head) -> None:
    for field in ("sold", "nowhere"):
        answer = head.control(field)
        assert (answer.status_code, list(answer.json()["errors"])) == (400, ["fields"])


def test_ending_a_control_asks_and_forgets_what_was_given(one: Head) -> None:
    one.share("*", one.north)
    one.control("brand")
    one.values("give", one.north, "brand", ["A"])
    one.call("put", "columns/?table=sales", {"enabled": True})
    one.columns("give", one.north, ["id"])
    for path, data in (("rows", {"fields": []}), ("columns", {"enabled": False})):
        asked = one.call("put", f"{path}/?table=sales", data)
        assert (asked.status_code, list(asked.json()["errors"])) == (400, ["confirm"])
        assert one.call("put", f"{path}/?table=sales", {**data, "confirm": True}).status_code == 200
    assert not RowGrant.objects.exists() and not ColumnGrant.objects.exists()
    assert not TableControl.objects.exists()
    assert len(one.sampled(one.north)) == 5  # type: ignore[arg-type]


def test_how_many_rows_there_are_is_told_to_those_who_see_all(one: Head) -> None:
    one.server.run("ANALYZE sales")
    one.share("*", one.north)
    path = f"sources/{one.source.pk}/tables/"
    assert one.north.call("get", f"{path}?search=sales").json()["results"][0]["rows"] == 4
    one.control("brand")
    one.values("give", one.north, "brand", ["A"])
    assert one.north.call("get", f"{path}?search=sales").json()["results"][0]["rows"] is None
    assert one.north.call("get", f"{path}sales/").json()["rows"] is None


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


def test_a_source_stays_while_a_table_of_any_workspace_is_copied_from_it(one: Head) -> None:
    one.share("*", one.north)
    one.north.bring(one.source, "sales")
    refused = one.call("delete")
    assert (refused.status_code, refused.json()["code"]) == (409, "in_use")
    assert f"{one.north.workspace}: sales" in refused.json()["detail"]
    Feed.objects.all().delete()
    assert one.call("delete").status_code == 204 and not TableGrant.objects.exists()


def test_everything_is_in_the_audit_log(one: Head) -> None:
    one.share(["sales"], one.north)
    one.call("post", "grants/revoke/", {"tables": ["sales"], "workspaces": [one.north.workspace.slug]})
    one.control("brand")
    one.values("give", one.north, "brand", ["A"])
    one.values("take", one.north, "brand", ["A"])
    one.call("put", "columns/?table=sales", {"enabled": True})
    one.columns("give", one.north, ["id"])
    one.columns("take", one.north, ["id"])
    entries = AuditEntry.objects.filter(organization=one.organization, object_id=one.source.pk).order_by("at")
    assert [entry.action for entry in entries] == [
        "source.created",
        *("source.tables_granted", "source.tables_revoked"),
        *("source.rows_controlled", "source.rows_granted", "source.rows_revoked"),
        *("source.columns_controlled", "source.columns_granted", "source.columns_revoked"),
    ]
    assert {entry.actor for entry in entries} == {one.manager}


@pytest.mark.parametrize(
    ("path", "data", "field"),
    [
        ("grants/", {"tables": ["nowhere"], "workspaces": ["NORTH"]}, "tables"),
        ("grants/", {"tables": [], "workspaces": ["NORTH"]}, "tables"),
        ("grants/", {"tables": "*", "workspaces": ["elsewhere"]}, "workspaces"),
        ("grants/", {"tables": "*", "workspaces": []}, "workspaces"),
        ("grants/", {"tables": "*", "workspaces": ["NORTH"], "colour": 1}, "colour"),
        ("rows/give/?table=sales", {"workspace": "NORTH", "field": "amount", "values": ["1"]}, "field"),
        ("rows/give/?table=sales", {"workspace": "NORTH", "field": "id", "values": ["one"]}, "values"),
        ("rows/give/?table=sales", {"workspace": "NORTH", "field": "id", "values": []}, "values"),
        ("rows/give/?table=sales", {"workspace": "elsewhere", "field": "id", "values": ["1"]}, "workspaces"),
        ("rows/give/", {"workspace": "NORTH", "field": "id", "values": ["1"]}, "table"),
        ("columns/give/?table=sales", {"workspace": "NORTH", "columns": ["id"]}, "columns"),
        ("columns/give/?table=sales", {"workspace": "NORTH", "columns": ["nowhere"]}, "columns"),
    ],
)
def test_bad_grants_are_refused_at_the_field(one: Head, path: str, data: dict[str, Any], field: str) -> None:
    one.control("id")
    slug = one.north.workspace.slug
    given = {**data, **({"workspace": slug} if data.get("workspace") == "NORTH" else {})}
    if data.get("workspaces") == ["NORTH"]:
        given["workspaces"] = [slug]
    answer = one.call("post", path, given)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])


def test_a_workspace_of_another_organization_is_never_let_in(one: Head) -> None:
    strange = make_access()
    TableGrant.objects.create(connection=one.source, workspace=strange.workspace, remote="")
    client = APIClient(HTTP_AUTHORIZATION=f"Bearer {make_token(strange)}")
    path = f"/api/v1/workspaces/{strange.workspace.slug}/sources/"
    assert client.get(path).json()["count"] == 0
    assert client.get(f"{path}{one.source.pk}/tables/").status_code == 404


SALES_DATA = {
    "name": "Sales",
    "kind": "user_tags",
    "table": "sales",
    "user_id": {"column": "id", "id_type": "one_id"},
    "tags": [{"column": "brand", "name": "Brand", "type": "enum"}],
}


def test_a_dataset_whose_table_has_been_taken_back_is_not_refreshed_and_says_why(
    one: Head, run_jobs: RunJobs
) -> None:
    one.share(["sales"], one.north)
    one.north.bring(one.source, "sales")
    dataset = datasets.create(one.north.access, SALES_DATA)
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
    dataset = datasets.create(one.north.access, SALES_DATA)
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
