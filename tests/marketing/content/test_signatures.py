"""Signatures that are sent in for review with what proves the right to them."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.utils import timezone

from admin_center.audit.models import AuditEntry
from cdp.core.errors import ActionNotSupported, Conflict, ValidationFailed
from marketing.channels.base import ProviderError
from marketing.content import reviews, signatures
from marketing.content.models import Signature
from tests.marketing.content.digital_shop import DigitalShop
from tests.marketing.delivery.conftest import _sandbox, sandbox, shop  # noqa: F401
from tests.marketing.delivery.shop import Shop
from tests.marketing.materials import files


@pytest.fixture
def digital(shop: Shop) -> DigitalShop:  # noqa: F811
    return DigitalShop(shop)


def proof(data: bytes | None = None, name: str = "licence.png") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, data or files.png())


_NUMBERS = count(1)


def new_name() -> str:
    """A name that the sandbox, which forgets none, has not seen yet."""
    return f"Hats {next(_NUMBERS)}"


def submit(digital: DigitalShop, text: str = "", **changes: Any) -> Signature:
    text = text or new_name()
    values: dict[str, Any] = {"source": "5", "note": "Our shop writes to members", "proofs": [proof()]}
    return signatures.submit_new(digital.access, digital.platform, text, **values | changes)


def test_it_is_reviewed_with_source_note_and_proof(digital: DigitalShop) -> None:
    made = submit(digital)
    assert (made.state, made.get_source_display()) == ("approved", "Trademark")
    kept = digital.shop.sandbox.store.template("sign", made.text)
    assert kept is not None
    assert kept["fields"]["remark"] == "Our shop writes to members" and kept["fields"]["files"] == 1
    assert AuditEntry.objects.filter(action="signature.submitted").count() == 1


def test_its_state_is_asked_for_until_it_is_decided(digital: DigitalShop) -> None:
    digital.shop.sandbox.options.change({"review_seconds": 60.0})
    made = submit(digital)
    assert made.state == "reviewing" and made.next_check_at is not None
    digital.shop.sandbox.options.change({"review_seconds": 0.0})
    Signature.objects.filter(pk=made.pk).update(next_check_at=timezone.now())
    assert reviews.check_due_signatures() == 1
    made.refresh_from_db()
    assert made.state == "approved" and made.next_check_at is None


def test_a_rejected_one_is_changed_and_sent_in_again(digital: DigitalShop) -> None:
    made = submit(digital, note="reject this")
    assert made.state == "rejected" and made.reason
    made = signatures.submit_again(digital.access, made, source="0", note="A better word", proofs=[])
    assert (made.state, made.source, made.proofs.count()) == ("approved", "0", 1)


def test_others_cannot_be_changed(digital: DigitalShop) -> None:
    for row in (submit(digital), digital.signature):
        with pytest.raises(Conflict) as refused:
            signatures.submit_again(digital.access, row, source="0", note="Other")
        assert refused.value.code == "signature_not_rejected"


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("source", {"source": "9"}),
        ("note", {"note": ""}),
        ("proofs", {"proofs": []}),
        ("proofs", {"proofs": [proof(b"MZ a program", "x.png")]}),
        ("proofs", {"proofs": [proof(b"%PDF-" + bytes(2 * 1024 * 1024), "big.pdf")]}),
        ("text", {"text": "【Hats】"}),
    ],
)
def test_what_is_wrong_is_said_at_its_field(
    digital: DigitalShop, field: str, changes: dict[str, Any]
) -> None:
    with pytest.raises(ValidationFailed) as refused:
        submit(digital, **changes)
    assert field in refused.value.errors and Signature.objects.count() == 1


def test_a_platform_that_takes_none_is_refused(shop: Shop) -> None:  # noqa: F811
    with pytest.raises(ActionNotSupported):
        submit(DigitalShop(shop, new_signatures=False))


def test_a_platform_that_refuses_it_leaves_nothing_behind(digital: DigitalShop) -> None:
    made = submit(digital)
    made.delete()
    with pytest.raises(ProviderError, match="already"):
        submit(digital, made.text)
    assert not Signature.objects.filter(text=made.text).exists()


def test_proofs_are_kept_encrypted(digital: DigitalShop) -> None:
    submit(digital)
    with connection.cursor() as cursor:
        cursor.execute("SELECT content FROM content_signatureproof")
        assert "iVBOR" not in cursor.fetchone()[0]


def test_one_that_a_digital_sms_has_stays(digital: DigitalShop) -> None:
    digital.template()
    with pytest.raises(Conflict) as refused:
        signatures.delete(digital.access, digital.signature)
    assert refused.value.code == "in_use"


def test_pages_send_it_in_and_edit_it(digital: DigitalShop, client: Any) -> None:
    client.force_login(digital.access.user)
    home = f"/w/{digital.access.workspace.slug}/content/signatures/"
    assert f"{home}submit/" in client.get(home).content.decode()
    text = new_name()
    body = {"provider": digital.platform.pk, "text": text, "source": "5", "note": "reject"}
    assert client.post(f"{home}submit/", body).status_code == 422
    assert client.post(f"{home}submit/", {**body, "proofs": [proof()]}).status_code == 302
    made = Signature.objects.get(text=text)
    page = client.get(home).content.decode()
    assert f"{home}{made.pk}/edit/" in page and "licence.png" in page and "Trademark" in page
    again = client.post(f"{home}{made.pk}/edit/", {"text": text, "source": "5", "note": "Better"})
    made.refresh_from_db()
    assert again.status_code == 302 and made.state == "approved"


def test_a_dialog_tells_its_page_of_the_signature(digital: DigitalShop, client: Any) -> None:
    client.force_login(digital.access.user)
    home = f"/w/{digital.access.workspace.slug}/content/signatures/"
    body = {"provider": digital.platform.pk, "text": "Known"}
    answer = client.post(f"{home}new/", body, headers={"HX-Request": "true"})
    assert answer.status_code == 204 and "Known" in answer["HX-Trigger"]
    form = f"/w/{digital.access.workspace.slug}/send-outs/new/sms/"
    page = client.get(form).content.decode()
    assert f"{home}new/" in page and f"{home}submit/" in page


def test_the_api_sends_it_in_and_again(digital: DigitalShop, client: Any) -> None:
    client.force_login(digital.access.user)
    url = f"/api/v1/workspaces/{digital.access.workspace.slug}/signatures/"
    body = {"provider": digital.platform.pk, "text": new_name(), "source": "5", "note": "reject"}
    made = client.post(url, {**body, "proofs": [proof()]})
    assert made.status_code == 201 and made.json()["proofs"] == ["licence.png"]
    path = f"{url}{made.json()['id']}/"
    again = client.patch(path, {"note": "Better"}, content_type="application/json")
    assert again.status_code == 200 and again.json()["state"] == "approved"
    assert client.patch(path, {"note": "x"}, content_type="application/json").status_code == 409
