"""Send-outs that repeat: when their runs are made, whom these reach, and what steers them."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from admin_center.audit.models import AuditEntry
from cdp.console.models import Notification
from cdp.core import timezones
from cdp.core.errors import Conflict, PermissionDenied, ValidationFailed
from cdp.demo import audiences as rules
from cdp.demo import repeating
from insight.audiences.models import Audience
from insight.datasets.models import Dataset
from marketing.content import services as contents
from marketing.delivery import approval, copying, expiry, lifecycle, plans, recurrence, schedule, services
from marketing.delivery.models import PlanContact, Recipient, SendOut
from tests.factories import make_access, make_token
from tests.marketing.console import Browser
from tests.marketing.delivery.shop import Shop, mails
from tests.marketing.delivery.test_approval import careful, refreshed

DAILY = {"every": "day", "at": "09:00"}
HOUR = timedelta(hours=1)


def plan_of(shop: Shop, count: int = 3, only: dict[str, Any] | None = None, **more: Any) -> SendOut:
    """A plan that repeats every day."""
    draft = shop.mail(shop.audience(mails(count)), recurrence={**DAILY, **(only or {})}, **more)
    return services.submit(shop.access, draft)


def due(shop: Shop, plan: SendOut, ago: timedelta = timedelta(0)) -> SendOut:
    """The run that is made once the plan's next moment has come, carried out."""
    SendOut.objects.filter(pk=plan.pk).update(next_run_at=timezone.now() - ago)
    assert plans.start_due() == 1
    shop.run_jobs()
    plan.refresh_from_db()
    return plan.runs.order_by("-created_at")[0]


def test_nothing_leaves_before_the_first_moment(shop: Shop) -> None:
    plan = plan_of(shop)
    assert plan.state == "repeating" and plan.next_run_at is not None
    assert timezone.localtime(plan.next_run_at, timezones.zone(shop.workspace)).strftime("%H:%M") == "09:00"
    assert plans.start_due() == 0 and schedule.start_due() == 0 and not plan.runs.exists()


def test_each_run_is_a_send_out_of_its_own_and_the_page_adds_them_up(shop: Shop) -> None:
    plan = plan_of(shop)
    first, second = due(shop, plan), due(shop, plan)
    assert (first.state, second.state, plan.state) == ("finished", "finished", "repeating")
    assert first.name != second.name and first.name.startswith("Letter 20")
    assert set(shop.inbox().values()) == {2} and len(shop.inbox()) == 3
    page = Browser(shop.access, "send-outs/").get(f"{plan.pk}/").content.decode()
    assert "All runs together" in page and first.pk in page and second.pk in page
    assert plans.total(plans.runs_of(plan))["sent"] == 6
    assert "One run of" in Browser(shop.access, "send-outs/").get(f"{first.pk}/").content.decode()


def test_two_workers_make_one_run(sms_shop: Shop) -> None:
    plan = plan_of(sms_shop)
    SendOut.objects.filter(pk=plan.pk).update(next_run_at=timezone.now())
    gate, made = threading.Barrier(3), []

    def worker() -> None:
        try:
            gate.wait(timeout=30)
            made.append(plans.start_due())
        finally:
            connection.close()

    workers = [threading.Thread(target=worker) for _number in range(3)]
    for thread in workers:
        thread.start()
    for thread in workers:
        thread.join(timeout=60)
    assert sum(made) == 1 and plan.runs.count() == 1


def test_a_moment_has_one_run_whatever_happens(shop: Shop) -> None:
    plan = plan_of(shop)
    run = due(shop, plan)
    assert run.due_at is not None and plans.run(plan, run.due_at, timezone.now()) is None
    assert plan.runs.count() == 1


def test_it_ends_after_its_runs_or_its_last_day(shop: Shop) -> None:
    plan = plan_of(shop, only={"runs": 2})
    due(shop, plan)
    assert plan.state == "repeating"
    due(shop, plan)
    assert (plan.state, plan.next_run_at) == ("finished", None) and plan.finished_at is not None
    today = timezones.today(shop.workspace)
    ending = shop.mail(
        plan.audience, "Ending", recurrence={"every": "day", "at": "00:00", "end": today.isoformat()}
    )
    SendOut.objects.filter(pk=ending.pk).update(state="repeating")
    due(shop, ending)
    assert ending.state == "finished"


