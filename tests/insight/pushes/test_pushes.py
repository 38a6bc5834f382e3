"""Pushing audiences: what arrives, what is counted, what a failure leaves behind."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from admin_center.permissions import groups
from cdp.core.errors import Conflict, DomainError, NotFound, PermissionDenied, ValidationFailed
from cdp.jobs.models import Job
from cdp.jobs.runner import run_job
from insight.audiences import extras, refreshing
from insight.audiences import services as audiences
from insight.audiences.models import Audience
from insight.datasets import granting
from insight.datasets.models import TagUse
from insight.omni import quota
from insight.omni.models import Intake
from insight.pushes import fields, interfaces, services, sources
from insight.pushes.models import Push, PushInterface, PushSetting
from insight.pushes.targets import TARGETS
from insight.pushes.targets import webhook as webhooks
from insight.pushes.targets.webhook import signature
from insight.tags import services as custom_tags
from tests.factories import make_access
from tests.insight.audiences.world import PEOPLE, World, new_version, people_table
from tests.insight.pushes.dying import die_before_the_end
from tests.insight.pushes.servers import Hook

RunJobs = Callable[..., list[Job]]
MOBILE = {"kind": "id", "column": "mobile", "alias": "phone", "encryption": "none"}
KEY = {"kind": "id", "column": "user_unique_id", "alias": "id"}


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "PAUSE", 0.001)


def pushed(
    access: Any, audience: Audience, interface: PushInterface, run_jobs: RunJobs, *chosen: Any, **options: Any
) -> Push:
    row = services.push(
        access, audience, interface, {"fields": list(chosen or (KEY, MOBILE)), "options": options}
    )
    run_jobs(allow_failure=True)
    row.refresh_from_db()
    return row


def test_a_push_delivers_each_user_once_with_the_chosen_fields(
    world: World, audience: Audience, webhook: PushInterface, hook: Hook, run_jobs: RunJobs
) -> None:
    city = {"kind": "tag", "dataset": world.members.pk, "column": "city", "alias": "town"}
    row = pushed(world.access, audience, webhook, run_jobs, KEY, MOBILE, city)
    assert hook.users() == [
        {"user_unique_id": "u2", "id": "u2", "phone": "13800000002", "town": "Beijing"},
        {"user_unique_id": "u3", "id": "u3", "phone": None, "town": "Shanghai Pudong"},
        {"user_unique_id": "u6", "id": "u6", "phone": "13800000006", "town": "Nanjing"},
        {"user_unique_id": "u8", "id": "u8", "phone": "13800000008", "town": "=SUM(A1)"},
    ]
    assert (row.state, row.users, row.ids, row.skipped) == ("succeeded", 4, 7, 0)
    assert (row.version_number, row.seen) == (1, True)
    last = hook.calls[-1]["body"]
    assert (last["end"], last["count"], last["ids"], last["push_id"]) == (True, 4, 7, row.pk)


def test_a_push_that_ends_well_counts_its_tags_and_a_failed_one_does_not(
    world: World, audience: Audience, webhook: PushInterface, hook: Hook, run_jobs: RunJobs
) -> None:
    TagUse.objects.all().delete()
    city = {"kind": "tag", "dataset": world.members.pk, "column": "city", "alias": "town"}
    hook.answers = [400]
    assert pushed(world.access, audience, webhook, run_jobs, KEY, city).state == "failed"
    assert not TagUse.objects.exists()
    assert pushed(world.access, audience, webhook, run_jobs, KEY, city).state == "succeeded"
    assert [(use.column, use.kind, use.times) for use in TagUse.objects.all()] == [("city", "push", 1)]


def test_calls_are_signed(
    world: World, audience: Audience, webhook: PushInterface, hook: Hook, run_jobs: RunJobs
) -> None:
    pushed(world.access, audience, webhook, run_jobs)
    for call in hook.calls:
        stamp = call["headers"]["X-Tideline-Timestamp"]
        wanted = signature("shared words", stamp, call["raw"])
        assert call["headers"]["X-Tideline-Signature"] == wanted


def test_ids_can_be_hashed_on_their_way_out(
    world: World, audience: Audience, webhook: PushInterface, hook: Hook, run_jobs: RunJobs
) -> None:
    pushed(
        world.access,
        audience,
        webhook,
        run_jobs,
        {**KEY, "encryption": "md5"},
        {**MOBILE, "encryption": "sha256"},
        skip_empty=True,
    )
    first, second = hook.users()[:2]
    assert first["user_unique_id"] == first["id"] == hashlib.md5(b"u2").hexdigest()
    assert first["phone"] == hashlib.sha256(b"13800000002").hexdigest()
    assert "phone" not in second


def test_people_without_any_of_the_ids_are_left_out_and_counted(
    world: World, audience: Audience, webhook: PushInterface, hook: Hook, run_jobs: RunJobs
) -> None:
    row = pushed(world.access, audience, webhook, run_jobs, MOBILE)
    assert (row.state, row.users, row.ids, row.skipped) == ("partly", 3, 3, 1)
    assert {user["user_unique_id"] for user in hook.users()} == {"u2", "u6", "u8"}


def test_a_stumbling_receiver_is_tried_again_under_the_same_key(
    world: World, audience: Audience, webhook: PushInterface, hook: Hook, run_jobs: RunJobs
) -> None:
    hook.answers = [500, 429]
    row = pushed(world.access, audience, webhook, run_jobs)
    assert row.state == "succeeded" and len(hook.users()) == 4
    keys = [call["headers"]["Idempotency-Key"] for call in hook.calls]
    assert keys == [f"{row.pk}-1"] * 3 + [f"{row.pk}-end"]


def test_a_refusal_fails_with_the_words_of_the_other_side_and_can_be_tried_again(
    world: World, audience: Audience, webhook: PushInterface, hook: Hook, run_jobs: RunJobs
) -> None:
    hook.answers = [403]
    row = pushed(world.access, audience, webhook, run_jobs)
    assert (row.state, row.error_code, row.seen) == ("failed", "push_failed", False)
    assert "403" in row.message and "the reason of the other side" in row.message
    assert any(entry.dot for entry in extras.EXTRAS.entries(world.access, audience))
    marked = extras.EXTRAS.with_marks(Audience.objects.filter(pk=audience.pk)).get()
    assert marked.is_marked
    list(services.history(audience, opened=True))
    assert not any(entry.dot for entry in extras.EXTRAS.entries(world.access, audience))
    services.retry(world.access, row)
    run_jobs()
    row.refresh_from_db()
    assert (row.state, row.users) == ("succeeded", 4)
    assert {call["body"]["push_id"] for call in hook.calls} == {row.pk}
    with pytest.raises(Conflict) as caught:
        services.retry(world.access, row)
    assert caught.value.code == "push_not_failed"


def test_a_worker_that_dies_begins_again_under_the_same_id(
    world: World, audience: Audience, webhook: PushInterface, hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Receivers that leave out what they have had get everybody once."""
    row = services.push(world.access, audience, webhook, {"fields": [KEY, MOBILE]})
    job = Job.objects.get(subject_id=row.pk)
    monkeypatch.setattr("insight.pushes.sources.BATCH", 2)
    die_before_the_end(job, monkeypatch)
    row.refresh_from_db()
    assert row.state == "pushing"
    Job.objects.filter(pk=job.pk).update(status="queued", run_token="")
    run_job(job.pk)
    row.refresh_from_db()
    assert (row.state, row.users, row.ids) == ("succeeded", 4, 7)
    by_key = {call["headers"]["Idempotency-Key"]: call["body"] for call in hook.calls}
    got = [user["user_unique_id"] for body in by_key.values() for user in body.get("users", [])]
    assert sorted(got) == ["u2", "u3", "u6", "u8"]


