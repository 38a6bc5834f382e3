"""Computing audiences: what is written, when it becomes visible, and what a failure leaves behind."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from cdp import lake
from cdp.core.errors import Conflict
from cdp.jobs.models import Job
from cdp.jobs.runner import recover_lost, run_job
from cdp.jobs.services import cancel_job
from cdp.warehouse import get_engine
from insight.audiences import queries, refreshing, services, snapshots
from insight.audiences.models import Audience, AudienceVersion
from tests.factories import make_access
from tests.insight.audiences.world import PEOPLE, World, new_version, people_table

Computed = Callable[..., Audience]
RunJobs = Callable[..., list[Job]]


def people(version: AudienceVersion | None) -> dict[str, dict[str, Any]]:
    assert version is not None
    rows = get_engine().execute(queries.members(version)).to_pylist()
    return {row["user_unique_id"]: row for row in rows}


def test_members_are_those_of_the_rule_with_their_saved_ids(computed: Computed) -> None:
    audience = computed()
    assert audience.state == "succeeded" and audience.count == 4 and audience.version == 1
    assert people(audience.current) == {
        "u2": {"user_unique_id": "u2", "one_id": "u2", "mobile": "13800000002"},
        "u3": {"user_unique_id": "u3", "one_id": "u3", "mobile": None},
        "u6": {"user_unique_id": "u6", "one_id": "u6", "mobile": "13800000006"},
        "u8": {"user_unique_id": "u8", "one_id": "u8", "mobile": "13800000008"},
    }


def test_id_stats_count_filled_and_distinct_values(computed: Computed) -> None:
    stats = computed().current.id_stats["mobile"]
    assert (stats["filled"], stats["distinct"], stats["fill_rate"]) == (3, 3, 0.75)


def test_ids_come_from_the_first_dataset_that_knows_them_and_conflicts_are_counted(
    computed: Computed, world: World
) -> None:
    from tests.insight.audiences.world import make_tag_dataset

    other = [("u2", "13900000002", *PEOPLE[1][2:]), ("u3", "13900000003", *PEOPLE[2][2:])]
    second = make_tag_dataset(world.workspace, "Second", people_table(other))
    both = {"op": "union", "items": [world.women, {**world.women, "dataset": second.pk}]}
    found = computed(both).current
    assert people(found)["u2"]["mobile"] == "13800000002"
    assert people(found)["u3"]["mobile"] == "13900000003"
    assert found.id_stats["mobile"]["conflicts"] == 1


def test_a_dataset_with_several_rows_per_user_gives_each_member_once(
    computed: Computed, world: World
) -> None:
    new_version(world.members, people_table([*PEOPLE, PEOPLE[1]]))
    world.members.stats = {"unique_users": False}
    world.members.save()
    assert sorted(people(computed().current)) == ["u2", "u3", "u6", "u8"]


def test_versions_tell_who_joined_and_left(computed: Computed, world: World, run_jobs: RunJobs) -> None:
    audience = computed()
    changed = [person for person in PEOPLE if person[0] != "u2"]
    changed += [("u10", None, "f", None, None, None), ("u11", None, "f", None, None, None)]
    new_version(world.members, people_table(changed))
    refreshing.refresh(world.access, audience)
    run_jobs()
    latest = audience.versions.first()
    assert (latest.number, latest.count, latest.joined, latest.left) == (2, 5, 2, 1)
    assert latest.dataset_versions == {world.members.pk: 2}


def test_an_audience_condition_uses_the_latest_good_version(
    computed: Computed, world: World, run_jobs: RunJobs
) -> None:
    women = computed()
    rule = {
        "op": "subtract",
        "items": [world.tag("spend", "not_empty"), {"kind": "audience", "audience": women.pk}],
    }
    rest = computed(rule, name="Others", save_ids=["mobile"])
    assert sorted(people(rest.current)) == ["u1", "u4", "u5", "u7"]
    assert people(rest.current)["u5"]["mobile"] is None
    assert rest.current.audience_versions == {women.pk: 1}


def test_the_limit_keeps_the_same_people_from_refresh_to_refresh(
    computed: Computed, world: World, run_jobs: RunJobs
) -> None:
    audience = computed(limit=2)
    first = set(people(audience.current))
    refreshing.refresh(world.access, audience)
    run_jobs()
    audience.refresh_from_db()
    assert len(first) == 2 and set(people(audience.current)) == first


def test_two_refreshes_at_once_are_one_job(computed: Computed, world: World) -> None:
    audience = computed()
    first = refreshing.refresh(world.access, audience)
    assert refreshing.refresh(world.access, audience).pk == first.pk


def test_a_snapshot_asked_for_while_a_refresh_waits_is_taken_by_that_refresh(
    computed: Computed, world: World, run_jobs: RunJobs
) -> None:
    audience = computed()
    refreshing.refresh(world.access, audience, snapshot=False)
    refreshing.refresh(world.access, audience, snapshot=True)
    run_jobs()
    assert list(audience.versions.filter(is_snapshot=True).values_list("number", flat=True)) == [1]


def test_an_edit_during_a_refresh_is_computed_too(
    computed: Computed, world: World, run_jobs: RunJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    audience = computed()
    publish, edited = refreshing._publish, []

    def edit_first(*args: Any) -> AudienceVersion | None:
        if not edited:
            edited.append(True)
            services.update(world.access, audience, {"rule": world.tag("gender", "in", ["m"])})
        return publish(*args)

    monkeypatch.setattr(refreshing, "_publish", edit_first)
    refreshing.refresh(world.access, audience)
    run_jobs()
    audience.refresh_from_db()
    assert sorted(people(audience.current)) == ["u1", "u4", "u7"] and audience.state == "succeeded"


def test_a_worker_killed_between_table_and_pointer_leaves_the_old_version_and_is_repeated(
    computed: Computed, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    audience = computed()
    before = audience.current_id
    job = refreshing.refresh(world.access, audience)

    class Killed(BaseException):
        pass

    def die(*args: Any) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(refreshing, "_publish", die)
        with pytest.raises(Killed):
            run_job(job.pk)
    audience.refresh_from_db()
    assert audience.current_id == before and sorted(people(audience.current)) == ["u2", "u3", "u6", "u8"]
    assert f"{audience.pk}_v2" in lake.tables(world.workspace)

    Job.objects.filter(pk=job.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    recover_lost()
    run_job(job.pk)
    job.refresh_from_db()
    audience.refresh_from_db()
    tables = {name for name in lake.tables(world.workspace) if name.startswith(audience.pk)}
    assert job.status == "succeeded" and audience.version == 3 and audience.state == "succeeded"
    assert tables == {f"{audience.pk}_v1", f"{audience.pk}_v3"}


def test_a_worker_that_lost_its_lease_does_not_publish(
    computed: Computed, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    audience = computed()
    job = refreshing.refresh(world.access, audience)
    publish = refreshing._publish

    def lose_lease(*args: Any) -> AudienceVersion | None:
        Job.objects.filter(pk=job.pk).update(run_token="another worker")
        return publish(*args)

    monkeypatch.setattr(refreshing, "_publish", lose_lease)
    run_job(job.pk)
    audience.refresh_from_db()
    assert audience.version == 1 and audience.versions.count() == 1


def test_a_missing_dataset_fails_with_the_reason_and_keeps_the_members(
    computed: Computed, world: World, run_jobs: RunJobs
) -> None:
    audience = computed()
    world.members.delete()
    refreshing.refresh(world.access, audience)
    run_jobs(allow_failure=True)
    audience.refresh_from_db()
    assert audience.state == "failed" and audience.reason_code == "rule_outdated"
    assert "dataset is no longer there" in audience.reason
    assert len(people(audience.current)) == 4


def test_a_lost_column_fails_naming_the_tag(computed: Computed, world: World, run_jobs: RunJobs) -> None:
    audience = computed()
    world.members.fields.filter(column="gender").update(deleted=True)
    refreshing.refresh(world.access, audience)
    run_jobs(allow_failure=True)
    audience.refresh_from_db()
    assert audience.state == "failed" and "gender" in audience.reason


def test_a_cancelled_refresh_leaves_the_audience_ready(computed: Computed, world: World) -> None:
    audience = computed()
    cancel_job(refreshing.refresh(world.access, audience), world.access)
    audience.refresh_from_db()
    assert audience.state == "succeeded"


def test_the_refresh_of_a_deleted_audience_ends_without_error_state(computed: Computed, world: World) -> None:
    audience = computed()
    job = refreshing.refresh(world.access, audience)
    services.delete(world.access, audience)
    job.refresh_from_db()
    assert job.status == "cancelled"
    assert not Audience.objects.filter(pk=audience.pk).exists()


def test_refresh_now_computes_inside_another_job(computed: Computed, world: World) -> None:
    from cdp.jobs import JobContext

    audience = computed()
    row = Job.objects.create(workspace=world.workspace, owner=world.access.user, kind="test", run_token="t")
    assert queries.refresh_now(audience, JobContext(row)).number == 2


def test_the_snapshot_limit_drops_the_oldest_automatic_one_or_refuses(
    computed: Computed, world: World, monkeypatch: pytest.MonkeyPatch, run_jobs: RunJobs
) -> None:
    monkeypatch.setattr(snapshots, "LIMIT", 2)
    audience = computed(auto_snapshot=True)
    for _number in range(3):
        refreshing.refresh(world.access, audience)
        run_jobs()
    kept = audience.versions.filter(is_snapshot=True)
    assert sorted(kept.values_list("number", flat=True)) == [2, 3]
    kept.update(snapshot_auto=False)
    with pytest.raises(Conflict):
        refreshing.refresh(world.access, audience)


def test_another_persons_audience_that_turned_private_is_not_followed(
    computed: Computed, world: World, run_jobs: RunJobs
) -> None:
    women = computed(public=True)
    analyst = make_access(world.workspace, "analyst")
    rule = {"kind": "audience", "audience": women.pk}
    audience = services.create(analyst, {"name": "Followers", "rule": rule, "save_ids": ["one_id"]})
    run_jobs()
    audience.refresh_from_db()
    assert (audience.state, audience.count) == ("succeeded", 4)
    services.update(world.access, women, {"public": False})
    refreshing.refresh(analyst, audience)
    run_jobs(allow_failure=True)
    audience.refresh_from_db()
    assert (audience.state, audience.reason_code, audience.count) == ("failed", "no_grant", 4)
    assert women.name in audience.reason
