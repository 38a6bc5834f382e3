"""Filling the demo workspace through the ordinary services, as a person would.

Every step looks for what it would make by name, so a run that was interrupted goes on where it stopped.
"""

from __future__ import annotations

import html
import io
import json
import re
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from cdp.core.access import Access
from cdp.core.errors import Conflict, DomainError
from cdp.core.timezones import today
from cdp.demo import audiences as rules
from cdp.demo import campaigns, history, stages
from cdp.demo.definitions import BEHAVIOUR, ITEMS, MEMBERS, RFM, RFM_YEAR, TABLES
from cdp.demo.retailer import Tables, generate
from cdp.jobs import JobContext
from cdp.jobs.models import Job
from cdp.jobs.runner import run_job
from insight.aipl import services as aipl
from insight.audiences import combining, folders, outside, snapshots
from insight.audiences import services as audiences
from insight.audiences.models import Audience, Folder
from insight.campaigns.models import Campaign
from insight.datasets import aipl_days, granting
from insight.datasets import services as datasets
from insight.datasets.models import Dataset
from insight.datasources import services as tables
from insight.datasources.models import SourceTable
from marketing.channels import services as channels
from marketing.channels.models import Provider, SenderAddress
from marketing.content import reviews
from marketing.content import services as content
from marketing.content.models import Signature, Template
from marketing.delivery import services as delivery
from marketing.delivery.models import SendOut

SEED = 7
WAIT_SECONDS = 600
DAYS_BEFORE = 35
SENT = {"email": 300, "sms": 200}
OPENED, CLICKED = 0.42, 0.16


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
    _load_tables(job, profile)
    job.phase(_("Computing datasets"), progress=40)
    items = _dataset(access, ITEMS)
    behaved = {**BEHAVIOUR, "items": {"dataset": items.pk, "object": "商品"}}
    members, behaviour, model = (_dataset(access, data) for data in (MEMBERS, behaved, RFM))
    _dataset(access, RFM_YEAR)
    job.phase(_("Finding the stages of customers"), progress=52)
    _stages(access, behaviour)
    job.phase(_("Building audiences"), progress=60)
    made = _audiences(access, members, behaviour, model)
    history.load(access, behaviour.pk, today(job.workspace), lambda: _finish_refreshes(access))
    planned = campaigns.load(access, today(job.workspace))
    belonging = {
        campaigns.AGAIN: [made[rules.AGAIN], made[rules.VIP]],
        campaigns.BIRTHDAY: [made[rules.BIRTHDAY]],
        campaigns.CARE: [made[rules.LOST], made[rules.COMBINED]],
        campaigns.STORES: [made[rules.UPLOADED]],
    }
    campaigns.link_audiences(access, planned, belonging)
    if settings.SANDBOX_URL and settings.SANDBOX_SMTP:
        job.phase(_("Sending messages to the sandbox"), progress=80)
        _send(job, members, made, planned)
    return {"users": members.users, "audiences": len(made)}


def _load_tables(job: JobContext, profile: str) -> None:
    ready = SourceTable.objects.in_workspace(job.workspace).filter(version__gt=0)
    missing = [name for name in TABLES if not ready.filter(name=name).exists()]
    if not missing:
        return
    Path(settings.LAKE_TEMP_PATH).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=settings.LAKE_TEMP_PATH) as folder:
        job.phase(_("Inventing customers and purchases"), progress=5)
        made: Tables = generate(profile, SEED, today(job.workspace) - timedelta(days=1), Path(folder))
        for name in missing:
            job.phase(_("Loading %(name)s") % {"name": name}, progress=25)
            finish(tables.import_parquet(job.access, name, getattr(made, name)))
            table = SourceTable.objects.in_workspace(job.workspace).get(name=name)
            tables.describe(job.access, table, name=name, description=TABLES[name])


def _dataset(access: Access, data: dict[str, Any]) -> Dataset:
    found = Dataset.objects.in_workspace(access.workspace).filter(name=data["name"]).first()
    dataset = found or granting.share(access, datasets.create(access, data), public=True, row_columns=[])
    if not dataset.version:
        finish(datasets.refresh(access, dataset))
        dataset.refresh_from_db()
    return dataset


