"""The page of a send-out goes on showing the message once it has left."""

from __future__ import annotations

from marketing.content import services as contents
from marketing.delivery.models import SendOut, Variant
from tests.factories import make_access
from tests.marketing.console import Browser, without_marketing
from tests.marketing.delivery.shop import Shop, mails, numbers

CITY = {"city": {"dataset": "", "tag": "", "missing": "replace", "value": "Bath"}}


def _sent_mail(shop: Shop) -> SendOut:
    template = {"subject": "Hello ${city}", "html": "<p>Sun in ${city}</p>"}
    return shop.submit(shop.mail(shop.audience(mails(3)), template=template, variables=CITY))


def test_a_sent_message_is_shown_as_a_member_got_it(shop: Shop) -> None:
    console = Browser(shop.access, "send-outs/")
    sent = _sent_mail(shop)
    assert f"{sent.pk}/message/" in console.get(f"{sent.pk}/").content.decode()
    part = console.get(f"{sent.pk}/message/").content.decode()
    assert "Hello Bath" in part and "Sun in Bath" in part and "Person 1 of 3" in part
    assert f'hx-get="{console.base}{sent.pk}/message/?member=1"' in part
    assert "Person 3 of 3" in console.get(f"{sent.pk}/message/", member=2).content.decode()


def test_a_template_changed_later_does_not_change_what_was_sent(shop: Shop) -> None:
    sent = _sent_mail(shop)
    contents.update_template(shop.access, sent.template, {"subject": "Good-bye"})
    part = Browser(shop.access, "send-outs/").get(f"{sent.pk}/message/").content.decode()
    assert "Hello Bath" in part and "Good-bye" not in part


def test_each_variant_of_a_sent_message_can_be_looked_at(shop: Shop) -> None:
    draft = shop.mail(shop.audience(mails(2)))
    other = contents.create_template(
        shop.access, "email", {"name": "B", "subject": "Hello B", "html": "<p>B</p>"}
    )
    for number, template in enumerate((draft.template, other)):
        Variant.objects.create(send_out=draft, number=number, template=template, share=50)
    sent = shop.submit(draft)
    console = Browser(shop.access, "send-outs/")
    first, second = (
        console.get(f"{sent.pk}/message/", variant=letter).content.decode() for letter in ("A", "B")
    )
    assert "Hello B" not in first and "Hello B" in second and 'aria-current="true">B<' in second


def test_a_sent_sms_is_shown_with_its_signature_and_length(sms_shop: Shop) -> None:
    sent = sms_shop.submit(sms_shop.sms(sms_shop.audience(numbers(1))))
    part = Browser(sms_shop.access, "send-outs/").get(f"{sent.pk}/message/").content.decode()
    assert "【Tide】Hello" in part and "sent as 1 SMS" in part


def test_the_message_needs_the_right_to_see_the_channel(shop: Shop) -> None:
    sent = _sent_mail(shop)
    assert without_marketing(shop.workspace, "send-outs/").get(f"{sent.pk}/message/").status_code == 403
    stranger = Browser(make_access(), "send-outs/")
    assert stranger.get(f"{sent.pk}/message/").status_code == 404
