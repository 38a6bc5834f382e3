"""People known by other IDs in the rule builder: translated on their card, or greyed with the reason."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pyarrow as pa
import pytest

from cdp import lake
from insight.audiences import outside
from insight.oneid.models import IdentityGraph
from tests.e2e.shop import Shop
from tests.e2e.test_from_rule_to_members import add, wait_for_total

PHONES = ("13800000001", "13800000002")
HASH = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def shop(run_jobs: Callable[..., Any]) -> Shop:
    """With two lists, one of plain mobile numbers and one of hashes; the mail of one number is known."""
    shop = Shop(run_jobs)
    for name, encryption, ids in (("Callers", "plain", PHONES), ("Hashed", "md5", (HASH,))):
        data = {"name": name, "id_type": "mobile", "encryption": encryption}
        outside.upload(shop.access, io.BytesIO("\n".join(ids).encode()), "list.csv", data)
    run_jobs()
    graph = IdentityGraph.objects.create(
        workspace=shop.access.workspace, version=1, state="ready", stats={"types": {"mobile": 1, "email": 1}}
    )
    known = pa.table(
        {
            "one_id": ["o_1", "o_1"],
            "id_type": ["mobile", "email"],
            "encryption": ["plain"] * 2,
            "id_value": [PHONES[0], "m1@example.com"],
            "first_seen": [datetime(2026, 1, 1)] * 2,
        }
    )
    with lake.cursor() as handle:
        handle.register("incoming", known)
        path = lake.table_path(shop.access.workspace, graph.table("map"))
        handle.execute(f"CREATE TABLE {path} AS FROM incoming")
        handle.unregister("incoming")
    return shop


def test_a_list_is_translated_on_its_card_and_what_does_not_compare_is_greyed(
    shop: Shop, tab: Any, sign_in: Callable[[Any], str]
) -> None:
    from playwright.sync_api import expect

    tab.goto(f"{sign_in(shop.access)}audiences/new/")
    add(tab, "Callers", "Audiences")
    wait_for_total(tab, 2)
    hashed = tab.locator(".rb-palette-list li", has_text="Hashed")
    expect(hashed.get_by_role("button")).to_be_disabled()
    expect(hashed).to_contain_text("Knows its people by Mobile number (MD5), not by Mobile number.")
    card = tab.locator(".rb-card").first
    card.hover()
    card.get_by_role("button", name="Translate to another ID").click()
    card.get_by_role("button", name="Translate to E-mail address").click()
    wait_for_total(tab, 1)
    expect(tab.locator(".rb-translation")).to_contain_text("1 people without one")
    tab.locator("[data-rb=undo]").click()
    wait_for_total(tab, 2)
