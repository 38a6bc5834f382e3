"""Members as of a day gone by."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from cdp.core.errors import Conflict, ValidationFailed
from insight.audiences import past, refreshing, snapshots, tasks
from insight.audiences.models import Audience
from tests.insight.audiences.test_audience_api import Client
from tests.insight.audiences.test_pages import Browser
from tests.insight.audiences.world import PEOPLE, World, new_version, people_table

DAYS = {1: datetime(2026, 3, 1, 15, 30, tzinfo=UTC), 2: datetime(2026, 3, 3, 15, 59, tzinfo=UTC)}
"""When the versions were computed: 23:30 of March 1st and 23:59 of March 3rd in Shanghai."""


@pytest.fixture
def audience(world: World, computed: Callable[..., Audience], run_jobs: Callable[[], list[Any]]) -> Audience:
    """Two women more in the second version."""
    world.workspace.time_zone = "Asia/Shanghai"
    world.workspace.save()
    made = computed()
    more = [*PEOPLE, ("x1", None, *PEOPLE[1][2:]), ("x2", None, *PEOPLE[1][2:])]
    new_version(world.members, people_table(more))
    refreshing.refresh(world.access, made)
    run_jobs()
    for number, moment in DAYS.items():
        made.versions.filter(number=number).update(created_at=moment)
    return Audience.objects.select_related("current", "workspace").get(pk=made.pk)


@pytest.mark.parametrize(
    ("as_of", "number"),
    [
        ("2026-03-01", 1),
        ("2026-03-02", 1),
        ("2026-03-03", 2),
        ("2026-03-03T23:58", 1),
        ("2026-03-03T15:58:59Z", 1),
        ("2026-03-03T23:59", 2),
        ("2026-04-01", 2),
    ],
)
def test_the_version_of_then_is_found_by_the_workspaces_clock(
    audience: Audience, as_of: str, number: int
) -> None:
    assert past.wanted(audience, {"as_of": as_of}).number == number


def test_before_the_first_version_there_was_nothing(audience: Audience) -> None:
    with pytest.raises(Conflict, match="2026-03-01") as caught:
        past.wanted(audience, {"as_of": "2026-03-01T23:00"})
    assert caught.value.code == "not_computed_then"


@pytest.mark.parametrize("as_of", ["yesterday", "2026-02-30", "2026-13-01T10:00", "2999-01-01"])
def test_what_is_no_time_gone_by_is_refused_at_the_field(audience: Audience, as_of: str) -> None:
    with pytest.raises(ValidationFailed) as caught:
        past.wanted(audience, {"as_of": as_of})
    assert list(caught.value.errors) == ["as_of"]


def test_the_members_of_a_day_are_the_same_by_page_file_and_api(audience: Audience, world: World) -> None:
    client, console = Client(world.access), Browser(world.access)
    answer = client.get(f"audiences/{audience.pk}/members/?as_of=2026-03-02").json()
    assert answer["count"] == 4
    assert [row["user_unique_id"] for row in answer["results"]] == ["u2", "u3", "u6", "u8"]
    file = client.get(f"audiences/{audience.pk}/export/?version=1").getvalue().decode()
    assert [line.split(",")[0] for line in file.split()[1:]] == ["u2", "u3", "u6", "u8"]
    assert (
        "4 people, version 1" in console.get(f"{audience.pk}/members/", as_of="2026-03-02").content.decode()
    )
    assert "6 people, version 2" in console.get(f"{audience.pk}/members/").content.decode()


def test_members_go_when_their_version_has_long_been_replaced(audience: Audience) -> None:
    """The first one was current until a moment ago, so it is kept however old it is."""
    audience.versions.filter(number=2).update(created_at=timezone.now() - timedelta(days=1))
    assert tasks.drop_old_versions() == 0
    audience.versions.filter(number=2).update(created_at=DAYS[2])
    assert tasks.drop_old_versions() == 1
    with pytest.raises(Conflict) as caught:
        past.wanted(audience, {"as_of": "2026-03-02"})
    assert caught.value.code == "version_dropped"


def test_an_older_version_can_be_kept_and_a_deleted_snapshot_leaves_its_figures(
    audience: Audience, world: World
) -> None:
    kept = snapshots.take(world.access, audience, 1)
    assert (kept.number, kept.snapshot_name) == (1, "Women_20260301233000")
    snapshots.delete(world.access, audience, kept)
    left = audience.versions.get(number=1)
    assert left.count == 4 and left.dropped_at
    with pytest.raises(Conflict):
        past.wanted(audience, {"as_of": "2026-03-02"})
