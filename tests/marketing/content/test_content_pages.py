"""Console pages of templates and signatures."""

from __future__ import annotations

from typing import Any

import pytest

from marketing.channels.models import Provider
from marketing.content.models import ReviewState, Signature, Template, TemplateReview
from tests.factories import make_access
from tests.marketing.console import Browser, without_marketing


@pytest.fixture
def access(db: None) -> Any:
    return make_access()


@pytest.fixture
def console(access: Any) -> Browser:
    return Browser(access, "content/")


def make_template(access: Any, **more: Any) -> Template:
    values = {"channel": "sms", "name": "Sale", "text": "Hello ${name}", **more}
    return Template.objects.create(workspace=access.workspace, owner=access.user, **values)


def make_provider(access: Any) -> Provider:
    return Provider.objects.create(
        workspace=access.workspace, channel="sms", type="contract", name="Platform", config={}
    )


def test_the_list_can_show_one_channel(access: Any, console: Browser) -> None:
    make_template(access)
    make_template(access, channel="email", name="Letter", subject="Hi")
    page = console.get(channel="email").content.decode()
    assert "Letter" in page and "Sale" not in page


def test_a_saved_sms_says_how_long_it_is(access: Any, console: Browser) -> None:
    answer = console.post("new/sms/", name="Long", purpose="notice", text="x" * 71)
    assert answer.status_code == 302
    page = console.client.get(answer.url).content.decode()
    assert "71 characters, sent as 2 SMS" in page


def test_a_broken_variable_is_shown_at_its_field(console: Browser) -> None:
    answer = console.post("new/email/", name="Letter", purpose="notice", subject="Hi ${1}", html="<p>x</p>")
    assert answer.status_code == 422
    assert "is no variable" in answer.content.decode()


def test_the_preview_of_a_mail_runs_no_scripts(access: Any, console: Browser) -> None:
    template = make_template(access, channel="email", subject="Hi", html='<p title="x">Hello</p>', text="")
    page = console.get(f"{template.pk}/").content.decode()
    assert 'sandbox srcdoc="&lt;p title=&quot;x&quot;&gt;Hello&lt;/p&gt;"' in page


def test_an_edit_of_an_older_state_is_refused(access: Any, console: Browser) -> None:
    template = make_template(access)
    data = {"name": "New", "purpose": "notice", "text": "Hi"}
    answer = console.post(f"{template.pk}/edit/", edit_version=template.edit_version + 1, **data)
    template.refresh_from_db()
    assert answer.status_code == 422 and template.name == "Sale"


def test_an_sms_shows_its_review_at_each_platform(access: Any, console: Browser) -> None:
    template, provider = make_template(access), make_provider(access)
    assert "Submit for review" in console.get(f"{template.pk}/").content.decode()
    TemplateReview.objects.create(
        template=template, provider=provider, edit_version=template.edit_version, state=ReviewState.APPROVED
    )
    page = console.get(f"{template.pk}/").content.decode()
    assert "Approved" in page and "Submit for review" not in page


def test_signatures_are_listed_and_removed(access: Any, console: Browser) -> None:
    row = Signature.objects.create(workspace=access.workspace, provider=make_provider(access), text="Tides")
    assert "Tides" in console.get("signatures/").content.decode()
    assert console.get("signatures/new/").status_code == 200
    assert console.post(f"signatures/{row.pk}/delete/").status_code == 302
    assert not Signature.objects.exists()


def test_a_template_is_removed_after_asking(access: Any, console: Browser) -> None:
    template = make_template(access)
    assert console.get(f"{template.pk}/delete/").status_code == 200
    console.post(f"{template.pk}/delete/")
    assert not Template.objects.exists()


def test_another_workspaces_template_is_not_found(console: Browser) -> None:
    assert console.get(f"{make_template(make_access()).pk}/").status_code == 404


def test_templates_need_the_permission(access: Any) -> None:
    assert without_marketing(access.workspace, "content/").get().status_code == 403
