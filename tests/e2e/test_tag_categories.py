"""Categories of tags are dragged into another order, and stay in it."""

from __future__ import annotations

from typing import Any

from insight.datasets import categories
from insight.datasets.models import TagCategory
from tests.factories import make_access


def test_a_category_is_dragged_to_another_place_and_takes_what_lies_inside_along(
    tab: Any, sign_in: Any
) -> None:
    from playwright.sync_api import expect

    access = make_access()
    for path in ("Person/Body", "Person/Home", "Place", "Taste"):
        categories.at_path(access, path)
    tab.goto(f"{sign_in(access)}tags/")
    tab.get_by_role("link", name="Categories").click()
    rows = tab.locator("tr[data-category]")
    expect(rows).to_have_count(5)
    # A mouse that is moved by hand does not wait for the page's scripts.
    tab.wait_for_load_state("load")

    def drag(name: str, onto: str, place: int) -> None:
        """To the place where the other one stands, which shows before the mouse lets go."""
        grip = rows.filter(has_text=name).locator("[data-grip]")
        with tab.expect_navigation():
            start, end = grip.bounding_box(), rows.filter(has_text=onto).bounding_box()
            tab.mouse.move(start["x"] + 4, start["y"] + 8)
            tab.mouse.down()
            tab.mouse.move(start["x"] + 8, start["y"] + 14, steps=4)
            tab.mouse.move(end["x"] + 40, end["y"] + 6, steps=12)
            expect(rows.nth(place)).to_contain_text(name)
            tab.mouse.up()

    drag("Taste", "Person", 0)
    expect(rows.first).to_contain_text("Taste")
    assert paths(access) == ["Taste", "Person", "Person / Body", "Person / Home", "Place"]
    # Dropped outside of its category it becomes the first or the last inside of it.
    drag("Home", "Taste", 0)
    expect(rows.nth(2)).to_contain_text("Home")
    assert paths(access) == ["Taste", "Person", "Person / Home", "Person / Body", "Place"]
    assert TagCategory.objects.get(name="Home").parent.name == "Person"


def paths(access: Any) -> list[str]:
    return [row.path for row in categories.tree(access.workspace)]
