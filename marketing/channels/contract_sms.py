"""SMS by the platform contract: one call per batch with a recipients file, receipts by asking."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from marketing.channels import callbacks, capabilities
from marketing.channels.base import BatchReceipt, BulkProviderType, BulkRequest, register_type
from marketing.channels.contract import ContractClient, contract_fields
from marketing.channels.models import Provider

PAGE_SIZE = 1000
WINDOW = timedelta(days=30)
SENT_FAILED, SENT_DELIVERED = 1, 2
REVIEW_STATES = {0: "reviewing", 1: "approved", 2: "rejected"}


@register_type
class ContractSmsType(BulkProviderType):
    """A message platform that implements the contract."""

    key = "contract"
    channel = "sms"
    label = gettext_lazy("SMS platform by contract")
    id_type = "mobile"
    fields = (*contract_fields(), *capabilities.fields())

    def test(self, provider: Provider) -> list[str]:
        answer = ContractClient(provider).call("GET", "/sms/smsSign/" + "tideline-connection-test")
        return [
            _("The platform “%(name)s” answered.") % {"name": answer.get("platformName") or provider.name}
        ]

    def send_bulk(self, provider: Provider, request: BulkRequest) -> str:
        body: dict[str, Any] = {
            "outId": request.out_id,
            "phoneOssUrl": request.recipients_url,
            "signName": request.content["sign_name"],
            "templateCode": request.content["template_code"],
            "limit": request.size,
        }
        if request.content.get("params"):
            body["templateParam"] = json.dumps(request.content["params"], ensure_ascii=False)
        if capabilities.of(provider).replies:
            body["inboundUrl"] = callbacks.replies_url(provider)
        return str(ContractClient(provider).call("POST", "/sms/sendBatch", body).get("bizId") or "")

    def receipts(self, provider: Provider, out_id: str, since: datetime) -> Iterator[BatchReceipt]:
        client = ContractClient(provider)
        end = timezone.now() + timedelta(minutes=1)
        # The contract allows windows of 30 days at most.
        body: dict[str, Any] = {
            "outId": out_id,
            "pageSize": PAGE_SIZE,
            "startDate": max(since - timedelta(minutes=5), end - WINDOW).strftime("%Y-%m-%d %H:%M"),
            "endDate": end.strftime("%Y-%m-%d %H:%M"),
        }
        page, seen = 1, 0
        while True:
            answer = client.call("POST", "/sms/sendDetails", {**body, "currentPage": page})
            rows = answer.get("sendDetailDTOs") or []
            for row in rows:
                receipt = _receipt(row)
                if receipt:
                    yield receipt
            seen += len(rows)
            if not rows or seen >= int(answer.get("totalCount") or 0):
                return
            page += 1

    def submit_template(
        self, provider: Provider, *, name: str, content: str, remark: str, promotional: bool
    ) -> str:
        """Send a template in for review; returns the platform's template code."""
        answer = ContractClient(provider).call(
            "POST",
            "/sms/smsTemplate",
            {
                "templateName": name[:30],
                "templateContent": content,
                "remark": remark[:100],
                "templateType": 2 if promotional else 1,
            },
        )
        return str(answer["templateCode"])

    def template_state(self, provider: Provider, code: str) -> tuple[str, str]:
        """Review state (reviewing, approved, rejected) and the reviewer's reason."""
        answer = ContractClient(provider).call("GET", f"/sms/smsTemplate/{code}")
        return REVIEW_STATES.get(int(answer.get("templateStatus") or 0), "reviewing"), str(
            answer.get("reason") or ""
        )

    def signature_state(self, provider: Provider, text: str) -> tuple[str, str]:
        """Review state of a signature and the reviewer's reason."""
        from urllib.parse import quote

        answer = ContractClient(provider).call("GET", f"/sms/smsSign/{quote(text, safe='')}")
        return REVIEW_STATES.get(int(answer.get("signStatus") or 0), "reviewing"), str(
            answer.get("reason") or ""
        )


def _receipt(row: dict[str, Any]) -> BatchReceipt | None:
    status = int(row.get("sendStatus") or 0)
    if status not in (SENT_FAILED, SENT_DELIVERED):
        return None
    code = str(row.get("errCode") or "")
    return BatchReceipt(
        target=str(row.get("phoneNum") or ""),
        state="delivered" if status == SENT_DELIVERED else "failed",
        code=code,
        detail="" if status == SENT_DELIVERED else str(row.get("message") or code),
        at=parse_time(row.get("receiveDate")),
    )


def parse_time(value: object) -> datetime | None:
    """A platform's time: ten-digit seconds, or `yyyy-MM-dd HH:mm:ss` taken as UTC; None where it is neither."""
    text = str(value or "").strip()
    if text.isdigit() and len(text) == 10:
        return datetime.fromtimestamp(int(text), UTC)
    for pattern in ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M"):
        try:
            return datetime.strptime(text, pattern).replace(tzinfo=UTC)
        except ValueError:
            continue
    return None
