"""When datasets are refreshed by themselves."""

from __future__ import annotations

import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from admin_center.organizations.settings import update_settings
from cdp.core.errors import ValidationFailed
from cdp.core.timezones import zone
from cdp.jobs.kinds import get_kind
from cdp.jobs.models import Job
from cdp.jobs.runner import run_job
from insight.audiences import refreshing
from insight.datasets import schedule, services
from insight.datasets.models import Dataset
from tests.factories import make_workspace
from tests.insight.datasets.world import BEHAVIOUR, DEFINITION, World


@pytest.mark.parametrize(
    ("policy", "path"),
    [
        ([], "refresh"),
        ("day", "refresh"),
        ({"every": "year"}, "refresh/every"),
        ({"every": ["day"]}, "refresh/every"),
        ({"every": "day", "at": "T05:00"}, "refresh/at"),
        ({"every": "day", "at": "5:00"}, "refresh/at"),
        ({"every": "day", "at": "24:00"}, "refresh/at"),
        ({"every": "day", "at": 5}, "refresh/at"),
        ({"every": "hour", "hours": 0}, "refresh/hours"),
        ({"every": "hour", "hours": True}, "refresh/hours"),
        ({"every": "week", "weekday": 8}, "refresh/weekday"),
        ({"every": "month", "day": 32}, "refresh/day"),
        ({"every": "day", "hours": 2}, "refresh/hours"),
    ],
)
def test_bad_schedules_are_refused_at_the_field(world: World, policy: Any, path: str) -> None:
    answer = world.api()("post", "datasets/", {**DEFINITION, "refresh": policy})
    assert answer.status_code == 400 and list(answer.json()["errors"]) == [path]
    assert not Dataset.objects.exists()


def test_behaviour_is_not_refreshed_by_the_hour(world: World) -> None:
    with pytest.raises(ValidationFailed):
        services.create(world.access, {**BEHAVIOUR, "refresh": {"every": "hour"}})


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("policy", "after", "due"),
    [
        ({"every": "day", "at": "05:00"}, "2026-01-01 05:00", "2026-01-02 05:00"),
        ({"every": "day", "at": "05:00"}, "2026-01-01 04:59", "2026-01-01 05:00"),
        ({"every": "hour", "hours": 6}, "2026-01-01 18:00", "2026-01-02 00:00"),
        ({"every": "hour", "hours": 5}, "2026-01-01 11:00", "2026-01-01 15:00"),
        ({"every": "week", "weekday": 1, "at": "03:00"}, "2026-01-01 12:00", "2026-01-05 03:00"),
        ({"every": "week", "weekday": 4, "at": "03:00"}, "2026-01-01 12:00", "2026-01-08 03:00"),
        ({"every": "month", "day": 31, "at": "03:00"}, "2026-01-31 03:00", "2026-02-28 03:00"),
        ({"every": "month", "day": 1, "at": "03:00"}, "2026-01-01 04:00", "2026-02-01 03:00"),
    ],
)
def test_the_next_moment_is_told_by_the_clock_of_the_workspace(policy: Any, after: str, due: str) -> None:
    workspace = make_workspace(time_zone="Asia/Shanghai")
    dataset = Dataset(workspace=workspace, kind="user_tags", refresh=policy)
    zone = ZoneInfo("Asia/Shanghai")
    found = schedule.next_time(dataset, datetime.datetime.fromisoformat(after).replace(tzinfo=zone))
    assert found == datetime.datetime.fromisoformat(due).replace(tzinfo=zone)


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        ({"every": "off"}, ""),
        ({"every": "hour", "hours": 1}, "Every hour"),
        ({"every": "hour", "hours": 6}, "Every 6 hours"),
        ({"every": "week", "weekday": 7, "at": "05:00"}, "Every Sunday at 05:00"),
        ({"every": "month", "day": 3, "at": "05:00"}, "Every month on day 3 at 05:00"),
    ],
)
def test_a_policy_in_words(policy: Any, words: str) -> None:
    assert schedule.describe(policy) == words


