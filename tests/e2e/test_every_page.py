"""Every page of the console, looked at as people with other eyes and other languages do.

Each page is opened in English and Chinese, in the light and the dark theme; axe-core must find nothing serious (in the
English page: the other one differs in words), no script may fail, and nothing may stick out sideways. Outside of CI a
screenshot of each is kept in var/screenshots.
"""

from __future__ import annotations

import os
import re
import smtplib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from admin_center.members.models import User
from admin_center.permissions.models import Role
from marketing.delivery import tracking
from marketing.delivery.models import Recipient
from tests.factories import make_access, make_workspace
from tests.walking.addresses import addresses
from tests.walking.full import Full, make_full

AXE = Path(settings.ROOT) / "node_modules" / "axe-core" / "axe.min.js"
SHOTS = Path(settings.ROOT) / "var" / "screenshots"
PICTURES = os.environ.get("CI") != "true"
"""Nobody looks at those of a build, and they take half of the time."""
LANGUAGES = ("en", "zh-hans")
THEMES = ("light", "dark")
OUTSIDE = (
    "workspaces/",
    "start/",
    "account/",
    "account/password/",
    "account/two-step/",
    "account/tokens/",
    "organization/",
    "organization/modules/",
    "organization/people/",
    "organization/sources/",
    "organization/sources/new/postgresql/",
    "organization/providers/",
    "organization/providers/new/sms/aliyun/",
    "organization/workspaces/new/",
    "help/",
    "help/user-guide/audiences/",
)
FORMS = ("/new/", "/add/", "/move/", "/upload/", "/settings/")
"""Pages that look the same in an empty workspace."""

RUN = """async (rules) => {
  const options = {resultTypes: ["violations"], ...(rules.length ? {runOnly: {type: "rule", values: rules}} : {})};
  const found = await axe.run(document, options);
  return found.violations.filter((item) => ["serious", "critical"].includes(item.impact))
    .map((item) => `${item.id}: ${item.nodes.slice(0, 3).map((node) => node.html.slice(0, 160)).join(" | ")}`);
}"""
COLOUR_RULES = ["color-contrast", "link-in-text-block"]
STICKING_OUT = """() => [...document.querySelectorAll("body *")]
  .filter((item) => item.getBoundingClientRect().right > innerWidth + 1 && item.checkVisibility()
    && document.documentElement.scrollWidth > innerWidth)
  .slice(0, 2).map((item) => `sticks out: ${item.outerHTML.slice(0, 160)}`)"""
SETTLED = """() => {
  const all = (selector) => [...document.querySelectorAll(selector)];
  return !all(".htmx-request, .placeholder, [aria-busy=true], [data-rb=busy]:not([hidden]), [data-ids]:empty").length
    && all(".chart-panel [data-part=note]").every((note) => !note.textContent)
    && (!all("[data-tag]:checked").length || all("[data-charts] canvas").length);
}"""
PAINTED = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


@pytest.fixture
def full(run_jobs: Callable[..., Any]) -> Full:
    return make_full(run_jobs)


def pages(full: Full) -> list[str]:
    """Paths of everything that answers a browser with a page, and of the lists of an empty workspace."""
    client = Client(raise_request_exception=False)
    client.force_login(full.world.access.user, backend="admin_center.members.backends.NameOrEmailBackend")
    empty = make_access(
        make_workspace(full.workspace.organization), user=full.world.access.user
    ).workspace.slug
    ours = full.workspace.slug
    wanted = [item for item in addresses() if not item.is_api and not item.place.endswith("/events/")]
    paths = [item.path(ours, full.objects) for item in wanted]
    paths += [f"/w/{ours}/{path}" for path in full.more]
    paths += [item.path(empty, {}) for item in wanted if not item.names and not item.place.endswith(FORMS)]
    found = []
    for path in paths:
        answer = client.get(path)
        assert answer.status_code < 500, path
        if answer.status_code == 200 and b"<html" in getattr(answer, "content", b""):
            found.append(path)
    return [*found, *(f"/{path}" for path in OUTSIDE), f"/w/{ours}/audiences/aud_gone/"]


