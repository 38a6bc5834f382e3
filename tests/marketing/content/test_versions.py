"""Versions of templates: who changed what, what it was like, and bringing that back; defaults of variables by type."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from admin_center.audit.models import AuditEntry
from cdp.core.errors import Conflict, NotFound, ValidationFailed
from insight.datasets.models import Dataset
from marketing.content import services, versions
from marketing.content.models import Template
from marketing.delivery import checking, trial
from marketing.delivery import services as send_outs
from marketing.delivery.models import SendOut
from marketing.sandbox.contract import shown_text
from marketing.sandbox.store import Wanted
from tests.factories import make_access, make_token
from tests.marketing.console import Browser
from tests.marketing.delivery.conftest import _sandbox, sandbox, shop, sms_shop  # noqa: F401
from tests.marketing.delivery.shop import Shop, mails, numbers

LETTER = {"name": "Letter", "subject": "Hello", "html": "<p>First</p>"}


@pytest.fixture
def access(db: None) -> Any:
    return make_access()


@pytest.fixture
def letter(access: Any) -> Template:
    return services.create_template(access, "email", LETTER)


def test_every_save_is_kept_with_what_it_changed_and_who_did_it(access: Any, letter: Template) -> None:
    other = make_access(access.workspace)
    services.update_template(other, letter, {"html": "<p>Second</p>", "subject": "Hello"})
    services.update_template(access, letter, {"subject": "Hi", "name": "Letters"})
    rows = versions.history(letter)
    assert [(row.number, row.changed, row.saved_by) for row in rows] == [
        (3, ["name", "subject"], access.user),
        (2, ["html"], other.user),
        (1, [], access.user),
    ]


def test_a_template_from_before_versions_is_kept_as_it_was(access: Any) -> None:
    old = Template.objects.create(workspace=access.workspace, owner=access.user, channel="email", **LETTER)
    assert [row.number for row in versions.history(old)] == [1] and not old.versions.exists()
    services.update_template(access, old, {"subject": "Hi"})
    assert [row.content["subject"] for row in old.versions.all()] == ["Hi", "Hello"]


def test_a_version_is_brought_back_as_a_new_one(access: Any, letter: Template) -> None:
    services.update_template(access, letter, {"html": "<p>Second</p>"})
    restored = services.restore(access, letter, versions.get(letter, 1))
    assert restored.pk == letter.pk and "First" in restored.html
    latest = versions.history(restored)[0]
    assert (latest.number, latest.restored_from, latest.changed) == (3, 1, ["html"])
    assert AuditEntry.objects.get(action="template.restored").after == {"version": 1}


def test_an_approved_sms_is_not_overwritten_by_an_old_version(shop: Shop) -> None:  # noqa: F811
    template = shop.sms(shop.audience(numbers(1))).template
    with pytest.raises(Conflict):
        services.restore(shop.access, template, versions.get(template, 1))


def test_the_latest_fifty_are_kept(access: Any, letter: Template, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "MOST", 3)
    for number in range(4):
        services.update_template(access, letter, {"subject": f"Hello {number}"})
    assert [row.number for row in versions.history(letter)] == [5, 4, 3]
    with pytest.raises(NotFound):
        versions.get(letter, 1)


def test_a_send_out_keeps_the_version_that_it_started_with(shop: Shop) -> None:  # noqa: F811
    sent = shop.submit(shop.mail(shop.audience(mails(1))))
    services.update_template(shop.access, sent.template, {"html": "<p>Changed</p>"})
    sent = SendOut.objects.get(pk=sent.pk)
    assert sent.content["template_version"] == 1
    assert "Hi" in versions.get(sent.template, sent.content["template_version"]).content["html"]
    page = Browser(shop.access, "send-outs/").get(f"{sent.pk}/").content.decode()
    assert f"/content/{sent.template_id}/versions/1/" in page


def test_the_pages_show_versions_and_bring_them_back(access: Any, letter: Template) -> None:
    services.update_template(access, letter, {"html": "<p>Second</p>"})
    browser = Browser(access, f"content/{letter.pk}/")
    page = browser.get("versions/").content.decode()
    assert "HTML" in page and "First version kept" in page and access.user.username in page
    old = browser.get("versions/1/").content.decode()
    assert "&lt;p&gt;First&lt;/p&gt;" in old and "Bring this version back" in old
    assert "Bring this version back" not in browser.get("versions/2/").content.decode()
    assert browser.post("versions/1/restore/").status_code == 302
    assert "Version 1 brought back" in browser.get("versions/").content.decode()
    assert browser.get("versions/9/").status_code == 404
    assert Browser(make_access(), f"content/{letter.pk}/").get("versions/").status_code == 404


def test_the_api_tells_of_versions(access: Any, letter: Template) -> None:
    services.update_template(access, letter, {"subject": "Hi"})
    client = Client(headers={"Authorization": f"Bearer {make_token(access)}"})
    url = f"/api/v1/workspaces/{access.workspace.slug}/templates/{letter.pk}/versions/"
    assert [(row["number"], row["changed"]) for row in client.get(url).json()] == [(2, ["subject"]), (1, [])]
    assert client.get(f"{url}1/").json()["content"]["subject"] == "Hello"
    stale = client.post(f"{url}1/restore/", headers={"If-Match": f'"{letter.pk}.1"'})
    assert stale.status_code == 412
    assert client.post(f"{url}1/restore/").json()["subject"] == "Hello"
    assert client.get(f"{url}7/").status_code == 404


@pytest.mark.parametrize(
    ("kind", "value", "fits"),
    [
        ("text", "friend", True),
        ("text", "x" * 201, False),
        ("text", " ", False),
        ("number", "12.50", True),
        ("number", "-3", True),
        ("number", "1,000", False),
        ("number", "NaN", False),
        ("number", "1e5", False),
        ("date", "2026-05-31", True),
        ("date", "2026-02-30", False),
        ("date", "31.05.2026", False),
        ("date", "20260531", False),
    ],
)
def test_a_default_is_of_its_type(access: Any, kind: str, value: str, fits: bool) -> None:
    given = {"name": "Text", "text": "Hi ${x}", "defaults": {"x": {"type": kind, "value": value}}}
    if fits:
        assert services.create_template(access, "sms", given).defaults == given["defaults"]
    else:
        with pytest.raises(ValidationFailed) as refused:
            services.create_template(access, "sms", given)
        assert "defaults" in refused.value.errors


@pytest.mark.parametrize(
    "given", [{"y": {"type": "text", "value": "a"}}, {"x": {"type": "text"}}, {"x": "a"}, [1]]
)
def test_defaults_are_of_the_templates_own_variables(access: Any, given: Any) -> None:
    with pytest.raises(ValidationFailed):
        services.create_template(access, "sms", {"name": "Text", "text": "Hi ${x}", "defaults": given})


def test_a_default_goes_with_its_variable(access: Any) -> None:
    given = {"x": {"type": "text", "value": "a"}}
    template = services.create_template(access, "email", {**LETTER, "html": "<p>${x}</p>", "defaults": given})
    assert services.update_template(access, template, {"html": "<p>Nobody</p>"}).defaults == {}


def test_people_without_a_value_read_the_default_as_it_is_formatted(sms_shop: Shop) -> None:  # noqa: F811
    people: list[Any] = [("13800131010", None, "Bath", None), ("13800131011", None, None, None)]
    audience = sms_shop.audience(people)
    dataset = Dataset.objects.get().pk
    draft = sms_shop.sms(
        audience,
        template={
            "text": "${city} ${since} ${price}",
            "defaults": {
                "city": {"type": "text", "value": "your town"},
                "since": {"type": "date", "value": "2026-03-05"},
                "price": {"type": "number", "value": "12.50"},
            },
        },
        variables={
            "city": {"dataset": dataset, "tag": "city", "missing": "replace"},
            "since": {"dataset": dataset, "tag": "joined", "format": "M月d日", "missing": "replace"},
        },
    )
    assert trial.preview(draft, 1)["text"] == "your town 3月5日 12.5"
    assert not checking.summary(draft)["problem"]
    sms_shop.submit(draft)
    texts = {row["recipient"]: shown_text(row) for row in sms_shop.sandbox.store.messages(Wanted(), limit=9)}
    assert texts == {
        "13800131010": "【Tide】Bath 3月5日 12.5",
        "13800131011": "【Tide】your town 3月5日 12.5",
    }


def test_the_send_outs_own_text_and_rule_come_before_the_default(shop: Shop) -> None:  # noqa: F811
    draft = shop.mail(
        shop.audience([(None, "a@x.example", None, None), (None, "b@x.example", "Bath", None)]),
        template={"html": "<p>${city}</p>", "defaults": {"city": {"type": "text", "value": "your town"}}},
    )
    assert trial.preview(draft, 0)["html"] == "<p>your town</p>"
    city = {"dataset": "", "tag": "", "missing": "replace", "value": "Bristol"}
    send_outs.update(shop.access, draft, {"variables": {"city": city}})
    draft = SendOut.objects.get(pk=draft.pk)
    assert trial.preview(draft, 0)["html"] == "<p>Bristol</p>"
    skip = {"dataset": Dataset.objects.get().pk, "tag": "city", "missing": "skip", "value": ""}
    send_outs.update(shop.access, draft, {"variables": {"city": skip}})
    sent = shop.submit(SendOut.objects.get(pk=draft.pk))
    assert sorted(sent.recipients.values_list("state", "reason")) == [
        ("delivered", ""),
        ("filtered", "missing_value"),
    ]


def test_defaults_of_an_approved_sms_change_without_another_review(shop: Shop) -> None:  # noqa: F811
    city = {"dataset": "", "tag": "", "missing": "replace", "value": "?"}
    template = shop.sms(
        shop.audience(numbers(1)), template={"text": "Hi ${city}"}, variables={"city": city}
    ).template
    browser = Browser(shop.access, f"content/{template.pk}/")
    assert "city" in browser.get("defaults/").content.decode()
    wrong = browser.post("defaults/", city_type="date", city_value="soon")
    assert wrong.status_code == 422 and "2026-05-31" in wrong.content.decode()
    assert browser.post("defaults/", city_type="date", city_value="2026-06-01").status_code == 302
    template.refresh_from_db()
    assert template.defaults == {"city": {"type": "date", "value": "2026-06-01"}}
    assert template.reviews.get().edit_version == template.edit_version == 2
    assert "otherwise “2026-06-01”" in browser.get().content.decode()
