"""What every page has around it: signing out, theme, language, the palette, errors at fields."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from admin_center.members.models import WorkspaceMember
from tests.factories import PASSWORD, make_access, make_member, make_workspace


def choose(tab: Any, menu: str, entry: str) -> None:
    """An entry of a menu in the top bar; the page comes again afterwards."""
    tab.get_by_role("banner").get_by_role("button", name=menu, exact=True).click()
    with tab.expect_navigation():
        tab.get_by_role("banner").get_by_role("button", name=entry).click()


def test_signing_out_closes_every_page(tab: Any, sign_in: Callable[[Any], str]) -> None:
    from playwright.sync_api import expect

    access = make_access()
    home = sign_in(access)
    choose(tab, access.user.username, "Sign out")
    expect(tab).to_have_url(re.compile("/login/$"))
    tab.goto(f"{home}audiences/")
    expect(tab).to_have_url(re.compile(r"/login/\?next="))
    # Signing in goes on where one wanted to go.
    tab.fill("input[name=username]", access.user.username)
    tab.fill("input[name=password]", PASSWORD)
    tab.click("main button.btn-primary")
    expect(tab).to_have_url(f"{home}audiences/")


def test_a_wrong_password_is_said_and_the_name_stays(tab: Any, live_server: Any) -> None:
    from playwright.sync_api import expect

    access = make_access()
    tab.goto(f"{live_server.url}/login/")
    tab.fill("input[name=username]", access.user.username)
    tab.fill("input[name=password]", "not this one")
    tab.click("main button.btn-primary")
    expect(tab.get_by_role("alert")).to_be_visible()
    expect(tab.locator("input[name=username]")).to_have_value(access.user.username)
    expect(tab.locator("input[name=password]")).to_have_value("")


def test_theme_and_language_stay_over_pages_and_sign_ins(tab: Any, sign_in: Callable[[Any], str]) -> None:
    from playwright.sync_api import expect

    access = make_access()
    home = sign_in(access)
    root = tab.locator("html")
    expect(root).to_have_attribute("data-bs-theme", "light")
    light = tab.evaluate("getComputedStyle(document.body).backgroundColor")
    choose(tab, "Theme", "Dark")
    choose(tab, "Language", "简体中文")
    tab.goto(f"{home}audiences/")
    expect(root).to_have_attribute("data-bs-theme", "dark")
    expect(root).to_have_attribute("lang", "zh-hans")
    assert tab.evaluate("getComputedStyle(document.body).backgroundColor") != light
    expect(tab.get_by_role("heading", level=1)).to_have_text("受众")

    tab.context.clear_cookies()
    sign_in(access)
    expect(root).to_have_attribute("data-bs-theme", "dark")
    expect(root).to_have_attribute("lang", "zh-hans")


def test_the_automatic_theme_follows_the_system(tab: Any, sign_in: Callable[[Any], str]) -> None:
    from playwright.sync_api import expect

    sign_in(make_access())
    for system in ("dark", "light"):
        tab.emulate_media(color_scheme=system)
        expect(tab.locator("html")).to_have_attribute("data-bs-theme", system)


def test_the_palette_opens_a_page_by_a_part_of_its_name(tab: Any, sign_in: Callable[[Any], str]) -> None:
    from playwright.sync_api import expect

    access = make_access()
    other = make_workspace(access.workspace.organization, name="Harbour")
    make_access(other, user=access.user)
    home = sign_in(access)
    palette = tab.get_by_role("dialog", name="Search")
    tab.keyboard.press("Control+k")
    expect(palette).to_be_visible()
    tab.keyboard.type("audiences")
    expect(palette.get_by_role("option").first).to_contain_text("Audiences")
    tab.keyboard.press("Enter")
    expect(tab).to_have_url(f"{home}audiences/")

    tab.wait_for_load_state("load")
    tab.keyboard.press("Control+k")
    expect(palette).to_be_visible()
    tab.keyboard.type("harb")
    expect(palette.get_by_role("option").first).to_contain_text("Harbour")
    tab.keyboard.press("Enter")
    expect(tab).to_have_url(re.compile(f"/w/{other.slug}/$"))

    tab.wait_for_load_state("load")
    tab.get_by_role("button", name="Search").click()
    expect(palette).to_be_visible()
    tab.keyboard.type("no page has this name")
    expect(palette.get_by_role("option")).to_have_count(0)
    tab.keyboard.press("Escape")
    expect(palette).to_be_hidden()


def test_an_error_stands_at_its_field_and_nothing_typed_is_lost(
    tab: Any, sign_in: Callable[[Any], str]
) -> None:
    from playwright.sync_api import expect

    home = sign_in(make_access())
    tab.goto(f"{home}channels/new/email/smtp/")
    tab.get_by_label("Name", exact=True).fill("Our mail")
    tab.get_by_label("Messages per second").fill("0")
    tab.get_by_role("button", name="Save").click()
    expect(tab.get_by_label("Name", exact=True)).to_have_value("Our mail")
    expect(tab.get_by_label("Messages per second")).to_have_value("0")
    for label in ("Host", "Messages per second"):
        field = tab.get_by_label(label)
        expect(field).to_have_attribute("aria-invalid", "true")
        expect(field.locator("xpath=..").get_by_role("alert")).to_be_visible()
    expect(tab.get_by_role("alert")).to_have_count(2)

    tab.get_by_label("Host").fill("127.0.0.1")
    tab.get_by_label("Messages per second").fill("20")
    tab.get_by_role("button", name="Save").click()
    expect(tab.get_by_role("heading", level=1)).to_have_text("Our mail")


def test_a_double_click_sends_a_form_once(tab: Any, sign_in: Callable[[Any], str]) -> None:
    from playwright.sync_api import expect

    home = sign_in(make_access())
    sent: list[str] = []
    tab.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    tab.goto(f"{home}channels/new/email/smtp/")
    tab.get_by_label("Name", exact=True).fill("Our mail")
    tab.get_by_label("Host").fill("127.0.0.1")
    tab.get_by_role("button", name="Save").dblclick()
    expect(tab.get_by_role("heading", level=1)).to_have_text("Our mail")
    assert len(sent) == 1


def test_a_list_gives_up_a_search_that_a_sort_has_overtaken(tab: Any, sign_in: Callable[[Any], str]) -> None:
    from playwright.sync_api import expect

    access = make_access()
    other = make_member(access.workspace)
    tab.route("**/admin/members/?*q=nobody*", lambda route: None)  # It is never answered.
    tab.goto(f"{sign_in(access)}admin/members/")
    with tab.expect_request("**/admin/members/?*q=nobody*"):
        tab.get_by_role("searchbox").first.fill("nobody")
    with tab.expect_event("requestfailed", lambda request: "q=nobody" in request.url):
        tab.locator(".sort-link").first.click()
    expect(tab.locator("th[aria-sort]")).to_have_count(1)
    expect(tab.get_by_role("link", name=str(other))).to_be_visible()


def test_a_dangerous_action_asks_first(tab: Any, sign_in: Callable[[Any], str]) -> None:
    from playwright.sync_api import expect

    access = make_access()
    other = make_member(access.workspace, "analyst")
    here = WorkspaceMember.objects.filter(pk=other.pk)
    tab.goto(f"{sign_in(access)}admin/members/")
    tab.get_by_role("checkbox", name=str(other)).check()
    question = tab.locator("dialog#confirm")
    tab.get_by_role("button", name="Remove").click()
    expect(question).to_be_visible()
    question.locator("button[value=no]").click()
    expect(tab.get_by_role("link", name=str(other))).to_be_visible()
    assert here.exists()
    tab.get_by_role("button", name="Remove").click()
    question.locator("button[value=yes]").click()
    expect(tab.get_by_role("link", name=str(other))).to_have_count(0)
    assert not here.exists()
