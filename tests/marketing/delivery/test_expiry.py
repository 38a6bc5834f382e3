"""What is left of a send-out 168 hours after its end, and audiences made of its results before that."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.signing import Signer
from django.urls import reverse
from django.utils import timezone

from admin_center.organizations.settings import update_settings
from cdp.core.errors import Conflict, ValidationFailed
from insight.audiences import queries as audiences
from insight.audiences.models import Audience
from marketing.delivery import copying, expiry, lifecycle, queries, result_audience, services, tracking
from marketing.delivery.models import Engagement, Recipient, SendBatch, SendOut, Suppression, TrackedLink
from tests.factories import make_access, make_token
from tests.marketing.console import Browser
from tests.marketing.delivery.shop import Shop, mails

KEPT = timedelta(hours=168)


def sent(shop: Shop, **more: Any) -> SendOut:
    """Two get it, one server refuses it for now, one address does not exist."""
    odd = [(None, f"bounce-{kind}-1@x.example", None, None) for kind in ("soft", "hard")]
    html = '<p>Hi <a href="https://shop.example/sale">sale</a></p>'
    return shop.submit(shop.mail(shop.audience([*mails(2), *odd]), template={"html": html}, **more))


def ended(send_out: SendOut, ago: timedelta) -> SendOut:
    SendOut.objects.filter(pk=send_out.pk).update(finished_at=timezone.now() - ago)
    return SendOut.objects.get(pk=send_out.pk)


def test_recipients_go_168_hours_after_the_end_and_the_numbers_stay(shop: Shop) -> None:
    send_out = sent(shop)
    person = shop.recipient(send_out, 0)
    link = TrackedLink.objects.get()
    tracking.record(person, Engagement.Kind.CLICK, link=link, user_agent="Firefox", method="GET")
    before = queries.summary(send_out)
    ended(send_out, KEPT - timedelta(minutes=1))
    assert expiry.delete_old_recipients() == 0 and Recipient.objects.count() == 4
    ended(send_out, KEPT)
    assert expiry.delete_old_recipients() == 1
    send_out.refresh_from_db()
    assert not Recipient.objects.exists() and not SendBatch.objects.exists()
    after = queries.summary(send_out)
    assert after.pop("by_hour")[0]["count"] == before.pop("by_hour")[0]["count"] == 1
    assert after == before and after["delivered"] == 2 and after["clicked"] == 1
    listed = queries.with_figures(SendOut.objects.all()).get()
    assert (listed.sent, listed.delivered, listed.opened, listed.clicked) == (4, 2, 1, 1)
    page = Browser(shop.access, "send-outs/").get(f"{send_out.pk}/")
    assert page.status_code == 200 and "The numbers stay" in page.content.decode()
    assert expiry.delete_old_recipients() == 0


def test_a_deletion_that_was_interrupted_is_taken_up(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    send_out = ended(sent(shop), KEPT)
    whole = queries.summary(send_out)["sent"]
    monkeypatch.setattr(expiry, "ROWS", 1)

    def die(key: str) -> None:
        Recipient.objects.filter(send_out=key).first().delete()
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(expiry, "delete_rows", die)
        with pytest.raises(KeyboardInterrupt):
            expiry.delete_old_recipients()
    assert Recipient.objects.count() == 3
    expiry.delete_old_recipients()
    send_out.refresh_from_db()
    assert not Recipient.objects.exists() and queries.effect(send_out)["sent"] == whole


@pytest.mark.parametrize("state", ["sending", "paused", "waiting", "draft"])
def test_what_is_not_over_keeps_its_recipients(shop: Shop, state: str) -> None:
    ended(sent(shop), KEPT * 2)
    SendOut.objects.update(state=state)
    assert expiry.delete_old_recipients() == 0 and Recipient.objects.count() == 4


def test_without_recipients_nothing_can_be_sent_again_or_made_of_them(shop: Shop) -> None:
    send_out = ended(sent(shop), KEPT)
    again = copying.resend(shop.access, send_out)
    expiry.delete_old_recipients()
    send_out.refresh_from_db()
    for act in (
        lambda: copying.resend(shop.access, send_out),
        lambda: result_audience.make(shop.access, send_out, ["failed"], {"name": "Failed"}),
    ):
        with pytest.raises(Conflict) as refused:
            act()
        assert refused.value.code == "recipients_deleted"
    failed = shop.submit(again)
    assert failed.state == "failed" and "168" in failed.state_reason and not failed.recipients.exists()
    SendOut.objects.filter(pk=send_out.pk).update(state="failed")
    send_out.refresh_from_db()
    assert not lifecycle.is_startable(send_out) and not lifecycle.can_resume(send_out)


def test_an_audience_of_the_results_is_offered_for_168_hours_to_the_second(
    shop: Shop, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    send_out = sent(shop)
    end = datetime(2026, 3, 1, 12, tzinfo=UTC)
    SendOut.objects.filter(pk=send_out.pk).update(finished_at=end)
    send_out.refresh_from_db()
    console, path = Browser(shop.access, "send-outs/"), f"{send_out.pk}/audience/"
    headers = {"Authorization": f"Bearer {make_token(shop.access)}"}
    url = f"/api/v1/workspaces/{shop.workspace.slug}/send-outs/{path}"

    def at(moment: datetime) -> tuple[int, int, bool]:
        with monkeypatch.context() as clock:
            clock.setattr(result_audience, "timezone", SimpleNamespace(now=lambda: moment))
            body = {"name": f"At {moment}", "results": ["failed"]}
            called = client.post(url, body, content_type="application/json", headers=headers)
            page = console.get(f"{send_out.pk}/").content.decode()
            return console.get(path).status_code, called.status_code, "Make an audience" in page

    assert at(end + KEPT - timedelta(seconds=1)) == (200, 202, True)
    assert at(end + KEPT) == (409, 409, False)


def test_links_and_unsubscribing_work_after_recipients_are_gone(shop: Shop, client: Any) -> None:
    send_out = ended(sent(shop), KEPT)
    person = shop.recipient(send_out, 0)
    click, leave = tracking.click_url(person, 1), tracking.unsubscribe_url(person)
    expiry.delete_old_recipients()
    answer = client.get(click[click.index("/t/") :], headers={"User-Agent": "Firefox"})
    assert (answer.status_code, answer.url) == (302, "https://shop.example/sale")
    client.post(leave[leave.index("/t/") :])
    assert Suppression.objects.get(reason="unsubscribed").target_hash == person.person_hash


def test_the_unsubscribe_link_of_an_earlier_version_still_works(shop: Shop, client: Any) -> None:
    person = shop.recipient(sent(shop), 0)
    old = Signer(salt="tideline.tracking").sign(f"{person.pk:x}-0")
    address = reverse("delivery-public:unsubscribe", args=[old])
    assert client.get(address).status_code == 200
    assert not Suppression.objects.filter(reason="unsubscribed").exists()
    client.post(address)
    assert Suppression.objects.get(reason="unsubscribed").target_hash == person.person_hash
    person.refresh_from_db()
    assert person.unsubscribed_at is not None


def test_a_link_that_counts_clicks_unsubscribes_nobody(shop: Shop, client: Any) -> None:
    send_out = sent(shop)
    token = tracking.person_token(shop.recipient(send_out, 0).pk, send_out.pk)
    assert client.post(reverse("delivery-public:unsubscribe", args=[token])).status_code == 404
    assert not Suppression.objects.filter(reason="unsubscribed").exists()


def test_once_its_recipients_are_gone_a_send_out_can_be_deleted(shop: Shop) -> None:
    send_out = sent(shop)
    with pytest.raises(Conflict) as refused:
        services.delete(shop.access, send_out)
    assert refused.value.code == "send_out_kept"
    ended(send_out, KEPT)
    expiry.delete_old_recipients()
    services.delete(shop.access, send_out)
    assert not SendOut.objects.exists()


def addresses(audience: Audience) -> set[str]:
    version = audiences.latest_version(audience)
    assert version is not None
    return {row for batch in audiences.member_batches(version) for row in batch.column(0).to_pylist()}


@pytest.mark.parametrize(
    ("results", "expected"),
    [
        (["delivered"], {"c0@x.example", "c1@x.example"}),
        (["failed"], {"bounce-soft-1@x.example", "bounce-hard-1@x.example"}),
        (["invalid"], {"bounce-hard-1@x.example"}),
        (["opened"], {"c0@x.example"}),
        (["not_opened", "invalid"], {"c1@x.example", "bounce-hard-1@x.example"}),
    ],
)
def test_an_audience_holds_exactly_the_people_of_the_results(
    shop: Shop, results: list[str], expected: set[str]
) -> None:
    send_out = sent(shop)
    Recipient.objects.filter(send_out=send_out, person="u000000").update(opened_at=timezone.now())
    audience, _job = result_audience.make(shop.access, send_out, results, {"name": "Picked"})
    shop.run_jobs()
    audience.refresh_from_db()
    assert audience.origin == "upload" and audience.user_id_type == "email"
    assert addresses(audience) == expected


def test_messages_without_a_report_in_time_count_as_no_report(shop: Shop) -> None:
    send_out = sent(shop)
    Recipient.objects.filter(person="u000000").update(state="handed")
    Recipient.objects.filter(person="u000001").update(state="failed", code="no_report")
    found = result_audience.people(send_out, ["no_report"])
    assert set(found.values_list("person", flat=True)) == {"u000000", "u000001"}


@pytest.mark.parametrize("results", [[], ["everybody"]])
def test_unknown_results_are_refused(shop: Shop, results: list[str]) -> None:
    with pytest.raises(ValidationFailed):
        result_audience.make(shop.access, sent(shop), results, {"name": "Nobody"})


def test_the_page_and_the_api_make_audiences_copies_and_resends(shop: Shop, client: Any) -> None:
    send_out = sent(shop)
    console = Browser(shop.access, "send-outs/")
    page = console.get(f"{send_out.pk}/").content.decode()
    assert "Make an audience" in page and "Send again to the failed" in page
    assert console.get(f"{send_out.pk}/audience/").status_code == 200
    made = console.post(f"{send_out.pk}/audience/", name="By page", results=["delivered"])
    assert made.status_code == 302 and Audience.objects.filter(name="By page").exists()
    resent = console.post(f"{send_out.pk}/resend/")
    draft = SendOut.objects.get(resend_of=send_out)
    assert resent.url.endswith(f"/{draft.pk}/") and console.get(f"{draft.pk}/").status_code == 200
    form = console.get(f"{draft.pk}/edit/").content.decode()
    assert 'name="template"' not in form and 'name="limit"' in form
    assert console.post(f"{draft.pk}/edit/", name="Once more", limit="1").status_code == 302
    draft.refresh_from_db()
    assert (draft.name, draft.limit) == ("Once more", 1)
    copied = console.post(f"{send_out.pk}/copy/")
    assert copied.url.endswith("/edit/") and console.client.get(copied.url).status_code == 200
    headers = {"Authorization": f"Bearer {make_token(shop.access)}"}
    base = f"/api/v1/workspaces/{shop.workspace.slug}/send-outs/{send_out.pk}/"

    def call(path: str, **body: Any) -> Any:
        return client.post(base + path, body, content_type="application/json", headers=headers)

    asked = call("audience/", name="By call", results=["failed"])
    assert asked.status_code == 202 and asked.json()["audience"]["name"] == "By call"
    assert call("audience/", name="None").status_code == 400
    assert call("copy/", name="Mine").json()["name"] == "Mine"
    assert call("resend/", name="Failed ones").json()["resend_of"] == send_out.pk


def test_a_workspace_may_keep_recipients_longer_and_others_do_not(shop: Shop) -> None:
    send_out = sent(shop)
    shop.settings(recipients_days=30)
    send_out = ended(send_out, timedelta(days=29))
    assert expiry.delete_old_recipients() == 0 and result_audience.is_offered(send_out)
    send_out = ended(send_out, timedelta(days=30, seconds=1))
    assert not result_audience.is_offered(send_out)
    assert expiry.delete_old_recipients() == 1 and not send_out.recipients.exists()


def test_the_time_of_one_workspace_is_not_that_of_another(shop: Shop) -> None:
    send_out = sent(shop)
    ended(send_out, timedelta(days=8))
    other = make_access()
    update_settings(other.workspace, {"recipients_days": 90}, access=other)
    assert expiry.delete_old_recipients() == 1


@pytest.mark.parametrize("days", [6, 91])
def test_recipients_are_kept_for_7_to_90_days(shop: Shop, days: int) -> None:
    with pytest.raises(ValidationFailed) as refused:
        shop.settings(recipients_days=days)
    assert "recipients_days" in refused.value.errors