def test_a_run_goes_to_the_newest_members(shop: Shop) -> None:
    plan = plan_of(shop)
    due(shop, plan)
    assert isinstance(plan.audience, Audience)
    refreshed(plan.audience, 3)
    second = due(shop, plan)
    assert second.audience_version_id == Audience.objects.get(pk=plan.audience_id).current_id
    assert plan.runs.order_by("created_at")[0].audience_version_id != second.audience_version_id


def test_it_can_compute_the_audience_before_each_run(shop: Shop) -> None:
    plan = plan_of(shop, refresh_first=True)
    before = Audience.objects.get(pk=plan.audience_id).current_id
    run = due(shop, plan)
    after = Audience.objects.get(pk=plan.audience_id).current_id
    assert run.state == "finished" and after != before and run.audience_version_id == after


@pytest.mark.parametrize("gone", [False, True])
def test_nobody_gets_it_twice_where_only_new_people_shall(shop: Shop, gone: bool) -> None:
    """Also once the recipients of earlier runs are deleted."""
    plan = plan_of(shop, only={"only_new": True}, limit=2)
    first = due(shop, plan)
    if gone:
        SendOut.objects.filter(pk=first.pk).update(finished_at=timezone.now() - timedelta(days=8))
        expiry.delete_old_recipients()
        assert not first.recipients.exists() and PlanContact.objects.filter(plan=plan).count() == 2
    second = due(shop, plan)
    assert shop.reasons(second)["had_it"] == 2 and set(shop.inbox().values()) == {1}
    assert len(shop.inbox()) == 3


def test_the_demos_plan_has_its_last_runs_and_ends_quietly_with_its_people(shop: Shop) -> None:
    """The third run finds nobody who has not had it, which is no failure."""
    audience = shop.audience(mails(60))
    shop.mail(audience)
    contents.create_template(shop.access, "email", rules.LETTER)
    repeating.load(shop.access, Dataset.objects.get(pk=audience.rule["dataset"]), audience)
    plan = SendOut.objects.get(name=repeating.NAME)
    assert [run.state for run in plan.runs.all()] == ["finished"] * repeating.RUNS
    assert [row.sent for row in plans.runs_of(plan)] == [0, 20, 40] and plan.state == "repeating"


def test_paused_and_stopped_it_makes_no_runs(shop: Shop) -> None:
    plan = plan_of(shop)
    assert services.pause(shop.access, plan).state == "paused"
    SendOut.objects.filter(pk=plan.pk).update(next_run_at=timezone.now())
    assert plans.start_due() == 0
    again = services.resume(shop.access, plan)
    assert again.state == "repeating" and again.next_run_at is not None
    assert again.next_run_at > timezone.now()
    services.cancel(shop.access, plan)
    SendOut.objects.filter(pk=plan.pk).update(next_run_at=timezone.now())
    assert plans.start_due() == 0 and not shop.inbox()


def test_a_run_that_fails_is_told_and_does_not_stop_the_plan(shop: Shop) -> None:
    plan = plan_of(shop)
    plan.provider.enabled = False
    plan.provider.save()
    failed = due(shop, plan)
    assert failed.state == "failed" and failed.state_reason and plan.state == "repeating"
    assert Notification.objects.filter(user=shop.access.user, title__startswith="Failed: ").count() == 1
    page = Browser(shop.access, "send-outs/").get(f"{plan.pk}/").content.decode()
    assert "The provider is switched off." in page
    plan.provider.enabled = True
    plan.provider.save()
    assert due(shop, plan).state == "finished" and len(shop.inbox()) == 3


@pytest.mark.parametrize(
    ("action", "state", "got"), [("send", "finished", 2), ("skip", "failed", 0), ("ask", "late", 0)]
)
def test_after_a_standstill_the_last_missed_run_is_treated_as_late(
    shop: Shop, action: str, state: str, got: int
) -> None:
    shop.settings(late={"hours": 1, "action": action})
    clock = timezone.localtime(timezone.now() - 2 * HOUR, timezones.zone(shop.workspace))
    plan = plan_of(shop, 2, only={"at": clock.strftime("%H:%M")})
    run = due(shop, plan, ago=timedelta(days=3, hours=1))
    assert plan.runs.count() == 1 and (run.state, len(shop.inbox())) == (state, got)
    assert plan.state == "repeating" and "missed" in plan.state_reason
    assert AuditEntry.objects.filter(action="send_out.runs_missed").count() == 1
    assert run.due_at is not None and timezone.now() - run.due_at < timedelta(days=1)
    told = Notification.objects.filter(user=shop.access.user, title__startswith="A run has failed")
    assert told.exists() == (action == "skip")


