"""One choice of campaigns goes along with every part of an overlap that is made an audience."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from insight.audiences.models import Audience
from insight.campaigns import links
from insight.campaigns import services as campaigns
from tests.e2e.shop import Shop
from tests.e2e.test_many_audiences import save


@pytest.fixture
def shop(run_jobs: Callable[..., Any]) -> Shop:
    return Shop(run_jobs)


def test_what_is_chosen_once_goes_along_with_each_part(
    shop: Shop, tab: Any, sign_in: Callable[[Any], str], run_jobs: Callable[..., Any]
) -> None:
    days = {"starts": "2026-01-01", "ends": "2026-12-31"}
    spring = campaigns.create(shop.access, {"name": "Spring", "code": "s", **days})
    rows = [save(shop, "Women", "f"), save(shop, "Men", "m")]
    run_jobs()
    home = sign_in(shop.access)
    tab.goto(f"{home}audiences/overlap/?{'&'.join(f'row={row.pk}' for row in rows)}")
    tab.get_by_role("combobox", name="Campaigns").click()
    tab.get_by_role("option", name="Spring").click()
    tab.keyboard.press("Escape")
    tab.get_by_role("textbox", name="Name").first.fill("Only these")
    tab.get_by_role("button", name="Make", exact=True).first.click()
    tab.wait_for_url("**/audiences/aud_*/")
    made = Audience.objects.get(name="Only these")
    assert links.ids_of("audience", made.pk) == [spring.pk]
