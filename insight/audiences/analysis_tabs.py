"""The tabs of audience analysis: ways to look at one audience. Other modules register theirs in AppConfig.ready."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from cdp.core.access import Access
from cdp.core.registry import Registry


@dataclass(frozen=True)
class Tab:
    """`url_name` opens with the audience as `?audience=`, and its page shows the tabs by including
    insight/analysis/tabs.html with `shown(...)`. Tabs come in the order of `order`.
    """

    key: str
    label: Any
    url_name: str
    permission: str = "insight.audience.analysis"
    order: int = 100


TABS: Registry[Tab] = Registry("tab of audience analysis")


def register(tab: Tab) -> Tab:
    return TABS.add(tab.key, tab)


def shown(access: Access, audience_id: str, active: str) -> list[dict[str, Any]]:
    """The tabs that the person may open: [{"key", "label", "url", "active"}]."""
    query = f"?audience={audience_id}" if audience_id else ""
    return [
        {
            "key": tab.key,
            "label": tab.label,
            "url": reverse(tab.url_name, args=[access.workspace.slug]) + query,
            "active": tab.key == active,
        }
        for tab in sorted(TABS, key=lambda tab: tab.order)
        if access.can(tab.permission)
    ]
