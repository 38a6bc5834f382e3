"""Digital SMS: what they are made of, who has approved them, and how long."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from cdp.console.models import Notification
from cdp.core.errors import Conflict, ValidationFailed
from marketing.channels.carriers import Carrier, carrier_of, read
from marketing.content import expiry, reviews
from marketing.content import services as contents
from marketing.content.models import Template, TemplateReview
from marketing.materials import usage
from marketing.materials.models import Material
from tests.marketing.content.digital_shop import WORDS, DigitalShop
from tests.marketing.delivery.conftest import _sandbox, sandbox, shop  # noqa: F401
from tests.marketing.delivery.shop import Shop
from tests.marketing.materials import files


@pytest.fixture
def digital(shop: Shop) -> DigitalShop:  # noqa: F811
    return DigitalShop(shop)


def problems(digital: DigitalShop, **changes: Any) -> dict[str, list[str]]:
    with pytest.raises(ValidationFailed) as refused:
        contents.create_template(digital.access, "sms", digital.values() | changes)
    return dict(refused.value.errors)


@pytest.mark.parametrize(
    ("number", "carrier"),
    [
        ("13800138000", Carrier.MOBILE),
        ("13012345678", Carrier.UNICOM),
        ("13312345678", Carrier.TELECOM),
        ("13491234567", Carrier.TELECOM),
        ("17041234567", Carrier.UNICOM),
        ("19212345678", None),
        ("85261234567", None),
    ],
)
def test_the_first_digits_name_the_carrier(number: str, carrier: Carrier | None) -> None:
    assert carrier_of(number) == carrier


def test_a_provider_may_say_otherwise_with_longer_digits() -> None:
    own = read("1381=unicom, 192=mobile")
    assert own is not None
    assert carrier_of("13812345678", own) == "unicom" and carrier_of("13800138000", own) == "mobile"
    assert carrier_of("19212345678", own) == "mobile"
    assert read("138:unicom") is None


def test_it_keeps_the_order_of_its_parts_and_what_is_known_of_their_files(digital: DigitalShop) -> None:
    picture, sound = digital.part(), digital.part(files.mp3())
    template = contents.create_template(digital.access, "sms", digital.values("Hats", sound, WORDS, picture))
    assert [part["kind"] for part in template.parts] == ["audio", "text", "image"]
    assert template.is_digital and template.text == "New hats"
    assert {"sha256", "size", "format"} <= template.parts[0].keys()


def test_a_second_video_is_refused(digital: DigitalShop) -> None:
    video = digital.part(files.mp4(100))
    assert problems(digital, parts=[video, WORDS, video])["parts"] == ["A digital SMS has at most one video."]


def test_it_has_no_variables_a_short_subject_and_at_most_fifteen_parts(digital: DigitalShop) -> None:
    found = problems(digital, parts=[{"kind": "text", "text": "Dear ${name}"}], subject="x" * 21)
    assert "no variables" in found["parts/0"][0] and "20" in found["subject"][0]
    assert "At most 15" in problems(digital, parts=[WORDS] * 16)["parts"][0]


def test_all_parts_together_have_a_limit(digital: DigitalShop) -> None:
    part = digital.part()
    Material.objects.filter(pk=part["material"]).update(size=1_900_001)
    assert "1.9 MB" in problems(digital, parts=[part])["parts"][0]


def test_pictures_are_those_that_carriers_take(digital: DigitalShop) -> None:
    assert "JPG" in problems(digital, parts=[digital.part(files.bmp())])["parts/0"][0]


def test_a_material_of_somebody_else_is_refused(digital: DigitalShop) -> None:
    other = DigitalShop(Shop(digital.shop.sandbox))
    found = problems(digital, parts=[{"kind": "image", "material": other.material().pk}])
    assert "library" in found["parts/0"][0]


def test_its_platform_must_send_digital_sms(digital: DigitalShop) -> None:
    digital.platform.config = {**digital.platform.config, "digital": False}
    digital.platform.save()
    digital.signature.refresh_from_db()
    assert "sends no digital SMS" in problems(digital, signature=digital.signature)["signature"][0]


def test_a_material_that_it_shows_stays_in_the_library(digital: DigitalShop) -> None:
    part = digital.part()
    digital.template("Hats", part)
    assert usage.in_use([part["material"]]) == {part["material"]}


def test_each_carrier_decides_for_itself(digital: DigitalShop) -> None:
    review = digital.template("Hats (mobile, telecom)").reviews.get()
    assert review.state == "approved" and reviews.approving(review) == ["mobile", "telecom"]
    assert review.carriers["unicom"] == "rejected" and "China Unicom" in review.reason
    assert review.valid_until is not None and review.valid_until > timezone.now() + timedelta(days=364)


def test_without_any_carrier_it_is_rejected_and_may_be_changed_and_sent_in_again(
    digital: DigitalShop,
) -> None:
    template = digital.template("Reject me")
    first = template.reviews.get()
    assert first.state == "rejected" and contents.is_editable(template)
    template = contents.update_template(digital.access, template, {"name": "Fine", "subject": "Other"})
    contents.submit_for_review(digital.access, template, digital.platform)
    again = template.reviews.get(edit_version=template.edit_version)
    assert again.state == "approved" and again.remote_code == first.remote_code


def test_approved_or_in_review_it_stays_as_it_is(digital: DigitalShop) -> None:
    with pytest.raises(Conflict) as refused:
        contents.update_template(digital.access, digital.template(), {"subject": "Other"})
    assert refused.value.code == "template_reviewed"
    digital.shop.sandbox.options.change({"review_seconds": 60.0})
    waiting = digital.template("Waiting")
    for act in (
        lambda: contents.update_template(digital.access, waiting, {"subject": "Other"}),
        lambda: contents.delete_template(digital.access, waiting),
    ):
        with pytest.raises(Conflict) as refused:
            act()
        assert refused.value.code == "template_reviewed"


def test_a_carrier_that_decides_later_is_heard(digital: DigitalShop) -> None:
    review = digital.template("Hats (mobile)").reviews.get()
    TemplateReview.objects.filter(pk=review.pk).update(
        carriers={"mobile": "approved"}, next_check_at=timezone.now()
    )
    assert reviews.check_due() == 1
    review.refresh_from_db()
    assert review.carriers["unicom"] == "rejected" and review.next_check_at is None


def test_after_its_year_it_has_expired_and_can_be_removed(digital: DigitalShop) -> None:
    template = digital.template()
    TemplateReview.objects.update(valid_until=timezone.now())
    assert reviews.approved(template, digital.platform) is None
    reviews.check_due()
    assert template.reviews.get().state == "expired" and not contents.is_editable(template)
    contents.delete_template(digital.access, template)
    assert not Template.objects.filter(pk=template.pk).exists()


def test_its_owner_is_told_once_a_month_before(digital: DigitalShop) -> None:
    digital.template()
    assert expiry.warn() == 0
    TemplateReview.objects.update(valid_until=timezone.now() + timedelta(days=29))
    assert (expiry.warn(), expiry.warn()) == (1, 0)
    assert "Hats" in Notification.objects.get(user=digital.access.user).title


class TestPages:
    def test_the_form_saves_and_sends_in(self, digital: DigitalShop, client: Any) -> None:
        client.force_login(digital.access.user)
        home = f"/w/{digital.access.workspace.slug}/content/"
        body = {"name": "Hats", "purpose": "notice", "subject": "Hats", "signature": digital.signature.pk}
        refused = client.post(f"{home}new/digital/", {**body, "parts": "[]"})
        assert refused.status_code == 422 and b"Add a text" in refused.content
        long = '[{"kind": "text", "text": "x"}, {"kind": "text", "text": ""}]'
        assert b"Part 2:" in client.post(f"{home}new/digital/", {**body, "parts": long}).content
        answer = client.post(f"{home}new/digital/", {**body, "parts": '[{"kind": "text", "text": "New"}]'})
        template = Template.objects.get()
        assert answer["Location"].endswith(f"{template.pk}/") and template.reviews.get().state == "approved"
        page = client.get(answer["Location"]).content.decode()
        assert "China Mobile" in page and "Valid until" in page and "edit-digital" not in page
        assert "Digital SMS" in client.get(home).content.decode()

    def test_changing_nothing_in_a_dialog_makes_no_new_one(self, digital: DigitalShop, client: Any) -> None:
        client.force_login(digital.access.user)
        template = digital.template()
        url = f"/w/{digital.access.workspace.slug}/content/new/digital/?from={template.pk}&name=Spring"
        form = client.get(url, headers={"HX-Request": "true"}).context["form"]
        body = {"name": form.initial["name"], "purpose": "promotion", "subject": "Hats"}
        body |= {"signature": digital.signature.pk, "parts": form.shown_parts()}
        same = client.post(url, body, headers={"HX-Request": "true"})
        assert same.status_code == 204 and Template.objects.count() == 1
        other = client.post(url, {**body, "subject": "Other"}, headers={"HX-Request": "true"})
        assert other.status_code == 204 and "Spring" in other["HX-Trigger"]
        assert Template.objects.get(name="Spring").reviews.get().state == "approved"

    def test_a_file_is_uploaded_into_the_library(self, digital: DigitalShop, client: Any) -> None:
        from django.core.files.uploadedfile import SimpleUploadedFile

        client.force_login(digital.access.user)
        url = f"/w/{digital.access.workspace.slug}/content/digital/files/"
        made = client.post(url, {"file": SimpleUploadedFile("hat.png", files.png())})
        assert made.status_code == 201 and made.json()["kind"] == "image"
        assert client.post(url, {"file": SimpleUploadedFile("x.png", b"MZ")}).status_code == 400
        listed = client.get(url, {"kind": "image"}).json()["files"]
        assert [row["material"] for row in listed] == [made.json()["material"]]
        assert client.get(listed[0]["url"]).status_code == 200


def test_the_api_makes_them(digital: DigitalShop, client: Any) -> None:
    client.force_login(digital.access.user)
    url = f"/api/v1/workspaces/{digital.access.workspace.slug}/templates/"
    body = {"channel": "sms", "name": "Hats", "subject": "Hats", "parts": [WORDS, digital.part()]}
    refused = client.post(url, body, content_type="application/json")
    assert refused.status_code == 400 and "signature" in refused.json()["errors"]
    made = client.post(url, {**body, "signature": digital.signature.pk}, content_type="application/json")
    assert made.status_code == 201 and made.json()["parts"][1]["kind"] == "image"
    path = f"{url}{made.json()['id']}/submit/"
    review = client.post(path, {"provider": digital.platform.pk}, content_type="application/json").json()
    assert review["carriers"] == dict.fromkeys(("mobile", "unicom", "telecom"), "approved")
