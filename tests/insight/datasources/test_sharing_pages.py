"""The console's pages of an organization's sources: adding one, three tabs to share it, and its mark in a workspace."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from insight.datasources.connections import services
from insight.datasources.models import ColumnGrant, Connection, RowGrant, TableControl, TableGrant
from insight.datasources.organization import sharing
from tests.factories import make_access, make_manager, make_organization
from tests.insight.datasources.servers import Server
from tests.insight.datasources.sharing import BACKEND, Head

RunJobs = Callable[..., list[Any]]
BASE = "/organization/sources/"


@pytest.fixture
def head(postgresql: Server, run_jobs: RunJobs) -> Head:
    return Head(postgresql, run_jobs)


def text(head: Head, path: str) -> str:
    answer = head.browser.get(f"{BASE}{path}")
    assert answer.status_code == 200, path
    return str(answer.content.decode())


def press(head: Head, path: str, **data: Any) -> str:
    """What the page says after a button."""
    return str(head.browser.post(f"{BASE}{head.source.pk}/{path}", data, follow=True).content.decode())


def test_a_source_is_added_tested_edited_and_removed_by_pages(head: Head, settings: Any) -> None:
    settings.EGRESS_IPS = ["203.0.113.7"]
    assert "203.0.113.7" in text(head, "new/postgresql/")
    form = {**head.server.settings(name="Second"), "tls": "prefer", "schema": ""}
    tried = head.browser.post(
        f"{BASE}new/postgresql/", {**form, "action": "test"}, headers={"HX-Request": "true"}
    )
    assert "The connection works." in tried.content.decode()
    answer = head.browser.post(f"{BASE}new/postgresql/", form)
    saved = Connection.objects.get(name="Second")
    assert (answer.status_code, answer.url) == (302, f"{BASE}{saved.pk}/")
    assert saved.organization == head.organization and saved.workspace is None
    shown = text(head, f"{saved.pk}/")
    assert head.server.database in shown and head.server.password not in shown
    assert head.server.password not in text(head, f"{saved.pk}/edit/")
    assert "203.0.113.7" in text(head, f"{saved.pk}/edit/")
    assert head.browser.post(f"{BASE}{saved.pk}/test/").status_code == 302
    kept = {**form, "name": "Third", "password": services.KEPT, "edit_version": "1"}
    assert head.browser.post(f"{BASE}{saved.pk}/edit/", kept).status_code == 302
    assert "All its grants go with it." in text(head, f"{saved.pk}/delete/")
    assert head.browser.post(f"{BASE}{saved.pk}/delete/").status_code == 302
    assert not Connection.objects.filter(name="Third").exists()


def test_what_does_not_work_is_not_saved_and_shows_the_step(head: Head) -> None:
    form = {**head.server.settings(name="Second", password="wrong"), "tls": "prefer", "schema": ""}
    answer = head.browser.post(f"{BASE}new/postgresql/", form)
    assert answer.status_code == 422 and "refuses the login" in answer.content.decode()
    assert head.browser.get(f"{BASE}new/oracle/").status_code == 404


def test_the_list_has_the_sources_of_all_workspaces_with_a_mark_for_the_organizations(head: Head) -> None:
    services.create(head.north.access, head.server.settings(name="Till"))
    page = text(head, "")
    assert "Till" in page and "Warehouse" in page and page.count("ti-building") == 1
    assert "Till" not in text(head, "?q=ware")


def test_only_managers_open_the_pages_and_only_of_their_organization(head: Head) -> None:
    stranger = Client()
    stranger.force_login(make_manager(make_organization()), backend=BACKEND)
    for path in ("", "tables/", "edit/", "delete/", "sharing/", "sharing/rows/", "sharing/columns/"):
        url = f"{BASE}{head.source.pk}/{path}"
        assert head.north.browser.get(url).status_code == 403
        assert stranger.get(url).status_code == 404
        assert "/login/" in Client().get(url).url  # type: ignore[attr-defined]
    for browser, status in ((head.north.browser, 403), (stranger, 404)):
        data = {"act": "grant", "workspaces": head.north.workspace.slug}
        assert browser.post(f"{BASE}{head.source.pk}/sharing/?table=*", data).status_code == status
    assert not TableGrant.objects.exists()


def test_tables_are_shared_and_taken_back_by_buttons(head: Head) -> None:
    assert "Choose tables first" in text(head, f"{head.source.pk}/sharing/")
    both = [head.north.workspace.slug, head.south.workspace.slug]
    page = press(head, "sharing/?table=sales&table=members", act="grant", workspaces=both, until="2999-12-31")
    assert "It works at once" in page and "2999-12-31 23:59" in page
    page = press(head, "sharing/?table=sales", act="revoke", workspace=head.north.workspace.slug)
    assert TableGrant.objects.count() == 3 and "North" in page
    assert "Choose workspaces" in press(head, "sharing/?table=sales", act="grant")
    assert "Give a day such as" in press(
        head, "sharing/?table=sales", act="grant", workspaces=both, until="soon"
    )
    press(head, "sharing/?table=*", act="grant", workspaces=both)
    assert TableGrant.objects.filter(remote="", expires_at=None).count() == 2
    assert "for good" in text(head, f"{head.source.pk}/sharing/?table=*")


def test_rows_are_shared_and_taken_back_by_buttons(head: Head) -> None:
    path = "sharing/rows/?table=sales"
    assert (
        "sold" not in text(head, f"{head.source.pk}/{path}").split('id="by-columns"')[1].split("</form>")[0]
    )
    assert "sees no rows" in press(head, path, act="control", fields=["brand"])
    north = {"workspace": head.north.workspace.slug, "field": "brand"}
    place = f"{path}&workspace={head.north.workspace.slug}&field=brand"
    page = text(head, f"{head.source.pk}/{place}")
    assert 'name="values" value="A"' in page and 'name="values" value="B"' in page
    assert "none: no rows" in page
    press(head, place, act="give", values=["A"], typed="C\n\n D \n", **north)
    assert set(RowGrant.objects.values_list("value", flat=True)) == {"A", "C", "D"}
    press(head, place, act="take", values=["C"], **north)
    assert set(RowGrant.objects.values_list("value", flat=True)) == {"A", "D"}
    assert "all values" in press(head, place, every="1", **north)
    assert RowGrant.objects.get().every
    press(head, place, act="take", every="1", **north)
    assert not RowGrant.objects.exists()
    press(head, path, act="release")
    assert not TableControl.objects.exists()


def test_columns_are_shared_and_taken_back_by_buttons(head: Head) -> None:
    path = "sharing/columns/?table=sales"
    press(head, path, act="control")
    place, north = f"{path}&workspace={head.north.workspace.slug}", {"workspace": head.north.workspace.slug}
    assert "none: the table is hidden" in text(head, f"{head.source.pk}/{place}")
    press(head, place, act="give", columns=["id", "brand"], **north)
    press(head, place, act="take", columns=["id"], **north)
    assert [row.name for row in ColumnGrant.objects.all()] == ["brand"]
    assert "It has all of them." in press(head, place, every="1", **north)
    head.server.run("ALTER TABLE sales DROP COLUMN sold")
    assert "no longer has it" in text(head, f"{head.source.pk}/{place}")
    press(head, path, act="release")
    assert not TableControl.objects.exists()


def test_grants_can_be_taken_back_while_the_source_is_away(head: Head) -> None:
    head.share(["sales"], head.north)
    head.control("brand")
    head.values("give", head.north, "brand", ["A"])
    Connection.objects.update(port=1)
    for path in ("", "rows/", "columns/"):
        assert "Nothing answers" in text(head, f"{head.source.pk}/sharing/{path}?table=sales")
    place = f"sharing/rows/?table=sales&workspace={head.north.workspace.slug}&field=brand"
    assert "Nothing answers" in text(head, f"{head.source.pk}/{place}")
    slug = head.north.workspace.slug
    press(head, place, act="take", workspace=slug, field="brand", values=["A"])
    press(head, "sharing/?table=sales", act="revoke", workspace=slug)
    assert not RowGrant.objects.exists() and not TableGrant.objects.exists()


def test_the_workspace_sees_the_mark_and_only_what_is_shared(head: Head) -> None:
    base = f"/w/{head.north.workspace.slug}/sources/databases/"

    def page(path: str) -> str:
        return str(head.north.browser.get(f"{base}{path}").content.decode())

    assert "Warehouse" not in page("")
    head.share(["sales"], head.north)
    assert "Warehouse" in page("") and "ti-building" in page("")
    shown = page(f"{head.source.pk}/")
    assert "Shared by" in shown and head.server.database not in shown and "Edit" not in shown
    assert "sales" in page(f"{head.source.pk}/tables/") and "members" not in page(f"{head.source.pk}/tables/")
    assert "is not shared with your workspace" in page(f"{head.source.pk}/table/?table=members")
    assert page(f"{head.source.pk}/table/?table=sales").count("bring-in/?table=sales&amp;kind=") == 5
    for path in ("edit/", "delete/"):
        assert head.north.browser.get(f"{base}{head.source.pk}/{path}").status_code == 404
    sharing.control_columns(head.access, head.source, "sales", True)
    sharing.give_columns(head.access, head.source, "sales", head.north.workspace, ["id", "brand"])
    form = page(f"{head.source.pk}/bring-in/?table=sales")
    assert 'value="brand"' in form and 'value="amount"' not in form


def test_the_page_of_a_copied_table_opens_also_when_its_source_is_not_seen_any_more(head: Head) -> None:
    head.share(["sales"], head.north)
    table = head.north.bring(head.source, "sales")
    url = f"/w/{head.north.workspace.slug}/sources/tables/{table.pk}/"
    assert f"databases/{head.source.pk}/" in head.north.browser.get(url).content.decode()
    TableGrant.objects.all().delete()
    head.north.again(table)
    page = head.north.browser.get(url).content.decode()
    assert "Warehouse" in page and f"databases/{head.source.pk}/" not in page
    assert "is not shared with your workspace" in page
    assert "is not shared" in head.north.browser.get(f"{url}feed/").content.decode()


def test_a_manager_without_a_workspace_of_their_own_opens_the_list(db: None) -> None:
    manager, browser = make_manager(make_organization()), Client()
    browser.force_login(manager, backend=BACKEND)
    assert "No data sources yet" in browser.get(BASE).content.decode()
    make_access()
