"""Whose pushes and schedules they are, and what is left of them when rights are taken back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from admin_center.permissions.access import access_for
from admin_center.permissions.models import Role
from cdp.core.errors import PermissionDenied
from cdp.jobs.models import Job
from cdp.jobs.runner import run_job
from insight.audiences import refreshing
from insight.audiences import services as audiences
from insight.audiences.models import Audience
from insight.pushes import interfaces, services
from insight.pushes.models import Push, PushInterface, PushSetting
from tests.factories import make_access
from tests.insight.audiences.world import PEOPLE, World, new_version, people_table
from tests.insight.pushes.dying import die_before_the_end
from tests.insight.pushes.servers import Hook

RunJobs = Callable[..., list[Job]]
KEY = {"kind": "id", "column": "user_unique_id", "alias": "id"}
DAILY = {"fields": [KEY], "refresh": {"every": "day"}}


@pytest.fixture
def reader(world: World, audience: Audience, webhook: PushInterface) -> Any:
    """An analyst who may download and push the audience, which is another person's and public."""
    audiences.update(world.access, audience, {"public": True})
    role = Role.objects.get(workspace=world.workspace, code="analyst")
    role.permissions = [*role.permissions, "insight.audience.download"]
    role.save()
    interfaces.grant(world.access, webhook, {"role": "analyst"})
    found = make_access(world.workspace, "analyst")
    return access_for(found.user, world.workspace)


def due(run_jobs: RunJobs) -> Push:
    PushSetting.objects.update(next_push_at=timezone.now() - timedelta(seconds=1))
    assert services.start_due() == 1
    run_jobs(allow_failure=True)
    return Push.objects.latest("created_at")


def test_a_schedule_of_somebody_who_no_longer_sees_the_audience_pushes_nothing(
    world: World, audience: Audience, webhook: PushInterface, hook: Hook, reader: Any, run_jobs: RunJobs
) -> None:
    services.set_periodic(reader, audience, webhook, DAILY)
    assert due(run_jobs).state == "succeeded"
    audiences.update(world.access, audience, {"public": False})
    hook.calls.clear()
    row = due(run_jobs)
    assert (row.state, row.error_code, hook.users()) == ("failed", "permission_denied", [])


def test_a_schedule_of_somebody_who_may_no_longer_download_pushes_nothing(
    world: World, audience: Audience, webhook: PushInterface, hook: Hook, reader: Any, run_jobs: RunJobs
) -> None:
    services.set_periodic(reader, audience, webhook, DAILY)
    role = Role.objects.get(workspace=world.workspace, code="analyst")
    role.permissions = [point for point in role.permissions if point != "insight.audience.download"]
    role.save()
    row = due(run_jobs)
    assert (row.state, row.error_code, hook.users()) == ("failed", "permission_denied", [])
    with pytest.raises(PermissionDenied):
        services.retry(access_for(reader.user, world.workspace), row)


def test_who_made_a_schedule_can_remove_it_also_of_somebody_elses_audience(
    audience: Audience, webhook: PushInterface, reader: Any
) -> None:
    setting = services.set_periodic(reader, audience, webhook, DAILY)
    services.remove_periodic(reader, setting)
    assert not PushSetting.objects.exists()


def test_nobody_else_replaces_or_removes_a_schedule(
    world: World, audience: Audience, webhook: PushInterface, reader: Any
) -> None:
    setting = services.set_periodic(world.access, audience, webhook, DAILY)
    with pytest.raises(PermissionDenied):
        services.set_periodic(reader, audience, webhook, {**DAILY, "enabled": False})
    with pytest.raises(PermissionDenied):
        services.remove_periodic(reader, setting)
    setting.refresh_from_db()
    assert setting.enabled and setting.owner_id == world.access.user.pk


def test_the_page_offers_nothing_that_would_be_refused(
    world: World, audience: Audience, webhook: PushInterface, reader: Any
) -> None:
    services.set_periodic(world.access, audience, webhook, DAILY)
    browser = Client()
    browser.force_login(reader.user, backend="admin_center.members.backends.NameOrEmailBackend")
    page = f"/w/{world.workspace.slug}/pushes/audience/{audience.pk}/"
    shown = browser.get(page).content.decode()
    assert 'value="periodic"' not in shown and "Remove the schedule" not in shown
    assert "Somebody else pushes this audience there by schedule." in shown
    assert browser.post(page, {"interface": webhook.pk, "action": "remove"}).status_code == 403
    assert PushSetting.objects.exists()


def test_a_run_that_was_broken_off_goes_on_with_the_version_that_it_had_begun(
    world: World,
    audience: Audience,
    webhook: PushInterface,
    hook: Hook,
    run_jobs: RunJobs,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    row = services.push(world.access, audience, webhook, {"fields": [KEY]})
    job = Job.objects.get(subject_id=row.pk)
    die_before_the_end(job, monkeypatch)
    new_version(world.members, people_table([*PEOPLE, ("x1", None, *PEOPLE[1][2:])]))
    refreshing.refresh(world.access, audience)
    run_jobs()
    Job.objects.filter(pk=job.pk).update(status="queued", run_token="")
    run_job(job.pk)
    row.refresh_from_db()
    assert (row.state, row.version_number, row.users) == ("succeeded", 1, 4)