def test_pushes_over_the_limit_of_a_target_wait(
    world: World, audience: Audience, webhook: PushInterface, run_jobs: RunJobs
) -> None:
    world.workspace.settings = {"push_concurrency": 1}
    world.workspace.save()
    first, second = (
        services.push(world.access, audience, webhook, {"fields": [KEY]}) for _number in range(2)
    )
    jobs = {row.pk: Job.objects.get(subject_id=row.pk) for row in (first, second)}
    Job.objects.filter(pk=jobs[first.pk].pk).update(status="running", run_token="another worker")
    run_job(jobs[second.pk].pk)
    second.refresh_from_db()
    assert second.state == "waiting"
    Job.objects.filter(pk=jobs[first.pk].pk).update(status="succeeded")
    run_job(jobs[second.pk].pk)
    second.refresh_from_db()
    assert second.state == "succeeded"


def test_a_cancelled_push_ends_so(
    world: World, audience: Audience, webhook: PushInterface, hook: Hook, run_jobs: RunJobs
) -> None:
    row = services.push(world.access, audience, webhook, {"fields": [KEY]})
    services.cancel(world.access, row)
    row.refresh_from_db()
    assert (row.state, row.seen) == ("cancelled", True) and not hook.calls
    with pytest.raises(Conflict):
        services.cancel(world.access, row)


