"""Periodic refresh: when it is due, one catch-up, no overlap, the workspace's limit."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from admin_center.organizations.settings import update_settings
from cdp import lake
from cdp.core.errors import ValidationFailed
from cdp.jobs.models import Job
from cdp.jobs.runner import run_job
from insight.audiences import refreshing, services, tasks
from insight.audiences.models import Audience
from insight.audiences.schedule import parse_policy
from tests.insight.audiences.world import World

SHANGHAI = ZoneInfo("Asia/Shanghai")
Computed = Callable[..., Audience]


def due(policy: dict[str, Any], moment: str, zone: str = "Asia/Shanghai") -> str | None:
    parsed = parse_policy(policy)
    assert parsed is not None
    at = datetime.fromisoformat(moment).replace(tzinfo=ZoneInfo(zone))
    found = parsed.next_after(at, ZoneInfo(zone))
    return found.isoformat(timespec="minutes")[:16] if found else None


@pytest.mark.parametrize(
    ("policy", "now", "expected"),
    [
        ({"every": "day", "at": "03:00"}, "2026-03-01T02:59", "2026-03-01T03:00"),
        ({"every": "day", "at": "03:00"}, "2026-03-01T03:00", "2026-03-02T03:00"),
        ({"every": "day", "at": "03:00", "start": "2026-03-05"}, "2026-03-01T02:00", "2026-03-05T03:00"),
        ({"every": "day", "at": "03:00", "end": "2026-03-01"}, "2026-03-01T04:00", None),
        ({"every": "day", "at": "03:00", "end": "2026-03-01"}, "2026-03-01T02:00", "2026-03-01T03:00"),
        ({"every": "hour", "hours": 5, "minute": 15}, "2026-03-01T10:15", "2026-03-01T15:15"),
        ({"every": "hour", "hours": 5, "minute": 15}, "2026-03-01T20:15", "2026-03-02T00:15"),
        ({"every": "hour", "hours": 23}, "2026-03-01T22:59", "2026-03-01T23:00"),
    ],
)
def test_the_next_due_moment(policy: dict[str, Any], now: str, expected: str | None) -> None:
    assert due(policy, now) == expected


def test_a_daily_time_stays_at_its_hour_across_a_clock_change() -> None:
    policy = {"every": "day", "at": "12:00"}
    assert due(policy, "2026-03-28T12:00", "Europe/Berlin") == "2026-03-29T12:00"


@pytest.mark.parametrize(
    ("policy", "path"),
    [
        ({"every": "week"}, "refresh/every"),
        ({"every": "hour", "hours": 24}, "refresh/hours"),
        ({"every": "day", "at": "25:00"}, "refresh/at"),
        ({"every": "day", "start": "2026-02-02", "end": "2026-02-01"}, "refresh"),
        ({"every": "day", "when": "now"}, "refresh/when"),
    ],
)
def test_a_bad_policy_is_refused_with_its_path(policy: dict[str, Any], path: str) -> None:
    with pytest.raises(ValidationFailed) as failure:
        parse_policy(policy)
    assert list(failure.value.errors) == [path]


def test_hourly_refresh_needs_user_tag_datasets_also_behind_audiences(
    world: World, computed: Computed
) -> None:
    hourly = {"every": "hour", "hours": 2}
    assert computed(refresh=hourly).next_refresh_at is not None
    buyers = computed(world.bought(), name="Buyers", save_ids=[])
    for rule in (world.bought(), {"kind": "audience", "audience": buyers.pk}):
        with pytest.raises(ValidationFailed) as failure:
            services.create(world.access, {"name": "Hourly", "rule": rule, "refresh": hourly})
        assert list(failure.value.errors) == ["refresh/every"]


def make_due(audience: Audience, ago: timedelta = timedelta(minutes=1)) -> None:
    Audience.objects.filter(pk=audience.pk).update(next_refresh_at=timezone.now() - ago)


def test_what_is_due_is_refreshed_once_even_after_a_long_standstill(
    computed: Computed, run_jobs: Callable[[], list[Any]]
) -> None:
    audience = computed(refresh={"every": "hour", "hours": 1})
    make_due(audience, timedelta(days=3))
    assert tasks.start_due_refreshes() == 1
    assert tasks.start_due_refreshes() == 0
    run_jobs()
    audience.refresh_from_db()
    assert audience.version == 2 and audience.current.kind == "periodic"
    assert audience.next_refresh_at > timezone.now()


def test_a_refresh_still_running_is_not_started_twice(world: World, computed: Computed) -> None:
    audience = computed(refresh={"every": "day"})
    refreshing.refresh(world.access, audience)
    make_due(audience)
    assert tasks.start_due_refreshes() == 0
    audience.refresh_from_db()
    assert audience.next_refresh_at > timezone.now()


def test_one_that_cannot_be_started_stops_no_other(computed: Computed) -> None:
    broken, whole = computed(name="Broken", refresh={"every": "day"}), computed(refresh={"every": "day"})
    Audience.objects.filter(pk=broken.pk).update(refresh={"every": "year"})
    make_due(broken, timedelta(hours=1))
    make_due(whole)
    assert tasks.start_due_refreshes() == 1
    broken.refresh_from_db()
    whole.refresh_from_db()
    assert (broken.state, whole.state) == ("succeeded", "waiting")
    assert broken.next_refresh_at > timezone.now()


def test_a_periodic_refresh_keeps_a_snapshot_where_the_policy_says_so(
    computed: Computed, run_jobs: Callable[[], list[Any]]
) -> None:
    audience = computed(refresh={"every": "day", "snapshot": True})
    make_due(audience)
    tasks.start_due_refreshes()
    run_jobs()
    kept = audience.versions.get(is_snapshot=True)
    assert kept.number == 1 and kept.snapshot_auto


def test_periodic_refreshes_beyond_the_limit_wait_and_manual_ones_do_not(
    world: World, computed: Computed
) -> None:
    update_settings(world.workspace, {"update_concurrency": 1})
    first, second = computed(refresh={"every": "day"}), computed(name="Second", refresh={"every": "day"})
    make_due(first)
    make_due(second)
    tasks.start_due_refreshes()
    running = Job.objects.filter(status="queued").order_by("created_at").first()
    assert running is not None
    Job.objects.filter(pk=running.pk).update(
        status="running", lease_until=timezone.now() + timedelta(minutes=1)
    )
    waiting = Job.objects.get(status="queued")
    run_job(waiting.pk)
    waiting.refresh_from_db()
    assert waiting.status == "queued" and "Waiting for a free place" in waiting.phase

    audience = Audience.objects.get(pk=waiting.subject_id)
    manual = refreshing.refresh(world.access, audience)
    waiting.refresh_from_db()
    run_job(manual.pk)
    manual.refresh_from_db()
    assert waiting.status == "cancelled" and manual.status == "succeeded"
    audience.refresh_from_db()
    assert audience.state == "succeeded" and audience.version == 2


def test_old_versions_are_dropped_but_snapshots_and_the_current_one_stay(
    world: World, computed: Computed, run_jobs: Callable[[], list[Any]]
) -> None:
    audience = computed()
    for snapshot in (True, False, False):
        refreshing.refresh(world.access, audience, snapshot=snapshot)
        run_jobs()
    audience.versions.update(created_at=datetime(2020, 1, 1, tzinfo=UTC))
    assert tasks.drop_old_versions() == 2
    left = {name for name in lake.tables(world.workspace) if name.startswith(audience.pk)}
    assert left == {f"{audience.pk}_v1", f"{audience.pk}_v4"}
    assert audience.versions.get(number=2).count == 4 and audience.versions.get(number=2).dropped_at
