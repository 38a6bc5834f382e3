"""What mail servers and platforms report by themselves, and where people leave who got a mail of a platform."""

from __future__ import annotations

import json
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from admin_center.members.origin import client_ip
from cdp.core.identifiers import ID_TYPES
from cdp.core.texts import holds_nul
from marketing.channels import callbacks, contract_email, contract_sms
from marketing.channels.base import BatchReceipt
from marketing.channels.models import Provider
from marketing.channels.targets import target_hash
from marketing.content.mail import read_leave_token
from marketing.delivery import bulk, rate
from marketing.delivery import receipts as ledger
from marketing.delivery.bounces import reading
from marketing.delivery.models import SendBatch, Suppression

MOST_BYTES = 5 * 1024**2
MOST_REPORTS = 5_000
LEAVING_PER_SECOND = 1.0
_READ = {"email": contract_email.read_receipt, "sms": contract_sms.read_receipt}


@csrf_exempt
@require_POST
def bounces(request: HttpRequest, token: str) -> HttpResponse:
    """A returned mail as it is. The answer is the same whether or not it names somebody."""
    provider = _found(callbacks.read_bounces_token(token))
    if int(request.headers.get("Content-Length") or 0) > MOST_BYTES:
        return JsonResponse({"detail": "The mail is too large."}, status=413)
    reading.take_in(provider, request.body)
    return HttpResponse(status=204)


@csrf_exempt
@require_POST
def receipts(request: HttpRequest, token: str) -> HttpResponse:
    """Reports of a platform by contract: {"channel", "sendDetailDTOs": […]}, as it answers to `sendDetails`."""
    provider = _found(callbacks.read_reports_token(token))
    if holds_nul(request.body):
        return JsonResponse({"detail": "NUL characters cannot be kept."}, status=400)
    try:
        found = _by_batch(json.loads(request.body), provider)
    except (ValueError, TypeError, KeyError, AttributeError):
        return JsonResponse({"detail": "No list of reports."}, status=400)
    batches = SendBatch.objects.select_related("send_out__provider").filter(
        pk__in=found, send_out__provider=provider
    )
    taken = 0
    for batch in batches:
        if batch.state == SendBatch.State.UNKNOWN:
            bulk.mark_handed(batch, batch.biz_id)
        taken += ledger.apply(batch, found[batch.pk])
    return JsonResponse({"taken": taken})


def _by_batch(body: Any, provider: Provider) -> dict[str, list[BatchReceipt]]:
    """Raises ValueError and its like where the body is none of the contract."""
    rows = body["sendDetailDTOs"]
    if (
        not isinstance(rows, list)
        or len(rows) > MOST_REPORTS
        or not all(isinstance(row, dict) for row in rows)
    ):
        raise ValueError
    found: dict[str, list[BatchReceipt]] = {}
    for row in rows:
        receipt = _READ[provider.channel](row)
        if receipt is not None:
            found.setdefault(str(row.get("outId") or "")[:32], []).append(receipt)
    return found


def _found(provider: Provider | None) -> Provider:
    if provider is None:
        raise Http404
    return provider


@csrf_exempt
def leave(request: HttpRequest, token: str) -> HttpResponse:
    """Mails of platforms are the same for many people, so each gives the address. Whether it is known is not told."""
    workspace = read_leave_token(token)
    if workspace is None:
        raise Http404
    given, target = request.POST.get("address", ""), None
    if request.method == "POST":
        if rate.try_take(f"leave:{client_ip(request)}", per_second=LEAVING_PER_SECOND):
            return render(
                request, "marketing/delivery/leave.html", {"busy": True, "given": given}, status=429
            )
        target = ID_TYPES["email"].normalise(given)
        if target is not None:
            _suppress(workspace, target)
    shown = {"done": target is not None, "given": given, "wrong": request.method == "POST" and target is None}
    return render(request, "marketing/delivery/leave.html", shown, status=400 if shown["wrong"] else 200)


def _suppress(workspace: str, target: str) -> None:
    Suppression.objects.get_or_create(
        workspace_id=workspace,
        channel=Provider.Channel.EMAIL,
        target_hash=target_hash(workspace, Provider.Channel.EMAIL, target),
        defaults={"masked": ID_TYPES["email"].mask(target), "reason": Suppression.Reason.UNSUBSCRIBED},
    )
