"""Every page of the console, looked at as people with other eyes and other languages do.

Each page is opened in English and Chinese, in the light and the dark theme; axe-core must find nothing serious, no
script may fail, and a screenshot of each is kept in var/screenshots.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from admin_center.members.models import User
from tests.walking.full import Full, addresses, make_full

AXE = Path(settings.ROOT) / "node_modules" / "axe-core" / "axe.min.js"
SHOTS = Path(settings.ROOT) / "var" / "screenshots"
LANGUAGES = ("en", "zh-hans")
THEMES = ("light", "dark")
OUTSIDE = (
    "workspaces/",
    "account/",
    "account/password/",
    "account/two-step/",
    "account/tokens/",
    "organization/",
    "organization/people/",
    "organization/workspaces/new/",
    "help/",
    "help/user-guide/audiences/",
)
NO_PAGE = (
    "export/",
    "events/",
    "state/",
    "bad-rows/",
    "template/",
    "refused/",
    "builder/",
    "members/{pk}/invite",
)
RUN = """async () => {
  const found = await axe.run(document, {resultTypes: ["violations"]});
  return found.violations.filter((item) => ["serious", "critical"].includes(item.impact))
    .map((item) => `${item.id}: ${item.nodes.slice(0, 3).map((node) => node.html.slice(0, 160)).join(" | ")}`);
}"""


@pytest.fixture
def full(run_jobs: Callable[..., Any]) -> Full:
    return make_full(run_jobs)


def pages(full: Full) -> list[str]:
    """Paths of everything that answers a browser with a page."""
    client = Client(raise_request_exception=False)
    client.force_login(full.world.access.user, backend="admin_center.members.backends.NameOrEmailBackend")
    found = []
    for address in addresses():
        if address.is_api or any(part in address.pattern for part in NO_PAGE):
            continue
        path = address.path(full.workspace.slug, full.objects)
        answer = client.get(path)
        is_page = answer.headers.get("Content-Type", "").startswith("text/html")
        if answer.status_code == 200 and is_page and b"<html" in answer.content:
            found.append(path)
    return [*found, *(f"/{path}" for path in OUTSIDE)]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_is_accessible_in_both_themes(
    full: Full, tab: Any, sign_in: Callable[[Any], str], live_server: Any, language: str
) -> None:
    user = full.world.access.user
    User.objects.filter(pk=user.pk).update(locale=language, is_manager=True)
    failures: list[str] = []
    tab.on("pageerror", lambda error: failures.append(f"script: {tab.url}: {error}"))
    home = sign_in(full.world.access)
    paths = pages(full)
    assert len(paths) > 60
    tab.add_init_script(path=AXE)
    for path in [*paths, f"{home.removeprefix(live_server.url)}audiences/aud_gone/"]:
        tab.goto(live_server.url + path)
        tab.wait_for_load_state("networkidle")
        for theme in THEMES:
            tab.evaluate("theme => document.documentElement.setAttribute('data-bs-theme', theme)", theme)
            problems = tab.evaluate(RUN)
            failures += [f"{path} {theme}: {problem}" for problem in problems]
            keep(tab, path, language, theme, full)
        assert tab.evaluate("document.documentElement.lang") == {"en": "en", "zh-hans": "zh-Hans"}[language]
    assert failures == [], "\n".join(failures)


def keep(tab: Any, path: str, language: str, theme: str, full: Full) -> None:
    """A screenshot under a name that is the same in every run."""
    name = path.strip("/").replace(f"w/{full.workspace.slug}", "console")
    for values in full.objects.values():
        for value in values.values():
            name = name.replace(f"/{value}", "/one")
    place = SHOTS / f"{language}-{theme}"
    place.mkdir(parents=True, exist_ok=True)
    tab.screenshot(path=str(place / f"{name.replace('/', '.')}.png"), full_page=True)


def test_the_sign_in_page_is_accessible(tab: Any, live_server: Any) -> None:
    tab.add_init_script(path=AXE)
    tab.goto(f"{live_server.url}/login/")
    assert tab.evaluate(RUN) == []
    assert tab.evaluate("document.activeElement.name") == "username"