def test_every_page_is_accessible_and_in_shape(
    full: Full, tab: Any, sign_in: Callable[[Any], str], live_server: Any
) -> None:
    failures: list[str] = []
    tab.on("pageerror", lambda error: failures.append(f"script: {tab.url}: {error}"))
    tab.add_init_script(path=AXE)
    sign_in(full.world.access)
    User.objects.filter(pk=full.world.access.user.pk).update(is_manager=True)
    paths = pages(full)
    assert len(paths) > 100
    ours = f"/w/{full.workspace.slug}/"
    for language in LANGUAGES:
        User.objects.filter(pk=full.world.access.user.pk).update(locale=language)
        # What an empty workspace says is short: it is looked at once.
        for path in paths if language == LANGUAGES[0] else [path for path in paths if path.startswith(ours)]:
            tab.emulate_media(color_scheme="light")
            tab.goto(live_server.url + path)
            tab.wait_for_function(SETTLED)
            tab.evaluate(PAINTED)
            assert tab.evaluate("document.documentElement.lang") == language
            shot = f"{language}-{{theme}}/{name_of(path, full)}.png"
            first = language == LANGUAGES[0]
            # Words alone differ in the other language: one picture shows them.
            themes = THEMES if first else THEMES[1:] if PICTURES else ()
            failures += look(tab, f"{language} {path}", shot, themes=themes, checked=first)
    assert failures == [], "\n".join(failures)


def look(
    tab: Any, title: str, shot: str, *, themes: Sequence[str] = THEMES, checked: bool = True
) -> list[str]:
    """What is wrong with the page that is open, in these themes; keeps a picture of each."""
    problems = [f"{title} {problem}" for problem in tab.evaluate(STICKING_OUT)]
    for theme in themes:
        tab.emulate_media(color_scheme=theme)
        if tab.evaluate("'themeChoice' in document.documentElement.dataset"):
            tab.wait_for_function("theme => document.documentElement.dataset.bsTheme === theme", arg=theme)
        # The dark page differs in colours alone, the translated one in words.
        found = tab.evaluate(RUN, [] if theme == "light" else COLOUR_RULES) if checked else []
        problems += [f"{title} {theme} {problem}" for problem in found]
        if PICTURES:
            tab.screenshot(path=str(SHOTS / shot.format(theme=theme)), full_page=True)
    return problems


def name_of(path: str, full: Full) -> str:
    """A file name that is the same in every run: no generated IDs."""
    name = path.strip("/").replace(f"w/{full.workspace.slug}", "console")
    name = re.sub(r"^w/[\w-]+", "empty", name)
    known = {str(value) for values in full.objects.values() for key, value in values.items() if key == "pk"}
    parts = [
        "one" if part in known else re.sub(r"\b[a-z]+_\w{12,}", "other", part) for part in name.split("/")
    ]
    return re.sub(r"[^\w.=-]+", "_", ".".join(parts))


def test_pages_outside_of_the_console_are_accessible(
    full: Full, tab: Any, sign_in: Callable[[Any], str], live_server: Any, sandbox: Any
) -> None:
    tab.add_init_script(path=AXE)
    problems = []

    def open_and_look(address: str, name: str) -> None:
        tab.emulate_media(color_scheme="light")
        tab.goto(address)
        problems.extend(look(tab, name, f"en-{{theme}}/{name}.png"))

    open_and_look(f"{live_server.url}/login/", "sign-in")
    assert tab.evaluate("document.activeElement.name") == "username"
    tab.fill("input[name=username]", "nobody")
    tab.click("main button.btn-primary")
    tab.get_by_role("alert").first.wait_for()
    tab.wait_for_load_state("load")
    problems.extend(look(tab, "sign-in.refused", "en-{theme}/sign-in.refused.png"))

    open_and_look(tracking.unsubscribe_url(Recipient.objects.get()), "unsubscribe")
    tab.locator("main button").first.click()
    tab.get_by_role("heading", name="You are unsubscribed").wait_for()
    tab.wait_for_load_state("load")
    problems.extend(look(tab, "unsubscribed", "en-{theme}/unsubscribed.png"))

    with smtplib.SMTP("127.0.0.1", sandbox.smtp_port) as server:
        server.sendmail("a@example.com", ["b@example.com"], "Subject: Hello\r\n\r\nWelcome")
    open_and_look(f"{sandbox.url}/inbox/", "sandbox-inbox")
    tab.get_by_role("link", name="Hello").click()
    tab.get_by_role("heading", name="Hello").wait_for()
    tab.wait_for_load_state("load")
    problems.extend(look(tab, "sandbox-message", "en-{theme}/sandbox-message.png"))

    Role.objects.filter(workspace=full.workspace, code="analyst").update(permissions=["workspace.view"])
    home = sign_in(make_access(full.workspace, "analyst"))
    open_and_look(f"{home}admin/members/", "error.forbidden")
    assert tab.get_by_text("403", exact=True).is_visible()
    assert problems == [], "\n".join(problems)
