"""Omni-domain insight of the demo workspace: a tag pack, a quota, an audience and a report."""

from __future__ import annotations

from cdp.core.access import Access
from cdp.demo import steps
from insight.audiences.models import Audience
from insight.omni import audiences, quota, reports
from insight.omni import pack as packs
from insight.omni.models import InsightReport, Quota

PACK = {
    "name": "演示标签包",
    "licence": "随演示数据生成，仅供演示",
    "pack": "omni_tag_pack",
    "tags": "omni_tags",
    "baseline": "omni_baseline",
}
IDS = 1_000_000
STYLISH, REPORT = "时尚且常买服饰的会员", "高价值会员的显著特征"


def prepare(access: Access) -> None:
    """What has to be there before anything is pushed."""
    if not Quota.objects.filter(organization=access.workspace.organization).exists():
        quota.add(access, {"amount": IDS, "note": "演示额度"})
    if packs.current(access.workspace.organization) is None:
        _pack, job = packs.install(access, PACK)
        steps.finish(job)


def look(access: Access, audience: Audience) -> None:
    """An audience of omni tags, and a report on an audience that was pushed."""
    steps.finish_all(access, "omni.recognise")
    if not Audience.objects.in_workspace(access.workspace).filter(name=STYLISH).exists():
        items = [
            {"tag": "fashion", "values": ["高"]},
            {"op": "intersect", "tag": "shop_clothes", "values": ["高"]},
        ]
        audiences.create(
            access, {"name": STYLISH, "daily": True, "public": True, "groups": [{"items": items}]}
        )
        steps.finish_all(access, "audience.refresh")
    if not InsightReport.objects.in_workspace(access.workspace).filter(name=REPORT).exists():
        shown = {"tags": ["income", "fashion"], "row": "age_band", "column": "fashion"}
        parts = ["distinctive", "distribution", "cross"]
        reports.save(
            access, {"name": REPORT, "public": True, "audience": audience.pk, "parts": parts, **shown}
        )
