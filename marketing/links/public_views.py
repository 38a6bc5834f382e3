"""Where short links lead, for everybody and without signing in."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_safe

from admin_center.members.origin import client_ip
from marketing.links import codes, guessing, targets, visits
from marketing.links.models import ShortLink

_PREFETCH = ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz")


@require_safe
def follow(request: HttpRequest, code: str) -> HttpResponse:
    """Counts the visit and leads on: 404 for a code that is not known, 410 for a link that has ended."""
    ip = client_ip(request)
    if guessing.is_blocked(ip):
        return _page(request, "busy", 429)
    known = ShortLink.objects.filter(code=code, deleted_at=None)
    link = known.first() if codes.is_code(code) else None
    if link is None:
        guessing.note_miss(ip)
        return _page(request, "unknown", 404)
    if link.state != ShortLink.State.ACTIVE:
        return _page(request, "over", 410)
    visits.record(
        link,
        person=request.GET.get(targets.PERSON_PARAMETER, ""),
        ip=ip,
        user_agent=request.headers.get("User-Agent", ""),
        method=request.method or "GET",
        prefetch=any("pre" in request.headers.get(name, "") for name in _PREFETCH),
    )
    query = request.META.get("QUERY_STRING", "") if link.forward_query else ""
    return _uncached(HttpResponseRedirect(targets.with_query(link.target, query)))


def _page(request: HttpRequest, reason: str, status: int) -> HttpResponse:
    return _uncached(render(request, "marketing/links/nowhere.html", {"reason": reason}, status=status))


def _uncached(response: HttpResponse) -> HttpResponse:
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex"
    return response
