"""E-mail by the platform contract: one call per batch with a recipients file, receipts by asking."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.parse import quote

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from marketing.channels import contract
from marketing.channels.base import (
    BatchReceipt,
    BulkProviderType,
    BulkRequest,
    ConfigField,
    ProviderError,
    register_type,
)
from marketing.channels.contract import ContractClient, Verdict, contract_fields, parse_time, review_state
from marketing.channels.models import Provider

MAX_BODY = 28 * 1024
LONGEST_NAME, LONGEST_ALIAS, LONGEST_REMARK = 30, 15, 100
DELIVERED = 0
_CAUSES = {2: "gone", 3: "spam"}
"""What a report's `status` says of an address; every other one but `DELIVERED` is a failure."""
RANDOM, SENDER = "0", "1"


@register_type
class ContractEmailType(BulkProviderType):
    """An e-mail platform that implements the contract."""

    key = "contract"
    channel = "email"
    label = gettext_lazy("E-mail platform by contract")
    id_type = "email"
    fields = (
        *contract_fields(),
        ConfigField(
            "review",
            gettext_lazy("The platform reviews templates"),
            kind="flag",
            default=True,
            help_text=gettext_lazy("Without it, templates can be used at once."),
        ),
        ConfigField(
            "line_links",
            gettext_lazy("The platform fills in addresses of each person"),
            kind="flag",
            default=False,
            help_text=gettext_lazy(
                "Each line of the file then carries them, and opens and clicks of its mails can be counted. Without it "
                "they cannot: everybody gets the same text."
            ),
        ),
    )

    def config_problems(self, config: dict[str, Any]) -> dict[str, str]:
        return contract.config_problems(config)

    def test(self, provider: Provider) -> list[str]:
        """A look at a sender that does not exist: the platform may well answer that it does not know it."""
        client = ContractClient(provider)
        try:
            answer = client.call(
                "GET", "/email/thirdSender", params={"address": "connection-test@tideline.invalid"}
            )
        except ProviderError as error:
            if error.extra.get("provider_status") != 404 or not error.extra.get("provider_code"):
                raise
            answer = {}
        return [
            _("The platform “%(name)s” answered.") % {"name": answer.get("platformName") or provider.name}
        ]

    def send_bulk(self, provider: Provider, request: BulkRequest) -> str:
        content = request.content
        body: dict[str, Any] = {
            "outId": request.out_id,
            "accountName": content["from_address"],
            "addressType": RANDOM if content.get("return_path") == "random" else SENDER,
            "clickTrace": "1" if content.get("track") else "0",
            "receiversUrl": request.recipients_url,
            "limit": request.size,
        }
        if content.get("template_code"):
            body["templateCode"] = content["template_code"]
        if not content.get("template_code") or content.get("params") or content.get("own_body"):
            # The platform fills no variables of ours, or has reviewed another text: that of this batch goes along, and
            # wins over the template.
            body |= {
                "fromAlias": content["from_name"],
                "subject": content["subject"],
                "htmlBody": content["html"],
            }
            if len(content["html"].encode()) > MAX_BODY:
                raise ProviderError(
                    _("The mail is larger than the 28 KB that platforms take."), code="mail_too_large"
                )
        return str(ContractClient(provider).call("POST", "/email/sendBatch", body).get("bizId") or "")

    def receipts(self, provider: Provider, out_id: str, since: datetime) -> Iterator[BatchReceipt]:
        return ContractClient(provider).receipts("/email/sendDetails", out_id, since, read_receipt)

    def reviews(self, provider: Provider) -> bool:
        return bool(provider.config.get("review"))

    def submit(self, provider: Provider, template: Any, code: str = "") -> str:
        """`template`: name, sender_name, subject, html (with all that goes out)."""
        body = {
            "templateName": template.name[:LONGEST_NAME],
            "templateSubject": template.subject,
            "templateContent": template.html,
            "senderName": template.sender_name,
            "remark": template.name[:LONGEST_REMARK],
        }
        method, path = ("PUT", f"/{quote(code, safe='')}") if code else ("POST", "")
        answer = ContractClient(provider).call(method, f"/email/emailTemplate{path}", body)
        found = str(answer.get("templateCode") or code)
        if not found:
            raise ProviderError(_("The platform gave the template no code."), code="provider_answer")
        return found

    def template_state(self, provider: Provider, template: Any, code: str) -> Verdict:
        answer = ContractClient(provider).call("GET", f"/email/emailTemplate/{quote(code, safe='')}")
        return Verdict(*review_state(answer, "templateStatus"))

    def senders(self, provider: Provider, address: str = "") -> dict[str, bool]:
        """Sender addresses of the platform and whether each is frozen: the given one, or all that it tells of.

        The platform answers one object, or a list of them under `senders` or `data`. Raises ProviderError.
        """
        answer = ContractClient(provider).call("GET", "/email/thirdSender", params={"address": address})
        listed = answer.get("senders", answer.get("data"))
        rows = listed if isinstance(listed, list) else [listed if isinstance(listed, dict) else answer]
        return {
            str(row["accountName"]).strip(): str(row.get("accountStatus") or "0") == "1"
            for row in rows
            if isinstance(row, dict) and row.get("accountName")
        }


def read_receipt(row: dict[str, Any]) -> BatchReceipt | None:
    """A report of the contract; None where it is none."""
    try:
        status = int(row["status"])
    except (KeyError, TypeError, ValueError):
        return None
    code = str(row.get("code") or "")
    delivered = status == DELIVERED
    return BatchReceipt(
        target=str(row.get("toAddress") or ""),
        state="delivered" if delivered else "failed",
        code=code,
        detail="" if delivered else str(row.get("message") or code),
        at=parse_time(row.get("receiveTime") or row.get("receiveDate")),
        cause=_CAUSES.get(status, ""),  # type: ignore[arg-type]
    )
