"""Filling the demo workspace through the ordinary services, as a person would."""

from __future__ import annotations

import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from cdp.core.access import Access
from cdp.core.errors import Conflict
from cdp.core.timezones import today
from cdp.demo.generate import generate
from cdp.jobs import JobContext
from cdp.jobs.models import Job
from cdp.jobs.runner import run_job
from insight.audiences import folders
from insight.audiences import services as audiences
from insight.audiences.models import Audience
from insight.datasets import services as datasets
from insight.datasets.models import Dataset
from insight.datasources import services as tables
from marketing.channels import services as channels
from marketing.channels.models import Provider
from marketing.content import services as content
from marketing.delivery import services as delivery

SEED = 7
WAIT_SECONDS = 600
MEMBERS: dict[str, Any] = {
    "name": "会员标签",
    "kind": "user_tags",
    "table": "ads_user_tag",
    "user_id": {"column": "member_no", "id_type": "one_id"},
    "ids": [
        {"column": "mobile", "id_type": "mobile"},
        {"column": "email", "id_type": "email"},
        {"column": "open_id", "id_type": "open_id"},
    ],
    "tags": [
        {"column": "gender", "name": "性别", "type": "enum", "category": "基本属性"},
        {"column": "age", "name": "年龄", "type": "number", "category": "基本属性"},
        {"column": "city", "name": "城市", "type": "enum", "category": "基本属性"},
        {"column": "birthday", "name": "生日", "type": "date", "category": "基本属性"},
        {"column": "interests", "name": "兴趣", "type": "multi", "separator": ",", "category": "偏好"},
        {"column": "member_level", "name": "会员等级", "type": "enum", "category": "会员"},
        {"column": "register_time", "name": "注册时间", "type": "date", "category": "会员"},
        {"column": "is_vip", "name": "VIP", "type": "enum", "category": "会员"},
        {"column": "last_buy_time", "name": "最近购买时间", "type": "date", "category": "消费"},
        {"column": "total_amount", "name": "累计消费金额", "type": "number", "category": "消费"},
        {"column": "total_count", "name": "累计消费次数", "type": "number", "category": "消费"},
        {"column": "amount_90d", "name": "近90天消费金额", "type": "number", "category": "消费"},
    ],
}
BEHAVIOUR: dict[str, Any] = {
    "name": "会员行为",
    "kind": "behaviour",
    "table": "ads_behavior",
    "user_id": {"column": "member_no", "id_type": "one_id"},
    "time": "behavior_time",
    "type": {"column": "behavior_type"},
    "count": "behavior_count",
    "amount": "behavior_amount",
    "channel": "channel",
    "object_columns": [{"column": "category", "name": "类目"}, {"column": "product", "name": "商品"}],
}


def finish(job: Job) -> Job:
    """Run a job here and now, or wait for the worker that took it first. Raises Conflict when it fails."""
    run_job(job.pk)
    until = time.monotonic() + WAIT_SECONDS
    while job.is_active and time.monotonic() < until:
        job.refresh_from_db()
        if job.is_active:
            time.sleep(0.2)
    if job.status != Job.Status.SUCCEEDED:
        raise Conflict(f"{job}: {job.error or job.status}", code="demo_step_failed")
    return job


def load(job: JobContext, profile: str) -> dict[str, Any]:
    """Tables, datasets, audiences, send-outs. What a first, interrupted run has made is kept."""
    access = job.access
    Path(settings.LAKE_TEMP_PATH).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=settings.LAKE_TEMP_PATH) as folder:
        job.phase(_("Inventing customers and purchases"), progress=5)
        made = generate(profile, SEED, today(job.workspace) - timedelta(days=1), Path(folder))
        for name, path in (("ads_user_tag", made.members), ("ads_behavior", made.behaviour)):
            job.phase(_("Loading %(name)s") % {"name": name}, progress=20)
            if (
                not tables.SourceTable.objects.in_workspace(job.workspace)
                .filter(name=name, version__gt=0)
                .exists()
            ):
                finish(tables.import_parquet(access, name, path))
    job.phase(_("Computing datasets"), progress=40)
    members, behaviour = (_dataset(access, data) for data in (MEMBERS, BEHAVIOUR))
    job.phase(_("Building audiences"), progress=60)
    made_audiences = _audiences(access, members, behaviour)
    if settings.SANDBOX_URL and settings.SANDBOX_SMTP:
        job.phase(_("Sending messages to the sandbox"), progress=80)
        _send(access, members, made_audiences)
    return {"users": members.users, "audiences": len(made_audiences)}


def _dataset(access: Access, data: dict[str, Any]) -> Dataset:
    found = Dataset.objects.in_workspace(access.workspace).filter(name=data["name"]).first()
    dataset = found or datasets.create(access, data)
    if not dataset.version:
        finish(datasets.refresh(access, dataset))
        dataset.refresh_from_db()
    return dataset


