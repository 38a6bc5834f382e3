"""Pages that people and platforms reach without signing in: tracking, unsubscribing, recipients files, reports."""

from __future__ import annotations

import base64
import json

from django.db import InterfaceError, OperationalError, close_old_connections
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from admin_center.members.origin import client_ip
from marketing.delivery import custom_receipts, push_reports, recipients_file, tracking
from marketing.delivery.models import Engagement, Recipient, SendBatch, SendOut, TrackedLink

_PIXEL = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")


def _agent(request: HttpRequest) -> str:
    return request.headers.get("User-Agent", "")


@require_safe
def click(request: HttpRequest, token: str, number: int = 0) -> HttpResponse:
    """Counts the click and leads on to the link's address.

    `number` says which link it is where the token names none, as in mails whose text is the same for many people.
    """
    found = tracking.read_person_token(token)
    if found is None:
        raise Http404
    recipient = Recipient.objects.filter(pk=found.recipient).first()
    send_out = recipient.send_out_id if recipient is not None else found.send_out
    link = TrackedLink.objects.filter(send_out=send_out, number=found.link or number).first()
    if link is None:
        raise Http404
    if recipient is not None and not push_reports.is_frozen(recipient.send_out):
        tracking.record(
            recipient,
            Engagement.Kind.CLICK,
            link=link,
            user_agent=_agent(request),
            method=request.method or "GET",
        )
    response = HttpResponseRedirect(link.url)
    response.headers["Cache-Control"] = "no-store"
    return response


@require_safe
def opened(request: HttpRequest, token: str) -> HttpResponse:
    """The invisible picture of a mail."""
    found = tracking.read_person_token(token)
    recipient = Recipient.objects.filter(pk=found.recipient).first() if found else None
    if recipient is not None:
        tracking.record(
            recipient,
            Engagement.Kind.OPEN,
            link=None,
            user_agent=_agent(request),
            method=request.method or "GET",
        )
    response = HttpResponse(_PIXEL, content_type="image/gif")
    response.headers["Cache-Control"] = "no-store"
    return response


@csrf_exempt
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """Asks on GET (mail scanners follow links) and acts on POST, which mail programs send by themselves (RFC 8058)."""
    person = tracking.read_unsubscribe_token(token)
    send_out = SendOut.objects.filter(pk=person.send_out).first() if person else None
    if person is None or send_out is None or not person.recipient:
        raise Http404
    done = request.method == "POST"
    if done:
        tracking.unsubscribe(person, send_out, user_agent=_agent(request))
    return render(request, "marketing/delivery/unsubscribe.html", {"done": done, "masked": person.masked})


@require_safe
def recipients(request: HttpRequest, token: str) -> HttpResponse:
    """A batch's recipients file, for the platform that was given the address: for 24 hours, then 403."""
    out_id = tracking.read_file_token(token)
    if out_id is None:
        return HttpResponse(
            "This address is not signed by Tideline, or its 24 hours are over.\n",
            status=403,
            content_type="text/plain; charset=utf-8",
        )
    try:
        lines = recipients_file.lines(out_id)
    except (OperationalError, InterfaceError):
        # A platform may refuse the batch for good where it cannot fetch the file: a cut connection is opened anew.
        close_old_connections()
        lines = recipients_file.lines(out_id)
    if lines is None:
        raise Http404
    body = "".join(f"{line}\n" for line in lines)
    return HttpResponse(body, content_type="text/plain; charset=utf-8")


@csrf_exempt
@require_POST
def event(request: HttpRequest, token: str) -> HttpResponse:
    """What became of a message in one browser: a single word. That of a test or too late counts nothing."""
    found = tracking.read_event_token(token)
    word = request.body[:20].decode(errors="replace")
    if found is None or word not in push_reports.WORDS:
        raise Http404
    push_reports.apply_word(*found, word)
    return HttpResponse(status=204)


@csrf_exempt
@require_POST
def reports(request: HttpRequest, token: str) -> HttpResponse:
    """What became of a batch's devices, from a push platform. Those of a test or too late count nothing."""
    out_id = tracking.read_reports_token(token)
    if out_id is None:
        raise Http404
    try:
        found = push_reports.read(json.loads(request.body))
    except ValueError as error:
        return JsonResponse({"detail": str(error)}, status=400)
    batch = SendBatch.objects.select_related("send_out__provider").filter(pk=out_id).first()
    taken = push_reports.apply(batch, found) if batch is not None else 0
    return JsonResponse({"taken": taken})


@csrf_exempt
@require_POST
def webhook_results(request: HttpRequest) -> HttpResponse:
    """What became of people that an own system was called for, reported by it."""
    status, answer = custom_receipts.take(
        request.body, request.headers, request.GET.dict(), client_ip(request)
    )
    return JsonResponse(answer, status=status)
