"""SMS of Alibaba Cloud: each call goes to at most a thousand numbers; reports and replies come by queues."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from marketing.channels import capabilities, carriers, return_source
from marketing.channels.aliyun import rpc
from marketing.channels.aliyun.queues import Queue
from marketing.channels.base import (
    BatchReceipt,
    BulkProviderType,
    BulkRequest,
    ConfigField,
    ProviderError,
    register_type,
)
from marketing.channels.contract import SignatureRequest, Verdict, review_state
from marketing.channels.contract_sms import written
from marketing.channels.models import Provider

VERSION = "2017-05-25"
SAME_TEXT, OWN_TEXTS = 1000, 100
"""So many numbers one call takes: with the same text, or with a text for each."""
CHINA = timezone(timedelta(hours=8))
_LEFT_OUT = ("callback_secret", "auto_approve_text_templates", "digital")
_OTHERWISE = {
    "replies": {
        "label": gettext_lazy("Receive uplink messages"),
        "help_text": gettext_lazy(
            "Then promotional SMS end with 回T退订, and a T unsubscribes from the signature."
        ),
    },
    "line_values": {
        "label": gettext_lazy("Each person may get a text of their own"),
        "help_text": gettext_lazy("A call then goes to 100 numbers instead of 1,000 with equal texts."),
    },
    "new_signatures": {"default": True},
}


def _able() -> tuple[ConfigField, ...]:
    found = [field for field in capabilities.fields() if field.name not in _LEFT_OUT]
    return tuple(replace(field, **_OTHERWISE.get(field.name, {})) for field in found)


@register_type
class AliyunSmsType(BulkProviderType):
    """An account of the SMS service."""

    key = "aliyun"
    channel = "sms"
    label = gettext_lazy("Alibaba Cloud SMS")
    id_type = "mobile"
    fields = (
        *rpc.key_fields(),
        ConfigField(
            "report_queue",
            gettext_lazy("Queue of status reports"),
            required=True,
            help_text=gettext_lazy("Its name in the SMS console, such as Alicom-Queue-1234567-SmsReport."),
        ),
        *_able(),
        ConfigField(
            "uplink_queue",
            gettext_lazy("Queue of uplink messages"),
            help_text=gettext_lazy("Needed where they are received, such as Alicom-Queue-1234567-SmsUp."),
        ),
        rpc.address_field(
            "base_url", gettext_lazy("Address of the interface"), "https://dysmsapi.aliyuncs.com"
        ),
        rpc.address_field(
            "token_url", gettext_lazy("Address for keys of queues"), "https://dybaseapi.aliyuncs.com"
        ),
        rpc.address_field(
            "queue_url",
            gettext_lazy("Address of queues"),
            "https://1943695596114318.mns.cn-hangzhou.aliyuncs.com",
        ),
    )

    def config_problems(self, config: dict[str, Any]) -> dict[str, str]:
        found = {}
        if config.get("replies") and not config.get("uplink_queue"):
            found["uplink_queue"] = _("This is needed.")
        found |= return_source.problems(config)
        if carriers.read(str(config.get(carriers.SETTING) or "")) is None:
            found[carriers.SETTING] = _("Write first digits and carrier, as in 165=unicom, 1703=telecom.")
        return found

    def test(self, provider: Provider) -> list[str]:
        answer = _call(provider, "QuerySmsSignList", PageIndex=1, PageSize=10)
        lines = [
            _("Signed in. Signatures of the account: %(count)s.") % {"count": answer.get("TotalCount") or 0}
        ]
        Queue(provider, "SmsReport").check()
        if provider.config.get("replies"):
            Queue(provider, "SmsUp").check()
        return [*lines, _("The platform lets its queues be read.")]

    def largest_batch(self, provider: Provider) -> int:
        return OWN_TEXTS if capabilities.of(provider).line_values else SAME_TEXT

    def send_bulk(self, provider: Provider, request: BulkRequest) -> str:
        content, people = request.content, [_person(line) for line in request.lines()]
        params = content.get("params") or {}
        if any(own for _number, own in people):
            given = {
                "PhoneNumberJson": _json([number for number, _own in people]),
                "SignNameJson": _json([content["sign_name"]] * len(people)),
                "TemplateParamJson": _json([{**params, **own} for _number, own in people]),
            }
        else:
            given = {
                "PhoneNumbers": ",".join(number for number, _own in people),
                "SignName": content["sign_name"],
                "TemplateParam": _json(params) if params else "",
            }
        answer = _call(
            provider,
            "SendBatchSms" if "PhoneNumberJson" in given else "SendSms",
            changes=True,
            TemplateCode=content["template_code"],
            OutId=request.out_id,
            **given,
        )
        return str(answer.get("BizId") or "")

    def receipts(self, provider: Provider, out_id: str, since: datetime) -> Iterator[BatchReceipt]:
        """Reports come by the queue; the platform tells of single numbers alone when it is asked."""
        return iter(())

    def reports(self, provider: Provider) -> Iterator[list[tuple[str, BatchReceipt]]]:
        for page in Queue(provider, "SmsReport").pages():
            yield [found for body in page if (found := read_report(body)) is not None]

    def uplink(self, provider: Provider) -> Iterator[list[dict[str, Any]]]:
        if provider.config.get("replies"):
            for page in Queue(provider, "SmsUp").pages():
                yield [_reply(body) for body in page]

    def details(self, provider: Provider, number: str, day: datetime) -> list[dict[str, Any]]:
        """What the platform says of one number on one day (of China), for whoever looks a message up."""
        answer = _call(
            provider,
            "QuerySendDetails",
            PhoneNumber=number,
            SendDate=day.astimezone(CHINA).strftime("%Y%m%d"),
            PageSize=50,
            CurrentPage=1,
        )
        found = (answer.get("SmsSendDetailDTOs") or {}).get("SmsSendDetailDTO") or []
        return [row for row in found if isinstance(row, dict)]

    def reviews(self, provider: Provider) -> bool:
        return True

    def submit(self, provider: Provider, template: Any, code: str = "") -> str:
        given = written(provider, template)
        answer = _call(
            provider,
            "ModifySmsTemplate" if code else "AddSmsTemplate",
            TemplateCode=code,
            TemplateType=given["templateType"],
            TemplateName=given["templateName"],
            TemplateContent=given["templateContent"],
            Remark=given["remark"],
        )
        found = str(answer.get("TemplateCode") or code)
        if not found:
            raise ProviderError(_("The platform gave the template no code."), code="provider_answer")
        return found

    def template_state(self, provider: Provider, template: Any, code: str) -> Verdict:
        answer = _call(provider, "QuerySmsTemplate", TemplateCode=code)
        return Verdict(*_reviewed(answer, "TemplateStatus"))

    def signature_state(self, provider: Provider, text: str) -> tuple[str, str]:
        return _reviewed(_call(provider, "QuerySmsSign", SignName=text), "SignStatus")

    def submit_signature(self, provider: Provider, request: SignatureRequest, *, again: bool = False) -> None:
        files = {}
        for number, (suffix, content) in enumerate(request.proofs, 1):
            files[f"SignFileList.{number}.FileSuffix"] = suffix
            files[f"SignFileList.{number}.FileContents"] = content
        _call(
            provider,
            "ModifySmsSign" if again else "AddSmsSign",
            SignName=request.text,
            SignSource=request.source,
            Remark=request.note,
            **files,
        )


def read_report(body: dict[str, Any]) -> tuple[str, BatchReceipt] | None:
    """A status report of the queue: the batch's number, and what became of one of its messages. None: it is none."""
    out_id, number = str(body.get("out_id") or "")[:32], str(body.get("phone_number") or "")
    if not out_id or not number or not isinstance(body.get("success"), bool):
        return None
    delivered = body["success"]
    code = str(body.get("err_code") or "")
    return out_id, BatchReceipt(
        target=number,
        state="delivered" if delivered else "failed",
        code=code,
        detail="" if delivered else str(body.get("err_msg") or code),
        at=read_time(body.get("report_time")),
    )