@pytest.mark.parametrize(
    ("chosen", "path"),
    [
        ([], "fields"),
        ("all", "fields"),
        ([{"kind": "id", "column": "email"}], "fields/0/column"),
        ([KEY, {"kind": "tag", "dataset": "ds_x", "column": "city"}], "fields/1/column"),
        ([KEY, {**MOBILE, "alias": "id"}], "fields"),
        ([{**KEY, "alias": "x" * 65}], "fields/0/alias"),
        ([{**KEY, "encryption": "rot13"}], "fields/0/encryption"),
    ],
)
def test_fields_that_cannot_be_pushed_are_named(
    world: World, audience: Audience, webhook: PushInterface, chosen: Any, path: str
) -> None:
    with pytest.raises(ValidationFailed) as caught:
        services.push(world.access, audience, webhook, {"fields": chosen})
    assert list(caught.value.errors) == [path]
    assert not Push.objects.exists()


def test_only_tags_of_the_sources_are_offered_and_hours_only_for_tags(
    world: World, audience: Audience, run_jobs: RunJobs
) -> None:
    found = fields.offered(world.access, audience, TARGETS["kafka"])
    assert [item["column"] for item in found["ids"]] == ["user_unique_id", "mobile"]
    assert {item["column"] for item in found["tags"]} == {"gender", "city", "interests", "spend"}
    assert sources.of(audience).hourly
    buyers = audiences.create(world.access, {"name": "Buyers", "rule": world.bought(), "save_ids": []})
    run_jobs()
    assert not sources.of(buyers).hourly
    assert fields.offered(world.access, buyers, TARGETS["kafka"])["tags"] == []


def test_by_the_hour_only_audiences_of_user_tags_are_pushed(
    world: World, audience: Audience, webhook: PushInterface, run_jobs: RunJobs
) -> None:
    hourly = {"fields": [KEY], "refresh": {"every": "hour", "hours": 2}}
    assert services.set_periodic(world.access, audience, webhook, hourly).refresh["every"] == "hour"
    buyers = audiences.create(world.access, {"name": "Buyers", "rule": world.bought(), "save_ids": []})
    run_jobs()
    buyers = Audience.objects.select_related("workspace", "current").get(pk=buyers.pk)
    with pytest.raises(ValidationFailed) as caught:
        services.set_periodic(world.access, buyers, webhook, hourly)
    assert list(caught.value.errors) == ["refresh/every"]
    for every in ("day", "week", "month"):
        data = {"fields": [KEY], "refresh": {"every": every}}
        assert services.set_periodic(world.access, buyers, webhook, data).refresh["every"] == every


def test_rows_that_the_person_does_not_see_have_no_tags(
    world: World, audience: Audience, webhook: PushInterface, hook: Hook, run_jobs: RunJobs
) -> None:
    audiences.update(world.access, audience, {"public": True})
    granting.share(world.access, world.members, public=False, row_columns=["city"])
    other = make_access(world.workspace, "analyst")
    granting.grant(world.access, world.members, {"user": other.user.username, "rows": {"city": ["Nanjing"]}})
    interfaces.grant(world.access, webhook, {"user": other.user.username})
    city = {"kind": "tag", "dataset": world.members.pk, "column": "city", "alias": "town"}
    with pytest.raises(PermissionDenied):
        services.push(other, audience, webhook, {"fields": [KEY, city]})
    from admin_center.permissions.models import Role

    role = Role.objects.get(workspace=world.workspace, code="analyst")
    role.permissions = [*role.permissions, "insight.audience.download"]
    role.save()
    from admin_center.permissions.access import access_for

    again = access_for(other.user, world.workspace)
    pushed(again, audience, webhook, run_jobs, KEY, city)
    assert {user["user_unique_id"]: user["town"] for user in hook.users()} == {
        "u2": None,
        "u3": None,
        "u6": "Nanjing",
        "u8": None,
    }


