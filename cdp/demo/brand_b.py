"""The second workspace: one brand of the retailer, where rows of purchases are granted by brand."""

from __future__ import annotations

from typing import Any

from cdp.core.access import Access
from cdp.demo.definitions import MEMBERS, Derived
from cdp.demo.steps import dataset, finish_all
from insight.audiences import services as audiences
from insight.audiences.models import Audience
from insight.datasets import granting
from insight.datasets.models import Dataset

SLUG, NAME = "brand-b", "Brand B"
BRAND = "品牌B"
NEIGHBOURS = (BRAND, "品牌C", "品牌D")
"""Brands whose purchases lie in the table; analysts see those of the workspace's own alone."""

_LISTED = ", ".join(f"'{name}'" for name in NEIGHBOURS)
TABLES = {
    "members": Derived(
        "买过品牌B的会员：每位会员一行",
        f"SELECT * FROM ads_user_tag WHERE list_contains(string_split(owned_brands, ','), '{BRAND}')",
    ),
    "purchases": Derived(
        "品牌B及相邻品牌的购买：每件商品一行",
        f"""SELECT user_id, user_id_2, behavior_time, behavior_count, behavior_amount, channel, brand, cat1,
                   item_name AS product
            FROM ads_behavior JOIN ads_item_tag ON item_id = object_value_id
            WHERE behavior_type = '购买' AND object_attr = '商品' AND brand IN ({_LISTED})""",
    ),
}
PURCHASES: dict[str, Any] = {
    "name": "品牌购买",
    "description": "按品牌授权：分析师只看到品牌B的行",
    "kind": "behaviour",
    "table": "purchases",
    "user_id": {"column": "user_id", "id_type": "one_id"},
    "ids": [{"column": "user_id_2", "id_type": "mobile"}],
    "time": "behavior_time",
    "type": {"constant": "购买"},
    "count": "behavior_count",
    "amount": "behavior_amount",
    "channel": "channel",
    "object_columns": [
        {"column": "brand", "name": "品牌"},
        {"column": "cat1", "name": "一级类目"},
        {"column": "product", "name": "商品"},
    ],
}
AUDIENCE = "品牌B近 90 天买家"


def load(access: Access) -> None:
    """The datasets, whose purchases analysts see in part, and an audience. What is there already stays."""
    dataset(access, {**MEMBERS, "table": "members"})
    bought = dataset(access, PURCHASES, public=False)
    if not bought.row_columns:
        _grant_rows(access, bought)
    if not Audience.objects.in_workspace(access.workspace).filter(name=AUDIENCE).exists():
        leaf = {
            "kind": "behaviour",
            "dataset": bought.pk,
            "objects": [{"name": "品牌", "operator": "in", "value": [BRAND]}],
            "window": {"kind": "last_days", "days": 90},
        }
        audiences.create(access, {"name": AUDIENCE, "rule": leaf, "save_ids": ["mobile"], "public": True})
        finish_all(access, "audience.refresh")


def _grant_rows(access: Access, bought: Dataset) -> None:
    """Everybody whose role is analyst sees the rows of the workspace's own brand."""
    granting.share(access, bought, public=False, row_columns=["brand"])
    granting.grant(access, bought, {"role": "analyst", "right": "use", "rows": {"brand": [BRAND]}})
