"""A mail is put together from blocks in a browser, with a picture of the library, and read as a mail."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from marketing.content.models import Template
from marketing.materials import services as materials
from marketing.materials import serving
from tests.factories import make_access
from tests.marketing.materials.files import png


def cards(tab: Any) -> Any:
    return tab.locator(".design-block")


def mail(tab: Any) -> Any:
    """The preview, once it shows what has been written last."""
    expect(tab.locator("[data-part=frame-box]")).not_to_have_attribute("aria-busy", "true")
    return tab.frame_locator("[data-part=frame]")


@pytest.mark.usefixtures("transactional_db")
def test_a_mail_is_put_together_from_blocks(tab: Any, sign_in: Callable[[Any], str], settings: Any) -> None:
    access = make_access()
    home = sign_in(access)
    settings.BASE_URL = home.split("/w/")[0]
    picture = materials.upload(access, "Red hat.png", io.BytesIO(png(8, 8)))
    tab.goto(f"{home}content/new/email/")
    tab.fill("[name=name]", "Hats")
    tab.fill("[name=subject]", "New hats")
    tab.click("[data-starter=offer]")
    cards(tab).nth(0).locator("[data-field=text]").fill("Hats for ${name}")
    mail(tab).get_by_text("Hats for ${name}").wait_for()

    tab.click("[data-add=image]")
    card = tab.locator(".design-block[data-kind=image]")
    card.locator("[data-do=picture]").click()
    tab.click(f"[data-name='{picture.name}']")
    expect(card.locator("[data-field=alt]")).to_have_value("Red hat")
    mail(tab).get_by_alt_text("Red hat").wait_for()
    for _step in range(3):
        card.locator("[data-do=up]").click()
    tab.click("[data-add=columns]")
    cards(tab).last.locator("[data-field=url]").first.fill("nowhere")
    cards(tab).last.locator(".invalid-feedback").wait_for()
    cards(tab).last.locator("[data-do=remove]").click()

    mail(tab).get_by_text("Hats for ${name}").click()
    expect(cards(tab).nth(0).locator("[data-field=text]")).to_be_focused()
    tab.get_by_role("button", name="Save").click()
    tab.wait_for_url("**/content/tpl_*/")

    template = Template.objects.get()
    kinds = [block["kind"] for block in template.design["blocks"]]
    assert kinds == ["heading", "text", "image", "button", "divider", "text"]
    assert serving.address(picture) in template.html and template.variables == ["name"]
    tab.goto(f"{home}content/{template.pk}/edit/")
    expect(cards(tab)).to_have_count(6)
    tab.click("[data-part=to-html]")
    tab.get_by_role("button", name="Go on", exact=True).click()
    tab.fill("[name=html]", "<p>By hand</p>")
    tab.get_by_role("button", name="Save").click()
    tab.wait_for_url(f"**/content/{template.pk}/")
    template.refresh_from_db()
    assert (template.design, template.html) == ({}, "<p>By hand</p>")