def test_only_people_with_a_grant_push_there(
    world: World, audience: Audience, webhook: PushInterface, hook: Hook, run_jobs: RunJobs
) -> None:
    owner = make_access(world.workspace, "analyst")
    granting.share(world.access, world.members, public=True, row_columns=[])
    own = audiences.create(owner, {"name": "Own", "rule": world.women, "save_ids": ["one_id"]})
    run_jobs()
    own = Audience.objects.select_related("workspace", "current").get(pk=own.pk)
    with pytest.raises(NotFound):
        services.push(owner, own, webhook, {"fields": [KEY]})
    team = groups.create(world.access, "Team", [owner.member.pk])
    grant = interfaces.grant(world.access, webhook, {"group": team.pk})
    assert pushed(owner, own, webhook, run_jobs, KEY).state == "succeeded"
    setting = services.set_periodic(owner, own, webhook, {"fields": [KEY], "refresh": {"every": "day"}})
    interfaces.revoke(world.access, grant)
    PushSetting.objects.update(next_push_at=timezone.now())
    assert services.start_due() == 1
    run_jobs(allow_failure=True)
    row = Push.objects.filter(mode="periodic").get()
    assert (row.state, row.error_code) == ("failed", "permission_denied") and setting.pk


def test_an_interface_is_saved_only_when_its_test_passes_and_keeps_its_secret(
    world: World, hook: Hook
) -> None:
    config = {"url": hook.url, "secret": "one"}
    hook.answers = [404]
    with pytest.raises(ValidationFailed, match="404"):
        interfaces.create(world.access, {"name": "Hook", "target": "webhook", "config": config})
    assert not PushInterface.objects.exists()
    made = interfaces.create(world.access, {"name": "Hook", "target": "webhook", "config": config})
    assert interfaces.shown_config(made) == {"url": hook.url, "secret": interfaces.KEPT}
    interfaces.update(world.access, made, {"name": "Other", "config": {"secret": interfaces.KEPT}})
    made.refresh_from_db()
    assert (made.name, made.config["secret"]) == ("Other", "one")
    for change, path in (
        ({"name": ""}, "name"),
        ({"target": "kafka"}, "target"),
        ({"config": {"url": "ftp://x"}}, "config/url"),
        ({"config": {"secret": ""}}, "config/secret"),
        ({"config": {"colour": "red"}}, "config/colour"),
    ):
        with pytest.raises(ValidationFailed) as caught:
            interfaces.update(world.access, made, change)
        assert list(caught.value.errors) == [path]


def at(moment: str, monkeypatch: pytest.MonkeyPatch) -> None:
    now = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    monkeypatch.setattr(timezone, "now", lambda: now)


def test_a_schedule_keeps_to_its_days_and_stops_when_it_is_removed(
    world: World, audience: Audience, webhook: PushInterface, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.workspace.time_zone = "UTC"
    world.workspace.save()
    at("2026-03-01T12:00", monkeypatch)
    data = {
        "fields": [KEY],
        "refresh": {"every": "day", "at": "06:00"},
        "start": "2026-03-05",
        "end": "2026-03-06",
    }
    setting = services.set_periodic(world.access, audience, webhook, data)
    assert setting.next_push_at == datetime(2026, 3, 5, 6, tzinfo=UTC)
    at("2026-03-05T06:00:30", monkeypatch)
    assert services.start_due() == 1
    setting.refresh_from_db()
    assert setting.next_push_at == datetime(2026, 3, 6, 6, tzinfo=UTC)
    Push.objects.update(state="succeeded")
    at("2026-03-06T06:00:30", monkeypatch)
    assert services.start_due() == 1
    setting.refresh_from_db()
    assert setting.next_push_at is None
    again = services.set_periodic(world.access, audience, webhook, {**data, "end": None})
    assert again.pk == setting.pk and PushSetting.objects.count() == 1
    with pytest.raises(Conflict, match="Women"):
        interfaces.delete(world.access, webhook)
    with pytest.raises(Conflict):
        audiences.delete(world.access, audience)
    services.remove_periodic(world.access, again)
    at("2026-03-09T06:00:30", monkeypatch)
    assert services.start_due() == 0
    interfaces.delete(world.access, webhook)
    assert Push.objects.filter(interface=None).count() == 2


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"refresh": {"every": "year"}}, "refresh/every"),
        ({"refresh": {"every": "day", "at": "25:00"}}, "refresh/at"),
        ({"start": "soon"}, "start"),
        ({"start": "2026-03-05", "end": "2026-03-04"}, "end"),
        ({"enabled": "yes"}, "enabled"),
        ({"options": {"colour": "red"}}, "options"),
    ],
)
def test_a_schedule_that_cannot_be_kept_is_refused_at_the_field(
    world: World, audience: Audience, webhook: PushInterface, change: dict[str, Any], path: str
) -> None:
    data = {"fields": [KEY], "refresh": {"every": "day", "at": "06:00"}, **change}
    with pytest.raises(ValidationFailed) as caught:
        services.set_periodic(world.access, audience, webhook, data)
    assert list(caught.value.errors) == [path]
    assert not PushSetting.objects.exists()


