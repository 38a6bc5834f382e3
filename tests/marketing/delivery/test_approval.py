"""Two people: nothing above the set number leaves that a second person has not approved just as it is."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone, translation

from admin_center.permissions.access import MemberAccess
from cdp.console.models import Notification
from cdp.core.errors import Conflict, PermissionDenied, ValidationFailed
from insight.audiences import refreshing
from insight.audiences.models import Audience, AudienceVersion
from marketing.content import services as contents
from marketing.delivery import approval, schedule, sealing, services
from marketing.delivery.models import Approval, SendOut
from tests.factories import make_access, make_token
from tests.marketing.delivery.shop import Shop, mails

HOUR = timedelta(hours=1)


def careful(shop: Shop, above: int = 0) -> MemberAccess:
    """Approval is needed; the second person who may give it."""
    shop.settings(approval={"enabled": True, "above": above})
    return make_access(shop.workspace)


def submitted(shop: Shop, count: int = 3, **more: Any) -> SendOut:
    send_out = shop.mail(shop.audience(mails(count)))
    return services.submit(shop.access, send_out, **more)


def refreshed(audience: Audience, people: int) -> None:
    """What a refresh does: a new version with another number of people."""
    old = audience.current
    assert old is not None
    new = AudienceVersion.objects.get(pk=old.pk)
    new.pk, new.number, new.count = f"{old.pk}x", old.number + 1, people
    new._state.adding = True
    new.save(force_insert=True)
    Audience.objects.filter(pk=audience.pk).update(current=new)


def test_off_from_the_start(shop: Shop) -> None:
    assert shop.submit(shop.mail(shop.audience(mails(2)))).state == "finished"


def test_what_is_submitted_waits_and_reaches_nobody(shop: Shop) -> None:
    careful(shop)
    send_out = submitted(shop)
    assert send_out.state == "approval" and shop.run_jobs(send_out).state == "approval"
    assert schedule.start_due() == 0 and not shop.inbox()


def test_only_above_the_set_number(shop: Shop) -> None:
    careful(shop, above=3)
    assert submitted(shop, 3).state == "sending"
    larger = services.submit(shop.access, shop.mail(shop.audience(mails(4), "Four"), "Four"))
    assert larger.state == "approval"
    limited = services.submit(shop.access, shop.mail(larger.audience, "Limited", limit=3))
    assert limited.state == "sending"


def test_approved_it_leaves(shop: Shop) -> None:
    other = careful(shop)
    send_out = approval.approve(other, submitted(shop), remark="Fine")
    assert shop.run_jobs(send_out).state == "finished" and len(shop.inbox()) == 3
    given = Approval.objects.get()
    assert (given.state, given.decided_by, given.remark) == ("approved", other.user, "Fine")


def test_approved_before_its_time_it_waits_for_it(shop: Shop) -> None:
    other = careful(shop)
    send_out = approval.approve(other, submitted(shop, scheduled_at=timezone.now() + HOUR))
    assert send_out.state == "waiting"
    SendOut.objects.update(scheduled_at=send_out.scheduled_at)
    sealed = Approval.objects.get()
    # Time passes: the moment it was approved for stays the same.
    moment = timezone.now() - timedelta(minutes=1)
    sealed.seal["scheduled_at"] = moment.isoformat()
    sealed.save()
    SendOut.objects.update(scheduled_at=moment)
    assert schedule.start_due() == 1 and shop.run_jobs(send_out).state == "finished"


def test_refused_it_is_a_draft_with_the_reason(shop: Shop) -> None:
    other = careful(shop)
    send_out = submitted(shop)
    with pytest.raises(ValidationFailed):
        approval.refuse(other, send_out, remark=" ")
    refused = approval.refuse(other, send_out, remark="Wrong logo")
    assert refused.state == "draft" and "Wrong logo" in refused.state_reason
    with pytest.raises(Conflict):
        approval.approve(other, send_out)
    assert Notification.objects.filter(user=shop.access.user, text="Wrong logo").exists()
    assert services.submit(shop.access, refused).state == "approval"


def test_nobody_approves_what_they_submitted_or_changed_last(shop: Shop) -> None:
    other = careful(shop)
    send_out = submitted(shop)
    with pytest.raises(PermissionDenied):
        approval.approve(shop.access, send_out)
    changed = services.update(other, send_out, {"name": "Better"})
    assert changed.state == "draft" and "Approval voided: it was edited" in changed.state_reason
    again = services.submit(shop.access, changed)
    for person in (shop.access, other):
        assert not approval.may_decide(person, again)
        with pytest.raises(PermissionDenied):
            approval.approve(person, again)
    assert approval.approve(make_access(shop.workspace), again).state == "sending"


def test_the_right_is_needed(shop: Shop) -> None:
    careful(shop)
    send_out = submitted(shop)
    analyst = make_access(shop.workspace, "analyst")
    for decide in (approval.approve, approval.refuse):
        with pytest.raises(PermissionDenied):
            decide(analyst, send_out, remark="x")
    assert not approval.waiting_for(analyst).exists()


def test_those_who_may_approve_are_told_and_find_it(shop: Shop) -> None:
    other = careful(shop)
    send_out = submitted(shop)
    assert list(approval.waiting_for(other)) == [send_out] and not approval.waiting_for(shop.access).exists()
    assert Notification.objects.filter(user=other.user, title__contains=send_out.name).count() == 1
    assert not Notification.objects.filter(user=shop.access.user, title__contains="approve").exists()


@pytest.mark.parametrize("approved", [False, True])
def test_a_changed_template_voids_it_with_the_cause(shop: Shop, approved: bool) -> None:
    other = careful(shop)
    send_out = submitted(shop, scheduled_at=timezone.now() + HOUR)
    if approved:
        approval.approve(other, send_out)
    assert approval.void_changed() == 0
    contents.update_template(shop.access, send_out.template, {"subject": "New words"})
    assert approval.void_changed() == 1 and approval.void_changed() == 0
    send_out.refresh_from_db()
    assert (
        send_out.state == "approval" and "Approval voided: the message was changed" in send_out.state_reason
    )
    assert [row.state for row in Approval.objects.all()] == ["waiting", "void"]


def test_a_changed_audience_is_told_in_people(shop: Shop) -> None:
    other = careful(shop)
    send_out = submitted(shop, scheduled_at=timezone.now() + HOUR)
    approval.approve(other, send_out)
    refreshed(send_out.audience, 1390)
    assert approval.void_changed() == 1
    send_out.refresh_from_db()
    assert "the audience changed from 3 to 1,390 people" in send_out.state_reason


def test_what_changed_before_the_click_is_not_approved(shop: Shop) -> None:
    other = careful(shop)
    send_out = submitted(shop)
    contents.update_template(shop.access, send_out.template, {"subject": "New words"})
    with pytest.raises(Conflict) as refused:
        approval.approve(other, send_out)
    assert refused.value.code == "approval_void" and "the message was changed" in str(refused.value)
    assert shop.run_jobs(send_out).state == "approval" and not shop.inbox()
    assert approval.approve(other, send_out).state == "sending"
    shop.run_jobs()
    assert set(shop.subjects()) == {"New words"}


def test_a_page_from_before_the_change_approves_nothing(shop: Shop) -> None:
    other = careful(shop)
    send_out = submitted(shop)
    seen = sealing.token(Approval.objects.get().seal)
    services.submit(shop.access, services.update(shop.access, send_out, {"limit": 2}))
    with pytest.raises(Conflict) as refused:
        approval.approve(other, send_out, seal=seen)
    assert refused.value.code == "approval_outdated"


def test_what_changes_between_start_and_freezing_does_not_leave(shop: Shop) -> None:
    other = careful(shop)
    send_out = approval.approve(other, submitted(shop))
    assert send_out.state == "sending"
    contents.update_template(shop.access, send_out.template, {"subject": "New words"})
    held = shop.run_jobs(send_out)
    assert held.state == "approval" and not shop.inbox() and held.content == {}
    assert "the message was changed" in held.state_reason
    assert shop.run_jobs(approval.approve(other, held)).state == "finished"
    assert set(shop.subjects()) == {"New words"}


def test_a_send_out_that_grew_above_the_number_is_held_at_its_start(shop: Shop) -> None:
    careful(shop, above=3)
    send_out = submitted(shop, scheduled_at=timezone.now() + HOUR)
    assert send_out.state == "waiting"
    refreshed(send_out.audience, 4)
    SendOut.objects.update(scheduled_at=timezone.now())
    schedule.start_due()
    held = shop.run_jobs(send_out)
    assert held.state == "approval" and "4 people" in held.state_reason and not shop.inbox()


def test_refreshing_at_the_start_does_not_go_with_approval(shop: Shop) -> None:
    careful(shop)
    send_out = shop.mail(shop.audience(mails(2)), refresh_first=True)
    with pytest.raises(Conflict) as refused:
        services.submit(shop.access, send_out)
    assert refused.value.code == "approval_needs_fixed_audience"


def test_stopped_it_can_no_longer_be_approved(shop: Shop) -> None:
    other = careful(shop)
    send_out = submitted(shop)
    assert services.cancel(shop.access, send_out).state == "cancelled"
    with pytest.raises(Conflict):
        approval.approve(other, send_out)
    assert Approval.objects.get().state == "void"


def test_edit_and_approval_at_once_never_send_what_was_not_seen(sms_shop: Shop) -> None:
    """Whoever comes first: either the approved words leave, or the edit has made it a draft."""
    shop = sms_shop
    other = careful(shop)
    audience = shop.audience(mails(2))
    for turn in range(6):
        send_out = services.submit(shop.access, shop.mail(audience, f"Race {turn}"))
        asked = Approval.objects.get(send_out=send_out, state="waiting")
        seen = sealing.token(asked.seal)
        template = contents.create_template(
            shop.access, "email", {"name": f"New {turn}", "subject": f"New {turn}", "html": "<p>New</p>"}
        )
        gate = threading.Barrier(2)
        errors: list[Exception] = []

        def run(act: Any, gate: threading.Barrier = gate, errors: list[Exception] = errors) -> None:
            try:
                gate.wait()
                act()
            except Conflict as error:
                errors.append(error)
            finally:
                connection.close()

        threads = [
            threading.Thread(target=run, args=(act,))
            for act in (
                lambda s=send_out, t=seen: approval.approve(other, s, seal=t),
                lambda s=send_out, t=template: services.update(shop.access, s, {"template": t}),
            )
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=60)
        ended = shop.run_jobs(send_out)
        assert len(errors) == 1, errors
        assert ended.state in ("finished", "draft")
    assert set(shop.subjects()) <= {"Hello"}


def test_the_api_approves_and_refuses(shop: Shop, client: Client) -> None:
    other = careful(shop)
    send_out = submitted(shop)
    url = f"/api/v1/workspaces/{shop.workspace.slug}/send-outs/{send_out.pk}/"

    def call(access: MemberAccess, verb: str, path: str, **body: Any) -> Any:
        headers = {"Authorization": f"Bearer {make_token(access)}"}
        if verb == "get":
            return client.get(url + path, headers=headers)
        return client.post(url + path, body, content_type="application/json", headers=headers)

    asked = call(other, "get", "approval/").json()
    assert (asked["state"], asked["people"], asked["may_decide"], asked["changes"]) == (
        "waiting",
        3,
        True,
        [],
    )
    assert not call(shop.access, "get", "approval/").json()["may_decide"]
    assert call(shop.access, "post", "approve/").status_code == 403
    assert call(other, "post", "refuse/").status_code == 400
    assert call(other, "post", "approve/", seal="other").status_code == 409
    lists = client.get(
        f"/api/v1/workspaces/{shop.workspace.slug}/send-outs/?waits_for_me=true",
        headers={"Authorization": f"Bearer {make_token(other)}"},
    ).json()
    assert [row["id"] for row in lists["results"]] == [send_out.pk]
    answer = call(other, "post", "approve/", seal=asked["seal"])
    assert answer.status_code == 202 and answer.json()["send_out"]["state"] == "sending"


def test_the_page_shows_the_approver_what_is_sent(shop: Shop) -> None:
    other = careful(shop)
    send_out = submitted(shop)
    base = f"/w/{shop.workspace.slug}/send-outs/"
    client = Client()
    client.force_login(other.user)
    page = client.get(f"{base}{send_out.pk}/").content.decode()
    assert "Your approval is asked for" in page and "3 people" in page and "/approve/" in page
    assert send_out.name in client.get(f"{base}approvals/").content.decode()
    token = sealing.token(Approval.objects.get().seal)
    client.post(f"{base}{send_out.pk}/approve/", {"seal": token})
    assert shop.run_jobs(send_out).state == "finished"
    own = Client()
    own.force_login(shop.access.user)
    waiting = services.submit(shop.access, shop.mail(send_out.audience, "Second"))
    page = own.get(f"{base}{waiting.pk}/").content.decode()
    assert "A second person must approve it" in page and "/approve/" not in page


def test_the_audience_can_be_refreshed_for_real(shop: Shop) -> None:
    other = careful(shop)
    send_out = submitted(shop, scheduled_at=timezone.now() + HOUR)
    approval.approve(other, send_out)
    refreshing.refresh(shop.access, send_out.audience)
    shop.run_jobs()
    assert approval.void_changed() == 1
    send_out.refresh_from_db()
    assert "computed anew (3 people)" in send_out.state_reason


def test_whoever_submitted_it_does_not_approve_it_whoever_the_owner_is(shop: Shop) -> None:
    submitter = make_access(shop.workspace)
    draft = shop.mail(shop.audience(mails(2)))
    send_out = services.submit(submitter, draft, scheduled_at=timezone.now() + HOUR)
    other = careful(shop)
    send_out = shop.when_due(send_out)
    assert send_out.state == "approval" and not shop.inbox()
    assert not approval.may_decide(submitter, send_out) and approval.may_decide(other, send_out)


def test_an_approval_does_not_depend_on_the_language_of_who_looks(shop: Shop) -> None:
    other = careful(shop)
    with translation.override("zh-hans"):
        send_out = submitted(shop)
    with translation.override("en"):
        assert approval.void_changed() == 0
        assert approval.approve(other, send_out).state == "sending"


def test_an_audience_that_is_to_be_refreshed_first_gets_out_of_approval(shop: Shop) -> None:
    draft = shop.mail(shop.audience(mails(2)), refresh_first=True)
    send_out = services.submit(shop.access, draft, scheduled_at=timezone.now() + HOUR)
    other = careful(shop)
    send_out = shop.when_due(send_out)
    assert send_out.state == "approval" and not send_out.refresh_first
    assert approval.approve(other, send_out).state == "waiting" and approval.void_changed() == 0
    assert shop.when_due(send_out).state == "finished" and len(shop.inbox()) == 2
