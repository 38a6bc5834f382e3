"""Pushing AIPL models: what arrives of each user, who may push, and when by schedule."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from admin_center.audit.models import AuditEntry
from admin_center.permissions.access import access_for
from cdp.core import timezones
from cdp.core.errors import Conflict, NotFound, PermissionDenied, ValidationFailed
from cdp.jobs.models import Job
from cdp.jobs.runner import run_job
from insight.datasets import extras, granting
from insight.datasets import services as datasets
from insight.datasets.models import Dataset, DatasetGrant
from insight.pushes import fields, interfaces, services, sources
from insight.pushes.models import Push, PushInterface, PushSetting
from insight.pushes.targets import TARGETS
from insight.pushes.targets import webhook as webhooks
from tests.factories import make_access, make_token
from tests.insight.audiences.world import World
from tests.insight.pushes.dying import die_before_the_end
from tests.insight.pushes.servers import Broker, Hook

RunJobs = Callable[..., list[Job]]
KEY = {"kind": "id", "column": "user_unique_id"}
PHONE = {"kind": "id", "column": "phone"}
STAGES = {"u1": "L", "u7": "L", "u4": "P", "u5": "P", "u3": "I", "u8": "I", "u2": "A", "u6": "A"}
DAILY: dict[str, Any] = {"fields": [KEY]}


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "PAUSE", 0.001)


@pytest.fixture
def model(world: World, run_jobs: RunJobs) -> Dataset:
    """The stages of STAGES; loyal are men of Shanghai only, by the channel of the model."""
    rules: dict[str, Any] = {
        "A": {"rule": world.women, "channels": None},
        "I": {"rule": world.tag("spend", ">=", 100), "channels": None},
        "P": {"rule": world.tag("spend", ">=", 500), "channels": None},
        "L": {"rule": world.tag("gender", "in", ["m"]), "channels": ["Shanghai", "Hangzhou"]},
    }
    given = {"name": "Stages", "kind": "aipl", "dataset": world.members.pk, "channel": "city"}
    made = datasets.create(world.access, {**given, "channel_source": "offline", "stages": rules})
    run_jobs()
    return found(made)


def found(model: Dataset) -> Dataset:
    return Dataset.objects.select_related("workspace", "owner").get(pk=model.pk)


def pushed(
    access: Any, model: Dataset, interface: PushInterface, run_jobs: RunJobs, *chosen: Any, **options: Any
) -> Push:
    given = {"fields": list(chosen or (KEY, PHONE)), "options": options}
    row = services.push(access, found(model), interface, given)
    run_jobs(allow_failure=True)
    row.refresh_from_db()
    return row


def test_each_user_goes_out_with_stage_channels_channel_source_and_day(
    world: World, model: Dataset, webhook: PushInterface, hook: Hook, run_jobs: RunJobs
) -> None:
    row = pushed(world.access, model, webhook, run_jobs)
    assert (row.state, row.users, row.ids, row.skipped) == ("succeeded", 8, 14, 0), row.message
    today = timezones.today(world.workspace)
    users = {user["user_unique_id"]: user for user in hook.users()}
    assert {key: user["stage"] for key, user in users.items()} == STAGES
    facts = {"channel_source": "offline", "day": str(today)}
    assert users["u1"] == {
        "user_unique_id": "u1",
        "one_id": "u1",
        "mobile": "13800000001",
        "stage": "L",
        "channel": ["Shanghai", "Hangzhou"],
        **facts,
    }
    assert users["u3"] == {
        "user_unique_id": "u3",
        "one_id": "u3",
        "mobile": None,
        "stage": "I",
        "channel": None,
        **facts,
    }
    head = hook.calls[0]["body"]
    assert (head["model_id"], head["model_name"], head["version"]) == (model.pk, "Stages", 1)
    assert "audience_id" not in head and (row.day, row.version_number) == (today, 1)


def test_fields_of_a_model_can_have_other_names_but_not_be_left_out(
    world: World, model: Dataset, webhook: PushInterface, hook: Hook, run_jobs: RunJobs
) -> None:
    stage = {"kind": "fact", "column": "stage", "alias": "step"}
    hashed = {**KEY, "alias": "id", "encryption": "md5"}
    row = pushed(world.access, model, webhook, run_jobs, hashed, stage)
    assert set(hook.users()[0]) == {"user_unique_id", "id", "step", "channel", "channel_source", "day"}
    assert [item["alias"] for item in row.fields] == ["id", "step", "channel", "channel_source", "day"]
    with pytest.raises(ValidationFailed) as caught:
        services.push(world.access, found(model), webhook, {"fields": [{**KEY, "alias": "day"}]})
    assert list(caught.value.errors) == ["fields"]


def test_kafka_gets_records_that_say_they_are_a_models(
    world: World, model: Dataset, broker: Broker, run_jobs: RunJobs
) -> None:
    config = {"servers": broker.servers, "topic": "stages", "security": "PLAINTEXT"}
    kafka = interfaces.create(world.access, {"name": "Kafka", "target": "kafka", "config": config})
    row = pushed(world.access, model, kafka, run_jobs, KEY)
    assert row.state == "succeeded", row.message
    records = broker.records("stages", 9)
    sent = {message.key().decode(): json.loads(message.value()) for message in records}
    assert dict(records[0].headers())["schema"] == b"aipl.v1"
    assert sent["u4"]["fields"]["stage"] == "P" and sent["u4"]["model_id"] == model.pk
    assert (sent["#end"]["users"], set(sent)) == (8, {*STAGES, "#end"})


def test_lines_of_csv_join_the_channels_by_a_bar(
    world: World, model: Dataset, broker: Broker, run_jobs: RunJobs
) -> None:
    config = {"servers": broker.servers, "topic": "lines", "security": "PLAINTEXT"}
    kafka = interfaces.create(world.access, {"name": "Kafka", "target": "kafka", "config": config})
    row = pushed(world.access, model, kafka, run_jobs, PHONE, format="csv")
    assert (row.state, row.users, row.skipped) == ("partly", 6, 2)
    lines = {message.key().decode(): message.value().decode() for message in broker.records("lines", 8)}
    assert lines["#header"] == "user_unique_id,mobile,stage,channel,channel_source,day"
    today = timezones.today(world.workspace)
    assert lines["u1"] == f"u1,13800000001,L,Shanghai|Hangzhou,offline,{today}"
    assert lines["u2"] == f"u2,13800000002,A,,offline,{today}"


def test_another_channel_source_goes_along_with_the_next_push(
    world: World, model: Dataset, webhook: PushInterface, hook: Hook, run_jobs: RunJobs
) -> None:
    assert pushed(world.access, model, webhook, run_jobs).state == "succeeded"
    datasets.update(world.access, found(model), {"channel_source": "Shops of the south"})
    hook.calls.clear()
    pushed(world.access, model, webhook, run_jobs)
    assert {user["channel_source"] for user in hook.users()} == {"Shops of the south"}


def test_a_model_says_all_channels_unless_told(world: World, run_jobs: RunJobs) -> None:
    stage = {"rule": world.women, "channels": None}
    given = {"name": "Plain", "kind": "aipl", "dataset": world.members.pk}
    made = datasets.create(world.access, {**given, "stages": dict.fromkeys("AIPL", stage)})
    assert made.definition["channel_source"] == "all"


def test_systems_that_know_no_stages_take_no_models(world: World, model: Dataset) -> None:
    omni = interfaces.create(world.access, {"name": "Omni", "target": "omni"})
    with pytest.raises(ValidationFailed, match="takes audiences only") as caught:
        services.push(world.access, model, omni, {"fields": [KEY]})
    assert list(caught.value.errors) == ["interface"]


def test_nothing_is_pushed_before_the_first_computation(
    world: World, webhook: PushInterface, model: Dataset
) -> None:
    Dataset.objects.filter(pk=model.pk).update(version=0, stats={})
    with pytest.raises(Conflict) as caught:
        services.push(world.access, found(model), webhook, {"fields": [KEY]})
    assert caught.value.code == "model_not_computed"


def test_a_model_that_lost_a_column_fails_and_says_which(
    world: World, model: Dataset, webhook: PushInterface, hook: Hook, run_jobs: RunJobs
) -> None:
    row = services.push(world.access, found(model), webhook, {"fields": [KEY, PHONE]})
    datasets.update(world.access, found(model), {"ids": []})
    datasets.refresh(world.access, found(model))
    Job.objects.filter(subject_id=row.pk).update(status="cancelled")
    run_jobs()
    Push.objects.update(state="failed")
    services.retry(world.access, services.get(world.access, row.pk))
    run_jobs(allow_failure=True)
    row.refresh_from_db()
    assert (row.state, row.error_code, hook.users()) == ("failed", "column_missing", [])
    assert "phone" in row.message


def test_a_failure_is_marked_until_the_history_is_opened_and_can_be_tried_again(
    world: World, model: Dataset, webhook: PushInterface, hook: Hook, run_jobs: RunJobs
) -> None:
    hook.answers = [403]
    row = pushed(world.access, model, webhook, run_jobs)
    assert (row.state, row.seen) == ("failed", False)
    assert [entry.dot for entry in extras.EXTRAS.entries(world.access, model)] == [False, True]
    assert extras.EXTRAS.with_marks(Dataset.objects.filter(pk=model.pk)).get().is_marked  # type: ignore[attr-defined]
    list(services.history(model, opened=True))
    assert not extras.EXTRAS.with_marks(Dataset.objects.filter(pk=model.pk)).get().is_marked  # type: ignore[attr-defined]
    services.retry(world.access, services.get(world.access, row.pk))
    run_jobs()
    row.refresh_from_db()
    assert (row.state, row.users) == ("succeeded", 8)
    assert {call["body"]["push_id"] for call in hook.calls} == {row.pk}


def test_a_run_that_was_broken_off_goes_on_with_the_stages_that_it_had_begun(
    world: World,
    model: Dataset,
    webhook: PushInterface,
    hook: Hook,
    run_jobs: RunJobs,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    row = services.push(world.access, model, webhook, {"fields": [KEY]})
    job = Job.objects.get(subject_id=row.pk)
    die_before_the_end(job, monkeypatch)
    Dataset.objects.filter(pk=world.members.pk).update(version=1)
    datasets.refresh(world.access, found(model))
    run_jobs()
    assert found(model).version == 2
    Job.objects.filter(pk=job.pk).update(status="queued", run_token="")
    run_job(job.pk)
    row.refresh_from_db()
    assert (row.state, row.version_number, row.users) == ("succeeded", 1, 8)
    keys = {call["headers"]["Idempotency-Key"] for call in hook.calls}
    assert keys == {f"{row.pk}-1", f"{row.pk}-end"}


def at(moment: str, monkeypatch: pytest.MonkeyPatch) -> None:
    now = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    monkeypatch.setattr(timezone, "now", lambda: now)


def computed_on(model: Dataset, day: str) -> None:
    Dataset.objects.filter(pk=model.pk).update(
        stats={**found(model).stats, "aipl": {"day": day, "stages": {}}}
    )


def test_a_schedule_begins_tomorrow_and_follows_the_computation_of_each_day(
    world: World, model: Dataset, webhook: PushInterface, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.workspace.time_zone = "UTC"
    world.workspace.save()
    at("2026-03-01T12:00", monkeypatch)
    computed_on(model, "2026-03-01")
    setting = services.set_periodic(world.access, found(model), webhook, {**DAILY, "end": "2026-03-03"})
    assert setting.refresh == {"every": "day"}
    assert setting.next_push_at == datetime(2026, 3, 2, tzinfo=UTC)
    at("2026-03-02T04:00", monkeypatch)
    assert services.start_due() == 0
    computed_on(model, "2026-03-02")
    assert services.start_due() == 1
    assert services.start_due() == 0
    setting.refresh_from_db()
    assert setting.next_push_at == datetime(2026, 3, 3, tzinfo=UTC)
    Push.objects.update(state="succeeded")
    at("2026-03-04T00:10", monkeypatch)
    computed_on(model, "2026-03-03")
    assert services.start_due() == 1
    setting.refresh_from_db()
    assert setting.next_push_at is None
    assert list(Push.objects.values_list("mode", flat=True)) == ["periodic", "periodic"]


def test_a_schedule_that_waited_in_vain_ends_with_its_last_day(
    world: World, model: Dataset, webhook: PushInterface, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.workspace.time_zone = "UTC"
    world.workspace.save()
    at("2026-03-01T12:00", monkeypatch)
    computed_on(model, "2026-03-01")
    data = {**DAILY, "start": "2026-03-05", "end": "2026-03-05"}
    setting = services.set_periodic(world.access, found(model), webhook, data)
    assert setting.next_push_at == datetime(2026, 3, 5, tzinfo=UTC)
    at("2026-03-06T00:10", monkeypatch)
    assert services.start_due() == 0
    setting.refresh_from_db()
    assert setting.next_push_at is None and not Push.objects.exists()


def test_a_schedule_waits_while_the_model_is_computed(
    world: World, model: Dataset, webhook: PushInterface, hook: Hook, run_jobs: RunJobs
) -> None:
    services.set_periodic(world.access, found(model), webhook, DAILY)
    PushSetting.objects.update(next_push_at=timezone.now() - timedelta(hours=1))
    datasets.refresh(world.access, found(model))
    assert services.start_due() == 0
    run_jobs()
    assert services.start_due() == 1
    run_jobs()
    assert Push.objects.get().version_number == 2 and len(hook.users()) == 8


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"refresh": {"every": "week"}}, "refresh/every"),
        ({"refresh": {"every": "day", "at": "05:00"}}, "refresh/at"),
        ({"refresh": "daily"}, "refresh"),
        ({"start": "2026-03-05", "end": "2026-03-04"}, "end"),
        ({"fields": []}, "fields"),
        ({"fields": [{"kind": "tag", "dataset": "ds_x", "column": "city"}]}, "fields/0/column"),
        ({"fields": [{"kind": "fact", "column": "colour"}]}, "fields/0/column"),
    ],
)
def test_a_schedule_that_cannot_be_kept_is_refused_at_the_field(
    world: World, model: Dataset, webhook: PushInterface, change: dict[str, Any], path: str
) -> None:
    with pytest.raises(ValidationFailed) as caught:
        services.set_periodic(world.access, model, webhook, {**DAILY, **change})
    assert list(caught.value.errors) == [path]
    assert not PushSetting.objects.exists()


def test_a_model_that_is_pushed_by_schedule_cannot_be_removed(
    world: World, model: Dataset, webhook: PushInterface
) -> None:
    setting = services.set_periodic(world.access, model, webhook, DAILY)
    with pytest.raises(Conflict, match="Hook"):
        datasets.delete(world.access, found(model))
    with pytest.raises(Conflict, match="Stages"):
        interfaces.delete(world.access, webhook)
    services.remove_periodic(world.access, setting)
    datasets.delete(world.access, found(model))


def person(world: World, model: Dataset, kind: str) -> Any:
    """Somebody of the workspace with the right of this kind on the model."""
    if kind == "administrator":
        return make_access(world.workspace)
    if kind == "owner":
        found = make_access(world.workspace, "developer", "analyst")
        Dataset.objects.filter(pk=model.pk).update(owner=found.user)
        return found
    found = make_access(world.workspace, "analyst")
    if kind in ("manage", "use"):
        granting.grant(world.access, model, {"user": found.user.username, "right": kind})
    if kind == "public":
        Dataset.objects.filter(pk=model.pk).update(public=True)
    return access_for(found.user, world.workspace)


@pytest.mark.parametrize(
    ("kind", "may", "sees"),
    [
        ("administrator", True, True),
        ("owner", True, True),
        ("manage", True, True),
        ("use", False, True),
        ("public", False, True),
        ("stranger", False, False),
    ],
)
def test_only_holders_of_manage_rights_configure_the_push(
    world: World, model: Dataset, webhook: PushInterface, kind: str, may: bool, sees: bool
) -> None:
    somebody = person(world, model, kind)
    interfaces.grant(world.access, webhook, {"user": somebody.user.username})
    browser = Client()
    browser.force_login(somebody.user, backend="admin_center.members.backends.NameOrEmailBackend")
    page = f"/w/{world.workspace.slug}/pushes/model/{model.pk}/"
    api = APIClient(HTTP_AUTHORIZATION=f"Bearer {make_token(somebody)}")
    base = f"/api/v1/workspaces/{world.workspace.slug}/"
    place = f"{base}datasets/{model.pk}/aipl/push-settings/"
    refused = 403 if sees else 404
    assert browser.get(page).status_code == (200 if may else refused)
    assert browser.get(f"{page}history/").status_code == (200 if sees else 404)
    assert api.get(f"{base}datasets/{model.pk}/aipl/push-fields/?interface={webhook.pk}").status_code == (
        200 if may else refused
    )
    assert api.put(f"{place}{webhook.pk}/", DAILY).status_code == (200 if may else refused)
    assert api.get(place).status_code == (200 if may else refused)
    started = api.post(f"{base}pushes/", {"dataset": model.pk, "interface": webhook.pk, "fields": [KEY]})
    assert started.status_code == (202 if may else refused)
    assert api.delete(f"{place}{webhook.pk}/").status_code == (204 if may else refused)
    if sees:
        shown = browser.get(f"/w/{world.workspace.slug}/datasets/{model.pk}/").content.decode()
        assert (page in shown.replace(f"{page}history/", "")) is may and f"{page}history/" in shown


def test_a_schedule_of_somebody_without_the_manage_right_any_more_pushes_nothing(
    world: World, model: Dataset, webhook: PushInterface, hook: Hook, run_jobs: RunJobs
) -> None:
    somebody = person(world, model, "manage")
    interfaces.grant(world.access, webhook, {"user": somebody.user.username})
    services.set_periodic(somebody, found(model), webhook, DAILY)
    DatasetGrant.objects.all().delete()
    PushSetting.objects.update(next_push_at=timezone.now() - timedelta(days=1))
    assert services.start_due() == 1
    run_jobs(allow_failure=True)
    row = Push.objects.get()
    assert (row.state, row.error_code, hook.users()) == ("failed", "permission_denied", [])


def test_a_model_needs_a_grant_for_the_interface_too(
    world: World, model: Dataset, webhook: PushInterface
) -> None:
    somebody = person(world, model, "manage")
    with pytest.raises(NotFound):
        services.push(somebody, model, webhook, {"fields": [KEY]})
    with pytest.raises(PermissionDenied):
        services.set_periodic(person(world, model, "use"), model, webhook, DAILY)


def test_the_dialog_pushes_a_model_and_the_history_tells_the_day(
    world: World, model: Dataset, webhook: PushInterface, hook: Hook, run_jobs: RunJobs
) -> None:
    interfaces.create(world.access, {"name": "Omni", "target": "omni"})
    browser = Client()
    browser.force_login(world.access.user, backend="admin_center.members.backends.NameOrEmailBackend")
    page = f"/w/{world.workspace.slug}/pushes/model/{model.pk}/"
    shown = browser.get(page).content.decode()
    assert "Mobile number" in shown and "Channels of the stage" in shown and 'name="every"' not in shown
    assert "Omni-domain insight takes audiences only." in shown
    base = {"interface": webhook.pk, "on_0": "on", "alias_0": "id", "alias_2": "step", "alias_3": "channel"}
    data = {**base, "alias_4": "source", "alias_5": "day"}
    sent = browser.post(page, {**data, "mode": "once"})
    assert sent.status_code == 302 and sent.url == f"{page}history/"
    run_jobs()
    assert set(hook.users()[0]) == {"user_unique_id", "id", "step", "channel", "source", "day"}
    assert browser.post(page, {**data, "mode": "periodic", "enabled": "on"}).status_code == 302
    history = browser.get(f"{page}history/").content.decode()
    assert f"stages of {timezones.today(world.workspace)}" in history
    assert "Every day, after the model has been computed" in history
    again = browser.get(page).content.decode()
    assert 'value="step"' in again and "Remove the schedule" in again
    browser.post(page, {**data, "action": "remove"})
    assert not PushSetting.objects.exists()


def test_the_api_pushes_a_model(
    world: World, model: Dataset, webhook: PushInterface, hook: Hook, run_jobs: RunJobs
) -> None:
    api = APIClient(HTTP_AUTHORIZATION=f"Bearer {make_token(world.access)}")
    base = f"/api/v1/workspaces/{world.workspace.slug}/"
    offered = api.get(f"{base}datasets/{model.pk}/aipl/push-fields/?interface={webhook.pk}").json()
    assert [item["column"] for item in offered["ids"]] == ["user_unique_id", "phone"]
    assert [item["column"] for item in offered["facts"]] == ["stage", "channel", "channel_source", "day"]
    assert (offered["tags"], offered["hourly"]) == ([], False)
    wanted = {"dataset": model.pk, "interface": webhook.pk, "fields": [KEY]}
    both = api.post(f"{base}pushes/", {**wanted, "audience": "aud_x"})
    assert list(both.json()["errors"]) == ["dataset"]
    other = api.post(f"{base}pushes/", {**wanted, "dataset": world.members.pk})
    assert other.status_code == 404
    started = api.post(f"{base}pushes/", wanted)
    assert started.status_code == 202
    run_jobs()
    row = api.get(f"{base}pushes/?dataset={model.pk}").json()["results"][0]
    assert (row["state"], row["dataset"], row["audience"]) == ("succeeded", model.pk, None)
    assert row["day"] == str(timezones.today(world.workspace))
    put = api.put(f"{base}datasets/{model.pk}/aipl/push-settings/{webhook.pk}/", DAILY)
    due = datetime.fromisoformat(put.json()["next_push_at"]).astimezone(timezones.zone(world.workspace))
    assert due.date() == timezones.today(world.workspace) + timedelta(days=1) and due.hour == 0


def test_what_is_done_with_pushes_of_a_model_is_in_the_log(
    world: World, model: Dataset, webhook: PushInterface, run_jobs: RunJobs
) -> None:
    pushed(world.access, model, webhook, run_jobs)
    services.remove_periodic(world.access, services.set_periodic(world.access, model, webhook, DAILY))
    wanted = ["pushed", "push_ended", "push_scheduled", "push_unscheduled"]
    rows = AuditEntry.objects.filter(object_id=model.pk, action__contains="push").order_by("at")
    assert list(rows.values_list("action", flat=True)) == [f"dataset.{word}" for word in wanted]


def test_columns_of_one_id_type_keep_their_own_names(world: World, model: Dataset) -> None:
    model.fields.create(column="second_phone", role="id", id_type="mobile", name="Second phone")
    second = {"kind": "id", "column": "second_phone"}
    chosen = fields.checked(world.access, model, TARGETS["webhook"], [PHONE, second])
    assert [item["alias"] for item in chosen[:2]] == ["phone", "second_phone"]
    assert sources.of(model).facts.keys() == {"stage", "channel", "channel_source", "day"}
