"""Send-outs whose template the platform still reviews, and texts that are changed while they are prepared."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from cdp.core.errors import Conflict
from marketing.content import reviews
from marketing.content import services as contents
from marketing.content.models import Template, TemplateReview
from marketing.delivery import lifecycle, reviewing, services
from marketing.delivery.models import SendOut
from tests.marketing.delivery.shop import Shop, numbers


def in_review(shop: Shop, name: str = "New") -> SendOut:
    """An SMS whose template will be reviewed for a minute; a name with "reject" is rejected then."""
    send_out = shop.sms(shop.audience(numbers(2)), "Old")
    shop.sandbox.options.change({"review_seconds": 60.0})
    template = contents.create_template(shop.access, "sms", {"name": name, "text": "New text"})
    contents.submit_for_review(shop.access, template, send_out.provider)
    return services.update(shop.access, send_out, {"template": template})


def reviewed(shop: Shop) -> None:
    """The platform has decided, and everybody has asked."""
    shop.sandbox.options.change({"review_seconds": 0.0})
    TemplateReview.objects.filter(next_check_at__isnull=False).update(next_check_at=timezone.now())
    reviews.check_due()
    reviewing.decide()


def test_it_waits_in_review_and_leaves_when_the_template_is_approved(sms_shop: Shop) -> None:
    send_out = services.submit(sms_shop.access, in_review(sms_shop))
    assert send_out.state == "reviewing" and reviewing.decide() == 0
    assert not sms_shop.inbox()
    reviewed(sms_shop)
    assert sms_shop.run_jobs(send_out).state == "finished"
    assert len(sms_shop.inbox()) == 2


def test_a_rejected_template_rejects_it_with_the_reason(sms_shop: Shop) -> None:
    send_out = services.submit(sms_shop.access, in_review(sms_shop, "Please reject"))
    reviewed(sms_shop)
    send_out = sms_shop.run_jobs(send_out)
    assert send_out.state == "rejected" and "the sandbox rejects it" in send_out.state_reason
    assert lifecycle.is_editable(send_out) and lifecycle.is_startable(send_out) and not sms_shop.inbox()


def test_a_rejected_one_is_changed_and_submitted_again(sms_shop: Shop) -> None:
    send_out = services.submit(sms_shop.access, in_review(sms_shop, "Please reject"))
    reviewed(sms_shop)
    old = Template.objects.get(name="Old")
    services.update(sms_shop.access, SendOut.objects.get(pk=send_out.pk), {"template": old})
    assert sms_shop.submit(SendOut.objects.get(pk=send_out.pk)).state == "finished"


def test_a_scheduled_one_needs_an_approved_template(shop: Shop) -> None:
    send_out = in_review(shop)
    with pytest.raises(Conflict) as refused:
        services.submit(shop.access, send_out, scheduled_at=timezone.now() + timedelta(hours=1))
    assert refused.value.code == "template_not_approved"


def test_a_template_changed_in_review_rejects_it(sms_shop: Shop) -> None:
    send_out = services.submit(sms_shop.access, in_review(sms_shop))
    TemplateReview.objects.filter(template=send_out.template).update(state="rejected")
    contents.update_template(sms_shop.access, send_out.template, {"text": "Other"})
    reviewing.decide()
    send_out.refresh_from_db()
    assert send_out.state == "rejected" and "changed" in send_out.state_reason


def test_it_can_be_stopped_while_it_waits(sms_shop: Shop) -> None:
    send_out = services.submit(sms_shop.access, in_review(sms_shop))
    services.cancel(sms_shop.access, send_out)
    reviewed(sms_shop)
    assert sms_shop.run_jobs(send_out).state == "cancelled" and not sms_shop.inbox()


class TestChangedText:
    def call(self, shop: Shop, client: Any, send_out: SendOut, body: dict[str, Any]) -> Any:
        client.force_login(shop.access.user)
        path = f"/api/v1/workspaces/{shop.workspace.slug}/send-outs/{send_out.pk}/"
        return client.patch(path, body, content_type="application/json")

    def test_a_new_text_is_a_new_template_in_review_named_after_the_send_out(
        self, shop: Shop, client: Any
    ) -> None:
        send_out = shop.sms(shop.audience(numbers(1)), "Spring")
        Template.objects.filter(pk=send_out.template_id).update(name="First")
        shop.sandbox.options.change({"review_seconds": 60.0})
        made = self.call(shop, client, send_out, {"text": "Another text"}).json()
        template = Template.objects.get(pk=made["template"])
        assert (template.name, template.text) == ("Spring", "Another text")
        assert template.reviews.get().state == "reviewing"

    def test_the_same_text_changes_nothing(self, shop: Shop, client: Any) -> None:
        send_out = shop.sms(shop.audience(numbers(1)))
        made = self.call(shop, client, send_out, {"text": "Hello "}).json()
        assert made["template"] == send_out.template_id and Template.objects.count() == 1

    def test_the_form_offers_the_text_and_makes_the_template(self, shop: Shop, client: Any) -> None:
        send_out = shop.sms(shop.audience(numbers(1)), "Spring")
        client.force_login(shop.access.user)
        url = f"/w/{shop.workspace.slug}/send-outs/{send_out.pk}/edit/"
        page = client.get(url)
        assert page.context["form"].initial["text"] == "Hello" and b"sms-known" in page.content
        body = {
            "name": "Spring",
            "provider": send_out.provider_id,
            "signature": send_out.signature_id,
            "template": send_out.template_id,
            "audiences": [send_out.audience_id],
            "text": "Changed in the form",
            "encrypted": "unknown",
        }
        assert client.post(url, body).status_code == 302
        send_out.refresh_from_db()
        assert (send_out.template.name, send_out.template.text) == ("Spring 2", "Changed in the form")
        assert send_out.encrypted is None


def test_an_uploaded_list_comes_back_to_the_form_chosen(shop: Shop, client: Any) -> None:
    from django.core.files.uploadedfile import SimpleUploadedFile

    client.force_login(shop.access.user)
    form = f"/w/{shop.workspace.slug}/send-outs/new/sms/"
    page = client.get(form)
    upload = page.context["upload_url"]
    assert "id_type=mobile" in upload
    body = {
        "file": SimpleUploadedFile("list.txt", b"13800131000\n13800131000\nnonsense\n"),
        "id_type": "mobile",
        "encryption": "plain",
        "name": "Fair visitors",
    }
    answer = client.post(upload, body)
    assert answer.status_code == 302 and answer["Location"].startswith(form + "?audience=")
    chosen = client.get(answer["Location"]).context["form"].initial["audiences"]
    assert [row.name for row in chosen] == ["Fair visitors"]


def test_an_upload_leads_nowhere_outside_the_workspace(shop: Shop, client: Any) -> None:
    from django.core.files.uploadedfile import SimpleUploadedFile

    client.force_login(shop.access.user)
    for number, back in enumerate(("//evil.example/", "https://evil.example/", "/w/other/")):
        body = {
            "file": SimpleUploadedFile("list.txt", b"13800131000\n"),
            "id_type": "mobile",
            "encryption": "plain",
            "name": f"List {number}",
        }
        answer = client.post(f"/w/{shop.workspace.slug}/audiences/upload/?next={back}", body)
        assert answer["Location"].startswith(f"/w/{shop.workspace.slug}/audiences/aud_")
