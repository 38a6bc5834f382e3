"""A small shop whose people and orders the browser tests know, and how a person moves through its console."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import cached_property
from typing import Any

from insight.audiences import services as audiences
from insight.audiences.models import Audience
from insight.datasets import services as datasets
from insight.datasets.models import Dataset
from insight.datasources import services as tables
from tests.factories import make_access

MEMBERS = "member_no,email,gender,city,spend\n" + "".join(
    f"m{n},m{n}@example.com,{'f' if n % 2 else 'm'},{'Oslo' if n <= 6 else 'Bergen'},{n * 10}\n"
    for n in range(1, 11)
)
ORDERS = "member_no,ordered_at,amount\n" + "".join(
    f"m{n},2026-0{1 + n % 3}-05,{n * 5}\n" for n in (1, 2, 3, 3, 9, 12)
)


class Shop:
    """A workspace with members m1 to m10 (odd: f; up to 6: Oslo) and orders of m1, m2, m3 (twice), m9 and m12."""

    def __init__(self, run_jobs: Callable[..., Any]) -> None:
        self.access = make_access()
        for name, text in (("members", MEMBERS), ("orders", ORDERS)):
            upload = tables.create_upload(self.access, io.BytesIO(text.encode()), f"{name}.csv")
            tables.start_import(self.access, upload, name)
        run_jobs()
        self.run_jobs = run_jobs
        user = {"column": "member_no", "id_type": "one_id"}
        tags = [
            {"column": "gender", "name": "Gender", "type": "enum"},
            {"column": "city", "name": "City", "type": "enum"},
            {"column": "spend", "name": "Spend", "type": "number"},
        ]
        mail = [{"column": "email", "id_type": "email"}]
        made = [
            {"name": "Members", "kind": "user_tags", "table": "members", "ids": mail, "tags": tags},
            {
                "name": "Orders",
                "kind": "behaviour",
                "table": "orders",
                "time": "ordered_at",
                "type": {"constant": "purchase"},
                "amount": "amount",
            },
        ]
        for data in made:
            datasets.refresh(self.access, datasets.create(self.access, {**data, "user_id": user}))
        run_jobs()

    @cached_property
    def members(self) -> Dataset:
        return Dataset.objects.get(workspace=self.access.workspace, name="Members")

    def save_audience(self) -> Audience:
        """The women of Oslo, m1, m3 and m5, with their mail addresses; everybody in the workspace sees it."""
        conditions = [
            {"kind": "tag", "dataset": self.members.pk, "tag": tag, "operator": "in", "value": [value]}
            for tag, value in (("gender", "f"), ("city", "Oslo"))
        ]
        data = {
            "name": "Women of Oslo",
            "rule": {"op": "intersect", "items": conditions},
            "save_ids": ["one_id", "email"],
            "public": True,
        }
        audience = audiences.create(self.access, data)
        self.run_jobs()
        audience.refresh_from_db()
        return audience


def go(tab: Any, name: str) -> None:
    """To a page by the navigation on the left."""
    tab.get_by_role("complementary", name="Navigation").get_by_role("link", name=name, exact=True).click()
    tab.get_by_role("heading", level=1, name=name).wait_for()


def pick(tab: Any, name: str, text: str) -> None:
    """An option of a select, also of one that is searched."""
    select = tab.locator(f"select[name={name}]")
    # Which selects are searched shows once the page's scripts have run.
    select.wait_for(state="attached")
    tab.wait_for_load_state("load")
    if "tomselected" in (select.get_attribute("class") or ""):
        select.locator("xpath=following-sibling::*[contains(@class, 'ts-wrapper')]").click()
        tab.locator(".ts-dropdown:visible").wait_for()
        tab.locator(".ts-dropdown:visible .option", has_text=text).first.click()
    else:
        value = select.locator("option", has_text=text).first.get_attribute("value")
        select.select_option(value)
