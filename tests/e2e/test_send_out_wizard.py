"""Preparing a send-out in a browser: a template written on the way, variables, and the set time."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from marketing.channels import senders
from marketing.channels import services as channels
from marketing.delivery.models import SendOut
from tests.marketing.delivery.shop import Shop, mails


@pytest.fixture
def shop(transactional_db: None, sandbox: Any) -> Shop:
    made = Shop(sandbox)
    config = {"host": "127.0.0.1", "port": str(sandbox.smtp_port), "security": "none"}
    values = {"channel": "email", "type": "smtp", "name": "Mail", "config": config}
    senders.add(made.access, channels.create_provider(made.access, values), "shop@tide.example")
    made.audience(mails(3))
    return made


def choose(tab: Any, name: str, text: str) -> None:
    tab.locator(f"select[name={name}] + .ts-wrapper").click()
    tab.locator(".ts-dropdown:visible .option", has_text=text).first.click()


def test_from_a_new_template_to_a_set_time(tab: Any, sign_in: Callable[[Any], str], shop: Shop) -> None:
    from playwright.sync_api import expect

    home = sign_in(shop.access)
    tab.goto(f"{home}send-outs/new/email/")
    tab.fill("form.form-card [name=name]", "Spring")
    tab.get_by_role("button", name="New template").click()
    dialog = tab.locator("#new-template")
    dialog.locator("button.btn-primary").click()
    dialog.locator(".invalid-feedback").first.wait_for()
    dialog.locator("[name=name]").fill("On the way")
    dialog.locator("[name=subject]").fill("Since ${since}")
    dialog.locator("[name=html]").fill("<p>Hello</p>")
    dialog.locator("button.btn-primary").click()
    dialog.wait_for(state="hidden")
    expect(tab.locator("form.form-card [name=name]")).to_have_value("Spring")
    expect(tab.locator("select[name=template] option:checked")).to_have_text("On the way")
    choose(tab, "audiences", "Everybody")
    tab.click("main .card-footer button.btn-primary")

    tab.wait_for_url(re.compile("/variables/$"))
    expect(tab.locator("[name=since_format]")).to_be_hidden()
    expect(tab.locator("[name=since_missing]")).to_be_hidden()
    choose(tab, "since_source", "City")
    expect(tab.locator("[name=since_missing]")).to_be_visible()
    expect(tab.locator("[name=since_format]")).to_be_hidden()
    choose(tab, "since_source", "Joined")
    tab.select_option("[name=since_format]", "MM-dd")
    tab.select_option("[name=since_missing]", "skip")
    expect(tab.locator("[name=since_value]")).to_be_hidden()
    tab.click("main .card-footer button.btn-primary")

    tab.wait_for_url(re.compile(r"/send-outs/snd_\w+/$"))
    expect(tab.get_by_text("Since 03-01").first).to_be_visible()
    day = (timezone.now() + timedelta(days=3)).date()
    tab.fill("#scheduled-at", f"{day} 10:30")
    tab.get_by_role("button", name="Schedule").click()
    check = tab.locator("#check-dialog")
    check.get_by_text(f"{day} 10:30").wait_for()
    expect(check).to_contain_text("Get the message, at most")
    check.get_by_role("button", name="Schedule it").click()
    tab.get_by_text(f"It leaves by itself at {day} 10:30").wait_for()
    made = SendOut.objects.get()
    assert (made.state, made.variables["since"]["format"]) == ("waiting", "MM-dd")
