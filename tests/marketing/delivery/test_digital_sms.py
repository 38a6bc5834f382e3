"""Send-outs of digital SMS: only numbers of carriers that have approved the template get it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from cdp.core.errors import Conflict, ValidationFailed
from marketing.content import services as contents
from marketing.content.models import Template, TemplateReview
from marketing.delivery import channel_figures, checking, copying, services
from marketing.delivery.models import SendOut
from marketing.sandbox.store import Wanted
from tests.marketing.content.digital_shop import WORDS, DigitalShop
from tests.marketing.delivery.shop import Person, Shop


def phone(number: str) -> Person:
    return (number, None, "Bath", None)


MOBILE, UNICOM, TELECOM, NOBODY = "13800131000", "13000131000", "13300131000", "19200131000"
EACH = [phone(MOBILE), phone(UNICOM), phone(TELECOM), phone(NOBODY)]


def test_numbers_of_other_carriers_are_left_out_with_that_reason(sms_shop: Shop) -> None:
    digital = DigitalShop(sms_shop)
    sent = sms_shop.submit(digital.send_out(EACH, digital.template("Hats (mobile)")))
    assert sent.state == "finished" and sms_shop.inbox() == {MOBILE: 1}
    assert sms_shop.reasons(sent) == {"carrier": 3}
    [message] = sms_shop.sandbox.store.messages(Wanted())
    assert (
        message["subject"] == "Hats" and "<img" in message["html"] and "【Tide】New hats" in message["text"]
    )
    sms_shop.poll()
    assert channel_figures.of(sent)["segments"]["delivered"] == 1


def test_the_settings_of_the_platform_say_whose_a_number_is(sms_shop: Shop) -> None:
    digital = DigitalShop(sms_shop, carrier_prefixes="192=mobile, 138=unicom")
    sms_shop.submit(digital.send_out(EACH, digital.template("Hats (mobile)")))
    assert sms_shop.inbox() == {NOBODY: 1}


def test_an_estimate_says_how_many_are_of_other_carriers(shop: Shop) -> None:
    digital = DigitalShop(shop)
    found = checking.estimate(digital.send_out(EACH, digital.template("Hats (unicom)")))
    assert (found.reachable, found.barred, found.receive, found.total) == (4, 3, 1, 1)


def test_its_signature_is_that_of_the_template(shop: Shop) -> None:
    digital = DigitalShop(shop)
    assert digital.send_out(EACH, digital.template()).signature == digital.signature


def test_another_platform_does_not_send_it(shop: Shop) -> None:
    digital = DigitalShop(shop)
    draft = shop.sms(shop.audience(EACH), "Text")
    with pytest.raises(ValidationFailed) as refused:
        services.update(shop.access, draft, {"template": digital.template()})
    assert "sends no digital SMS" in refused.value.errors["template"][0]


def test_one_that_expires_before_its_time_cannot_be_scheduled(shop: Shop) -> None:
    digital = DigitalShop(shop)
    draft = digital.send_out(EACH, digital.template())
    TemplateReview.objects.update(valid_until=timezone.now() + timedelta(days=2))
    with pytest.raises(Conflict) as refused:
        services.submit(shop.access, draft, scheduled_at=timezone.now() + timedelta(days=3))
    assert refused.value.code == "template_expires"
    services.submit(shop.access, draft, scheduled_at=timezone.now() + timedelta(days=1))


def test_an_expired_one_does_not_leave(shop: Shop) -> None:
    digital = DigitalShop(shop)
    draft = digital.send_out(EACH, digital.template())
    TemplateReview.objects.update(state="expired")
    with pytest.raises(Conflict) as refused:
        services.submit(shop.access, draft)
    assert refused.value.code == "template_not_approved" and "year" in str(refused.value)


def test_other_words_are_a_new_template_named_after_the_send_out(shop: Shop, client: Any) -> None:
    digital = DigitalShop(shop)
    draft = digital.send_out(EACH, digital.template())
    client.force_login(shop.access.user)
    path = f"/api/v1/workspaces/{shop.workspace.slug}/send-outs/{draft.pk}/"

    def patch(**given: Any) -> Any:
        return client.patch(path, {"digital": given}, content_type="application/json").json()

    assert patch(subject="Hats", parts=draft.template.parts)["template"] == draft.template_id
    made = Template.objects.get(pk=patch(parts=[WORDS])["template"])
    assert made.name == "Digital" and made.reviews.get().state == "approved"
    assert patch(subject="Other")["template"] != made.pk
    assert Template.objects.count() == 3


def test_the_pages_show_it(shop: Shop, client: Any) -> None:
    digital = DigitalShop(shop)
    draft = digital.send_out(EACH, digital.template("Hats (mobile)"))
    client.force_login(shop.access.user)
    home = f"/w/{shop.workspace.slug}/send-outs/{draft.pk}/"
    page = client.get(home).content.decode()
    assert 'title="China Mobile"' in page and "phone-digital" in page
    check = client.get(f"{home}check/?when=now").content.decode()
    assert "Carrier has not approved it" in check and "China Mobile" in check
    form = client.get(f"{home}edit/").context
    assert form["sms"]["templates"][draft.template_id]["digital"]["carriers"] == "China Mobile"


class TestRemoving:
    def test_a_template_that_waits_to_be_sent_stays(self, shop: Shop) -> None:
        digital = DigitalShop(shop)
        draft = digital.send_out(EACH, digital.template())
        with pytest.raises(Conflict) as refused:
            contents.delete_template(shop.access, draft.template)
        assert refused.value.code == "in_use" and "Digital" in str(refused.value)

    def test_one_that_was_sent_goes_and_its_send_out_stays_as_it_was(
        self, sms_shop: Shop, client: Any
    ) -> None:
        sent = sms_shop.submit(sms_shop.sms(sms_shop.audience(EACH)))
        contents.delete_template(sms_shop.access, sent.template)
        assert not Template.objects.in_workspace(sms_shop.workspace).exists()
        client.force_login(sms_shop.access.user)
        page = client.get(f"/w/{sms_shop.workspace.slug}/send-outs/{sent.pk}/")
        assert page.status_code == 200 and sent.content["text"] == "Hello"
        with pytest.raises(ValidationFailed) as refused:
            copying.copy(sms_shop.access, SendOut.objects.get(pk=sent.pk))
        assert "removed" in refused.value.errors["template"][0]
