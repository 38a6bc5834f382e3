"""The main path in a real browser: sign in, upload, dataset, and what each page shows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import expect

from insight.datasets.models import Dataset
from insight.datasources.models import SourceTable
from tests.factories import make_access

FILE = "member_no,gender,spend_90d,joined\n" + "".join(
    f"{number:04d},{'f' if number % 3 else 'm'},{number * 7 % 500},2026-01-{1 + number % 28:02d}\n"
    for number in range(1, 201)
)


def test_from_signing_in_to_a_computed_dataset(
    tab: Any, sign_in: Callable[[Any], str], run_jobs: Callable[..., Any], tmp_path: Path
) -> None:
    access = make_access()
    home = sign_in(access)

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
    expect(tab.locator("main")).to_contain_text("200")