def _stages(access: Access, behaviour: Dataset) -> None:
    """The AIPL models, the one of behaviour with the days before."""
    model = _dataset(access, stages.of_behaviour(behaviour.pk))
    by_channel = _dataset(access, stages.BY_CHANNEL)
    _dataset(access, stages.of_customers(by_channel.pk, ["官网"]))
    if len(aipl_days.computed_days(access.workspace, model.pk)) < DAYS_BEFORE:
        finish(aipl.recompute(access, model, DAYS_BEFORE))


def _folder(access: Access, name: str, parent: Folder | None = None) -> Folder:
    found = Folder.objects.in_workspace(access.workspace).filter(name=name, parent=parent).first()
    return found or folders.create(access, name, parent)


def _audiences(access: Access, members: Dataset, behaviour: Dataset, model: Dataset) -> dict[str, Audience]:
    events = _folder(access, "营销活动")
    places = {"": None, "活动": events, "会员日": _folder(access, "会员日", events)}
    found = {item.name: item for item in Audience.objects.in_workspace(access.workspace)}
    for item in rules.selections(members.pk, behaviour.pk, model.pk):
        if item.name not in found:
            place = places[item.folder]
            data = {
                "name": item.name,
                "rule": item.rule,
                "save_ids": ["mobile", "email"],
                "remark": item.remark,
            }
            more = {"public": item.public, "refresh": item.refresh, "folder": place.pk if place else None}
            found[item.name] = audiences.create(access, {**data, **more})
    _finish_refreshes(access)
    vip, lost = found[rules.VIP], found[rules.LOST]
    vip.refresh_from_db()
    if not vip.versions.filter(is_snapshot=True).exists():
        snapshots.take(access, vip)
    if rules.COMBINED not in found:
        inputs = [{"audience": lost.pk}, {"audience": vip.pk}]
        data = {"name": rules.COMBINED, "inputs": inputs, "operators": ["subtract"], "save_ids": ["mobile"]}
        found[rules.COMBINED] = combining.create(access, data)
    for name, lines in ((rules.UPLOADED, rules.UPLOADED_LINES), (rules.FAILED, rules.FAILED_LINES)):
        if name not in found:
            file = io.BytesIO("\n".join(lines).encode())
            found[name], _job = outside.upload(
                access, file, "phones.csv", {"name": name, "id_type": "mobile"}
            )
    _finish_refreshes(access, may_fail=True)
    for audience in found.values():
        audience.refresh_from_db()
    return found


def _finish_refreshes(access: Access, *, may_fail: bool = False) -> None:
    kinds = ("audience.refresh", "audience.upload")
    for job in Job.objects.filter(workspace=access.workspace, kind__in=kinds, status__in=Job.ACTIVE):
        try:
            finish(job)
        except Conflict:
            if not may_fail:
                raise


def _one(model: Any, access: Access, make: Callable[[], Any], **known: Any) -> Any:
    """The workspace's object with these values, made where there is none."""
    return model.objects.in_workspace(access.workspace).filter(**known).first() or make()


def _send(job: JobContext, members: Dataset, made: dict[str, Audience], planned: dict[str, Campaign]) -> None:
    access = job.access
    sent = [
        _mail(access, members, made[rules.AGAIN], planned[campaigns.AGAIN]),
        _text(access, made[rules.BIRTHDAY], planned[campaigns.BIRTHDAY]),
    ]
    until = time.monotonic() + 120
    for send_out in sent:
        active = Job.objects.filter(subject_id=send_out.pk, status__in=Job.ACTIVE).first()
        if active is not None:
            finish(active)
        while send_out.state == SendOut.State.SENDING and time.monotonic() < until:
            time.sleep(0.5)
            send_out.refresh_from_db()
    job.phase(_("Opening some of the messages"), progress=95)
    try:
        _read_mail()
    except OSError as error:
        # Only the effect's figures would miss it.
        job.log(_("The messages in the sandbox could not be opened: %(error)s") % {"error": error})


