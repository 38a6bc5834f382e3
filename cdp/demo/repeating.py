"""A send-out of the demo workspace that repeats every week, with the runs of the last weeks."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from cdp.core.access import Access
from cdp.demo import audiences as rules
from cdp.demo.steps import finish, one
from insight.audiences.models import Audience
from insight.datasets.models import Dataset
from marketing.channels.models import SenderAddress
from marketing.content.models import Template
from marketing.delivery import plans, recurrence, schedule
from marketing.delivery import services as delivery
from marketing.delivery.models import SendOut

NAME = "每周会员来信"
RUNS = 3
PEOPLE = 40
"""In each run; with every run other people get it."""


def load(access: Access, members: Dataset, audience: Audience) -> None:
    """It leaves on Mondays, and has left in each of the last weeks."""
    sender = SenderAddress.objects.in_workspace(access.workspace).select_related("provider").first()
    if sender is None:
        return
    template = Template.objects.in_workspace(access.workspace).get(name=rules.LETTER["name"])
    values = {
        "name": NAME,
        "provider": sender.provider,
        "sender": sender,
        "template": template,
        "audience": audience,
        "limit": min(PEOPLE, audience.count),
        "variables": {"city": {"dataset": members.pk, "tag": "city", "missing": "replace", "value": "远方"}},
        "recurrence": {"every": "week", "weekday": 1, "at": "10:00", "only_new": True},
    }
    plan: SendOut = one(SendOut, access, lambda: delivery.create(access, "email", values), name=NAME)
    if plan.state == SendOut.State.DRAFT:
        plan = delivery.submit(access, plan)
    if plan.state != SendOut.State.REPEATING or plan.runs.exists():
        return
    first = recurrence.next_time(plan, timezone.now() - timedelta(weeks=RUNS))
    while first is not None and first < timezone.now():
        with transaction.atomic():
            # As if it had been made in time: what is made up for now would be late.
            made = plans.run(SendOut.objects.select_for_update().get(pk=plan.pk), first, first)
        job = schedule.active_job(made) if made is not None else None
        if job is not None:
            finish(job)
        first = recurrence.next_time(plan, first)