def test_due_datasets_start_once_and_a_broken_one_stops_no_other(world: World) -> None:
    first = world.dataset(refresh={"every": "hour", "hours": 2})
    second = world.dataset(name="Second", refresh={"every": "day", "at": "05:00"})
    past = timezone.now() - datetime.timedelta(days=3)
    Dataset.objects.filter(pk=first.pk).update(next_refresh_at=past, refresh={"every": "day", "at": "soon"})
    Dataset.objects.filter(pk=second.pk).update(next_refresh_at=past + datetime.timedelta(hours=1))
    assert schedule.start_due() == 1 and schedule.start_due() == 0
    world.run_jobs()
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.version, second.version) == (1, 2)
    assert first.next_refresh_at > timezone.now() and second.next_refresh_at > timezone.now()


def test_scheduled_refreshes_beyond_the_workspaces_places_wait_and_manual_ones_do_not(world: World) -> None:
    update_settings(world.workspace, {"update_concurrency": 1})
    first, second = (
        world.dataset(refresh={"every": "day"}),
        world.dataset(name="Second", refresh={"every": "day"}),
    )
    Dataset.objects.update(next_refresh_at=timezone.now())
    assert schedule.start_due() == 2
    lease = timezone.now() + datetime.timedelta(minutes=1)
    Job.objects.filter(subject_id=first.pk, status="queued").update(status="running", lease_until=lease)
    waiting = Job.objects.get(subject_id=second.pk, status="queued")
    run_job(waiting.pk)
    waiting.refresh_from_db()
    assert waiting.status == "queued" and "Waiting for a free place" in waiting.phase
    assert services.refresh(world.access, second).pk == waiting.pk
    run_job(waiting.pk)
    second.refresh_from_db()
    assert second.version == 2


def test_datasets_and_audiences_share_the_places() -> None:
    gates = {get_kind(kind).gate for kind in ("dataset.refresh_periodic", refreshing.PERIODIC)}
    assert gates == {"scheduled_update"} and not get_kind("dataset.refresh").gate


def test_the_schedule_page_saves_each_cycle_and_refuses_an_older_state(world: World) -> None:
    dataset = world.dataset()
    path = f"{dataset.pk}/settings/"
    weekly = {"every": "week", "weekday": "3", "at": "04:30", "edit_version": dataset.edit_version}
    assert world.post(path, weekly).status_code == 302
    dataset.refresh_from_db()
    assert dataset.refresh == {"every": "week", "weekday": 3, "at": "04:30"} and dataset.next_refresh_at
    assert world.post(path, {"every": "off", "edit_version": 1}).status_code == 422
    wrong = world.post(path, {"every": "hour", "hours": "24", "edit_version": dataset.edit_version})
    assert wrong.status_code == 422 and wrong.context["form"].errors["hours"]
    world.post(path, {"every": "off", "edit_version": dataset.edit_version})
    dataset.refresh_from_db()
    assert dataset.refresh == {"every": "off"} and dataset.next_refresh_at is None


def test_a_new_time_for_models_moves_those_that_are_computed_daily(world: World) -> None:
    workspace = world.access.workspace
    made = [world.dataset(name=name, refresh={"every": "day", "at": "05:00"}) for name in ("A", "B", "C")]
    Dataset.objects.filter(pk__in=[row.pk for row in made[:2]]).update(kind=Dataset.Kind.RFM)
    Dataset.objects.filter(pk=made[1].pk).update(refresh={"every": "week", "weekday": 1, "at": "05:00"})
    update_settings(workspace, {"rfm_update": "06:30"}, access=world.access)
    daily, weekly, tags = (Dataset.objects.get(pk=row.pk) for row in made)
    assert daily.refresh == {"every": "day", "at": "06:30"}
    assert daily.next_refresh_at.astimezone(zone(workspace)).strftime("%H:%M") == "06:30"
    assert (weekly.refresh["at"], tags.refresh["at"]) == ("05:00", "05:00")


@pytest.mark.parametrize(("kind", "setting"), [("rfm", "rfm_update"), ("aipl", "aipl_update")])
def test_models_begin_with_the_time_of_the_workspace(world: World, kind: str, setting: str) -> None:
    update_settings(world.access.workspace, {setting: "01:15"}, access=world.access)
    assert schedule.of_kind(world.access.workspace, kind) == {"every": "day", "at": "01:15"}
    assert schedule.of_kind(world.access.workspace, "user_tags") == {}