def test_a_periodic_push_waits_for_a_refresh_and_takes_the_new_version(
    world: World, audience: Audience, webhook: PushInterface, hook: Hook, run_jobs: RunJobs
) -> None:
    services.set_periodic(world.access, audience, webhook, {"fields": [KEY], "refresh": {"every": "day"}})
    new_version(world.members, people_table([*PEOPLE, ("x1", None, *PEOPLE[1][2:])]))
    refreshing.refresh(world.access, audience)
    PushSetting.objects.update(next_push_at=timezone.now() - timedelta(seconds=1))
    assert services.start_due() == 0
    run_jobs()
    assert services.start_due() == 1
    run_jobs()
    row = Push.objects.get()
    assert (row.version_number, row.users) == (2, 5) and len(hook.users()) == 5


def manager(world: World) -> Any:
    """The access of somebody who manages the organization."""
    world.access.user.is_manager = True
    world.access.user.save()
    return world.access


def test_omni_takes_its_own_ids_in_its_own_forms_and_counts_the_resource(
    world: World, run_jobs: RunJobs
) -> None:
    quota.add(manager(world), {"amount": 10_002})
    world.members.fields.filter(column="phone").update(id_type="imei")
    made = audiences.create(
        world.access, {"name": "Devices", "rule": world.women, "save_ids": ["one_id", "imei"]}
    )
    run_jobs()
    made = Audience.objects.select_related("workspace", "current").get(pk=made.pk)
    omni = interfaces.create(world.access, {"name": "Omni", "target": "omni"})
    device = {"kind": "id", "column": "imei", "encryption": "md5"}
    found = fields.offered(world.access, made, TARGETS["omni"])
    assert [item["id_type"] for item in found["ids"]] == ["imei"] and found["tags"] == []
    for wrong in (KEY, {**device, "encryption": "aes"}):
        with pytest.raises(ValidationFailed):
            services.push(world.access, made, omni, {"fields": [wrong]})
    row = pushed(world.access, made, omni, run_jobs, device)
    assert (row.state, row.users, row.ids) == ("partly", 3, 3)
    taken = Intake.objects.get()
    assert (taken.push, taken.audience, taken.pushed, taken.state) == (row.pk, made.pk, 3, "waiting")
    Intake.objects.update(fresh=3)
    with pytest.raises(DomainError) as caught:
        services.set_periodic(world.access, made, omni, {"fields": [device]})
    assert caught.value.code == "omni_resource_short"
    quota.add(manager(world), {"amount": 10_000})
    setting = services.set_periodic(
        world.access, made, omni, {"fields": [device], "refresh": {"every": "week", "at": "10:00"}}
    )
    assert setting.refresh["at"] == "03:00"
    with pytest.raises(ValidationFailed):
        services.set_periodic(world.access, made, omni, {"fields": [device], "refresh": {"every": "hour"}})


def test_a_custom_tag_is_pushed_like_any_other(
    world: World, webhook: PushInterface, hook: Hook, run_jobs: RunJobs
) -> None:
    bands = [
        {"value": "much", "rule": world.tag("spend", ">=", 100)},
        {"value": "little", "rule": world.tag("spend", "<", 100)},
    ]
    tag = custom_tags.create(world.access, {"name": "Spend band", "field": "band", "values": bands})
    run_jobs()
    place = {"kind": "tag", "dataset": tag.field.dataset_id}
    rule = {**place, "tag": "user_tag_band", "operator": "not_empty"}
    made = audiences.create(world.access, {"name": "Spenders", "rule": rule, "save_ids": ["one_id"]})
    run_jobs()
    spenders = Audience.objects.select_related("workspace", "current").get(pk=made.pk)
    field = {**place, "column": "user_tag_band", "alias": "band"}
    row = pushed(world.access, spenders, webhook, run_jobs, KEY, field)
    assert (row.state, row.users) == ("succeeded", 7)
    assert {user["id"]: user["band"] for user in hook.users()} == {
        person[0]: "much" if person[5] >= 100 else "little" for person in PEOPLE if person[5] is not None
    }
    assert TagUse.objects.get(dataset=tag.field.dataset_id, kind="push").column == "user_tag_band"
