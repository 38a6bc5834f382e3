"""What a brand's site loads and calls, without signing in: our scripts, and registering browsers."""

from __future__ import annotations

import json
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from admin_center.members.origin import client_ip
from cdp.core.errors import DomainError, PermissionDenied, TooManyRequests, ValidationFailed
from marketing.channels.models import Provider
from marketing.devices import limits, registry, sites
from marketing.devices.models import PushDevice

MOST_BYTES = 8 * 1024
METHODS = ("POST", "DELETE")


def _site(key: str) -> Provider:
    found = sites.find(key)
    if found is None:
        raise Http404
    return found


@require_safe
def nothing(request: HttpRequest, key: str) -> HttpResponse:
    """The folder of a site's addresses has no page of its own."""
    raise Http404


@require_safe
def client(request: HttpRequest, key: str) -> HttpResponse:
    """The script for pages."""
    return _script(sites.client_script(_site(key)))


@require_safe
def worker(request: HttpRequest, key: str) -> HttpResponse:
    """The script for the site's service worker."""
    _site(key)
    return _script(sites.worker_script())


def _script(text: str) -> HttpResponse:
    response = HttpResponse(text, content_type="text/javascript; charset=utf-8")
    response.headers["Cache-Control"] = "public, max-age=3600"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


@csrf_exempt
def subscriptions(request: HttpRequest, key: str) -> HttpResponse:
    """Registers a browser (POST) or strikes it off (DELETE). Only pages of the site's own addresses may call it."""
    site = _site(key)
    origin = request.headers.get("Origin", "").lower()
    if origin not in sites.origins_of(site):
        return _problem(PermissionDenied(_("Browsers may not register from this address.")))
    if request.method == "OPTIONS":
        response: HttpResponse = HttpResponse(status=204)
        response.headers["Access-Control-Allow-Methods"] = ", ".join(METHODS)
        response.headers["Access-Control-Allow-Headers"] = "Content-Type"
        response.headers["Access-Control-Max-Age"] = "3600"
    else:
        response = _called(request, site)
    response.headers["Access-Control-Allow-Origin"] = origin
    response.headers["Vary"] = "Origin"
    return response


def _called(request: HttpRequest, site: Provider) -> HttpResponse:
    if request.method not in METHODS:
        return HttpResponse(status=405, headers={"Allow": ", ".join((*METHODS, "OPTIONS"))})
    try:
        if limits.is_too_much(client_ip(request), site.pk):
            raise TooManyRequests(_("Too many calls. Try again in a minute."))
        body = _body(request)
        if request.method == "DELETE":
            registry.withdraw(site, str(body.get("endpoint", "")), str(body.get("auth", "")))
            return HttpResponse(status=204)
        return _register(request, site, body)
    except DomainError as error:
        return _problem(error)


def _body(request: HttpRequest) -> dict[str, Any]:
    if int(request.headers.get("Content-Length") or 0) > MOST_BYTES:
        raise ValidationFailed(_("The body is too large."))
    try:
        body = json.loads(request.body)
        # Half a character cannot be hashed or kept.
        json.dumps(body, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise ValidationFailed(_("The body must be a JSON object."))
    return body


def _register(request: HttpRequest, site: Provider, body: dict[str, Any]) -> HttpResponse:
    id_type, value = str(body.get("idType", "")), str(body.get("id", ""))
    if not sites.is_signed(site, id_type, value, str(body.get("signature") or "")):
        raise PermissionDenied(_("The ID is not signed, or its signature is wrong."), code="bad_signature")
    subscription = body.get("subscription")
    given = subscription if isinstance(subscription, dict) else {}
    keys = given.get("keys")
    address = {"endpoint": given.get("endpoint"), **(keys if isinstance(keys, dict) else {})}
    agent = registry.agent_class(request.headers.get("User-Agent", ""))
    registry.register(site, PushDevice.Kind.WEB, address, {id_type: value}, agent=agent)
    return HttpResponse(status=201)


def _problem(error: DomainError) -> JsonResponse:
    return JsonResponse(error.problem(), status=error.status, content_type="application/problem+json")
