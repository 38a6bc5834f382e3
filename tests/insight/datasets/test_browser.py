"""The wizard and the schedule page in a real browser."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.conftest import context, sign_in, tab
from tests.insight.datasets.world import World

__all__ = ["context", "sign_in", "tab"]
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(os.environ.get("NO_BROWSER") == "1", reason="no browser can be had on this machine"),
]


def test_the_wizard_shows_what_a_meaning_asks_for_and_finds_columns(
    tab: Any, sign_in: Callable[[Any], str], world: World
) -> None:
    home = sign_in(world.access)
    tab.goto(f"{home}datasets/new/?table=members&kind=user_tags")
    row = tab.locator("tr[data-row]", has=tab.locator("strong", has_text="gender"))
    separator, pivot, id_type = (
        row.locator(f"[name^={name}-]") for name in ("separator", "pivot", "id_type")
    )
    assert pivot.is_visible() and not separator.is_visible() and not id_type.is_visible()
    row.locator("[name^=tag_type-]").select_option("multi")
    assert separator.is_visible()
    row.locator("[name^=role-]").select_option("id")
    assert id_type.is_visible() and not pivot.is_visible() and not separator.is_visible()

    tab.fill("[data-part=find]", "SPEN")
    assert tab.locator("tr[data-row]:visible strong").all_inner_texts() == ["spend"]
    tab.keyboard.press("Enter")
    assert "/new/" in tab.url


def test_the_schedule_page_shows_the_fields_of_its_cycle(
    tab: Any, sign_in: Callable[[Any], str], world: World
) -> None:
    dataset = world.dataset()
    home = sign_in(world.access)
    tab.goto(f"{home}datasets/{dataset.pk}/settings/")
    assert not tab.is_visible("[name=at]")
    tab.select_option("[name=every]", "month")
    assert (
        tab.is_visible("[name=day]") and tab.is_visible("[name=at]") and not tab.is_visible("[name=weekday]")
    )
    tab.fill("[name=day]", "31")
    tab.click("main button.btn-primary")
    tab.wait_for_url(f"**/datasets/{dataset.pk}/")
    assert "Every month on day 31 at 05:00" in tab.inner_text("main")


def test_the_form_of_a_model_shows_what_its_rows_ask_for(
    tab: Any, sign_in: Callable[[Any], str], world: World
) -> None:
    home = sign_in(world.access)
    tab.goto(f"{home}datasets/rfm/new/?table=events")
    assert tab.is_visible("[name=period]") and not tab.is_visible("[name=days]")
    assert not tab.is_visible("[name=count]")
    tab.select_option("[name=period]", "days")
    assert tab.is_visible("[name=days]")
    tab.select_option("[name=input]", "customers")
    assert tab.is_visible("[name=count]")
    assert not tab.is_visible("[name=period]") and not tab.is_visible("[name=days]")
