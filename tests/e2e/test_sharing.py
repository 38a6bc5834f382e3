"""A manager shares a table of the organization's database in the browser, and a workspace finds it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from playwright.sync_api import expect

from insight.datasources.connections import services
from tests.e2e.test_every_page import AXE, look
from tests.factories import make_access, make_manager, make_organization, make_workspace
from tests.insight.datasources.conftest import STATEMENTS
from tests.insight.datasources.servers import postgresql_server


def test_from_a_grant_to_the_workspace(tab: Any, sign_in: Callable[[Any], str]) -> None:
    organization = make_organization()
    access = make_access(make_workspace(organization, name="North"), user=make_manager(organization))
    tab.add_init_script(path=AXE)
    home = sign_in(access)
    origin = home.split("/w/")[0]
    with postgresql_server() as server:
        server.run(*STATEMENTS["postgresql"])
        services.create(access, server.settings(name="Warehouse"), organization=organization)
        tab.goto(f"{home}sources/databases/")
        expect(tab.get_by_text("No databases yet")).to_be_visible()
        tab.goto(f"{origin}/organization/")
        tab.get_by_role("main").get_by_role("link", name="Data sources").click()
        tab.get_by_role("link", name="Warehouse").click()
        tab.get_by_role("link", name="Share: members").click()
        tab.get_by_label("North").check()
        tab.get_by_role("button", name="Share", exact=True).click()
        expect(tab.get_by_role("cell", name="for good")).to_be_visible()
        problems = look(tab, "share tables", "en-{theme}/organization.share-tables.png")
        tab.get_by_role("link", name="Rows", exact=True).click()
        tab.get_by_label("member_no").check()
        tab.get_by_role("button", name="Share by rows").click()
        tab.get_by_role("button", name="Go on").click()
        tab.get_by_role("link", name="North sees no rows").click()
        tab.get_by_role("link", name="Give values: member_no").click()
        tab.get_by_label("m1", exact=True).check()
        tab.get_by_role("button", name="Add", exact=True).click()
        expect(tab.get_by_role("button", name="Take back: m1")).to_be_visible()
        problems += look(tab, "share rows", "en-{theme}/organization.share-rows.png")
        tab.emulate_media(color_scheme="light")
        tab.goto(f"{home}sources/databases/")
        expect(tab.locator("main .badge").get_by_text("Organization")).to_be_visible()
        tab.get_by_role("link", name="Warehouse").click()
        expect(tab.get_by_role("link", name="members", exact=True)).to_be_visible()
        expect(tab.get_by_role("link", name="grown")).to_have_count(0)
        tab.get_by_role("link", name="members", exact=True).click()
        tab.get_by_role("link", name="Look at values").click()
        expect(tab.get_by_text("2026-01-02")).to_be_visible()
        expect(tab.get_by_text("Of the first 200 rows")).to_be_visible()
        assert tab.get_by_text("7", exact=True).count() == 0
    assert problems == [], "\n".join(problems)
