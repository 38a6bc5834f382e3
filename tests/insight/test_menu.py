"""The menu of insight: every entry is there for an administrator, and opens."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from tests.factories import make_access

pytestmark = pytest.mark.django_db
ENTRIES = {
    "Insight": {
        "sources/": "Data sources",
        "datasets/": "Datasets",
        "tags/": "Tags",
        "audiences/new/": "Audience selection",
        "audiences/": "Audiences",
        "campaigns/": "Campaigns",
    },
    "Analysis": {
        "analysis/": "Perspective",
        "analysis/audience/": "Audience analysis",
        "rfm/": "RFM",
        "aipl/users/": "AIPL users",
        "aipl/flow/": "AIPL flow",
    },
}


def menu(page: str, home: str) -> dict[str, dict[str, str]]:
    """{section: {path: label}} as the page shows it."""
    found: dict[str, dict[str, str]] = {}
    for part in page.split('<div class="nav-label">')[1:]:
        links = re.findall(rf'href="{home}([^"]*)" class="nav-entry[^>]*>(.*?)</a>', part, re.DOTALL)
        texts = {path: re.sub(r"<[^>]*>", "", label).strip() for path, label in links}
        found[part.partition("<")[0]] = texts
    return found


@pytest.fixture
def somebody() -> Any:
    return make_access()


def test_an_administrator_has_every_entry_and_each_opens(somebody: Any) -> None:
    client = Client()
    client.force_login(somebody.user, backend="admin_center.members.backends.NameOrEmailBackend")
    home = f"/w/{somebody.workspace.slug}/"
    shown = menu(client.get(home).content.decode(), home)
    for section, entries in ENTRIES.items():
        assert entries.items() <= shown[section].items()
    for entries in shown.values():
        for path in entries:
            assert client.get(home + path).status_code == 200, path