def _audiences(access: Access, members: Dataset, behaviour: Dataset) -> dict[str, Audience]:
    def tag(name: str, operator: str, value: Any = None) -> dict[str, Any]:
        leaf = {"kind": "tag", "dataset": members.pk, "tag": name, "operator": operator}
        return leaf if value is None else {**leaf, "value": value}

    def bought(**more: Any) -> dict[str, Any]:
        return {"kind": "behaviour", "dataset": behaviour.pk, "type": ["购买"], **more}

    def known(rule: dict[str, Any]) -> dict[str, Any]:
        """Only people of the members dataset: their numbers and addresses stand there."""
        return {"op": "intersect", "items": [tag("member_level", "not_empty"), rule]}

    def having(measure: str, operator: str, value: Any) -> dict[str, Any]:
        return {"measure": measure, "operator": operator, "value": value}

    def days(count: int) -> dict[str, Any]:
        return {"kind": "last_days", "days": count}

    women = [{"name": "类目", "operator": "in", "value": ["女装"]}]
    sweet = [{"name": "类目", "operator": "in", "value": ["巧克力"]}]
    rules: dict[str, Any] = {
        "VIP 会员": {
            "op": "intersect",
            "items": [tag("total_amount", ">", 10000), tag("total_count", ">", 10)],
        },
        "女装近 90 天复购": known(bought(window=days(90), objects=women, having=having("times", ">=", 2))),
        "流失风险": {
            "op": "subtract",
            "items": [known(bought(having=having("days", ">=", 3))), bought(window=days(120))],
        },
        "一周内生日": tag("birthday", "anniversary_within", {"days": 7}),
        "加购未购买": {
            "op": "subtract",
            "items": [
                known({"kind": "behaviour", "dataset": behaviour.pk, "type": ["加购"], "window": days(30)}),
                bought(window=days(30)),
            ],
        },
        "爱吃巧克力的年轻女性": {
            "op": "intersect",
            "items": [tag("gender", "in", ["女"]), tag("age", "between", [25, 34]), bought(objects=sweet)],
        },
        "上海金卡以上": {
            "op": "intersect",
            "items": [tag("city", "in", ["上海"]), tag("member_level", "in", ["金卡", "黑金"])],
        },
        "从未购买": tag("last_buy_time", "empty"),
    }
    root = {folder.folder.name: folder.folder for folder in folders.flat(folders.tree(access))}
    folder = root.get("营销活动") or folders.create(access, "营销活动")
    found = {item.name: item for item in Audience.objects.in_workspace(access.workspace)}
    for number, (name, rule) in enumerate(rules.items()):
        if name not in found:
            data = {"name": name, "rule": rule, "save_ids": ["mobile", "email"], "public": number % 2 == 0}
            if number < 4:
                data["folder"] = folder.pk
            found[name] = audiences.create(access, data)
    for job in Job.objects.filter(workspace=access.workspace, kind="audience.refresh", status__in=Job.ACTIVE):
        finish(job)
    for audience in found.values():
        audience.refresh_from_db()
    return found


def _send(access: Access, members: Dataset, made: dict[str, Audience]) -> None:
    if Provider.objects.in_workspace(access.workspace).exists():
        return
    host, _colon, port = settings.SANDBOX_SMTP.rpartition(":")
    mail = channels.create_provider(
        access,
        {
            "channel": "email",
            "type": "smtp",
            "name": "Sandbox SMTP",
            "config": {"host": host, "port": int(port), "security": "none"},
        },
    )
    sender = channels.add_sender(access, mail, "hello@brand-a.example.com", "Brand A")
    letter = content.create_template(
        access,
        "email",
        {
            "name": "女装回访",
            "subject": "${city}的朋友，新一季女装到了",
            "html": (
                "<h1>新一季女装到了</h1><p>亲爱的${city}会员，感谢您一直以来的支持。</p>"
                '<p><a href="https://www.example.com/new-season">看看新品</a></p>'
            ),
        },
    )
    variables = {"city": {"dataset": members.pk, "tag": "city", "missing": "replace", "value": "远方"}}
    values = {"name": "女装回访邮件", "provider": mail, "sender": sender, "template": letter, "limit": 300}
    values |= {"audience": made["女装近 90 天复购"], "variables": variables}
    delivery.submit(access, delivery.create(access, "email", values))
    platform = channels.create_provider(
        access,
        {
            "channel": "sms",
            "type": "contract",
            "name": "Sandbox SMS",
            "config": {"base_url": f"{settings.SANDBOX_URL}/contract", "idempotent": True},
        },
    )
    content.add_signature(access, platform, "BrandA")
    text = content.create_template(
        access,
        "sms",
        {"name": "生日问候", "purpose": "notice", "text": "祝您生日快乐！到店出示本短信享八八折。"},
    )
    content.submit_for_review(access, text, platform)
