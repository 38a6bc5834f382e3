"""Console pages of send-outs, from the form to the effect."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, timedelta
from typing import Any

import pytest
from django.utils import timezone

from admin_center.organizations.settings import update_settings
from admin_center.permissions.models import Role
from cdp.core.errors import ValidationFailed
from insight.audiences import applications, services, usage
from insight.audiences.models import Audience
from marketing.channels.models import Provider
from marketing.content.models import Signature, Template, TemplateReview
from marketing.delivery import services as send_outs
from marketing.delivery import tracking
from marketing.delivery.models import Recipient, SendOut, Suppression
from tests.factories import make_access
from tests.insight.audiences.world import World, make_world
from tests.marketing.console import Browser, without_marketing


@pytest.fixture
def world(db: None) -> World:
    return make_world()


@pytest.fixture
def audience(world: World, run_jobs: Callable[[], list[Any]]) -> Audience:
    data = {"name": "Women", "rule": world.women, "save_ids": ["one_id", "mobile"]}
    made = services.create(world.access, data)
    run_jobs()
    made.refresh_from_db()
    return made


@pytest.fixture
def console(world: World) -> Browser:
    return Browser(world.access, "send-outs/")


@pytest.fixture
def parts(world: World) -> dict[str, Any]:
    """A provider, signature and template of the SMS channel."""
    owned = {"workspace": world.workspace}
    provider = Provider.objects.create(
        **owned, channel="sms", type="contract", name="Platform", config={"promo_variables": True}
    )
    return {
        "provider": provider,
        "signature": Signature.objects.create(**owned, provider=provider, text="Tides", state="approved"),
        "template": Template.objects.create(**owned, channel="sms", name="Sale", text="Dear ${city} people"),
    }


@pytest.fixture
def send_out(world: World, audience: Audience, parts: dict[str, Any]) -> SendOut:
    variables = {"city": {"dataset": "", "tag": "", "missing": "replace", "value": "all"}}
    return SendOut.objects.create(
        workspace=world.workspace,
        channel="sms",
        name="Spring",
        audience=audience,
        owner=world.access.user,
        variables=variables,
        **parts,
    )


def test_a_send_out_is_made_in_two_steps(
    world: World, console: Browser, audience: Audience, parts: dict[str, Any]
) -> None:
    form = console.get("new/sms/", audience=audience.pk).content.decode()
    assert f'value="{audience.pk}" selected' in form
    chosen = {name: row.pk for name, row in parts.items()}
    answer = console.post("new/sms/", name="Spring", audiences=audience.pk, **chosen)
    made = SendOut.objects.get()
    assert answer.url.endswith(f"{made.pk}/variables/")
    tag = world.members.fields.filter(role="tag", tag_type="enum").first()
    source = f"{world.members.pk}:{tag.column}"
    assert source in console.get(f"{made.pk}/variables/").content.decode()
    console.post(f"{made.pk}/variables/", city_source=source, city_missing="skip", city_value="")
    made.refresh_from_db()
    assert made.variables["city"]["tag"] == tag.column and made.variables["city"]["missing"] == "skip"


def test_a_variable_cannot_be_left_without_a_text(console: Browser, send_out: SendOut) -> None:
    answer = console.post(f"{send_out.pk}/variables/", city_source="", city_value="  ")
    assert answer.status_code == 422 and "there is a hole in the message" in answer.content.decode()
    send_out.refresh_from_db()
    assert send_out.variables["city"]["value"] == "all"


def test_people_without_a_value_get_a_text_or_are_left_out(
    world: World, console: Browser, send_out: SendOut
) -> None:
    source = f"{world.members.pk}:city"
    given = {"city_source": source, "city_missing": "replace", "city_value": ""}
    answer = console.post(f"{send_out.pk}/variables/", **given)
    assert answer.status_code == 422 and "or leave them out" in answer.content.decode()
    assert console.post(f"{send_out.pk}/variables/", **{**given, "city_missing": "skip"}).status_code == 302


def test_a_new_send_out_with_open_variables_cannot_leave(
    console: Browser, audience: Audience, parts: dict[str, Any]
) -> None:
    TemplateReview.objects.create(
        template=parts["template"],
        provider=parts["provider"],
        edit_version=parts["template"].edit_version,
        remote_code="1",
        state="approved",
    )
    chosen = {name: row.pk for name, row in parts.items()}
    console.post("new/sms/", name="Spring", audiences=audience.pk, **chosen)
    made = SendOut.objects.get()
    page = console.get(f"{made.pk}/").content.decode()
    assert "Not ready yet" in page and "Give a text for people without a value" in page
    console.post(f"{made.pk}/submit/", when="now")
    made.refresh_from_db()
    assert made.state == "draft"


def test_a_date_format_is_kept(console: Browser, send_out: SendOut, world: World) -> None:
    page = console.get(f"{send_out.pk}/variables/").content.decode()
    assert "2026年3月5日" in page and "2026-03-05 18:30" in page
    given = {"city_source": f"{world.members.pk}:city", "city_missing": "skip", "city_format": "MM-dd"}
    console.post(f"{send_out.pk}/variables/", **given)
    send_out.refresh_from_db()
    assert send_out.variables["city"]["format"] == "MM-dd"


def test_a_time_is_read_in_the_workspaces_zone(
    console: Browser, send_out: SendOut, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("marketing.delivery.services._check_ready", lambda send_out: True)
    day = (timezone.now() + timedelta(days=3)).date()
    console.post(f"{send_out.pk}/submit/", when="later", scheduled_at=f"{day} 10:30")
    send_out.refresh_from_db()
    assert send_out.state == "waiting" and send_out.scheduled_at is not None
    assert send_out.scheduled_at.astimezone(UTC).isoformat() == f"{day}T02:30:00+00:00"
    assert f"It leaves by itself at {day} 10:30" in console.get(f"{send_out.pk}/").content.decode()


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("", "Choose a date and a time."),
        ("tomorrow", "Write date and time as in"),
        ("2020-01-01 10:00", "This time is over."),
    ],
)
def test_a_wrong_time_is_told_and_stays_in_the_field(
    console: Browser, send_out: SendOut, typed: str, message: str
) -> None:
    answer = console.post(f"{send_out.pk}/submit/", when="later", scheduled_at=typed)
    page = console.client.get(answer.url).content.decode()
    assert message in page and f'value="{typed}" data-datetime' in page
    send_out.refresh_from_db()
    assert send_out.state == "draft"


def test_what_is_in_the_way_is_named_with_the_place_to_mend_it(
    world: World, console: Browser, send_out: SendOut
) -> None:
    Provider.objects.update(enabled=False)
    Signature.objects.update(state="rejected")
    page = console.get(f"{send_out.pk}/").content.decode()
    for part in (
        "The provider is switched off.",
        f"channels/{send_out.provider_id}/",
        "The signature has not been approved",
        "The template has not been approved",
        f"content/{send_out.template_id}/",
    ):
        assert part in page
    role = Role.objects.get(workspace=world.workspace, code="analyst")
    role.permissions = [point for point in role.permissions if point != "marketing.accounts.manage"]
    role.save()
    analyst = Browser(make_access(world.workspace, "analyst"), "send-outs/")
    SendOut.objects.update(owner=analyst.user)
    assert "The provider is switched off." in analyst.get(f"{send_out.pk}/").content.decode()
    assert f"channels/{send_out.provider_id}/" not in analyst.get(f"{send_out.pk}/").content.decode()


def test_a_template_made_on_the_way_tells_the_page_its_name(console: Browser, world: World) -> None:
    base = f"/w/{world.workspace.slug}/content/new/sms/"
    headers = {"HX-Request": "true"}
    form = console.client.get(base, headers=headers).content.decode()
    assert "<html" not in form and "Save and use it" in form
    wrong = console.client.post(base, {"name": ""}, headers=headers)
    assert wrong.status_code == 422 and "<html" not in wrong.content.decode()
    values = {"name": "Quick", "purpose": "promotion", "text": "Hello"}
    made = console.client.post(base, values, headers=headers)
    template = Template.objects.get(name="Quick")
    assert made.status_code == 204
    assert json.loads(made.headers["HX-Trigger"]) == {
        "template-made": {"id": template.pk, "name": "Quick", "text": "Hello", "purpose": "promotion"}
    }


def test_variables_of_a_wrong_shape_are_refused_at_their_field(world: World, send_out: SendOut) -> None:
    for wrong in (
        [],
        {"city": "x"},
        {"city": {"tag": 1}},
        {"city": {"other": ""}},
        {"city": {"format": "x"}},
    ):
        with pytest.raises(ValidationFailed) as refused:
            send_outs.update(world.access, send_out, {"variables": wrong})
        assert list(refused.value.errors) == ["variables"]


def test_a_mail_has_its_own_form(console: Browser) -> None:
    page = console.get("new/email/").content.decode()
    assert 'name="sender"' in page and 'name="signature"' not in page


def test_the_review_page_shows_the_message_of_one_person(console: Browser, send_out: SendOut) -> None:
    page = console.get(f"{send_out.pk}/").content.decode()
    assert "【Tides】Dear all people" in page and "Send now" in page and "Person 1 of" in page
    assert "Previous" in console.get(f"{send_out.pk}/", member=1).content.decode()


@pytest.mark.parametrize("state", SendOut.State.values)
def test_the_page_opens_in_every_state(console: Browser, send_out: SendOut, state: str) -> None:
    SendOut.objects.update(state=state)
    assert console.get(f"{send_out.pk}/").status_code == 200
    SendOut.objects.update(resolved_at=timezone.now())
    page = console.get(f"{send_out.pk}/").content.decode()
    assert "From audience to click" in page
    assert ("/pause/" in page) == (state in ("sending", "repeating")) and ("/resume/" in page) == (
        state == "paused"
    )


def test_the_effect_masks_recipients_and_filters_them(world: World, send_out: SendOut) -> None:
    SendOut.objects.update(state="finished", resolved_at=timezone.now())
    for number, state in enumerate(("delivered", "failed")):
        Recipient.objects.create(
            send_out=send_out,
            person=f"u{number}",
            person_hash=str(number),
            target=f"1380000111{number}",
            state=state,
        )
    analyst = Browser(make_access(world.workspace, "analyst"), "send-outs/")
    answer = analyst.get(f"{send_out.pk}/")
    assert "13800001110" not in answer.content.decode() and len(answer.context["recipients"]) == 2
    answer = analyst.get(f"{send_out.pk}/", state="failed")
    assert [row["state"] for row in answer.context["recipients"]] == ["failed"]


def test_of_numbers_only_the_end_is_shown_whatever_the_workspace_shows_in_full(
    world: World, send_out: SendOut
) -> None:
    SendOut.objects.update(state="finished", resolved_at=timezone.now())
    Recipient.objects.create(send_out=send_out, person="u1", person_hash="1", target="13800001111")
    update_settings(world.workspace, {"shown_in_full": ["mobile"]})
    analyst = Browser(make_access(world.workspace, "analyst"), "send-outs/")
    page = analyst.get(f"{send_out.pk}/").content.decode()
    assert "13800001111" not in page and "1111" in page


def test_the_list_counts_in_one_query_for_all_rows(
    console: Browser, send_out: SendOut, django_assert_max_num_queries: Any
) -> None:
    for number in range(5):
        Recipient.objects.create(
            send_out=send_out, person=str(number), person_hash=str(number), state="delivered"
        )
    for number in range(10):
        SendOut.objects.create(
            workspace=send_out.workspace,
            channel="sms",
            name=f"More {number}",
            audience=send_out.audience,
            provider=send_out.provider,
            template=send_out.template,
        )
    with django_assert_max_num_queries(25):
        answer = console.get(q="")
    row = next(row for row in answer.context["rows"] if row["pk"] == send_out.pk)
    assert (row["object"].sent, row["object"].delivered, row["object"].opened) == (5, 5, 0)


def test_submitting_without_an_approved_template_says_so(console: Browser, send_out: SendOut) -> None:
    answer = console.post(f"{send_out.pk}/submit/")
    page = console.client.get(answer.url).content.decode()
    assert "The template has not been approved" in page


def test_a_live_send_out_is_stopped_from_its_page(console: Browser, send_out: SendOut) -> None:
    SendOut.objects.update(state="waiting")
    console.post(f"{send_out.pk}/cancel/")
    send_out.refresh_from_db()
    assert send_out.state == "cancelled"


def test_a_draft_is_edited_and_removed(console: Browser, send_out: SendOut) -> None:
    assert f'value="{send_out.name}"' in console.get(f"{send_out.pk}/edit/").content.decode()
    assert console.get(f"{send_out.pk}/delete/").status_code == 200
    console.post(f"{send_out.pk}/delete/")
    assert not SendOut.objects.exists()


def test_another_workspaces_send_out_is_not_found(send_out: SendOut) -> None:
    assert Browser(make_access(), "send-outs/").get(f"{send_out.pk}/").status_code == 404


def test_send_outs_need_the_points_of_their_channel(world: World, send_out: SendOut) -> None:
    analyst = without_marketing(world.workspace, "send-outs/")
    assert analyst.get().status_code == 403
    assert analyst.get(f"{send_out.pk}/").status_code == 403
    assert analyst.get("new/sms/").status_code == 403


def test_the_audience_names_its_send_outs_and_leads_to_a_new_one(
    world: World, audience: Audience, send_out: SendOut
) -> None:
    assert "Spring" in [use.name for use in usage.used_by(audience)]
    urls = [offer.url for offer in applications.offers(world.access, audience)]
    assert f"/w/{world.workspace.slug}/send-outs/new/sms/?audience={audience.pk}" in urls


def test_a_suppression_is_added_and_removed(console: Browser) -> None:
    console.post("suppressions/new/", channel="sms", target="13800001111")
    row = Suppression.objects.get()
    page = console.get("suppressions/").content.decode()
    assert row.masked in page and "13800001111" not in page
    console.post(f"suppressions/{row.pk}/delete/")
    assert not Suppression.objects.exists()


def test_unsubscribing_asks_first_and_acts_on_post(console: Browser, send_out: SendOut) -> None:
    row = Recipient.objects.create(send_out=send_out, person="u1", person_hash="1", target="13800001111")
    url = tracking.unsubscribe_url(row)
    path = url[url.index("/t/") :]
    page = console.client.get(path).content.decode()
    assert "Unsubscribe?" in page and "13800001111" not in page and not Suppression.objects.exists()
    assert "You are unsubscribed" in console.client.post(path).content.decode()
    assert Suppression.objects.get().reason == "unsubscribed"
