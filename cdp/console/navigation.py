"""The left navigation: modules register their entries, people see those they may use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from cdp.core.access import Access

MODULES: dict[str, Any] = {
    "home": "",
    "insight": _("Insight"),
    "analysis": _("Analysis"),
    "marketing": _("Marketing"),
    "lab": _("Lab"),
    "work": _("Workspace"),
}


@dataclass(frozen=True)
class NavItem:
    """One entry. `permission` is the point that shows it; `any_of` shows it to holders of one of several."""

    module: str
    label: Any
    icon: str
    url_name: str
    permission: str = "workspace.view"
    order: int = 100
    any_of: tuple[str, ...] = ()

    def visible(self, access: Access) -> bool:
        return any(access.can(point) for point in self.any_of or (self.permission,))


_items: list[NavItem] = []


def register(item: NavItem) -> None:
    if item not in _items:
        _items.append(item)
        _items.sort(key=lambda entry: entry.order)


def items() -> list[NavItem]:
    return list(_items)


def sections(access: Access, path: str) -> list[dict[str, Any]]:
    """The navigation for a person: [{"label", "items": [{"label", "icon", "url", "active"}]}]."""
    slug = access.workspace.slug
    shown = [(item, reverse(item.url_name, args=[slug])) for item in _items if item.visible(access)]
    home = f"/w/{slug}/"
    fitting = [url for _item, url in shown if path == url or (url != home and path.startswith(url))]
    active = max(fitting, key=len, default="")
    found = []
    for module, label in MODULES.items():
        entries = [
            {"label": item.label, "icon": item.icon, "url": url, "active": url == active}
            for item, url in shown
            if item.module == module
        ]
        if entries:
            found.append({"label": label, "items": entries})
    return found


def _own_items() -> None:
    register(NavItem("home", _("Home"), "home", "console:home", order=0))
    register(NavItem("work", _("Jobs"), "list-check", "console:jobs", "jobs.view", order=900))


_own_items()
