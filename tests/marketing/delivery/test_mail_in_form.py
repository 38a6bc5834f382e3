"""A mail that is changed or written while its send-out is prepared."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from admin_center.permissions.models import Role
from cdp.core.errors import PermissionDenied
from marketing.channels import senders
from marketing.channels import services as channels
from marketing.content import services as contents
from marketing.content.models import Template
from marketing.delivery import mail_editor, own_template
from marketing.delivery.forms import SendOutForm
from marketing.delivery.models import SendOut
from tests.factories import make_access
from tests.marketing.delivery.shop import Shop, mails

DESIGN = {"blocks": [{"kind": "text", "text": "Dear people"}]}


def body(send_out: SendOut, **more: Any) -> dict[str, Any]:
    """What the form posts."""
    mail = {name: value or "" for name, value in mail_editor.of(send_out.template).items()}
    return {
        "name": send_out.name,
        "provider": send_out.provider_id,
        "sender": send_out.sender_id,
        "template": send_out.template_id,
        "audiences": [send_out.audience_id],
        "encrypted": "unknown",
        "return_path": "random",
        **mail,
        **more,
    }


@pytest.fixture
def send_out(shop: Shop) -> SendOut:
    found = shop.mail(shop.audience(mails(2)), "Spring")
    Template.objects.filter(pk=found.template_id).update(name="First")
    return found


@pytest.fixture
def page(shop: Shop, client: Client, send_out: SendOut) -> Any:
    """Posts to the form of the send-out."""
    client.force_login(shop.access.user)
    url = f"/w/{shop.workspace.slug}/send-outs/{send_out.pk}/edit/"

    def post(**more: Any) -> Any:
        answer = client.post(url, body(send_out, **more))
        send_out.refresh_from_db()
        return answer

    return post


@pytest.mark.parametrize(
    ("field", "value"),
    [("subject", "Other"), ("sender_name", "Tides"), ("html", "<p>Other</p>"), ("text", "Other")],
)
def test_other_words_are_a_new_template_named_after_the_send_out(
    send_out: SendOut, page: Any, field: str, value: str
) -> None:
    old = send_out.template
    assert page(**{field: value}).status_code == 302
    made = send_out.template
    assert made.pk != old.pk and made.name == "Spring" and getattr(made, field) == value
    old.refresh_from_db()
    assert getattr(old, field) != value


def test_the_same_mail_keeps_the_template(send_out: SendOut, page: Any) -> None:
    assert page().status_code == 302
    assert page(subject="", html="", text="").status_code == 302
    assert Template.objects.count() == 1 and send_out.template.name == "First"


def test_a_mail_of_blocks_stays_one_whatever_html_stands_beside_it(shop: Shop, send_out: SendOut) -> None:
    made = contents.create_template(
        shop.access, "email", {"name": "Blocks", "subject": "S", "design": DESIGN}
    )
    given = {**mail_editor.of(made), "html": "<p>of an older version</p>"}
    values = own_template.with_mail(shop.access, {"template": made}, given, name="Spring")
    assert values["template"].pk == made.pk
    changed = {**given, "subject": "Other"}
    new = own_template.with_mail(shop.access, {"template": made}, changed, name="Spring")["template"]
    assert new.design == made.design and new.html == made.html and new.subject == "Other"


def test_a_mail_is_written_without_a_template(send_out: SendOut, page: Any) -> None:
    assert page(template="", subject="Own", html="<p>Mine ${city}</p>", purpose="notice").status_code == 302
    made = send_out.template
    assert (made.name, made.subject, made.purpose) == ("Spring", "Own", "notice")
    assert send_out.variables.keys() == {"city"}


def test_without_template_and_words_the_form_asks_for_one(page: Any) -> None:
    answer = page(template="", subject="", html="", text="", sender_name="")
    assert answer.status_code == 422 and "template" in answer.context["form"].errors


def test_what_is_wrong_with_the_mail_is_shown_at_its_field(send_out: SendOut, page: Any) -> None:
    answer = page(html="<script>x</script>")
    assert answer.status_code == 422 and "html" in answer.context["form"].errors
    assert Template.objects.count() == 1


def test_the_changed_mail_is_variant_a(shop: Shop, send_out: SendOut, page: Any) -> None:
    other = contents.create_template(
        shop.access, "email", {"name": "Other", "subject": "B", "html": "<p>B</p>"}
    )
    assert page(subject="Own", template_b=other.pk).status_code == 302
    rows = list(send_out.variants.select_related("template"))
    assert [row.template.subject for row in rows] == ["Own", "B"]


def test_where_the_platform_reviews_the_new_mail_is_sent_in(shop: Shop, send_out: SendOut) -> None:
    config = {"base_url": f"{shop.sandbox.url}/contract", "review": True}
    provider = channels.create_provider(
        shop.access, {"channel": "email", "type": "contract", "name": "Sandbox", "config": config}
    )
    senders.add(shop.access, provider, "shop@tide.example", "Shop")
    shop.sandbox.options.change({"review_seconds": 60.0})
    values = {"template": None, "provider": provider}
    mail = {"subject": "S", "sender_name": "Tide", "html": "<p>Hi</p>"}
    made = own_template.with_mail(shop.access, values, mail, name="Spring")["template"]
    assert made.reviews.get().state == "reviewing"


def test_whoever_may_not_write_templates_cannot_change_the_mail(shop: Shop, send_out: SendOut) -> None:
    role = Role.objects.get(workspace=shop.workspace, code="analyst")
    role.permissions = [point for point in role.permissions if point != "marketing.content.manage"]
    role.save()
    access = make_access(shop.workspace, "analyst")
    assert not SendOutForm(access=access, channel="email").has_mail
    with pytest.raises(PermissionDenied):
        own_template.with_mail(access, {"template": send_out.template}, {"subject": "X"}, name="A")


def test_the_form_asks_for_the_mail_of_a_template(shop: Shop, client: Client, send_out: SendOut) -> None:
    client.force_login(shop.access.user)
    base = f"/w/{shop.workspace.slug}/send-outs/"
    found = client.get(f"{base}mail/{send_out.template_id}/").json()
    assert (found["subject"], found["html"]) == ("Hello", "<p>Hi</p>")
    page = client.get(f"{base}new/email/").content.decode()
    assert "data-mail-editor" in page and "mail-design.js" in page
    other = make_access()
    client.force_login(other.user)
    assert client.get(f"/w/{other.workspace.slug}/send-outs/mail/{send_out.template_id}/").status_code == 404


def test_the_api_takes_the_mail_itself(shop: Shop, client: Client, send_out: SendOut) -> None:
    client.force_login(shop.access.user)
    url = f"/api/v1/workspaces/{shop.workspace.slug}/send-outs/"
    mail = {"subject": "Own", "html": "<p>Mine</p>"}
    values = {
        "channel": "email",
        "name": "By API",
        "provider": send_out.provider_id,
        "sender": send_out.sender_id,
        "audience": send_out.audience_id,
        "mail": mail,
    }
    made = client.post(url, values, content_type="application/json").json()
    assert Template.objects.get(pk=made["template"]).name == "By API"
    path = f"{url}{made['id']}/"
    changed = client.patch(path, {"mail": {"subject": "Again"}}, content_type="application/json").json()
    template = Template.objects.get(pk=changed["template"])
    assert (template.name, template.subject, template.html) == ("By API 2", "Again", "<p>Mine</p>")
    same = client.patch(path, {"mail": {"subject": "Again"}}, content_type="application/json").json()
    assert same["template"] == template.pk