def test_it_is_edited_until_shortly_before_its_next_run(shop: Shop) -> None:
    plan = plan_of(shop)
    due(shop, plan)
    SendOut.objects.filter(pk=plan.pk).update(next_run_at=timezone.now() + timedelta(minutes=9))
    plan.refresh_from_db()
    with pytest.raises(Conflict) as refused:
        services.update(shop.access, plan, {"name": "Other"})
    assert refused.value.code == "send_out_too_close"
    SendOut.objects.filter(pk=plan.pk).update(next_run_at=timezone.now() + HOUR)
    edited = services.update(shop.access, plan, {"name": "Other"})
    assert edited.state == "draft" and edited.next_run_at is None and edited.runs.count() == 1
    with pytest.raises(ValidationFailed) as once:
        services.update(shop.access, edited, {"recurrence": {}})
    assert "recurrence" in once.value.errors
    with pytest.raises(Conflict) as kept:
        lifecycle.check_delete(edited)
    assert kept.value.code == "send_out_has_runs"


def test_one_that_repeats_cannot_be_asked_to_leave_once(shop: Shop) -> None:
    draft = shop.mail(shop.audience(mails(1)), recurrence=DAILY)
    for asked in ({"now": True}, {"scheduled_at": timezone.now() + HOUR}):
        with pytest.raises(ValidationFailed):
            services.submit(shop.access, draft, **asked)
    assert not copying.copy(shop.access, draft).recurrence


def test_approval_holds_for_all_runs_until_the_message_changes(shop: Shop) -> None:
    second = careful(shop)
    plan = plan_of(shop, refresh_first=True)
    assert plan.state == "approval"
    page = Browser(second, "send-outs/").get(f"{plan.pk}/").content.decode()
    assert "Once approved it repeats: Every day at 09:00" in page and "these audiences as they are" in page
    assert approval.approve(second, plan).state == "repeating"
    assert due(shop, plan).state == "finished" and len(shop.inbox()) == 3
    assert approval.void_changed() == 0
    contents.update_template(shop.access, plan.template, {"subject": "Other words"})
    stopped = due(shop, plan)
    assert stopped.state == "failed" and "the message was changed" in stopped.state_reason
    plan.refresh_from_db()
    assert plan.state == "approval" and set(shop.inbox().values()) == {1}
    assert plans.start_due() == 0
    assert approval.approve(second, plan).state == "repeating"
    assert due(shop, plan).state == "finished" and set(shop.inbox().values()) == {2}


def test_a_run_that_was_mended_by_hand_leaves_the_plans_approval_alone(shop: Shop) -> None:
    second = careful(shop)
    plan = plan_of(shop)
    approval.approve(second, plan)
    plan.provider.enabled = False
    plan.provider.save()
    failed = due(shop, plan)
    plan.provider.enabled = True
    plan.provider.save()
    other = contents.create_template(
        shop.access, "email", {"name": "Other", "subject": "S", "html": "<p>H</p>"}
    )
    services.update(shop.access, failed, {"template": other})
    assert shop.submit(failed, now=True).state == "approval"
    approval.approve(second, failed)
    assert shop.run_jobs(failed).state == "finished" and len(shop.inbox()) == 3
    plan.refresh_from_db()
    assert plan.state == "repeating"


def test_a_change_between_runs_voids_the_approval_of_the_plan(shop: Shop) -> None:
    second = careful(shop)
    plan = plan_of(shop)
    approval.approve(second, plan)
    contents.update_template(shop.access, plan.template, {"subject": "Other words"})
    assert approval.void_changed() == 1
    plan.refresh_from_db()
    assert plan.state == "approval"


def test_a_run_above_the_number_waits_where_the_plan_needed_nobody(shop: Shop) -> None:
    careful(shop, above=5)
    plan = plan_of(shop)
    assert plan.state == "repeating"
    shop.settings(approval={"enabled": True, "above": 2})
    assert due(shop, plan).state == "approval" and plan.state == "repeating" and not shop.inbox()


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"every": "hour", "hours": 2}, "recurrence/every"),
        ({"every": "day", "at": "9"}, "recurrence/at"),
        ({**DAILY, "start": "2026-05-02", "end": "2026-05-01"}, "recurrence/end"),
        ({**DAILY, "start": "May"}, "recurrence/start"),
        ({**DAILY, "runs": 0}, "recurrence/runs"),
        ({**DAILY, "only_new": "yes"}, "recurrence/only_new"),
        ({**DAILY, "minutes": 3}, "recurrence/minutes"),
        ([1], "recurrence"),
    ],
)
def test_what_is_no_recurrence_is_refused_at_its_field(given: Any, path: str) -> None:
    with pytest.raises(ValidationFailed) as refused:
        recurrence.check(given)
    assert list(refused.value.errors) == [path]


