"""A mail template in a browser: what is to be looked at, and the mail as a phone shows it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from marketing.content import services as contents
from tests.factories import make_access


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
    access, path = page
    tab.goto(sign_in(access) + path)
    assert "Pictures without a text" in tab.locator("main").inner_text()
    frame = tab.locator(".mail-widths iframe.mail-light")
    wide = frame.bounding_box()["width"]
    tab.locator("label[for=preview-phone]").click()
    assert frame.bounding_box()["width"] <= 375 < wide
    tab.locator("label[for=preview-wide]").click()
    assert frame.bounding_box()["width"] == wide


def test_the_preview_turns_dark_as_mail_programs_do(
    tab: Any, sign_in: Callable[[Any], str], page: tuple[Any, str]
) -> None:
    access, path = page
    tab.goto(sign_in(access) + path)
    light, dark = tab.locator("iframe.mail-light"), tab.locator("iframe.mail-dark")
    assert light.is_visible() and not dark.is_visible()
    tab.locator("label[for=preview-dark]").click()
    assert dark.is_visible() and not light.is_visible()
    body = tab.frame_locator("iframe.mail-dark").locator("body")
    assert body.evaluate("body => getComputedStyle(body).backgroundColor") == "rgb(27, 27, 27)"
    assert "hats of this spring" in body.inner_text()
