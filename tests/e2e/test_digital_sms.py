"""A digital SMS is written, moved about, reviewed, changed and sent from the send-out's form, in a real browser."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest

from insight.audiences import outside
from marketing.channels import services as channels
from marketing.content.models import Signature, Template
from marketing.delivery.models import SendOut
from tests.e2e.shop import Shop
from tests.e2e.test_send_out_wizard import choose
from tests.marketing.materials import files

MOBILE, UNICOM = "13800131010", "13000131010"


@pytest.fixture
def shop(run_jobs: Callable[..., Any]) -> Shop:
    return Shop(run_jobs)


def test_from_its_parts_to_the_phones_of_one_carrier(
    shop: Shop, tab: Any, sign_in: Callable[[Any], str], run_jobs: Callable[..., Any], sandbox: Any
) -> None:
    from playwright.sync_api import expect

    sandbox.options.change({"review_seconds": 0.0})
    config = {"base_url": f"{sandbox.url}/contract", "digital": True, "new_signatures": True}
    values = {"channel": "sms", "type": "contract", "name": "Platform", "config": config}
    channels.create_provider(shop.access, values)
    people = f"{MOBILE}\n{UNICOM}\n".encode()
    outside.upload(shop.access, BytesIO(people), "list.csv", {"id_type": "mobile", "name": "Visitors"})
    run_jobs()
    home = sign_in(shop.access)

    tab.goto(f"{home}send-outs/new/sms/")
    tab.fill("form.form-card [name=name]", "Spring")
    dialog = tab.locator("#new-template")
    tab.get_by_role("button", name="New signature", exact=True).click()
    dialog.locator("[name=text]").fill("Tide")
    dialog.locator("[name=source]").select_option("5")
    dialog.locator("[name=note]").fill("Our shop")
    dialog.locator("[name=proofs]").set_input_files(
        [{"name": "licence.png", "mimeType": "image/png", "buffer": files.png()}]
    )
    dialog.get_by_role("button", name="Save and use it").click()
    dialog.wait_for(state="hidden")
    assert Signature.objects.get().state == "approved"

    tab.get_by_role("button", name="New digital SMS").click()
    dialog.locator("[name=name]").fill("Hats (mobile)")
    dialog.locator("[name=subject]").fill("Hats")
    dialog.locator("[name=signature]").select_option(label="Tide")
    dialog.get_by_role("button", name="Add text").click()
    dialog.get_by_label("Words").fill("New hats")
    dialog.get_by_role("button", name="Add a picture").click()
    dialog.locator(".digital-part").nth(1).locator("input[type=file]").set_input_files(
        [{"name": "hat.png", "mimeType": "image/png", "buffer": files.png()}]
    )
    phone = dialog.locator("[data-digital-phone]")
    expect(phone.locator("img")).to_have_attribute("alt", "hat.png")
    dialog.get_by_role("button", name="Add a video").click()
    expect(dialog.get_by_role("button", name="Add a video")).to_be_disabled()
    dialog.locator(".digital-part").nth(2).get_by_role("button", name="Remove").click()
    dialog.locator(".digital-part").nth(1).get_by_role("button", name="Move up").click()
    expect(phone.locator(".phone-parts > *").nth(1)).to_have_attribute("alt", "hat.png")
    expect(phone).to_contain_text("New hats")
    dialog.get_by_role("button", name="Save, send in for review and use it").click()
    dialog.wait_for(state="hidden")
    template = Template.objects.get()
    assert [part["kind"] for part in template.parts] == ["image", "text"]
    expect(tab.locator("[data-digital-chosen] [title='China Mobile']")).to_be_visible()
    expect(tab.locator("form.form-card [name=text]")).to_be_hidden()

    tab.get_by_role("button", name="Change this digital SMS").click()
    expect(dialog.locator("[name=name]")).to_have_value("Spring")
    dialog.locator("[name=name]").fill("Spring mobile")
    dialog.locator("[name=subject]").fill("Spring hats")
    dialog.get_by_role("button", name="Save, send in for review and use it").click()
    dialog.wait_for(state="hidden")
    assert Template.objects.get(name="Spring mobile").subject == "Spring hats"

    choose(tab, "audiences", "Visitors")
    tab.click("main .card-footer button.btn-primary")
    tab.get_by_role("button", name="Send now").click()
    check = tab.locator("#check-dialog")
    barred = check.locator(".fact", has_text="Carrier has not approved it")
    expect(barred).to_contain_text("1")
    with tab.expect_navigation():
        check.get_by_role("button", name="Send it").click()
    run_jobs()
    send_out = SendOut.objects.get()
    assert send_out.state == "finished" and send_out.template.name == "Spring mobile"
    tab.reload()
    row = tab.locator("#recipients").get_by_role("row", name=f"***{UNICOM[-4:]}")
    expect(row.filter(has_text="The carrier has not approved the template")).to_have_count(1)
    expect(tab.locator("main")).not_to_contain_text(MOBILE)
    tab.goto(f"{sandbox.url}/inbox/?channel=sms")
    expect(tab.get_by_role("row", name=MOBILE)).to_have_count(1)
    expect(tab.get_by_role("row", name=UNICOM)).to_have_count(0)
