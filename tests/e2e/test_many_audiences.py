"""Several audiences in the list: their states are followed, and the ticked ones are handled together."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from typing import Any

import pytest

from insight.audiences import services
from insight.audiences.models import Audience
from tests.e2e.shop import Shop


@pytest.fixture
def shop(run_jobs: Callable[..., Any]) -> Shop:
    return Shop(run_jobs)


def save(shop: Shop, name: str, gender: str) -> Audience:
    rule = {
        "kind": "tag",
        "dataset": shop.members.pk,
        "tag": "gender",
        "operator": "in",
        "value": [gender],
    }
    return services.create(shop.access, {"name": name, "rule": rule, "save_ids": ["one_id", "email"]})


def test_states_are_followed_and_the_ticked_are_downloaded_and_deleted_together(
    shop: Shop, tab: Any, sign_in: Callable[[Any], str], run_jobs: Callable[..., Any]
) -> None:
    from playwright.sync_api import expect

    women, men = save(shop, "Women", "f"), save(shop, "Men", "m")
    home = sign_in(shop.access)
    tab.goto(f"{home}audiences/")
    expect(tab.locator(f"#state-{women.pk}")).to_contain_text("Waiting")
    run_jobs()
    for row in (women, men):
        expect(tab.locator(f"#state-{row.pk}")).to_have_text("Ready")
        expect(tab.locator(f"#people-{row.pk}")).to_have_text("5")

    def tick(action: str) -> None:
        for name in ("Women", "Men"):
            tab.get_by_role("checkbox", name=name, exact=True).check()
        tab.locator("[data-part=bar]").get_by_role("button", name=action, exact=True).click()

    tick("Download")
    tab.get_by_label("For Excel").check()
    with tab.expect_download() as started:
        tab.get_by_role("button", name="Download", exact=True).click()
    with zipfile.ZipFile(started.value.path()) as archive:
        assert archive.namelist() == ["Men-5.csv", "Women-5.csv"]
        assert archive.read("Women-5.csv").decode("utf-8-sig").splitlines()[1] == "m1,m1,m1@example.com"
    tab.locator(".card-footer").get_by_role("link", name="Back", exact=True).click()
    tick("Delete")
    expect(tab.get_by_text("2 audiences are to be deleted:")).to_be_visible()
    tab.get_by_role("button", name="Delete", exact=True).click()
    expect(tab.get_by_text("2 audiences were deleted.")).to_be_visible()
    assert not Audience.objects.exists()