def _reply(body: dict[str, Any]) -> dict[str, Any]:
    at = read_time(body.get("send_time"))
    return {
        "messageId": body.get("sequence_id"),
        "phoneNum": body.get("phone_number"),
        "content": body.get("content"),
        "signName": body.get("sign_name"),
        "extCode": body.get("dest_code"),
        "receiveDate": str(int(at.timestamp())) if at else "",
    }


def read_time(value: object) -> datetime | None:
    """A time of the queues, which is China's; None where it is none."""
    try:
        return datetime.strptime(str(value or "").strip(), "%Y-%m-%d %H:%M:%S").replace(tzinfo=CHINA)
    except ValueError:
        return None


def _call(provider: Provider, action: str, **given: Any) -> dict[str, Any]:
    return rpc.call(provider.config, str(provider.config["base_url"]), VERSION, action, **given)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _person(line: str) -> tuple[str, dict[str, Any]]:
    number, _comma, values = line.partition(",")
    return number, json.loads(values) if values else {}


def _reviewed(answer: dict[str, Any], field: str) -> tuple[str, str]:
    """A review that was called off (10) is as good as a rejected one."""
    if str(answer.get(field)) == "10":
        return "rejected", _("The review was called off at the platform.")
    return review_state({field: answer.get(field), "reason": answer.get("Reason")}, field)
