"""A database is connected in the browser, a table is brought in from it, and a dataset made of that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from cdp.jobs import services as jobs
from insight.datasources.models import SourceTable
from tests.factories import make_access
from tests.insight.datasources.conftest import STATEMENTS
from tests.insight.datasources.servers import postgresql_server


def test_from_a_database_to_a_dataset(
    tab: Any,
    sign_in: Callable[[Any], str],
    run_jobs: Callable[[], Any],
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(jobs, "dispatch", lambda job: None)
    settings.EGRESS_IPS = ["203.0.113.7"]
    home = sign_in(make_access())
    with postgresql_server() as server:
        server.run(*STATEMENTS["postgresql"])
        tab.goto(f"{home}sources/")
        tab.get_by_role("link", name="Databases").click()
        tab.get_by_role("button", name="Connect a database").click()
        tab.get_by_role("link", name="PostgreSQL").click()
        expect(tab.get_by_text("203.0.113.7")).to_be_visible()
        for name, value in server.settings(password="wrong").items():
            if name != "kind":
                tab.fill(f"[name={name}]", str(value))
        tab.get_by_role("button", name="Test the connection").click()
        expect(tab.locator(".broken")).to_contain_text("refuses the login")
        tab.fill("[name=password]", server.password)
        tab.get_by_role("button", name="Test the connection").click()
        expect(tab.get_by_text("The connection works.")).to_be_visible()
        expect(tab.locator(".passed")).to_have_count(7)
        tab.get_by_role("button", name="Test and save").click()
        tab.get_by_role("link", name="members", exact=True).click()
        tab.get_by_role("link", name="Look at values").click()
        expect(tab.get_by_text("2026-01-02")).to_be_visible()
        tab.get_by_role("link", name="Bring in").click()
        expect(tab.locator("[name=cursor]")).to_be_hidden()
        tab.get_by_label("only what is new").check()
        tab.select_option("[name=cursor]", "joined")
        tab.select_option("[name=every]", "day")
        expect(tab.locator("[name=at]")).to_have_value("03:00")
        expect(tab.locator("[name=hours]")).to_be_hidden()
        tab.get_by_role("button", name="Bring in").click()
        tab.wait_for_url("**/sources/tables/**")
        run_jobs()
        tab.reload()
        expect(tab.get_by_text("What is new, by joined")).to_be_visible()
        tab.get_by_role("button", name="Make a dataset").click()
        tab.get_by_role("link", name="User tags").click()
        expect(tab.get_by_text("member_no").first).to_be_visible()
    assert SourceTable.objects.get().rows == 2
