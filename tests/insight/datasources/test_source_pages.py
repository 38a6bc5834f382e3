"""The console's pages of databases outside."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from insight.datasets import services as datasets
from insight.datasources.connections import feeds, services
from insight.datasources.models import Connection, Feed
from tests.factories import make_access
from tests.insight.datasources.servers import Server
from tests.insight.datasources.test_tables import Member

RunJobs = Callable[..., list[Any]]


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


def settings_of(**more: Any) -> dict[str, Any]:
    """The form of how a table is copied, as a browser sends it."""
    columns = ["member_no", "phone", "points", "joined"]
    return {"name": "members", "mode": "full", "every": "off", "columns": columns, **more}


def test_a_table_is_brought_in_from_the_browser_of_tables(
    person: Member, server: Server, run_jobs: RunJobs
) -> None:
    saved = services.create(person.access, server.settings())
    listed = person.browser.get(address(person, f"{saved.pk}/tables/")).content.decode()
    url = address(person, f"{saved.pk}/bring-in/") + "?table=members"
    assert url.replace("&", "&amp;") in listed
    form = person.browser.get(url).content.decode()
    assert 'value="points"' in form and "Bring in members" in form
    refused = person.browser.post(url, settings_of(mode="incremental"))
    assert refused.status_code == 422 and "grows with every new row" in refused.content.decode()
    nothing = person.browser.post(url, settings_of(columns=[]))
    assert nothing.status_code == 422 and "Tick at least one column" in nothing.content.decode()
    answer = person.browser.post(
        url, settings_of(mode="incremental", cursor="joined", key="member_no", every="day", at="04:30")
    )
    feed = Feed.objects.get()
    assert (answer.status_code, answer.url) == (302, f"{person.base}tables/{feed.pk}/")
    assert (feed.cursor, feed.key, feed.columns) == ("joined", "member_no", [])
    assert feed.refresh == {"every": "day", "at": "04:30"}
    run_jobs()
    page = person.browser.get(answer.url).content.decode()
    assert "Make a dataset" in page and "What is new, by joined" in page and "Append rows" not in page
    assert "Every day at 04:30" in page
    again = person.browser.get(address(person, f"{saved.pk}/tables/")).content.decode()
    assert f"tables/{feed.pk}/" in again
    assert saved.name in person.browser.get(person.base).content.decode()


def test_how_a_table_is_copied_is_changed_by_form(person: Member, server: Server, run_jobs: RunJobs) -> None:
    saved = services.create(person.access, server.settings())
    table, _job = feeds.bring_in(person.access, saved, {"table": "members", "refresh": {"every": "hour"}})
    run_jobs()
    url = f"{person.base}tables/{table.pk}/feed/"
    shown = person.browser.get(url).content.decode()
    assert shown.count("checked") == 5 and 'value="hour" selected' in shown
    data = settings_of(columns=["points", "member_no"], every="hour", hours="2")
    assert person.browser.post(url, data).status_code == 302
    feed = Feed.objects.get()
    assert (feed.columns, feed.refresh) == (["member_no", "points"], {"every": "hour", "hours": 2})
    Connection.objects.update(port=1)
    away = person.browser.get(url).content.decode()
    assert "only the time of copies" in away and "member_no" not in away
    assert person.browser.post(url, {"every": "off"}).status_code == 302
    feed.refresh_from_db()
    assert (feed.columns, feed.refresh) == (["member_no", "points"], {"every": "off"})


def test_a_failed_copy_says_what_to_do_and_offers_it(
    person: Member, postgresql: Server, run_jobs: RunJobs
) -> None:
    postgresql.run("DROP VIEW grown")
    saved = services.create(person.access, postgresql.settings())
    table, _job = feeds.bring_in(person.access, saved, {"table": "members"})
    run_jobs()
    url = f"{person.base}tables/{table.pk}/"
    postgresql.run("ALTER TABLE members DROP COLUMN phone")
    assert person.browser.post(f"{url}copy/").status_code == 302
    run_jobs(allow_failure=True)
    page = person.browser.get(url).content.decode()
    assert "no longer has these columns: phone" in page and "Take the columns as they are now" in page
    person.browser.post(f"{url}copy/", {"accept_columns": "1"})
    run_jobs()
    assert "no longer has these columns: phone" not in person.browser.get(url).content.decode()
    person.browser.post(f"{url}part/")
    page = person.browser.get(url).content.decode()
    assert "Copied from" not in page and "Append rows" in page


def test_a_source_with_tables_lists_them_instead_of_going(
    person: Member, postgresql: Server, run_jobs: RunJobs
) -> None:
    saved = services.create(person.access, postgresql.settings())
    table, _job = feeds.bring_in(person.access, saved, {"table": "members"})
    run_jobs()
    tag = {"column": "points", "name": "Points", "type": "number"}
    user = {"column": "member_no", "id_type": "one_id"}
    data = {"name": "People", "kind": "user_tags", "table": table.name, "user_id": user, "tags": [tag]}
    datasets.create(person.access, data)
    page = person.browser.get(address(person, f"{saved.pk}/delete/")).content.decode()
    assert "members (People)" in page and "It cannot be removed" in page
    assert person.browser.post(address(person, f"{saved.pk}/delete/")).status_code == 409
    assert Connection.objects.exists()


def test_bringing_in_from_a_source_that_is_away_leads_back_to_it(person: Member, postgresql: Server) -> None:
    saved = services.create(person.access, postgresql.settings())
    Connection.objects.update(port=1)
    answer = person.browser.get(address(person, f"{saved.pk}/bring-in/") + "?table=members", follow=True)
    assert answer.redirect_chain[-1][0] == address(person, f"{saved.pk}/")
    assert "Nothing answers" in answer.content.decode()
