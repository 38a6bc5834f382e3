"""The audiences of the demo workspace: of every origin, in folders, with snapshots, some that cannot be computed."""

from __future__ import annotations

import io
from typing import Any

from cdp.core.access import Access
from cdp.demo import audiences as rules
from cdp.demo import stages
from cdp.demo.steps import finish, finish_all, one
from insight.audiences import combining, outside, refreshing, snapshots
from insight.audiences import services as audiences
from insight.audiences.folders import folders
from insight.audiences.models import Audience, Folder
from insight.datasets import services as datasets
from insight.datasets.models import Dataset
from insight.datasources import services as tables
from insight.datasources.models import SourceTable

JOBS = ("audience.refresh", "audience.upload")


def select(access: Access, made: dict[str, Dataset]) -> dict[str, Audience]:
    """All audiences by name, as they are after their refreshes; `made` has the datasets by what they are for."""
    found = {item.name: item for item in Audience.objects.in_workspace(access.workspace)}
    _by_rules(access, made, found)
    finish_all(access, *JOBS)
    _combine(access, found)
    _from_outside(access, found)
    finish_all(access, *JOBS, may_fail=True)
    _outdate(access, made["by_channel"], found)
    for audience in found.values():
        audience.refresh_from_db()
    return found


def _by_rules(access: Access, made: dict[str, Dataset], found: dict[str, Audience]) -> None:
    events = _folder(access, "营销活动")
    places = {"": None, "活动": events, "会员日": _folder(access, "会员日", events)}
    for item in rules.selections(made["members"].pk, made["behaviour"].pk, made["rfm"].pk, made["aipl"].pk):
        if item.name not in found:
            place = places[item.folder]
            data = {
                "name": item.name,
                "rule": item.rule,
                "save_ids": list(item.save_ids),
                "remark": item.remark,
            }
            more = {"public": item.public, "refresh": item.refresh, "folder": place.pk if place else None}
            found[item.name] = audiences.create(access, {**data, **more})


def _combine(access: Access, found: dict[str, Audience]) -> None:
    vip, lost = found[rules.VIP], found[rules.LOST]
    vip.refresh_from_db()
    if not vip.versions.filter(is_snapshot=True).exists():
        snapshots.take(access, vip)
    if rules.COMBINED not in found:
        inputs = [{"audience": lost.pk}, {"audience": vip.pk}]
        data = {"name": rules.COMBINED, "inputs": inputs, "operators": ["subtract"], "save_ids": ["mobile"]}
        found[rules.COMBINED] = combining.create(access, data)


def _from_outside(access: Access, found: dict[str, Audience]) -> None:
    """Audiences of files and of a table; the file of one of them holds nothing that could be read."""
    for name, lines in ((rules.UPLOADED, rules.UPLOADED_LINES), (rules.FAILED, rules.FAILED_LINES)):
        if name not in found:
            data = {"name": name, "id_type": "mobile"}
            found[name], _job = outside.upload(access, _file(lines), "phones.csv", data)
    if rules.LISTED not in found:
        if not SourceTable.objects.in_workspace(access.workspace).filter(name=rules.LIST_TABLE).exists():
            kept = tables.create_upload(access, _file(rules.LISTED_LINES), "list.csv")
            finish(tables.start_import(access, kept, rules.LIST_TABLE, types={"user_unique_id": "text"}))
        data = {"name": rules.LISTED, "table": rules.LIST_TABLE, "id_type": "mobile"}
        found[rules.LISTED], _job = outside.from_table(access, data)


def _outdate(access: Access, dataset: Dataset, found: dict[str, Audience]) -> None:
    """An audience whose rule asks what its tag can no longer be asked, since the tag has another type."""
    if rules.OUTDATED in found:
        return
    _type_channel(access, dataset, "text")
    leaf = {"kind": "tag", "dataset": dataset.pk, "tag": "channel"}
    data = {
        "name": rules.OUTDATED,
        "rule": {**leaf, "operator": "starts_with", "value": ["门店"]},
        "remark": "渠道改为枚举型后，这条规则需要重新设置",
    }
    found[rules.OUTDATED] = audience = audiences.create(access, data)
    finish_all(access, *JOBS)
    _type_channel(access, dataset, "enum")
    audience.refresh_from_db()
    refreshing.refresh(access, audience)
    finish_all(access, *JOBS, may_fail=True)


def _type_channel(access: Access, dataset: Dataset, kind: str) -> None:
    tags = [{**tag, "type": kind} if tag["column"] == "channel" else tag for tag in stages.BY_CHANNEL["tags"]]
    datasets.update(access, dataset, {**stages.BY_CHANNEL, "tags": tags})
    finish(datasets.refresh(access, dataset))
    dataset.refresh_from_db()


def _folder(access: Access, name: str, parent: Folder | None = None) -> Folder:
    made: Folder = one(Folder, access, lambda: folders.create(access, name, parent), name=name, parent=parent)
    return made


def _file(lines: list[str]) -> Any:
    return io.BytesIO("\n".join(lines).encode())
