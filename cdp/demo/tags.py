"""Custom tags of the demo workspace, and uses of its tags in the weeks before."""

from __future__ import annotations

import random
from datetime import date, timedelta
from typing import Any

from cdp.core.access import Access
from insight.datasets import tag_uses
from insight.datasets.models import Dataset, TagUse
from insight.tags import ranges, services
from insight.tags.models import CustomTag

AGE, SPEND, WORTH = "年龄段", "消费段", "会员分层"
BANDS = {AGE: ("age", [18, 25, 35, 45, 55]), SPEND: ("total_amount", [0, 200, 500])}
DESCRIPTIONS = {AGE: "按年龄划分的五段", SPEND: "累计消费金额：200 以下、200 到 500、500 以上"}
FAVOURITES = ("gender", "city_tier", "member_level", "interests", "total_amount", "age", "is_vip", "birthday")
DAYS, MOST_A_DAY, SEED = 95, 5, 11


def load(access: Access, members: Dataset, model: Dataset, day: date) -> list[CustomTag]:
    """Custom tags of ranges and of crossed rules, and uses of the members' tags up to yesterday."""
    have = {tag.field.name: tag for tag in CustomTag.objects.in_workspace(access.workspace)}
    for name, (column, bounds) in BANDS.items():
        if name not in have:
            values = ranges.values(access, members.pk, column, bounds)
            data = {"name": name, "field": f"{column}_band", "description": DESCRIPTIONS[name]}
            have[name] = services.create(access, {**data, "values": values})
    if WORTH not in have:
        have[WORTH] = services.create(access, _worth(members.pk, model.pk))
    if not TagUse.objects.filter(dataset=members, day__lt=day).exists():
        _use(access, members, day)
    return list(have.values())


def _worth(members: str, model: str) -> dict[str, Any]:
    """Three groups of members, the most valuable first: of a tag, of a model, of both without another tag."""
    vip = {"kind": "tag", "dataset": members, "tag": "is_vip", "operator": "in", "value": ["是"]}
    large = {"kind": "tag", "dataset": members, "tag": "total_amount", "operator": ">=", "value": 10000}
    valuable = {"kind": "rfm", "dataset": model, "types": ["high_value", "key_keep"]}
    values = [
        {
            "value": "核心会员",
            "remark": "VIP，或累计消费一万元以上",
            "rule": {"op": "union", "items": [vip, large]},
        },
        {"value": "高价值会员", "remark": "RFM 模型中的重要客户", "rule": valuable},
    ]
    return {"name": WORTH, "field": "worth", "values": values, "rest": "普通会员"}


def _use(access: Access, members: Dataset, day: date) -> None:
    chance = random.Random(SEED)
    kinds = [TagUse.Kind.PIVOT] * 6 + [TagUse.Kind.SELECTION] * 3 + [TagUse.Kind.PUSH]
    for ago in range(1, DAYS):
        for _number in range(chance.randint(0, MOST_A_DAY)):
            # The first of the favourites come up more often than the last.
            column = FAVOURITES[int(len(FAVOURITES) * chance.random() ** 2)]
            when = day - timedelta(days=ago)
            tag_uses.record(access, members.pk, [column], chance.choice(kinds), day=when)
