"""Going from one look at people to the next: what is outdated is not counted on, what somebody opens is a use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from insight.audiences import services as audiences
from insight.datasets.models import TagUse
from tests.e2e.shop import Shop


@pytest.fixture
def shop(run_jobs: Callable[..., Any]) -> Shop:
    return Shop(run_jobs)


def token_of(tab: Any, path: str, action: Callable[[], Any]) -> str:
    """The token of the count that the action leads to."""
    with tab.expect_request(lambda request: path in request.url) as asked:
        action()
    return str(asked.value.post_data_json["token"])


def test_another_audience_replaces_the_count_of_the_last_one_and_a_copy_of_the_tab_does_not(
    shop: Shop, tab: Any, context: Any, sign_in: Callable[[Any], str]
) -> None:
    first = shop.save_audience()
    rule = {"kind": "audience", "audience": first.pk}
    second = audiences.create(shop.access, {"name": "Same", "rule": rule, "save_ids": ["one_id"]})
    shop.run_jobs()
    address = f"{sign_in(shop.access)}analysis/audience/?audience={first.pk}"
    path = "/analysis/perspective/"
    opened = token_of(tab, path, lambda: tab.goto(address))
    changed = token_of(tab, path, lambda: tab.locator("#a-audience").select_option(second.pk))
    assert changed == opened
    # A copy of an open tab begins with what the tab has stored.
    stored = tab.evaluate("JSON.stringify({...sessionStorage})")
    copy = context.new_page()
    copy.add_init_script(
        f"for (const [key, value] of Object.entries({stored})) sessionStorage.setItem(key, value);"
    )
    assert token_of(copy, path, lambda: copy.goto(address)) != opened


def test_a_tag_opened_in_significance_is_a_use_and_the_first_one_is_not(
    shop: Shop, tab: Any, sign_in: Callable[[Any], str]
) -> None:
    from playwright.sync_api import expect

    audience = shop.save_audience()
    TagUse.objects.all().delete()
    home = sign_in(shop.access)
    tab.goto(f"{home}analysis/audience/significance/?audience={audience.pk}")
    tab.get_by_text("Show all tags").click()
    rows = tab.locator("[data-significance=rows] tr")
    expect(rows).to_have_count(2)
    expect(tab.locator("[data-significance=charts] .chart-panel")).to_have_count(1)
    assert not TagUse.objects.exists()
    with tab.expect_response(lambda answer: "/tags/uses/" in answer.url):
        rows.get_by_role("button", name="Gender").click()
    assert list(TagUse.objects.values_list("column", "kind", "times")) == [("gender", "pivot", 1)]


def test_tags_of_significance_are_sorted_by_their_use(
    shop: Shop, tab: Any, sign_in: Callable[[Any], str]
) -> None:
    from datetime import timedelta

    from playwright.sync_api import expect

    from cdp.core import timezones
    from insight.datasets import tag_uses

    audience = shop.save_audience()
    home = sign_in(shop.access)
    tab.goto(f"{home}analysis/audience/significance/?audience={audience.pk}")
    tab.get_by_text("Show all tags").click()
    rows = tab.locator("[data-significance=rows] tr button")
    expect(rows).to_have_count(2)
    last = rows.all_inner_texts()[-1]
    yesterday = timezones.today(shop.access.workspace) - timedelta(days=1)
    tag_uses.record(shop.access, shop.members.pk, [last.lower()], TagUse.Kind.PUSH, day=yesterday)
    tab.reload()
    tab.get_by_text("Show all tags").click()
    expect(rows).to_have_count(2)
    tab.get_by_label("Order of tags").select_option("push")
    expect(rows.first).to_have_text(last)


def test_tags_of_perspective_are_found_sorted_by_their_use_and_tell_it(
    shop: Shop, tab: Any, sign_in: Callable[[Any], str]
) -> None:
    from datetime import timedelta

    from playwright.sync_api import expect

    from cdp.core import timezones
    from insight.datasets import tag_uses

    home = sign_in(shop.access)
    yesterday = timezones.today(shop.access.workspace) - timedelta(days=1)
    uses = {TagUse.Kind.PIVOT: "city", TagUse.Kind.SELECTION: "gender", TagUse.Kind.PUSH: "gender"}
    for kind, tag in uses.items():
        tag_uses.record(shop.access, shop.members.pk, [tag], kind, day=yesterday)
    tab.goto(f"{home}analysis/")
    tags = tab.locator("[data-tags] [data-tag-name]")
    for order, first in (
        ("total", "Gender"),
        ("pivot", "City"),
        ("selection", "Gender"),
        ("", "City"),
        ("push", "Gender"),
    ):
        tab.get_by_label("Order of tags").select_option(order)
        expect(tags.first).to_have_text(first)
    said = "Used 2 times in 30 days: 0 in analysis, 1 in selections, 1 in pushes"
    expect(tags.first).to_have_attribute("title", said)
    tab.get_by_label("Search tags").fill("cit")
    expect(tags.filter(visible=True)).to_have_text(["City"])
