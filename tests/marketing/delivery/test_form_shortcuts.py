"""What the form of a send-out offers on the way: short links, senders, and what the chosen platform takes."""

from __future__ import annotations

import json
from typing import Any

from django.utils import timezone

from marketing.channels import services as channels
from marketing.channels.models import SenderAddress
from marketing.content import reviews
from marketing.content import services as contents
from marketing.content.models import TemplateReview
from marketing.delivery import platform_choice
from marketing.links import services as links
from marketing.links.models import LinkDomain, ShortLink
from tests.factories import make_token
from tests.marketing.console import Browser, without_marketing
from tests.marketing.delivery.shop import Shop, mails, numbers

HTMX = {"HTTP_HX_REQUEST": "true"}


def link(shop: Shop, name: str) -> ShortLink:
    LinkDomain.objects.get_or_create(workspace=shop.workspace, name="shop.example.com")
    return links.create(shop.access, name=name, target="https://shop.example.com/", days=7)


def test_short_links_can_be_put_into_the_text_of_the_send_out_and_of_the_template(shop: Shop) -> None:
    for path in ("send-outs/new/sms/", "content/new/sms/"):
        page = Browser(shop.access, path).get().content.decode()
        assert "data-link-picker" in page and "link-picker.js" in page and 'id="new-template"' in page


def test_all_active_links_can_be_found_and_none_that_has_ended(shop: Shop) -> None:
    made = [link(shop, f"Link {number:02}") for number in range(25)]
    ShortLink.objects.filter(pk=made[3].pk).update(expires_at=timezone.now())
    browser = Browser(shop.access, "short-links/choice/")
    first = browser.get().content.decode()
    assert "Link 24" in first and "Link 00" not in first and "of 24" in first
    assert "Link 00" in browser.get(page=3).content.decode()
    found = browser.get(q="link 07").content.decode()
    assert f'data-insert="{made[7].url}"' in found and "Link 08" not in found
    assert f"?ph=${{sp_{made[7].code}}}" in found
    assert "No active short link has this" in browser.get(q="link 03").content.decode()
    assert without_marketing(shop.workspace, "short-links/choice/").get().status_code == 403


def test_a_link_made_in_the_dialog_tells_its_page(shop: Shop) -> None:
    LinkDomain.objects.create(workspace=shop.workspace, name="shop.example.com")
    browser = Browser(shop.access, "short-links/new/")
    form = browser.client.get(browser.base, **HTMX).content.decode()
    assert "<html" not in form and 'id="dialog_name"' in form and "shop.example.com" in form
    given = {"name": "Sale", "target": "https://elsewhere.example/", "days": "7"}
    assert browser.client.post(browser.base, given, **HTMX).status_code == 422
    answer = browser.client.post(browser.base, {**given, "target": "https://shop.example.com/"}, **HTMX)
    made = ShortLink.objects.get()
    assert answer.status_code == 204
    assert json.loads(answer["HX-Trigger"])["link-made"]["url"] == made.url


def test_a_sender_made_in_the_dialog_tells_its_page(shop: Shop) -> None:
    draft = shop.mail(shop.audience(mails(1)))
    form = Browser(shop.access, "send-outs/new/email/").get().content.decode()
    assert "Add a sender address" in form and "/channels/senders/new/" in form
    browser = Browser(shop.access, "channels/senders/new/")
    assert (
        f'value="{draft.provider_id}" selected' in browser.client.get(browser.base, **HTMX).content.decode()
    )
    wrong = browser.client.post(browser.base, {"provider": draft.provider_id, "address": "x"}, **HTMX)
    assert wrong.status_code == 422
    given = {"provider": draft.provider_id, "address": "new@tide.example", "name": "News"}
    answer = browser.client.post(browser.base, given, **HTMX)
    made = SenderAddress.objects.get(address="new@tide.example")
    assert json.loads(answer["HX-Trigger"])["sender-made"] == {"id": made.pk, "name": str(made)}
    assert without_marketing(shop.workspace, "channels/senders/new/").get().status_code == 403


def test_what_a_platform_does_not_take_is_said_with_the_reason(shop: Shop) -> None:
    first = shop.sms(shop.audience(numbers(1)), "First")
    second = shop.sms(first.audience, "Second")
    assert first.signature is not None and second.signature is not None
    found = platform_choice.reasons(shop.workspace, "sms")
    assert found["template"][first.provider_id] == {second.template_id: "not sent in to this platform"}
    assert found["signature"][first.provider_id] == {second.signature_id: "belongs to another platform"}
    for state, reason in (("rejected", "rejected by this platform"), ("reviewing", None), ("approved", None)):
        TemplateReview.objects.filter(template=first.template).update(state=state)
        said = platform_choice.reasons(shop.workspace, "sms")["template"][first.provider_id]
        assert said.get(first.template_id) == reason
    page = Browser(shop.access, "send-outs/new/sms/").get().content.decode()
    assert "not sent in to this platform" in page and "platform-choice.js" in page


def test_where_nothing_is_reviewed_everything_can_be_chosen(shop: Shop) -> None:
    shop.mail(shop.audience(mails(1)))
    assert platform_choice.reasons(shop.workspace, "email") == {"template": {}, "signature": {}}
    assert "platform-choice.js" not in Browser(shop.access, "send-outs/new/email/").get().content.decode()


def platforms(shop: Shop) -> list[Any]:
    config = {"base_url": f"{shop.sandbox.url}/contract", "promo_variables": True}
    return [
        channels.create_provider(
            shop.access, {"channel": "sms", "type": "contract", "name": name, "config": config}
        )
        for name in ("One", "Two")
    ]


def test_a_template_is_sent_to_all_ticked_platforms(shop: Shop, client: Any) -> None:
    both = platforms(shop)
    template = contents.create_template(shop.access, "sms", {"name": "Sale", "text": "Hello"})
    browser = Browser(shop.access, f"content/{template.pk}/")
    page = browser.get().content.decode()
    assert page.count('name="provider"') == 2 and "Submit for review" in page
    nothing = browser.client.post(browser.base + "submit/", {}, follow=True).content.decode()
    assert "Tick a platform." in nothing and not TemplateReview.objects.exists()
    browser.post("submit/", provider=[row.pk for row in both])
    assert all(reviews.approved(template, row) for row in both)
    again = contents.create_template(shop.access, "sms", {"name": "Again", "text": "Hello"})
    url = f"/api/v1/workspaces/{shop.workspace.slug}/templates/{again.pk}/submit/"
    headers = {"Authorization": f"Bearer {make_token(shop.access)}"}
    body = {"providers": [row.pk for row in both]}
    found = client.post(url, body, content_type="application/json", headers=headers).json()
    assert len(found["reviews"]) == 2 and found["failed"] == {}
    wrong = client.post(url, {"providers": []}, content_type="application/json", headers=headers)
    assert wrong.status_code == 400 and list(wrong.json()["errors"]) == ["providers"]


def test_a_platform_that_refuses_does_not_keep_the_template_from_the_others(shop: Shop) -> None:
    one, two = platforms(shop)
    channels.update_provider(
        shop.access, one, {"config": {**one.config, "base_url": f"{shop.sandbox.url}/nowhere"}}
    )
    template = contents.create_template(shop.access, "sms", {"name": "Sale", "text": "Hello"})
    made, failed = contents.submit_to_all(shop.access, template, [one, two])
    assert [row.provider for row in made] == [two] and list(failed) == [one.pk]
