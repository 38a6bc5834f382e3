"""Which audiences and ID types a send-out offers, and what is said of the others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cdp.core.errors import ValidationFailed
from cdp.core.identifiers import ID_TYPES
from insight.audiences.models import Audience, AudienceVersion
from marketing.delivery import offering, targeting
from marketing.delivery.forms import SendOutForm
from marketing.delivery.models import SendOut
from marketing.delivery.suppressions import ID_TYPES_OF
from tests.factories import make_access
from tests.marketing.console import Browser
from tests.marketing.delivery.shop import Shop, mails
from tests.marketing.delivery.webhook_shop import WebhookShop

ACCEPTED: dict[str, set[str]] = {
    "sms": {"mobile"},
    "email": {"email"},
    "push": set(ID_TYPES),
    "custom": set(ID_TYPES),
}
"""By channel: the ID types that one of its providers can write to."""


@pytest.fixture
def known_by(db: None) -> Callable[..., Audience]:
    """Makes an audience with one type of ID, in a form."""
    access = make_access()

    def make(id_type: str, encryption: str = "plain", name: str = "") -> Audience:
        row = Audience.objects.create(
            workspace=access.workspace, name=name or f"{id_type} {encryption}", user_id_type=id_type
        )
        row.current = AudienceVersion.objects.create(
            workspace=access.workspace,
            audience=row,
            number=1,
            count=1,
            user_id_type=id_type,
            id_stats={id_type: {"encryption": encryption}},
        )
        row.save()
        return row

    return make


def test_every_channel_is_in_the_table() -> None:
    assert set(ACCEPTED) == set(ID_TYPES_OF)


@pytest.mark.parametrize("channel", sorted(ACCEPTED))
def test_a_channel_takes_its_ids_and_says_why_it_takes_no_others(
    known_by: Callable[..., Audience], channel: str
) -> None:
    for id_type in ID_TYPES:
        reason = offering.refusal(known_by(id_type), ID_TYPES_OF[channel])
        if id_type in ACCEPTED[channel]:
            assert reason == "", id_type
        else:
            assert reason == f"holds no {offering.named(ID_TYPES_OF[channel])}"


@pytest.mark.parametrize(
    ("form", "usable"), [("plain", True), ("aes", True), ("md5", False), ("sha256", False)]
)
def test_nobody_is_written_to_by_a_hash(known_by: Callable[..., Audience], form: str, usable: bool) -> None:
    reason = offering.refusal(known_by("mobile", form), ID_TYPES_OF["sms"])
    assert (reason == "") is usable
    assert usable or reason == "holds hashes only: Mobile number"


def hashed(shop: Shop, audience: Audience) -> Audience:
    """The audience, as if its mail addresses were stored as hashes."""
    version: Any = audience.current
    version.id_stats = {**version.id_stats, "email": {**version.id_stats["email"], "encryption": "md5"}}
    version.save()
    return audience


def test_the_form_shows_other_audiences_with_the_reason_and_the_service_refuses_them(shop: Shop) -> None:
    good = shop.audience(mails(2), "Good")
    bad = hashed(shop, shop.audience(mails(2), "Hashed"))
    without = shop.audience(mails(2), "Without")
    Audience.objects.filter(pk=without.pk).update(save_ids=["mobile"])
    form = SendOutForm(access=shop.access, channel="email")
    shown = str(form["audiences"])
    assert f'<option value="{good.pk}">Good</option>' in shown
    assert f'<option value="{bad.pk}" disabled>Hashed – holds hashes only: ' in shown
    assert f'<option value="{without.pk}" disabled>Without – holds no ' in shown
    with pytest.raises(ValidationFailed) as caught:
        shop.mail(bad)
    assert "nobody is reached by one: Hashed" in caught.value.errors["audiences"][0]
    without.refresh_from_db()
    with pytest.raises(ValidationFailed) as caught:
        targeting.check([without], [], "email")
    assert "Save them with that ID." in caught.value.errors["audiences"][0]
    assert not SendOut.objects.exists()


def test_what_a_draft_has_can_still_be_chosen_and_seen(shop: Shop) -> None:
    audience = shop.audience(mails(2), "Drafted")
    hashed(shop, audience)
    form = SendOutForm(
        access=shop.access, channel="email", initial={"audiences": [Audience.objects.get(pk=audience.pk)]}
    )
    assert f'<option value="{audience.pk}" selected>Drafted</option>' in str(form["audiences"])


def test_the_custom_channel_says_which_types_the_webhook_or_the_audiences_lack(
    webhook_shop: WebhookShop,
) -> None:
    webhook_shop.webhook(id_types=["mobile", "union_id"])
    other = webhook_shop.webhook("Other", id_types=["taobao_id"])
    audience = webhook_shop.audience(mails(2), "Customers")
    page = Browser(webhook_shop.access, "send-outs/").get(f"new/custom/?audience={audience.pk}")
    shown = page.content.decode() if hasattr(page, "content") else str(page)
    assert '<option value="mobile"' in shown
    assert "UnionID – not all audiences hold it" in shown
    assert "– the webhook does not take it" in shown
    assert f'value="{other.provider_id}" disabled' in shown and "takes other IDs: " in shown
