"""The item pools of the demo workspace: three to recommend from, one item alone, and one without items."""

from __future__ import annotations

from functools import partial
from typing import Any

from cdp.core.access import Access
from cdp.demo.steps import finish_all, one
from insight.datasets.models import Dataset
from insight.items import services
from insight.items.models import ItemPool

AUTUMN, OFFICE, PRESENTS = "秋冬女装主推", "通勤男装与鞋包", "会员礼品精选"
ALONE, EMPTY = "单品意向：首款连衣裙", "万元以上配饰"
JOBS = "item_pool.compute"


def pools(items: str) -> list[dict[str, Any]]:
    """The pools for the ID of the item-tag dataset."""

    def tag(name: str, operator: str, value: Any) -> dict[str, Any]:
        return {"kind": "tag", "dataset": items, "tag": name, "operator": operator, "value": value}

    def both(*parts: dict[str, Any]) -> dict[str, Any]:
        return {"op": "intersect", "items": list(parts)}

    def either(*parts: dict[str, Any]) -> dict[str, Any]:
        return {"op": "union", "items": list(parts)}

    return [
        {
            "name": AUTUMN,
            "remark": "换季主推，不含夏款",
            "rule": both(tag("cat1", "in", ["女装"]), tag("season", "in", ["秋冬", "四季"])),
        },
        {
            "name": OFFICE,
            "remark": "通勤或简约风格，三百元以上",
            "rule": both(
                either(tag("cat1", "in", ["男装"]), tag("cat1", "in", ["鞋包"])),
                tag("style", "contains", ["通勤", "简约"]),
                tag("price", ">=", 300),
            ),
        },
        {
            "name": PRESENTS,
            "remark": "会员日与生日礼的备选",
            "rule": either(
                tag("cat1", "in", ["礼品"]),
                both(tag("cat1", "in", ["配饰"]), tag("price", "between", [100, 400])),
            ),
        },
        {
            "name": ALONE,
            "remark": "只有一件商品，用来看谁更想买它",
            "rule": tag("item_id", "in", ["A00001"]),
        },
        {"name": EMPTY, "rule": both(tag("cat1", "in", ["配饰"]), tag("price", ">=", 10000))},
    ]


def load(access: Access, items: Dataset) -> None:
    """The pools, computed; the last one finds nothing, and says so."""
    for given in pools(items.pk):
        one(ItemPool, access, partial(services.create, access, given), name=given["name"])
    finish_all(access, JOBS, may_fail=True)
