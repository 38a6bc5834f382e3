"""Templates, signatures, short links and materials say where they are used."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings

from admin_center.permissions.models import Role
from cdp.core import where_used
from marketing.content import services as contents
from marketing.content.models import Template
from marketing.delivery.models import SendOut, Variant
from marketing.links.models import LinkDomain
from marketing.links.services import create as make_link
from marketing.materials.models import Material
from marketing.sandbox.provider import SandboxProvider
from tests.factories import make_access, make_token
from tests.marketing.console import Browser
from tests.marketing.delivery.conftest import _sandbox, sandbox  # noqa: F401
from tests.marketing.delivery.shop import Shop, mails, numbers


@pytest.fixture
def shop(db: None, sandbox: SandboxProvider) -> Shop:  # noqa: F811
    return Shop(sandbox)


def names(shop: Shop, obj: Any) -> set[str]:
    return {use.name for use in where_used.of(shop.access, obj)}


def test_a_template_is_used_by_send_outs_and_their_variants(shop: Shop, client: Any) -> None:
    draft = shop.mail(shop.audience(mails(1)), "Letter")
    other = contents.create_template(shop.access, "email", {"name": "B", "subject": "B", "html": "<p>B</p>"})
    Variant.objects.create(send_out=draft, number=1, template=other, share=50)
    assert names(shop, draft.template) == names(shop, other) == {"Letter"}
    page = Browser(shop.access, "content/").get(f"{other.pk}/").content.decode()
    assert "Where it is used" in page and f"/send-outs/{draft.pk}/" in page
    base = f"/api/v1/workspaces/{shop.workspace.slug}/templates/{other.pk}/uses/"
    found = client.get(base, headers={"Authorization": f"Bearer {make_token(shop.access)}"}).json()
    assert found == {"uses": [{"kind": "send_out", "id": draft.pk, "name": "Letter", "state": "draft"}]}


def test_what_nobody_uses_says_so(shop: Shop) -> None:
    alone = contents.create_template(shop.access, "email", {"name": "B", "subject": "B", "html": "<p>B</p>"})
    assert where_used.of(shop.access, alone) == []
    assert "Nothing uses it." in Browser(shop.access, "content/").get(f"{alone.pk}/").content.decode()


def test_a_signature_is_used_by_send_outs_and_digital_messages(shop: Shop) -> None:
    draft = shop.sms(shop.audience(numbers(1)), "Text")
    assert draft.signature is not None
    Template.objects.create(
        workspace=shop.workspace,
        channel="sms",
        name="Digital",
        subject="Hats",
        signature=draft.signature,
        text="Hats",
        parts=[{"kind": "text", "text": "Hats"}],
    )
    assert names(shop, draft.signature) == {"Text", "Digital"}
    page = Browser(shop.access, "content/signatures/").get(f"{draft.signature.pk}/").content.decode()
    assert "Digital" in page and f"/send-outs/{draft.pk}/" in page


def test_a_short_link_is_found_in_templates_and_in_what_was_sent(shop: Shop) -> None:
    LinkDomain.objects.create(workspace=shop.workspace, name="shop.example.com")
    first, second = (
        make_link(shop.access, name=name, target="https://shop.example.com/", days=7)
        for name in ("One", "Two")
    )
    draft = shop.mail(shop.audience(mails(1)), "Letter", template={"html": f'<a href="{first.url}">Go</a>'})
    assert names(shop, first) == {"Letter"} and len(where_used.of(shop.access, first)) == 2
    sent = shop.submit(draft)
    contents.update_template(shop.access, sent.template, {"html": "<p>No link any more</p>"})
    # What was sent still has it; the template has it no longer.
    assert [use.kind for use in where_used.of(shop.access, first)] == ["send_out"]
    assert where_used.of(shop.access, second) == []
    # A longer code that begins in the same way is another link.
    contents.update_template(
        shop.access, sent.template, {"html": f'<a href="{settings.SHORT_LINK_HOST}/s/{second.code}x">Go</a>'}
    )
    assert where_used.of(shop.access, second) == []


def test_a_material_is_found_by_what_it_holds(shop: Shop) -> None:
    material = Material.objects.create(
        workspace=shop.workspace,
        name="Hat",
        kind="image",
        format="png",
        size=1,
        sha256="a" * 64,
        owner=shop.access.user,
    )
    address = f"https://x.example/m/{material.sha256}.png"
    shop.mail(shop.audience(mails(1)), "Letter", template={"html": f'<img src="{address}" alt="Hat">'})
    assert sorted(use.kind for use in where_used.of(shop.access, material)) == ["send_out", "template"]
    page = Browser(shop.access, "materials/").get(f"{material.pk}/").content.decode()
    assert "Where it is used" in page and "Letter" in page


def test_a_send_out_that_one_may_not_see_is_counted_without_its_name(shop: Shop) -> None:
    draft = shop.mail(shop.audience(mails(1)), "Secret letter")
    role = Role.objects.create(
        workspace=shop.workspace,
        code="writer",
        name="Writer",
        permissions=["workspace.view", "marketing.content.manage"],
    )
    writer = make_access(shop.workspace, role.code)
    [use] = where_used.of(writer, draft.template)
    assert (use.id, use.name, use.url) == ("", "", "")
    page = Browser(writer, "content/").get(f"{draft.template.pk}/").content.decode()
    assert "Something that you may not see" in page and f"/send-outs/{draft.pk}/" not in page


def test_another_workspaces_send_outs_are_not_found(shop: Shop) -> None:
    draft = shop.mail(shop.audience(mails(1)), "Letter")
    assert where_used.of(make_access(), draft.template) == []
    assert SendOut.objects.count() == 1
