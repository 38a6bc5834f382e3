"""Scheduled work of omni-domain insight."""

from __future__ import annotations

from datetime import time

from celery import shared_task
from django.utils import timezone

from admin_center.organizations.models import Workspace
from cdp.core import timezones
from insight.omni import receiving, uses
from insight.omni.models import Intake, TagDay

AT = time(3, 30)
"""After the pushes of the night, before audiences are updated."""


@shared_task
def count_tags() -> int:
    """Count the omni tags of every workspace whose day has not been counted yet; go on with what is unrecognised."""
    counted = 0
    wanted = Intake.objects.filter(current=True).values_list("workspace", flat=True).distinct()
    for workspace in Workspace.objects.filter(pk__in=list(wanted)):
        if receiving.is_waiting(workspace):
            receiving.start_recognition(workspace)
        local = timezone.now().astimezone(timezones.zone(workspace))
        done = TagDay.objects.in_workspace(workspace).filter(day=local.date()).exists()
        if local.time() >= AT and not done:
            counted += uses.count_day(workspace) > 0
    return counted
