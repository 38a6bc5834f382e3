"""The console's pages of databases outside."""

from __future__ import annotations

from typing import Any

import pytest

from insight.datasources.connections import services
from insight.datasources.models import Connection
from tests.factories import make_access
from tests.insight.datasources.servers import Server
from tests.insight.datasources.test_tables import Member


@pytest.fixture
def person(db: None) -> Member:
    return Member(make_access())


def form(server: Server, **more: Any) -> dict[str, Any]:
    return {**server.settings(**more), "tls": "prefer", "schema": ""}


def address(person: Member, path: str = "") -> str:
    return f"{person.base}databases/{path}"


def test_a_database_is_connected_by_form(person: Member, server: Server) -> None:
    page = person.browser.get(address(person, f"new/{server.kind}/"))
    assert ('name="schema"' in page.content.decode()) is (server.kind == "postgresql")
    answer = person.browser.post(address(person, f"new/{server.kind}/"), form(server))
    saved = Connection.objects.get()
    assert (answer.status_code, answer.url) == (302, address(person, f"{saved.pk}/"))
    shown = person.browser.get(answer.url).content.decode()
    assert server.database in shown and server.password not in shown
    assert "Shop" in person.browser.get(address(person)).content.decode()


def test_saving_what_does_not_work_shows_the_steps_and_the_field(person: Member, server: Server) -> None:
    answer = person.browser.post(address(person, f"new/{server.kind}/"), form(server, password="wrong"))
    page = answer.content.decode()
    assert answer.status_code == 422 and "refuses the login" in page
    assert page.count('class="passed"') == 3 and page.count('class="broken"') == 1
    assert not Connection.objects.exists()


def test_the_button_tries_and_saves_nothing(person: Member, server: Server) -> None:
    url = address(person, f"new/{server.kind}/")
    data = {**form(server, name=""), "action": "test"}
    page = person.browser.post(url, data, headers={"HX-Request": "true"}).content.decode()
    assert "The connection works." in page and page.count('class="passed"') == 7
    broken = person.browser.post(
        url, {**data, "host": "a,b"}, headers={"HX-Request": "true"}
    ).content.decode()
    assert "IP address alone" in broken and "passed" not in broken
    assert not Connection.objects.exists()


def test_editing_keeps_the_password_and_never_shows_it(person: Member, server: Server) -> None:
    saved = services.create(person.access, server.settings())
    url = address(person, f"{saved.pk}/edit/")
    page = person.browser.get(url).content.decode()
    assert services.KEPT in page and server.password not in page
    data = {**form(server, name="Till", password=services.KEPT), "edit_version": "1"}
    assert person.browser.post(url, data).status_code == 302
    saved.refresh_from_db()
    assert (saved.name, saved.password) == ("Till", server.password)
    assert person.browser.post(url, data).status_code == 422
    moved = {**data, "edit_version": "2", "host": "localhost"}
    assert "Type the password again" in person.browser.post(url, moved).content.decode()


def test_tables_are_listed_searched_and_looked_at(person: Member, server: Server) -> None:
    saved = services.create(person.access, server.settings())
    page = person.browser.get(address(person, f"{saved.pk}/tables/")).content.decode()
    assert "members" in page and "Everybody with a card" in page and "grown" in page
    assert "grown" not in person.browser.get(address(person, f"{saved.pk}/tables/?q=memb")).content.decode()
    table = person.browser.get(address(person, f"{saved.pk}/table/?table=members")).content.decode()
    assert "Points now" in table and "2026-01-02" not in table
    sampled = person.browser.get(
        address(person, f"{saved.pk}/table/?table=members&sample=1")
    ).content.decode()
    assert "2026-01-02" in sampled
    odd = person.browser.get(
        address(person, f"{saved.pk}/table/"), {"table": 'Odd "name/here', "sample": "1"}
    )
    assert "select" in odd.content.decode()
    assert person.browser.get(address(person, f"{saved.pk}/table/?table=nowhere")).status_code == 404


def test_a_database_that_is_away_leaves_its_page_usable(person: Member, postgresql: Server) -> None:
    saved = services.create(person.access, postgresql.settings())
    Connection.objects.update(port=1)
    assert person.browser.get(address(person, f"{saved.pk}/")).status_code == 200
    for path in ("tables/", "table/?table=members"):
        answer = person.browser.get(address(person, f"{saved.pk}/{path}"))
        assert answer.status_code == 200 and "Nothing answers" in answer.content.decode()


def test_addresses_to_let_in_are_shown_where_they_are_known(person: Member, settings: Any) -> None:
    url = address(person, "new/postgresql/")
    assert "firewall" not in person.browser.get(url).content.decode()
    settings.EGRESS_IPS = ["203.0.113.7"]
    assert "203.0.113.7" in person.browser.get(url).content.decode()
    assert person.browser.get(address(person, "new/oracle/")).status_code == 404


def test_those_who_may_only_look_get_no_buttons(person: Member, postgresql: Server) -> None:
    saved = services.create(person.access, postgresql.settings())
    developer = Member(make_access(person.access.workspace, "developer"))
    assert not developer.access.can("insight.datasource.manage")
    page = developer.browser.get(address(person, f"{saved.pk}/")).content.decode()
    assert "Test the connection" not in page
    assert "Connect a database" not in developer.browser.get(address(person)).content.decode()
    assert developer.browser.get(address(person, "new/mysql/")).status_code == 403
    assert developer.browser.post(address(person, f"{saved.pk}/delete/")).status_code == 403


def test_a_saved_source_is_tried_and_removed(person: Member, server: Server) -> None:
    saved = services.create(person.access, server.settings())
    answer = person.browser.post(address(person, f"{saved.pk}/test/"), follow=True)
    assert "The connection works" in answer.content.decode()
    assert person.browser.post(address(person, f"{saved.pk}/delete/")).status_code == 302
    assert not Connection.objects.exists()
