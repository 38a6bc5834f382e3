"""SMS by the platform contract: one call per batch with a recipients file, receipts by asking."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.parse import quote

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from marketing.channels import (
    callbacks,
    capabilities,
    carriers,
    contract,
    contract_digital,
    return_source,
)
from marketing.channels.base import (
    BatchReceipt,
    BulkProviderType,
    BulkRequest,
    ProviderError,
    register_type,
)
from marketing.channels.contract import (
    ContractClient,
    SignatureRequest,
    Verdict,
    contract_fields,
    parse_time,
    review_state,
)
from marketing.channels.models import Provider

SENT_FAILED, SENT_DELIVERED = 1, 2
LONGEST_NAME, LONGEST_REMARK = 30, 100


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

    def config_problems(self, config: dict[str, Any]) -> dict[str, str]:
        found = contract.config_problems(config)
        if carriers.read(str(config.get(carriers.SETTING) or "")) is None:
            found[carriers.SETTING] = _("Write first digits and carrier, as in 165=unicom, 1703=telecom.")
        return found | return_source.problems(config)

    def submit(self, provider: Provider, template: Any, code: str = "") -> str:
        if template.is_digital:
            path, body = contract_digital.PATH, contract_digital.written(template)
        else:
            path, body = "/sms/smsTemplate", written(provider, template)
        method, under = ("PUT", f"/{quote(code, safe='')}") if code else ("POST", "")
        answer = ContractClient(provider).call(method, path + under, body)
        found = str(answer.get("templateCode") or code)
        if not found:
            raise ProviderError(_("The platform gave the template no code."), code="provider_answer")
        return found

    def template_state(self, provider: Provider, template: Any, code: str) -> Verdict:
        path = contract_digital.PATH if template.is_digital else "/sms/smsTemplate"
        answer = ContractClient(provider).call("GET", f"{path}/{quote(code, safe='')}")
        if template.is_digital:
            return contract_digital.verdict(answer)
        return Verdict(*review_state(answer, "templateStatus"))

    def signature_state(self, provider: Provider, text: str) -> tuple[str, str]:
        """Review state of a signature and the reviewer's reason."""
        answer = ContractClient(provider).call("GET", f"/sms/smsSign/{quote(text, safe='')}")
        return review_state(answer, "signStatus")

    def submit_signature(self, provider: Provider, request: SignatureRequest, *, again: bool = False) -> None:
        """Send a new signature in for review, or a rejected one once more. Raises ProviderError."""
        body = {
            "signName": request.text,
            "signSource": int(request.source),
            "remark": request.note,
            "signFileList": [
                {"fileSuffix": suffix, "fileContents": content} for suffix, content in request.proofs
            ],
        }
        under = f"/{quote(request.text, safe='')}" if again else ""
        ContractClient(provider).call("PUT" if again else "POST", f"/sms/smsSign{under}", body)


def written(provider: Provider, template: Any) -> dict[str, Any]:
    """What a platform looks at to review a text."""
    promotional = template.purpose == "promotion"
    return {
        "templateName": template.name[:LONGEST_NAME],
        "templateContent": template.text
        + capabilities.ending(provider, template.text, promotional=promotional),
        "remark": template.note or template.name[:LONGEST_REMARK],
        "templateType": 2 if promotional else 1,
    }


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
