"""What the shell needs on every page."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from cdp.console import navigation
from cdp.console.notices import unread
from cdp.core.logs import correlation_id

LANGUAGE_NAMES = (("en", "English"), ("zh-hans", "简体中文"), ("zh-hant", "繁體中文"))
THEMES = ("light", "dark", "auto")


def shell(request: HttpRequest) -> dict[str, Any]:
    """Navigation, switcher, badge. Lazy, so that a partial answer pays for none of it."""
    user = getattr(request, "user", None)
    access = getattr(request, "access", None)
    values: dict[str, Any] = {
        "tideline_version": settings.VERSION,
        "language_names": LANGUAGE_NAMES,
        "theme": getattr(user, "theme", "") or request.COOKIES.get("theme", "auto"),
        "correlation_id": correlation_id.get(),
        "sandbox_url": settings.SANDBOX_URL,
    }
    if access is not None:
        values["access"] = access
        values["nav_sections"] = SimpleLazyObject(lambda: navigation.sections(access, request.path))
        values["unread_count"] = SimpleLazyObject(lambda: unread(access.workspace, access.user))
    return values
