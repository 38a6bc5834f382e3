"""Sources of an organization by the API: who sees what of them, and what copies follow a changed grant."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from admin_center.audit.models import AuditEntry
from insight.datasources.connections import services
from insight.datasources.models import ColumnGrant, Connection, Feed, RowGrant, TableControl, TableGrant
from tests.factories import make_access, make_manager, make_organization, make_token, make_workspace
from tests.insight.datasources.sharing import Head

RunJobs = Callable[..., list[Any]]


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
