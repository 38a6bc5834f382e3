"""SMS by the platform contract: one call per batch with a recipients file, receipts by asking."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from marketing.channels import callbacks, capabilities
from marketing.channels.base import (
    BatchReceipt,
    BulkProviderType,
    BulkRequest,
    ProviderError,
    register_type,
)
from marketing.channels.contract import ContractClient, contract_fields, parse_time, review_state
from marketing.channels.models import Provider

SENT_FAILED, SENT_DELIVERED = 1, 2


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
        return ContractClient(provider).receipts("/sms/sendDetails", out_id, since, read_receipt)

    def reviews(self, provider: Provider) -> bool:
        return True

    def submit(self, provider: Provider, template: Any, code: str = "") -> str:
        promotional = template.purpose == "promotion"
        answer = ContractClient(provider).call(
            "POST",
            "/sms/smsTemplate",
            {
                "templateName": template.name[:30],
                "templateContent": template.text
                + capabilities.ending(provider, template.text, promotional=promotional),
                "remark": template.name[:100],
                "templateType": 2 if promotional else 1,
            },
        )
        code = str(answer.get("templateCode") or "")
        if not code:
            raise ProviderError(_("The platform gave the template no code."), code="provider_answer")
        return code

    def template_state(self, provider: Provider, code: str) -> tuple[str, str]:
        """Review state (reviewing, approved, rejected) and the reviewer's reason."""
        answer = ContractClient(provider).call("GET", f"/sms/smsTemplate/{code}")
        return review_state(answer, "templateStatus")

    def signature_state(self, provider: Provider, text: str) -> tuple[str, str]:
        """Review state of a signature and the reviewer's reason."""
        from urllib.parse import quote

        answer = ContractClient(provider).call("GET", f"/sms/smsSign/{quote(text, safe='')}")
        return review_state(answer, "signStatus")


def read_receipt(row: dict[str, Any]) -> BatchReceipt | None:
    try:
        status = int(row.get("sendStatus") or 0)
    except (TypeError, ValueError):
        return None
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