def _submit(access: Access, channel: str, values: dict[str, Any]) -> SendOut:
    def make() -> SendOut:
        return delivery.create(access, channel, {**values, "limit": SENT[channel]})

    send_out: SendOut = _one(SendOut, access, make, name=values["name"])
    if send_out.state == SendOut.State.DRAFT:
        send_out = delivery.submit(access, send_out)
    return send_out


def _mail(access: Access, members: Dataset, audience: Audience, campaign: Campaign) -> SendOut:
    host, _colon, port = settings.SANDBOX_SMTP.rpartition(":")
    config = {"host": host, "port": int(port), "security": "none"}
    values = {"channel": "email", "type": "smtp", "name": "Sandbox SMTP", "config": config}
    mail = _one(Provider, access, lambda: channels.create_provider(access, values), name="Sandbox SMTP")
    address = "hello@brand-a.example.com"
    sender = _one(
        SenderAddress, access, lambda: channels.add_sender(access, mail, address, "Brand A"), address=address
    )
    letter = _one(
        Template,
        access,
        lambda: content.create_template(access, "email", rules.LETTER),
        name=rules.LETTER["name"],
    )
    gift = rules.BIRTHDAY_LETTER
    _one(Template, access, lambda: content.create_template(access, "email", gift), name=gift["name"])
    variables = {"city": {"dataset": members.pk, "tag": "city", "missing": "replace", "value": "远方"}}
    sent = {"name": "女装回访邮件", "provider": mail, "sender": sender, "template": letter}
    return _submit(
        access, "email", {**sent, "audience": audience, "variables": variables, "campaigns": [campaign.pk]}
    )


def _text(access: Access, audience: Audience, campaign: Campaign) -> SendOut:
    config = {"base_url": f"{settings.SANDBOX_URL}/contract", "idempotent": True}
    values = {"channel": "sms", "type": "contract", "name": "Sandbox SMS", "config": config}
    platform = _one(Provider, access, lambda: channels.create_provider(access, values), name="Sandbox SMS")
    signature = _one(
        Signature, access, lambda: content.add_signature(access, platform, "BrandA"), provider=platform
    )
    text = _one(
        Template, access, lambda: content.create_template(access, "sms", rules.TEXT), name=rules.TEXT["name"]
    )
    if not text.reviews.filter(provider=platform).exists():
        content.submit_for_review(access, text, platform)
    _wait_for_reviews(text, signature)
    sent = {"name": "生日祝福短信", "provider": platform, "signature": signature, "template": text}
    return _submit(access, "sms", {**sent, "audience": audience, "campaigns": [campaign.pk]})


def _wait_for_reviews(text: Template, signature: Signature) -> None:
    """The platform reviews template and signature within seconds. Raises Conflict where it does not approve them."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        review = reviews.current(text, signature.provider)
        if review is not None and review.state != "approved":
            reviews.check(review)
        if signature.state != "approved":
            signature = reviews.check_signature(signature)
        if signature.state == "approved" and reviews.approved(text, signature.provider):
            return
        time.sleep(1)
    raise Conflict("The sandbox has not approved the template.", code="demo_step_failed")


def _read_mail() -> None:
    """Open and click some of the sandbox's messages, as their readers would."""
    for number, message in enumerate(_inbox("?limit=1000&channel=email")["messages"]):
        turn = (number * 7919 % 1000) / 1000
        if turn >= OPENED:
            continue
        body = html.unescape(_inbox(f"/{message['id']}")["html"])
        for address in re.findall(r"https?://[^\"'<>\s]+/t/[oc]/[^\"'<>\s]+", body):
            if "/t/o/" in address or turn < CLICKED:
                _visit(address)


def _inbox(path: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"{settings.SANDBOX_URL}/inbox/api/messages{path}", timeout=20) as page:
        found: dict[str, Any] = json.load(page)
    return found


def _visit(address: str) -> None:
    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_arguments: Any) -> None:
            return None

    try:
        urllib.request.build_opener(Stay).open(address, timeout=10).close()
    except urllib.error.HTTPError as answer:
        if answer.code not in (301, 302):
            raise DomainError(f"{address} answered {answer.code}.") from answer
