"""Filling the demo workspaces through the ordinary services, as a person would.

Every step looks for what it would make by name, so a run that was interrupted goes on where it stopped.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from admin_center.permissions.access import access_for
from cdp.console.models import Notification
from cdp.core.access import Access
from cdp.core.errors import DomainError
from cdp.core.timezones import today
from cdp.demo import audiences as rules
from cdp.demo import (
    brand_b,
    campaigns,
    databases,
    everyday,
    history,
    identities,
    item_pools,
    materials,
    omni,
    pushing,
    selecting,
    sending,
    shared_provider,
    short_links,
    stages,
    steps,
    tables,
    tags,
)
from cdp.demo.definitions import BEHAVIOUR, ITEMS, MEMBERS, PURCHASES, RFM, RFM_TRADE
from cdp.jobs import JobContext
from cdp.jobs.services import active_job
from insight.aipl import services as aipl
from insight.audiences.models import Audience
from insight.campaigns.models import Campaign
from insight.datasets import aipl_days, folders
from insight.datasets import services as datasets
from insight.datasets.models import Dataset, DatasetFolder
from insight.tags import services as custom_tags

DAYS_BEFORE = 35
FOLDER = "模型"


def load(job: JobContext, profile: str, second: str = "") -> dict[str, Any]:
    """Tables, datasets, audiences, campaigns, pushes and send-outs. What an interrupted run has made is kept.

    `second` is the slug of the workspace that gets a brand of its own, "" for none.
    """
    access = job.access
    other = access_for(access.user, second) if second else None
    tables.load(job, access, profile, other)
    job.phase(_("Connecting databases"), progress=38)
    try:
        databases.load(access)
    except DomainError as error:
        # Everything else does not need them.
        job.log(error, level="warning")
    job.phase(_("Computing datasets"), progress=40)
    made = _datasets(access)
    job.phase(_("Finding the stages of customers"), progress=52)
    made |= _stages(access, made["behaviour"])
    job.phase(_("Finding who is who"), progress=56)
    identities.find(access, made["members"])
    job.phase(_("Computing custom tags"), progress=58)
    _tags(access, made)
    job.phase(_("Building audiences"), progress=60)
    selected = selecting.select(access, made)
    history.load(access, made["behaviour"].pk, today(job.workspace))
    planned = _campaigns(access, selected)
    materials.load(access)
    short_links.load(access)
    everyday.load(access, selected[rules.VIP])
    item_pools.load(access, made["items"])
    job.phase(_("Pushing audiences"), progress=74)
    omni.prepare(access)
    pushing.push(access, selected[rules.VIP])
    omni.look(access, selected[rules.VIP])
    if other is not None:
        job.phase(_("Filling the second workspace"), progress=77)
        brand_b.load(other)
        shared_provider.load(other)
    if settings.SANDBOX_URL and settings.SANDBOX_SMTP:
        job.phase(_("Sending messages to the sandbox"), progress=80)
        pushing.push_model(access, made["web"])
        sending.send(job, access, made, selected, planned)
    _read_notices(access)
    return {"users": made["members"].users, "audiences": len(selected)}


def _read_notices(access: Access) -> None:
    """Whoever loads the demo need not hear of each of its jobs, but of those that failed."""
    told = Notification.objects.filter(workspace=access.workspace, user=access.user, read_at__isnull=True)
    told.exclude(level="error").update(read_at=timezone.now())


def _datasets(access: Access) -> dict[str, Dataset]:
    """The datasets of tables by what they are for; those of members, behaviour and RFM are the default ones."""
    items = steps.dataset(access, ITEMS)
    described = {"items": {"dataset": items.pk, "object": "商品"}}
    made = {
        "members": steps.dataset(access, MEMBERS),
        "behaviour": steps.dataset(access, {**BEHAVIOUR, **described}),
        "purchases": steps.dataset(access, {**PURCHASES, **described}),
        "rfm": steps.dataset(access, RFM),
        "trade": steps.dataset(access, RFM_TRADE),
    }
    for name in ("members", "behaviour", "rfm"):
        if not made[name].is_default:
            datasets.make_default(access, made[name])
    return {"items": items, **made}


def _stages(access: Access, behaviour: Dataset) -> dict[str, Dataset]:
    """The AIPL models, the one of behaviour with the days before; models lie in a folder."""
    model = steps.dataset(access, stages.of_behaviour(behaviour.pk))
    by_channel = steps.dataset(access, stages.BY_CHANNEL)
    web = steps.dataset(access, stages.of_customers(by_channel.pk, ["官网"]))
    if len(aipl_days.computed_days(model)) < DAYS_BEFORE:
        steps.finish(aipl.recompute(access, model, DAYS_BEFORE))
    if not model.is_default:
        datasets.make_default(access, model)
    folder = steps.one(
        DatasetFolder, access, lambda: folders.folders.create(access, FOLDER, None), name=FOLDER, parent=None
    )
    datasets.move(access, [model, web], folder)
    return {"aipl": model, "by_channel": by_channel, "web": web}


def _campaigns(access: Access, made: dict[str, Audience]) -> dict[str, Campaign]:
    planned = campaigns.load(access, today(access.workspace))
    belonging = {
        campaigns.AGAIN: [made[rules.AGAIN], made[rules.VIP]],
        campaigns.BIRTHDAY: [made[rules.BIRTHDAY]],
        campaigns.CARE: [made[rules.LOST], made[rules.COMBINED]],
        campaigns.STORES: [made[rules.UPLOADED], made[rules.LISTED]],
    }
    campaigns.link_audiences(access, planned, belonging)
    return planned


def _tags(access: Access, made: dict[str, Dataset]) -> None:
    """Custom tags, computed; made one after another, the later ones may have had to wait for the first."""
    with translation.override("zh-hans"):
        custom = tags.load(access, made["members"], made["rfm"], today(access.workspace))
    holder = custom[0].field.dataset
    custom_tags.start_due(holder, access.user)
    while (running := active_job(holder)) is not None:
        steps.finish(running)
        custom_tags.start_due(holder, access.user)