def test_nothing_is_started_whose_last_day_is_over(shop: Shop) -> None:
    over = {**DAILY, "end": (timezones.today(shop.workspace) - timedelta(days=1)).isoformat()}
    draft = shop.mail(shop.audience(mails(1)), recurrence=over)
    with pytest.raises(ValidationFailed) as refused:
        services.submit(shop.access, draft)
    assert "recurrence" in refused.value.errors


def test_it_begins_on_its_first_day(shop: Shop) -> None:
    first = timezones.today(shop.workspace) + timedelta(days=30)
    plan = plan_of(shop, 1, only={"start": first.isoformat()})
    assert plan.next_run_at is not None
    assert plan.next_run_at.astimezone(timezones.zone(shop.workspace)) == datetime.combine(
        first, datetime.min.time().replace(hour=9), tzinfo=timezones.zone(shop.workspace)
    )


def test_runs_do_not_count_towards_the_quota(shop: Shop) -> None:
    plan = plan_of(shop, 1)
    shop.settings(quotas={"email": 2})
    due(shop, plan)
    due(shop, plan)
    assert shop.mail(plan.audience, "One more").pk


def test_only_who_may_send_starts_pauses_and_stops_it(shop: Shop) -> None:
    plan = plan_of(shop)
    other = make_access(shop.workspace, "analyst")
    for steer in (services.pause, services.cancel):
        with pytest.raises(PermissionDenied):
            steer(other, plan)
    with pytest.raises(PermissionDenied):
        services.update(other, plan, {"recurrence": DAILY})


def test_the_api_plans_it_and_lists_the_runs(shop: Shop, client: Client) -> None:
    draft = shop.mail(shop.audience(mails(2)))
    headers: dict[str, Any] = {"Authorization": f"Bearer {make_token(shop.access)}"}
    url = f"/api/v1/workspaces/{shop.workspace.slug}/send-outs/"
    kind = "application/json"
    wrong = client.patch(f"{url}{draft.pk}/", {"recurrence": {"every": "hour"}}, kind, headers=headers)
    assert wrong.status_code == 400 and "recurrence/every" in wrong.json()["errors"]
    weekly = {"every": "week", "weekday": 1, "at": "09:00", "runs": 5, "only_new": True}
    changed = client.patch(f"{url}{draft.pk}/", {"recurrence": weekly}, kind, headers=headers)
    assert changed.status_code == 200 and changed.json()["recurrence"] == weekly
    started = client.post(f"{url}{draft.pk}/submit/", {}, kind, headers=headers).json()
    assert started["state"] == "repeating" and started["next_run_at"]
    run = due(shop, draft)
    found = client.get(f"{url}{draft.pk}/runs/", headers=headers).json()
    assert [row["id"] for row in found["runs"]] == [run.pk] and found["total"]["sent"] == 2
    listed = client.get(f"{url}?plan={draft.pk}", headers=headers).json()
    assert [row["id"] for row in listed["results"]] == [run.pk] and listed["results"][0]["plan"] == draft.pk


def test_the_pages_set_it_and_start_it(shop: Shop) -> None:
    draft = shop.mail(shop.audience(mails(2)))
    browser = Browser(shop.access, "send-outs/")
    assert browser.get(f"{draft.pk}/repeat/").status_code == 200
    wrong = browser.post(f"{draft.pk}/repeat/", every="day", at="09:00", start="2026-05-02", end="2026-05-01")
    assert wrong.status_code == 422 and "The last day is before the first." in wrong.content.decode()
    browser.post(
        f"{draft.pk}/repeat/", every="month", day="31", at="09:00", only_new="on", refresh_first="on"
    )
    draft.refresh_from_db()
    assert draft.recurrence == {"every": "month", "day": 31, "at": "09:00", "only_new": True}
    assert draft.refresh_first
    page = browser.get(f"{draft.pk}/").content.decode()
    assert "Every month on day 31 at 09:00" in page and "Start repeating" in page and "Send now" not in page
    assert "Start repeating" in browser.get(f"{draft.pk}/check/?when=repeat").content.decode()
    browser.post(f"{draft.pk}/submit/", when="repeat")
    draft.refresh_from_db()
    assert draft.state == "repeating"
    assert "Its next run leaves by itself" in browser.get(f"{draft.pk}/").content.decode()
    assert Recipient.objects.count() == 0
