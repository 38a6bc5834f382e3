"""The main path in a real browser: sign in, upload, dataset, and what each page shows."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from insight.datasets.models import Dataset
from insight.datasources.models import SourceTable
from tests.factories import PASSWORD, make_access

# Playwright's synchronous interface keeps an event loop in this thread; Django then refuses database work in it.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium")
pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(os.environ.get("NO_BROWSER") == "1", reason="no browser can be had on this machine"),
]
FILE = "member_no,gender,spend_90d,joined\n" + "".join(
    f"{number:04d},{'f' if number % 3 else 'm'},{number * 7 % 500},2026-01-{1 + number % 28:02d}\n"
    for number in range(1, 201)
)


@pytest.fixture
def tab() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=options)
        tab = browser.new_page(viewport={"width": 1280, "height": 720})
        tab.set_default_timeout(20_000)
        yield tab
        browser.close()


def test_from_signing_in_to_a_computed_dataset(
    tab: Any, live_server: Any, run_jobs: Callable[..., Any], tmp_path: Path
) -> None:
    access = make_access()
    home = f"{live_server.url}/w/{access.workspace.slug}/"
    tab.goto(home)
    tab.fill("input[name=username]", access.user.username)
    tab.fill("input[name=password]", PASSWORD)
    tab.click("main button.btn-primary")
    tab.wait_for_url(home)

    path = tmp_path / "members.csv"
    path.write_text(FILE)
    tab.goto(f"{home}sources/upload/")
    tab.set_input_files("input[type=file]", str(path))
    tab.click("main button.btn-primary")
    tab.wait_for_selector("text=spend_90d")
    tab.click("main button.btn-primary")
    tab.wait_for_url("**/sources/tables/**")
    run_jobs()
    table = SourceTable.objects.get(workspace=access.workspace)
    assert (table.state, table.rows) == ("ready", 200)

    tab.goto(f"{home}datasets/new/?table=members&kind=user_tags")
    tab.click("main button.btn-primary")
    tab.wait_for_url("**/datasets/ds_**")
    run_jobs()
    dataset = Dataset.objects.get(workspace=access.workspace)
    assert (dataset.state, dataset.users) == ("ready", 200)
    tab.reload()
    assert "200" in tab.inner_text("main")
