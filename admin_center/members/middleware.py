"""The person's language, and where their request comes from."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils import translation

from admin_center.members import origin


class PreferencesMiddleware:
    """Shows pages in the language of the person's account; who has chosen none gets what the browser asks for."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        locale = getattr(request.user, "locale", "")
        if locale:
            translation.activate(locale)
            request.LANGUAGE_CODE = translation.get_language()
        marker = origin.current.set(origin.of(request))
        try:
            return self.get_response(request)
        finally:
            origin.current.reset(marker)
