"""What may be done with the template of an SMS or a mail, by what platforms say of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from cdp.core.errors import Conflict
from marketing.channels import services as channels
from marketing.channels.models import Provider
from marketing.content import reviews
from marketing.content import services as contents
from marketing.content.models import Template, TemplateReview
from tests.marketing.console import Browser
from tests.marketing.delivery.shop import Shop, mails, numbers
from tests.marketing.delivery.test_mail_platform import letter, platform


def sms_platform(shop: Shop, name: str) -> Provider:
    config = {"base_url": f"{shop.sandbox.url}/contract"}
    return channels.create_provider(
        shop.access, {"channel": "sms", "type": "contract", "name": name, "config": config}
    )


def text_template(shop: Shop, provider: Provider, state: str) -> Template:
    """An SMS template in this state; "none" has not been sent in."""
    name = "Please reject" if state == "rejected" else f"It is {state}"
    template = contents.create_template(shop.access, "sms", {"name": name, "text": "Hello"})
    if state != "none":
        shop.sandbox.options.change({"review_seconds": 60.0 if state == "reviewing" else 0.0})
        contents.submit_for_review(shop.access, template, provider)
        assert template.reviews.get().state == state
    return template


def refused(act: Callable[[], Any]) -> str:
    try:
        act()
    except Conflict as error:
        return error.code
    return ""


@pytest.mark.parametrize(
    ("state", "edit", "delete"),
    [
        ("none", "", ""),
        ("reviewing", "template_reviewed", "template_reviewed"),
        ("approved", "template_reviewed", ""),
        ("rejected", "", ""),
    ],
)
def test_an_sms_is_edited_and_removed_as_its_review_allows(
    sms_shop: Shop, state: str, edit: str, delete: str
) -> None:
    template = text_template(sms_shop, sms_platform(sms_shop, "One"), state)
    assert refused(lambda: contents.update_template(sms_shop.access, template, {"text": "Other"})) == edit
    template.refresh_from_db()
    assert template.text == ("Hello" if edit else "Other")
    assert refused(lambda: contents.delete_template(sms_shop.access, template)) == delete
    assert Template.objects.filter(pk=template.pk).exists() is bool(delete)


def test_one_that_a_waiting_send_out_needs_stays_and_goes_once_that_is_over(sms_shop: Shop) -> None:
    send_out = sms_shop.sms(sms_shop.audience(numbers(1)))
    assert refused(lambda: contents.delete_template(sms_shop.access, send_out.template)) == "in_use"
    sms_shop.submit(send_out)
    contents.delete_template(sms_shop.access, send_out.template)
    assert not Template.objects.in_workspace(sms_shop.workspace).exists()


def test_each_platform_says_its_own_word_and_the_reason_is_shown(sms_shop: Shop) -> None:
    one, two = (sms_platform(sms_shop, name) for name in ("One", "Two"))
    sms_shop.sandbox.options.change({"review_seconds": 60.0})
    template = contents.create_template(sms_shop.access, "sms", {"name": "Please reject", "text": "Hello"})
    made, failed = contents.submit_to_all(sms_shop.access, template, [one, two])
    assert [review.state for review in made] == ["reviewing", "reviewing"] and not failed
    sms_shop.sandbox.options.change({"review_seconds": 0.0})
    TemplateReview.objects.filter(provider=one).update(next_check_at=timezone.now())
    assert reviews.check_due() == 1
    assert dict(template.reviews.values_list("provider__name", "state")) == {
        "One": "rejected",
        "Two": "reviewing",
    }
    page = Browser(sms_shop.access, "content/").get(f"{template.pk}/").content.decode()
    assert template.reviews.get(provider=one).reason in page and "In review" in page


def test_a_platform_that_does_not_answer_is_asked_again_later(sms_shop: Shop) -> None:
    sms_shop.sandbox.options.change({"review_seconds": 60.0})
    template = contents.create_template(sms_shop.access, "sms", {"name": "New", "text": "Hello"})
    contents.submit_for_review(sms_shop.access, template, sms_platform(sms_shop, "One"))
    TemplateReview.objects.update(next_check_at=timezone.now())
    sms_shop.sandbox.faults.add({"kind": "error", "on": "sms/smsTemplate"})
    assert reviews.check_due() == 1
    review = template.reviews.get()
    assert review.state == "reviewing"
    assert review.next_check_at is not None and review.next_check_at > timezone.now()


def test_the_list_shows_and_filters_by_what_platforms_say(sms_shop: Shop) -> None:
    provider = sms_platform(sms_shop, "One")
    for state in ("none", "approved", "rejected"):
        text_template(sms_shop, provider, state)
    contents.create_template(
        sms_shop.access, "email", {"name": "Mail", "subject": "Hi", "html": "<p>Hi</p>", "purpose": "notice"}
    )
    console = Browser(sms_shop.access, "content/")
    names = ("It is none", "It is approved", "Please reject", "Mail")

    def shown(**query: str) -> list[str]:
        page = console.get(**query).content.decode()
        return [name for name in names if f">{name}<" in page]

    assert shown() == list(names)
    assert shown(review="none") == ["It is none"]
    assert shown(review="approved") == ["It is approved"]
    assert shown(review="rejected") == ["Please reject"]
    assert shown(purpose="notice") == ["Mail"]
    assert "Not sent in" in console.get(review="none").content.decode()


def test_a_mail_that_was_rejected_is_edited_and_any_is_removed_unless_it_is_needed(sms_shop: Shop) -> None:
    provider = platform(sms_shop, review=True)
    send_out = letter(sms_shop, mails(1), provider, template={"name": "Please reject"})
    template = send_out.template
    assert template.reviews.get().state == "rejected"
    same = contents.update_template(sms_shop.access, template, {"subject": "Better"})
    assert same.pk == template.pk
    assert refused(lambda: contents.delete_template(sms_shop.access, template)) == "in_use"
    free = contents.create_template(
        sms_shop.access, "email", {"name": "Free", "subject": "Hi", "sender_name": "T", "html": "<p>Hi</p>"}
    )
    contents.submit_for_review(sms_shop.access, free, provider)
    contents.delete_template(sms_shop.access, free)
    assert not Template.objects.in_workspace(sms_shop.workspace).filter(pk=free.pk).exists()
