"""A mail template in a browser: what is to be looked at, and the mail as a phone shows it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from marketing.content import services as contents
from tests.factories import make_access
from tests.processes import eventually


@pytest.fixture
def page(transactional_db: None) -> tuple[Any, str]:
    """Whose console, and the template's address in it."""
    access = make_access()
    html = '<p>Dear people, here are the hats of this spring.</p><img src="https://x.example/hat.png">'
    made = contents.create_template(access, "email", {"name": "Hats", "subject": "Hats", "html": html})
    return access, f"content/{made.pk}/"


def test_checks_are_listed_and_the_preview_narrows_to_a_phone(
    tab: Any, sign_in: Callable[[Any], str], page: tuple[Any, str]
) -> None:
    from playwright.sync_api import expect

    access, path = page
    tab.goto(sign_in(access) + path)
    expect(tab.locator("main")).to_contain_text("Pictures without a text")
    frame = tab.locator(".mail-widths iframe.mail-light")
    wide = frame.bounding_box()["width"]
    assert wide > 375
    tab.locator("label[for=preview-phone]").click()
    eventually(lambda: frame.bounding_box()["width"] <= 375)
    tab.locator("label[for=preview-wide]").click()
    eventually(lambda: frame.bounding_box()["width"] == wide)


def test_the_preview_turns_dark_as_mail_programs_do(
    tab: Any, sign_in: Callable[[Any], str], page: tuple[Any, str]
) -> None:
    from playwright.sync_api import expect

    access, path = page
    tab.goto(sign_in(access) + path)
    light, dark = tab.locator("iframe.mail-light"), tab.locator("iframe.mail-dark")
    expect(light).to_be_visible()
    expect(dark).to_be_hidden()
    tab.locator("label[for=preview-dark]").click()
    expect(dark).to_be_visible()
    expect(light).to_be_hidden()
    body = tab.frame_locator("iframe.mail-dark").locator("body")
    expect(body).to_have_css("background-color", "rgb(27, 27, 27)")
    expect(body).to_contain_text("hats of this spring")
