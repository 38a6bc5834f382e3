"""The part of Alibaba Cloud's interfaces that Tideline speaks: SMS, DirectMail, and queues of reports and replies.

Calls are signed with the options `access_key_id` and `access_key_secret`, those of queues with a key that is lent.
"""

from __future__ import annotations

import base64
import hmac
import json
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qsl, quote
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from marketing.sandbox import outcomes
from marketing.sandbox.answers import Refusal, Request, Response, as_json
from marketing.sandbox.contract import Contract, fill
from marketing.sandbox.fields import APPROVED
from marketing.sandbox.options import Options
from marketing.sandbox.store import QUEUED, Batch, Store

PREFIX = "/aliyun"
QUEUES = f"{PREFIX}/queues/"
MOST_NUMBERS, MOST_OWN = 1000, 100
HIDDEN_SECONDS = 30.0
_CLOCK_SECONDS = 900
_CHINA = timezone(timedelta(hours=8))
_SPACE = "http://mns.aliyuncs.com/doc/v1/"
_WRONG = ("InvalidAccessKeyId.NotFound", "SignatureDoesNotMatch")
Given = dict[str, str]


class Aliyun:
    """Carries out signed calls. Business refusals are told by `Code` with status 200, wrong keys by 400."""

    def __init__(self, store: Store, options: Options, contract: Contract) -> None:
        self.store, self.options, self.contract = store, options, contract
        self._hidden: dict[str, float] = {}
        self._calls: dict[str, Callable[[Given], dict[str, Any]]] = {
            "SendSms": self.send_sms,
            "SendBatchSms": self.send_batch_sms,
            "QuerySendDetails": self.query_details,
            "AddSmsTemplate": self.save_template,
            "ModifySmsTemplate": self.save_template,
            "QuerySmsTemplate": self.query_template,
            "AddSmsSign": self.save_sign,
            "ModifySmsSign": self.save_sign,
            "QuerySmsSign": self.query_sign,
            "QuerySmsSignList": lambda given: {"TotalCount": 0, "SmsSignList": []},
            "QueryTokenForMnsQueue": self.lend,
            "SingleSendMail": self.send_mail,
            "QueryMailAddressByParam": self.query_senders,
        }

    def answer(self, request: Request) -> Response:
        if request.path.startswith(QUEUES):
            return self._queue(request)
        head = {"RequestId": str(uuid.uuid4()).upper()}
        try:
            found = self._carry_out(request)
        except Refusal as refusal:
            status = refusal.status if refusal.status != 404 or refusal.code in _WRONG else 200
            return as_json({**head, "Code": refusal.code, "Message": str(refusal)}, status)
        return as_json({**head, "Code": "OK", "Message": "OK", **found})

    def _carry_out(self, request: Request) -> dict[str, Any]:
        given = dict(parse_qsl(request.body.decode(), keep_blank_values=True)) | request.query
        self._check(request.method, given)
        call = self._calls.get(given.get("Action", ""))
        if call is None:
            raise Refusal("InvalidAction.NotFound", "There is no such action.", status=404)
        return call(given)

    def _check(self, method: str, given: Given) -> None:
        if given.get("AccessKeyId") != self.options.access_key_id:
            raise Refusal("InvalidAccessKeyId.NotFound", "Specified access key is not found.", status=404)
        signed = {name: value for name, value in given.items() if name != "Signature"}
        query = "&".join(f"{_encoded(name)}={_encoded(signed[name])}" for name in sorted(signed))
        text = f"{method}&%2F&{_encoded(query)}"
        if not hmac.compare_digest(
            given.get("Signature", "").encode(), _digest(f"{self.options.access_key_secret}&", text)
        ):
            raise Refusal("SignatureDoesNotMatch", "Specified signature is not matched.", status=400)
        try:
            at = datetime.strptime(given.get("Timestamp", ""), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        except ValueError:
            at = datetime.fromtimestamp(0, UTC)
        if abs(time.time() - at.timestamp()) > _CLOCK_SECONDS:
            raise Refusal("InvalidTimeStamp.Expired", "Specified time stamp is expired.", status=400)

    # SMS

    def send_sms(self, given: Given) -> dict[str, Any]:
        numbers = [number for number in given.get("PhoneNumbers", "").split(",") if number]
        values = given.get("TemplateParam") or "{}"
        return self._send(
            given, given.get("SignName", ""), [(number, values) for number in numbers], MOST_NUMBERS
        )

    def send_batch_sms(self, given: Given) -> dict[str, Any]:
        numbers, signs = _list(given, "PhoneNumberJson"), _list(given, "SignNameJson")
        values = _list(given, "TemplateParamJson")
        if not len(numbers) == len(signs) == len(values) or len(set(signs)) != 1:
            raise Refusal("isv.INVALID_PARAMETERS", "The lists must be of one length, with one signature.")
        people = [(str(number), json.dumps(own)) for number, own in zip(numbers, values, strict=True)]
        return self._send(given, str(signs[0]), people, MOST_OWN)

    def _send(self, given: Given, sign: str, people: list[tuple[str, str]], most: int) -> dict[str, Any]:
        if not people or len(people) > most:
            raise Refusal("isv.MOBILE_COUNT_OVER_LIMIT", f"A call goes to 1-{most} numbers.")
        if self.query_sign({"SignName": sign})["SignStatus"] != APPROVED:
            raise Refusal("isv.SMS_SIGNATURE_ILLEGAL", "The signature is not approved.")
        code = given.get("TemplateCode", "")
        template = self.store.template("sms", code)
        if template is None or self.query_template({"TemplateCode": code})["TemplateStatus"] != APPROVED:
            raise Refusal("isv.SMS_TEMPLATE_ILLEGAL", "The template is not approved.")
        text = f"【{sign}】{template['fields']['templateContent']}"
        for _number, values in people:
            if "${" in fill(text, json.loads(values)):
                raise Refusal("isv.TEMPLATE_MISSING_PARAMETERS", "A variable of the template has no value.")
        # The service does not recognise a repeated OutId: what comes twice goes out twice.
        biz_id, _new = self.store.open_batch(
            Batch("sms", given.get("OutId"), sign, text=text, template_code=code, inbound_url=QUEUED)
        )
        self.store.send_batch(
            biz_id,
            "sms",
            ((number, values, outcomes.of_number(number)) for number, values in people),
            receipt_seconds=self.options.receipt_seconds,
            late_seconds=self.options.late_seconds,
            push=True,
        )
        return {"BizId": biz_id}

    def query_details(self, given: Given) -> dict[str, Any]:
        from marketing.sandbox.store import Wanted

        rows = self.store.messages(Wanted(to=given.get("PhoneNumber", ""), channel="sms"))
        found = [
            {
                "PhoneNum": row["recipient"],
                "SendStatus": 1 if row["due_at"] is None or row["due_at"] > time.time() else _status(row),
                "ErrCode": row["code"],
                "TemplateCode": row["template_code"],
                "Content": fill(row["text"], json.loads(row["params"] or "{}")),
                "SendDate": _time(row["at"]),
                "OutId": row["out_id"],
            }
            for row in rows
            if _time(row["at"])[:10].replace("-", "") == given.get("SendDate")
        ]
        return {"TotalCount": len(found), "SmsSendDetailDTOs": {"SmsSendDetailDTO": found}}

    # Templates and signatures, which are those of the contract

    def save_template(self, given: Given) -> dict[str, Any]:
        body = {
            "templateName": given.get("TemplateName"),
            "templateContent": given.get("TemplateContent"),
            "remark": given.get("Remark"),
            "templateType": int(given.get("TemplateType") or 0),
        }
        request = _as_contract(body)
        if code := given.get("TemplateCode"):
            found = self.contract.change_template(request, "sms", code)[1]
        else:
            found = self.contract.add_template(request, "sms")[1]
        return {"TemplateCode": found["templateCode"]}

    def query_template(self, given: Given) -> dict[str, Any]:
        found = self.contract.template_review(_as_contract({}), "sms", given.get("TemplateCode", ""))[1]
        return {
            "TemplateCode": found["templateCode"],
            "TemplateStatus": found["templateStatus"],
            "Reason": found["reason"],
            "TemplateContent": found["templateContent"],
        }

    def save_sign(self, given: Given) -> dict[str, Any]:
        files = []
        while suffix := given.get(f"SignFileList.{len(files) + 1}.FileSuffix"):
            content = given.get(f"SignFileList.{len(files) + 1}.FileContents", "")
            files.append({"fileSuffix": suffix, "fileContents": content})
        name = given.get("SignName", "")
        body = {
            "signName": name,
            "signSource": int(given.get("SignSource") or 0),
            "remark": given.get("Remark"),
        }
        request = _as_contract({**body, "signFileList": files})
        if given["Action"] == "ModifySmsSign":
            self.contract.signs.change(request, name)
        else:
            self.contract.signs.add(request)
        return {"SignName": name}

    def query_sign(self, given: Given) -> dict[str, Any]:
        found = self.contract.sign_review(_as_contract({}), given.get("SignName", ""))[1]
        return {"SignName": found["signName"], "SignStatus": found["signStatus"], "Reason": found["reason"]}

    # DirectMail

    def send_mail(self, given: Given) -> dict[str, Any]:
        sender = given.get("AccountName", "")
        if sender.lower().startswith("unknown"):
            raise Refusal(
                "InvalidMailAddress.NotFound", "The specified mail address is not found.", status=404
            )
        to, subject = given.get("ToAddress", ""), given.get("Subject", "")
        if outcomes.smtp_refusal(to):
            raise Refusal("InvalidToAddress", "The specified to address is not valid.", status=400)
        if not subject or not (given.get("HtmlBody") or given.get("TextBody")):
            raise Refusal("InvalidBody", "A mail has a subject and a body.", status=400)
        batch = Batch(
            "email",
            None,
            f'"{given.get("FromAlias", "")}" <{sender}>',
            subject=subject,
            text=given.get("TextBody", ""),
            html=given.get("HtmlBody", ""),
        )
        biz_id, _new = self.store.open_batch(batch)
        self.store.send_batch(
            biz_id,
            "email",
            [(to, given.get("Headers") or None, outcomes.DELIVERED)],
            receipt_seconds=0,
            late_seconds=0,
            push=False,
        )
        return {"EnvId": biz_id}

    def query_senders(self, given: Given) -> dict[str, Any]:
        known = [item.strip() for item in self.options.senders.split(",") if item.strip()]
        sought = given.get("KeyWord", "")
        if sought and not known and not sought.lower().startswith("unknown"):
            known = [sought]
        rows = [
            {"AccountName": item, "AccountStatus": "1" if item.lower().startswith("frozen") else "0"}
            for item in known
            if sought.lower() in item.lower()
        ]
        size, page = int(given.get("PageSize") or 10), int(given.get("PageNo") or 1)
        shown = rows[(page - 1) * size : page * size]
        return {"TotalCount": len(rows), "PageNumber": page, "data": {"mailAddress": shown}}

    # Queues

    def lend(self, given: Given) -> dict[str, Any]:
        if given.get("MessageType") not in ("SmsReport", "SmsUp") or not given.get("QueueName"):
            raise Refusal("isv.INVALID_PARAMETERS", "There is no such queue.")
        token = uuid.uuid5(uuid.NAMESPACE_OID, given["QueueName"] + self.options.access_key_secret).hex
        lent = {"AccessKeyId": "lent", "AccessKeySecret": self._lent(token), "SecurityToken": token}
        return {"MessageTokenDTO": {**lent, "ExpireTime": _time(time.time() + 3600)}}

    def _lent(self, token: str) -> str:
        return hmac.new(self.options.access_key_secret.encode(), token.encode(), "sha256").hexdigest()

    def _queue(self, request: Request) -> Response:
        name = request.path.removeprefix(QUEUES).removesuffix("/messages")
        if not self._may_read(request):
            return _xml(403, "<Error><Code>SignatureDoesNotMatch</Code></Error>")
        table = "replies" if name.endswith("SmsUp") else "messages"
        if request.method == "DELETE":
            handles = [item.text or "" for item in ElementTree.fromstring(request.body)]
            self.store.pushed(table, [int(handle.rpartition("-")[2]) for handle in handles])
            return Response(204, b"")
        wanted = int(request.query.get("numOfMessages", 1))
        found = self._waiting(table, wanted)
        if not found:
            return _xml(404, "<Error><Code>MessageNotExist</Code></Error>")
        return _xml(200, f'<Messages xmlns="{_SPACE}">{"".join(found)}</Messages>')

    def _may_read(self, request: Request) -> bool:
        token = request.headers.get("security-token", "")
        resource = request.path.removeprefix(PREFIX)
        if request.query:
            resource += "?" + "&".join(f"{name}={value}" for name, value in request.query.items())
        text = "\n".join(
            (
                request.method,
                "",
                request.headers.get("content-type", ""),
                request.headers.get("date", ""),
                f"x-mns-version:{request.headers.get('x-mns-version', '')}",
                resource,
            )
        )
        right = b"MNS lent:" + _digest(self._lent(token), text)
        return hmac.compare_digest(request.headers.get("authorization", "").encode(), right)

    def _waiting(self, table: str, wanted: int) -> list[str]:
        """Messages that nobody reads now; they are hidden from others until they are removed or time is up."""
        now, found, offset = time.time(), [], 0
        read = self.store.queued_reports if table == "messages" else self.store.queued_replies
        while len(found) < wanted and (rows := read(100, offset)):
            offset += len(rows)
            for row in rows:
                handle = f"{table}-{row['id']}"
                if len(found) < wanted and self._hidden.get(handle, 0) < now:
                    self._hidden[handle] = now + HIDDEN_SECONDS
                    found.append(_message(handle, _report(row) if table == "messages" else _uplink(row)))
        return found


def _report(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "phone_number": row["recipient"],
        "success": row["state"] == "delivered",
        "err_code": row["code"],
        "err_msg": row["detail"],
        "biz_id": row["biz_id"],
        "out_id": row["out_id"],
        "send_time": _time(row["at"]),
        "report_time": _time(row["due_at"]),
        "sms_size": "1",
    }


def _uplink(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "phone_number": row["recipient"],
        "content": row["text"],
        "sign_name": row["sender"],
        "dest_code": str(row["id"]),
        "send_time": _time(row["at"]),
        "sequence_id": row["id"],
    }


def _message(handle: str, body: dict[str, Any]) -> str:
    packed = base64.b64encode(json.dumps(body, ensure_ascii=False).encode()).decode()
    return (
        f"<Message><MessageId>{uuid.uuid4().hex}</MessageId><ReceiptHandle>{escape(handle)}</ReceiptHandle>"
        f"<MessageBody>{packed}</MessageBody></Message>"
    )


def _status(row: dict[str, Any]) -> int:
    return 3 if row["state"] == "delivered" else 2


def _list(given: Given, name: str) -> list[Any]:
    try:
        found = json.loads(given.get(name, ""))
    except ValueError:
        found = None
    if not isinstance(found, list):
        raise Refusal("isv.INVALID_JSON_PARAM", f"{name} is no JSON list.")
    return found


def _as_contract(body: dict[str, Any]) -> Request:
    return Request("POST", "", {}, {}, json.dumps(body).encode())


def _digest(key: str, text: str) -> bytes:
    return base64.b64encode(hmac.digest(key.encode(), text.encode(), "sha1"))


def _encoded(text: str) -> str:
    return quote(text, safe="-_.~")


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, _CHINA).strftime("%Y-%m-%d %H:%M:%S")


def _xml(status: int, content: str) -> Response:
    return Response(status, f'<?xml version="1.0"?>{content}'.encode(), "text/xml;charset=utf-8")
