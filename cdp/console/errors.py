"""Handlers of Django's own error answers."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _

from cdp.console.middleware import error_page


def _answer(request: HttpRequest, status: int, code: str, title: str, detail: str) -> HttpResponse:
    if request.path.startswith("/api/"):
        problem = {
            "type": f"/docs/errors#{code}",
            "title": title,
            "status": status,
            "code": code,
            "detail": detail,
        }
        return JsonResponse(problem, status=status, content_type="application/problem+json")
    return error_page(request, status, title, detail)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _answer(
        request,
        400,
        "bad_request",
        _("This request does not make sense"),
        _("Go back, reload the page, try again."),
    )


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    detail = _("Ask an administrator of the workspace for the right.")
    return _answer(request, 403, "permission_denied", _("You are not allowed to do this"), detail)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    detail = _("It was removed, never existed, or belongs to a workspace that you are not in.")
    return _answer(request, 404, "not_found", _("There is nothing here"), detail)


def server_error(request: HttpRequest) -> HttpResponse:
    detail = _(
        "The error has been logged. What you had saved is safe. Try again, or tell an operator the reference."
    )
    return _answer(request, 500, "internal_error", _("Something went wrong on our side"), detail)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    detail = _("The page was open too long, or cookies are blocked. Reload it and send the form again.")
    return _answer(request, 403, "csrf_failed", _("The form has expired"), detail)
