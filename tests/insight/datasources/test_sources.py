"""Databases outside: a source is saved only when it works, its password stays inside, its tables can be looked at."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from django.db import connection as database

from admin_center.audit.models import AuditEntry
from insight.datasources.connections import diagnosis, dialects, services
from insight.datasources.models import Connection
from tests.factories import make_access
from tests.insight.datasources.servers import Server
from tests.insight.datasources.test_tables import Member

Change = Callable[[Server], dict[str, Any]]


class Person(Member):
    def sources(self, method: str, path: str = "", data: Any = None, **headers: Any) -> Any:
        url = f"/api/v1/workspaces/{self.access.workspace.slug}/sources/{path}"
        more = {} if method == "get" else {"format": "json"}
        return getattr(self.client, method)(url, data, **more, **headers)


@pytest.fixture
def person(db: None) -> Person:
    return Person(make_access())


def test_a_working_source_is_saved_and_its_password_is_never_seen_again(
    person: Person, server: Server
) -> None:
    answer = person.sources("post", data=server.settings())
    assert answer.status_code == 201, answer.content
    saved = answer.json()
    assert saved["schema"] == ("public" if server.kind == "postgresql" else "")
    assert saved["has_password"] and saved["server_version"] and saved["tested_at"]
    assert "password" not in saved
    for path in ("", f"{saved['id']}/"):
        assert server.password not in person.sources("get", path).content.decode()
    with database.cursor() as cursor:
        cursor.execute("SELECT password FROM datasources_connection")
        assert server.password not in cursor.fetchone()[0]
    assert Connection.objects.get().password == server.password
    entries = AuditEntry.objects.filter(action__startswith="source.")
    assert [entry.action for entry in entries] == ["source.created"]
    assert server.password not in str(list(entries.values()))


def test_a_silent_port_is_named_as_the_failing_step(person: Person, server: Server) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        answer = person.sources("post", data=server.settings(port=taken.getsockname()[1]))
    assert (answer.status_code, answer.json()["code"]) == (400, "source_unreachable")
    assert list(answer.json()["errors"]) == ["port"]
    assert [step["step"] for step in answer.json()["steps"]] == ["name", "port"]
    assert not Connection.objects.exists()


@pytest.mark.parametrize(
    ("change", "code", "field", "step"),
    [
        ({"host": "no-such-host.invalid"}, "host_unknown", "host", "name"),
        ({"tls": "verify"}, "tls_failed", "tls", "tls"),
        ({"password": "wrong"}, "auth_failed", "password", "login"),
        ({"account": "nobody_here"}, "auth_failed", "password", "login"),
        ({"database": "no_such_database"}, "database_missing", "database", "database"),
    ],
)
def test_a_broken_setting_is_named_and_nothing_is_saved(
    person: Person, server: Server, change: dict[str, Any], code: str, field: str, step: str
) -> None:
    answer = person.sources("post", data=server.settings(**change))
    found = answer.json()
    assert (answer.status_code, found["code"], list(found["errors"])) == (400, code, [field]), found
    assert (found["steps"][-1]["step"], found["steps"][-1]["ok"]) == (step, False)
    assert all(taken["ok"] for taken in found["steps"][:-1])
    assert server.password not in answer.content.decode()
    assert not Connection.objects.exists()


def test_a_missing_schema_and_missing_rights_are_named(person: Person, postgresql: Server) -> None:
    answer = person.sources("post", data=postgresql.settings(schema="nowhere")).json()
    assert (answer["code"], list(answer["errors"])) == ("database_missing", ["schema"])
    postgresql.run(
        "CREATE SCHEMA closed",
        "CREATE TABLE closed.secret (a int)",
        "REVOKE ALL ON closed.secret FROM CURRENT_USER",
    )
    answer = person.sources("post", data=postgresql.settings(schema="closed")).json()
    assert (answer["code"], answer["steps"][-1]["step"]) == ("rights_missing", "rights")


def test_another_service_at_the_port_is_told_apart(
    person: Person, server: Server, request: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dialects, "GREETING_SECONDS", 0.3)
    other: Server = request.getfixturevalue("mysql" if server.kind == "postgresql" else "postgresql")
    answer = person.sources("post", data=server.settings(port=other.port)).json()
    assert answer["code"] == "source_unreachable" and "no " in answer["detail"]


def test_an_old_server_is_refused(person: Person, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnosis.dialect_of(Connection(kind=server.kind)).__class__, "oldest", (99, 0))
    answer = person.sources("post", data=server.settings()).json()
    assert (answer["code"], answer["steps"][-1]["step"]) == ("version_too_old", "version")


def test_addresses_inside_the_own_network_are_refused_where_the_installation_says_so(
    person: Person, postgresql: Server, settings: Any
) -> None:
    settings.OUTBOUND_ALLOW_PRIVATE = False
    answer = person.sources("post", "test/", postgresql.settings()).json()
    assert (answer["ok"], answer["code"], answer["steps"][-1]["step"]) == (False, "private_address", "name")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 65}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"name": 5}, "name"),
        ({"kind": "oracle"}, "kind"),
        ({"host": "/var/run/postgresql"}, "host"),
        ({"host": "a,b"}, "host"),
        ({"host": "http://a"}, "host"),
        ({"host": ""}, "host"),
        ({"port": 0}, "port"),
        ({"port": 65_536}, "port"),
        ({"port": "5432x"}, "port"),
        ({"port": True}, "port"),
        ({"database": ""}, "database"),
        ({"account": ""}, "account"),
        ({"tls": "perhaps"}, "tls"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_bad_values_are_refused_at_the_field(person: Person, change: dict[str, Any], field: str) -> None:
    data = Server("postgresql", "127.0.0.1", 1, "d", "u", "p").settings(**change)
    answer = person.sources("post", data=data)
    assert (answer.status_code, answer.json()["code"]) == (400, "validation_failed")
    assert list(answer.json()["errors"]) == [field]


def test_a_test_changes_nothing_and_says_what_it_saw(person: Person, server: Server) -> None:
    settings = server.settings()
    del settings["name"]
    found = person.sources("post", "test/", settings).json()
    assert found["ok"] and [step["step"] for step in found["steps"]] == list(diagnosis.STEPS)
    assert found["seen_as"] in ("127.0.0.1", "localhost")
    assert not Connection.objects.exists()


def test_a_change_is_tested_and_keeps_the_password(person: Person, server: Server) -> None:
    saved = person.sources("post", data=server.settings()).json()
    path = f"{saved['id']}/"
    assert person.sources("patch", path, {"name": "Till", "password": services.KEPT}).json()["name"] == "Till"
    assert Connection.objects.get().password == server.password
    refused = person.sources("patch", path, {"database": "no_such_database"})
    assert (refused.status_code, refused.json()["code"]) == (400, "database_missing")
    assert Connection.objects.get().database == server.database
    assert list(person.sources("patch", path, {"kind": "oracle"}).json()["errors"]) == ["kind"]
    entry = AuditEntry.objects.get(action="source.changed")
    assert (entry.before, entry.after) == ({"name": "Shop"}, {"name": "Till"})


@pytest.mark.parametrize(
    "change", [{"host": "localhost"}, {"account": "another"}, {"tls": "disable"}, {"port": 1}]
)
def test_a_kept_password_is_sent_nowhere_else(person: Person, server: Server, change: dict[str, Any]) -> None:
    """Otherwise whoever may edit a source could have its password sent to a server of their own."""
    saved = person.sources("post", data=server.settings()).json()
    for method, path in (("patch", f"{saved['id']}/"), ("post", f"{saved['id']}/test/")):
        answer = person.sources(method, path, change)
        assert (answer.status_code, list(answer.json()["errors"])) == (400, ["password"])


def test_a_lost_update_is_refused(person: Person, postgresql: Server) -> None:
    answer = person.sources("post", data=postgresql.settings())
    tag = answer.headers["ETag"]
    path = f"{answer.json()['id']}/"
    assert person.sources("patch", path, {"name": "One"}, headers={"If-Match": tag}).status_code == 200
    assert person.sources("patch", path, {"name": "Two"}, headers={"If-Match": tag}).status_code == 412


def test_names_are_used_once_in_a_workspace(person: Person, postgresql: Server) -> None:
    assert person.sources("post", data=postgresql.settings()).status_code == 201
    again = person.sources("post", data=postgresql.settings())
    assert (again.status_code, again.json()["code"], list(again.json()["errors"])) == (
        409,
        "name_taken",
        ["name"],
    )
    assert Person(make_access()).sources("post", data=postgresql.settings()).status_code == 201


def test_rights_are_those_of_tables(person: Person, postgresql: Server) -> None:
    saved = person.sources("post", data=postgresql.settings()).json()
    for role, sees in (("developer", True), ("analyst", False)):
        other = Person(make_access(person.access.workspace, role))
        answers = [other.sources("get", path).status_code for path in ("", f"{saved['id']}/tables/")]
        assert answers == ([200, 200] if sees else [403, 403]), role
        for method, path in (
            ("post", ""),
            ("post", "test/"),
            ("patch", f"{saved['id']}/"),
            ("delete", f"{saved['id']}/"),
        ):
            may = other.access.can("insight.datasource.manage")
            assert (other.sources(method, path, {}).status_code == 403) is not may, (role, method, path)


def test_tables_are_browsed_and_searched(person: Person, server: Server) -> None:
    saved = person.sources("post", data=server.settings()).json()
    found = person.sources("get", f"{saved['id']}/tables/").json()
    assert sorted(table["name"] for table in found["results"]) == ['Odd "name/here', "grown", "members"]
    members = next(table for table in found["results"] if table["name"] == "members")
    assert members == {
        "name": "members",
        "kind": "table",
        "comment": "Everybody with a card",
        "rows": 2,
        "tables": [],
        "last_read_at": None,
    }
    some = person.sources("get", f"{saved['id']}/tables/?search=MEMB").json()
    assert (some["count"], some["results"]) == (1, [members])


def test_columns_are_shown_with_a_masked_sample_on_demand(person: Person, server: Server) -> None:
    saved = person.sources("post", data=server.settings()).json()
    table = person.sources("get", f"{saved['id']}/tables/members/").json()
    assert [(column["name"], column["type"]) for column in table["columns"]] == [
        ("member_no", "text"),
        ("phone", "text"),
        ("points", "integer"),
        ("joined", "date"),
    ]
    assert table["columns"][2]["comment"] == "Points now" and "values" not in table["columns"][0]
    developer = Person(make_access(person.access.workspace, "developer"))
    assert not developer.access.can("privacy.unmask")
    sampled = developer.sources("get", f"{saved['id']}/tables/members/?sample=true")
    columns = {column["name"]: column for column in sampled.json()["columns"]}
    assert columns["points"]["values"] == ["5", "7"] and columns["points"]["nulls"] == 0
    assert columns["joined"]["values"] == ["2026-01-02"] and columns["joined"]["nulls"] == 0.5
    assert "13800000001" not in sampled.content.decode()


def test_odd_names_of_tables_are_found_and_missing_ones_are_not(person: Person, server: Server) -> None:
    saved = person.sources("post", data=server.settings()).json()
    odd = quote('Odd "name/here', safe="")
    table = person.sources("get", f"{saved['id']}/tables/{odd}/?sample=true")
    assert table.json()["columns"][0]["name"] == "select"
    missing = person.sources("get", f"{saved['id']}/tables/members' OR '1'='1/")
    assert (missing.status_code, missing.json()["code"]) == (404, "table_missing")


def test_a_source_whose_password_was_changed_says_so_while_browsing(person: Person, server: Server) -> None:
    saved = person.sources("post", data=server.settings()).json()
    Connection.objects.update(password="")
    row = Connection.objects.get()
    row.password = "another"
    row.save()
    answer = person.sources("get", f"{saved['id']}/tables/")
    assert (answer.status_code, answer.json()["code"]) == (502, "auth_failed")


def test_a_source_is_removed(person: Person, postgresql: Server) -> None:
    saved = person.sources("post", data=postgresql.settings()).json()
    assert person.sources("delete", f"{saved['id']}/").status_code == 204
    assert not Connection.objects.exists()
    assert AuditEntry.objects.filter(action="source.deleted").exists()
