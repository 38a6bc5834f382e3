"""Where platforms hand over replies, without signing in: the address is known to them alone."""

from __future__ import annotations

import json

from django.http import Http404, HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from cdp.core.texts import holds_nul
from marketing.channels import callbacks
from marketing.channels.models import Provider
from marketing.replies import receiving


@csrf_exempt
@require_POST
def inbound(request: HttpRequest, token: str) -> JsonResponse:
    """One reply: 200 also where it came before, 400 where it is none, 403 where its signature is wrong."""
    return _take(request, callbacks.read_replies_token(token))


@csrf_exempt
@require_POST
def pushed(request: HttpRequest, token: str) -> JsonResponse:
    """The same below the address for reports that the provider's page shows."""
    return _take(request, callbacks.read_reports_token(token))


def _take(request: HttpRequest, provider: Provider | None) -> JsonResponse:
    if provider is None or provider.channel != Provider.Channel.SMS:
        raise Http404
    if not callbacks.is_signed(provider, request.body, request.headers.get(callbacks.SIGNATURE, "")):
        return JsonResponse({"detail": f"{callbacks.SIGNATURE} is missing or wrong."}, status=403)
    if holds_nul(request.body):
        return JsonResponse({"detail": "NUL characters cannot be kept."}, status=400)
    try:
        given = json.loads(request.body)
        if not isinstance(given, dict):
            raise receiving.Unreadable("The body must be a JSON object.")
        message, new = receiving.receive(provider, given)
    except ValueError as error:
        return JsonResponse({"detail": str(error)}, status=400)
    return JsonResponse({"id": message.pk, "new": new})
