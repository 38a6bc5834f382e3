"""The twelve calls of the SMS and e-mail contract (docs/integrator-guide/sms-email-provider-contract.md)."""

from __future__ import annotations

import hmac
import json
import re
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from marketing.sandbox import fields, outcomes, recipients
from marketing.sandbox.answers import Refusal, Request, Response, as_json, body
from marketing.sandbox.digital import Digital
from marketing.sandbox.fields import APPROVED, NO_REMARK, REJECTED, REVIEWING
from marketing.sandbox.options import Options
from marketing.sandbox.own_system import is_signed
from marketing.sandbox.signs import Signs
from marketing.sandbox.store import Batch, Store

PREFIX = "/contract"
MOST_DAYS = 30
_STEP_SECONDS = 0.05
VARIABLE = re.compile(r"\$\{([A-Za-z][A-Za-z0-9_]*)\}")
_REJECTED = "The name says “reject”, so the sandbox rejects it."
_SMS_STATUS = {"delivered": 2}
_SMS_FAILED = 1
_EMAIL_STATUS = {"delivered": 0, "invalid": 2, "spam": 3, "failed": 4}


class Contract:
    """Carries out calls; every answer names the platform and the request."""

    def __init__(self, store: Store, options: Options) -> None:
        self.store = store
        self.options = options
        self.signs = Signs(store)
        self.digital = Digital(store, options)
        self._routes: list[tuple[str, re.Pattern[str], Callable[..., tuple[int, dict[str, Any]]]]] = [
            (method, re.compile(PREFIX + path), call)
            for method, path, call in (
                ("POST", r"/(email)/emailTemplate", self.add_template),
                ("PUT", r"/(email)/emailTemplate/([^/]+)", self.change_template),
                ("GET", r"/(email)/emailTemplate/([^/]+)", self.template_review),
                ("POST", r"/email/sendBatch", self.send_emails),
                ("POST", r"/(email)/sendDetails", self.details),
                ("GET", r"/email/thirdSender", self.sender),
                ("POST", r"/(sms)/smsTemplate", self.add_template),
                ("PUT", r"/(sms)/smsTemplate/([^/]+)", self.change_template),
                ("POST", r"/sms/smsSign", self.signs.add),
                ("PUT", r"/sms/smsSign/([^/]+)", self.signs.change),
                ("GET", r"/sms/smsSign/([^/]+)", self.sign_review),
                ("POST", r"/sms/digitalTemplate", self.digital.add),
                ("PUT", r"/sms/digitalTemplate/([^/]+)", self.digital.change),
                ("GET", r"/sms/digitalTemplate/([^/]+)", self.digital.review),
                ("GET", r"/(sms)/smsTemplate/([^/]+)", self.template_review),
                ("POST", r"/sms/sendBatch", self.send_sms),
                ("POST", r"/(sms)/sendDetails", self.details),
            )
        ]

    def answer(self, request: Request) -> Response:
        head = {"platformName": self.options.platform_name, "requestId": uuid.uuid4().hex.upper()}
        try:
            status, content = self._carry_out(request)
        except Refusal as refusal:
            return as_json({**head, "code": refusal.code, "message": str(refusal)}, refusal.status)
        return as_json({**head, "code": "OK", "message": "OK", **content}, status)

    def _carry_out(self, request: Request) -> tuple[int, dict[str, Any]]:
        self._check_caller(request)
        for method, path, call in self._routes:
            found = path.fullmatch(request.path)
            if found and method == request.method:
                return call(request, *map(unquote, found.groups()))
        raise Refusal("NotFound", f"There is no call {request.method} {request.path}.", status=404)

    def _check_caller(self, request: Request) -> None:
        wanted, header = self.options.token, self.options.auth_header
        given = request.headers.get(header.lower() or "authorization", "")
        expected = wanted if header else f"Bearer {wanted}"
        if wanted and not hmac.compare_digest(given.encode(), expected.encode()):
            raise Refusal("Unauthorized", "The token is missing or wrong.", status=401)
        if not is_signed(request, self.options.signing_key):
            raise Refusal("Unauthorized", "The signature or the timestamp is wrong.", status=401)

    # Templates and signatures

    def add_template(self, request: Request, channel: str) -> tuple[int, dict[str, Any]]:
        values = fields.read(body(request), _template_fields(channel))
        return 201, {"templateCode": self.store.save_template(channel, values)}

    def change_template(self, request: Request, channel: str, code: str) -> tuple[int, dict[str, Any]]:
        known = self._template(channel, code)
        values = fields.read(body(request), _template_fields(channel), partial=True)
        self.store.save_template(channel, {**known["fields"], **values}, code)
        return 201, {"templateCode": code}

    def template_review(self, request: Request, channel: str, code: str) -> tuple[int, dict[str, Any]]:
        template = self._template(channel, code)
        given = template["fields"]
        state, reason = self._review(given["templateName"], template["submitted_at"])
        answer = {
            "createDate": _time(template["created_at"]),
            "reason": reason,
            "templateCode": code,
            "templateContent": given["templateContent"],
            "templateName": given["templateName"],
            "templateStatus": state,
        }
        if channel == "sms":
            answer["templateType"] = given["templateType"]
        return 200, answer

    def sign_review(self, request: Request, name: str) -> tuple[int, dict[str, Any]]:
        """Every signature is known here; "review" and "reject" in its name decide on its state.

        Of those sent in here "reject" in the remark does so as well, once the review is over.
        """
        sent_in = self.store.template("sign", name)
        said = f"{name} {sent_in['fields']['remark']}" if sent_in else name
        state, reason = self._review(said, sent_in["submitted_at"] if sent_in else None)
        created = sent_in["created_at"] if sent_in else 0
        return 200, {"signName": name, "signStatus": state, "createDate": _time(created), "reason": reason}

    def _template(self, channel: str, code: str) -> dict[str, Any]:
        template = self.store.template(channel, code)
        if template is None:
            raise Refusal("TemplateNotFound", f"There is no template {code}.", status=404)
        return template

    def _review(self, name: str, submitted_at: float | None) -> tuple[int, str]:
        """State and reason of a review that takes a while, and is over for signatures that were never sent in."""
        if submitted_at is None:
            waiting = "review" in name.lower()
        else:
            waiting = time.time() < submitted_at + self.options.review_seconds
        if waiting:
            return REVIEWING, NO_REMARK
        return (REJECTED, _REJECTED) if "reject" in name.lower() else (APPROVED, NO_REMARK)

    def _approved_template(self, channel: str, code: str) -> dict[str, Any]:
        template = self._template(channel, code)
        if self._review(template["fields"]["templateName"], template["submitted_at"])[0] != APPROVED:
            raise Refusal("TemplateNotApproved", f"The template {code} is not approved.")
        return dict(template["fields"])

    # Sending

    def send_sms(self, request: Request) -> tuple[int, dict[str, Any]]:
        given = fields.read(body(request), fields.SMS_BATCH)
        if self.sign_review(request, given["signName"])[1]["signStatus"] != APPROVED:
            raise Refusal("SignatureNotApproved", f"The signature {given['signName']} is not approved.")
        if self.store.template("digital", given["templateCode"]):
            subject, text, html = self.digital.message(given["templateCode"], given["signName"])
        else:
            template = self._approved_template("sms", given["templateCode"])
            values = _values(given.get("templateParam"))
            subject, html = "", ""
            text = f"【{given['signName']}】{fill(template['templateContent'], values)}"
        batch = Batch(
            "sms",
            given["outId"],
            given["signName"],
            subject=subject,
            text=text,
            html=html,
            template_code=given["templateCode"],
            inbound_url=given.get("inboundUrl") or "",
        )
        return self._send(batch, given["phoneOssUrl"], given.get("limit"), outcomes.of_number)

    def send_emails(self, request: Request) -> tuple[int, dict[str, Any]]:
        given = fields.read(body(request), fields.EMAIL_BATCH)
        self._usable_sender(given["accountName"])
        own = [given.get(name) for name in ("fromAlias", "subject", "htmlBody")]
        if all(own):
            alias, subject, html = own
        elif given.get("templateCode"):
            template = self._approved_template("email", given["templateCode"])
            alias, subject, html = (
                template[name] for name in ("senderName", "templateSubject", "templateContent")
            )
        else:
            raise Refusal("InvalidParameter", "Give fromAlias, subject and htmlBody, or templateCode.")
        address = given["accountName"]
        if given["addressType"] == "0":
            address = f"{uuid.uuid4().hex[:8]}-{address}"
        batch = Batch(
            "email",
            given.get("outId"),
            f'"{alias}" <{address}>',
            subject=str(subject),
            html=str(html),
            template_code=given.get("templateCode") or "",
        )
        return self._send(batch, given["receiversUrl"], given.get("limit"), outcomes.of_address)

    def _send(
        self, batch: Batch, url: str, limit: int | None, outcome: Callable[[str], outcomes.Outcome]
    ) -> tuple[int, dict[str, Any]]:
        while True:
            biz_id, new = self.store.open_batch(batch)
            if new:
                break
            if self.store.is_sent(biz_id):
                return 200, {"bizId": biz_id}
            # The first call with this outId is still reading its file, and may yet fail.
            time.sleep(_STEP_SECONDS)
        try:
            found = recipients.fetch(url, limit=limit)
            self._check_variables(batch, found)
            self.store.send_batch(
                biz_id,
                batch.channel,
                ((recipient, params, outcome(recipient)) for recipient, params in found),
                receipt_seconds=self.options.receipt_seconds,
                late_seconds=self.options.late_seconds,
                push=bool(self.options.callback_url),
            )
        except BaseException:
            self.store.drop_batch(biz_id)
            raise
        return 201, {"bizId": biz_id}

    def _check_variables(self, batch: Batch, found: list[tuple[str, str | None]]) -> None:
        """An SMS with an empty place is refused as a whole, before anybody gets one."""
        needed = set(VARIABLE.findall(batch.text))
        for recipient, params in found if needed else ():
            missing = needed - set(json.loads(params) if params else ())
            if missing:
                raise Refusal(
                    "MissingTemplateParam", f"{recipient} has no value for {', '.join(sorted(missing))}."
                )

    def sender(self, request: Request) -> tuple[int, dict[str, Any]]:
        address = request.query.get("address", "")
        if not address:
            listed = [item.strip() for item in self.options.senders.split(",") if item.strip()]
            if not listed:
                raise fields.invalid("address", "is required")
            return 200, {"senders": [self._sender(item) for item in listed]}
        return 200, self._sender(address)

    def _sender(self, address: str) -> dict[str, Any]:
        frozen = self._known_sender(address)
        return {
            "accountName": address,
            "accountStatus": int(frozen),
            "createDate": _time(0),
            "mailAddressId": uuid.uuid5(uuid.NAMESPACE_URL, f"mailto:{address.lower()}").hex,
        }

    def _known_sender(self, address: str) -> bool:
        """Whether the sender is frozen. Every address is known here but those that begin with "unknown"."""
        name, _, domain = address.rpartition("@")
        if not name or not domain or name.lower().startswith("unknown"):
            raise Refusal("SenderNotFound", f"There is no sender {address}.", status=404)
        return name.lower().startswith("frozen")

    def _usable_sender(self, address: str) -> None:
        if self._known_sender(address):
            raise Refusal("SenderFrozen", f"The sender {address} is frozen.", status=403)

    # Reports

    def details(self, request: Request, channel: str) -> tuple[int, dict[str, Any]]:
        given = fields.read(body(request), fields.DETAILS)
        since = fields.minute("startDate", given["startDate"])
        until = fields.minute("endDate", given["endDate"])
        if not 0 <= until - since <= MOST_DAYS * 86_400:
            raise Refusal("InvalidParameter", f"endDate must lie 0-{MOST_DAYS} days after startDate.")
        size = given["pageSize"]
        total, rows = self.store.reports(
            channel,
            given["outId"],
            since=since,
            until=until + 60,
            limit=size,
            offset=(given["currentPage"] - 1) * size,
        )
        return 200, {"totalCount": total, "sendDetailDTOs": [report(row) for row in rows]}


def report(row: dict[str, Any]) -> dict[str, Any]:
    """A recipient's report as the contract words it."""
    if row["channel"] == "email":
        received = str(int(row["due_at"]))
        return {
            "accountName": row["sender"],
            "code": row["code"],
            "message": row["detail"],
            "outId": row["out_id"],
            "receiveTime": received,
            "receiveDate": received,
            "status": _EMAIL_STATUS[row["state"]],
            "toAddress": row["recipient"],
        }
    return {
        "content": shown_text(row),
        "errCode": row["code"],
        "outId": row["out_id"],
        "phoneNum": row["recipient"],
        "receiveDate": _time(row["due_at"]),
        "sendDate": _time(row["at"]),
        "sendStatus": _SMS_STATUS.get(row["state"], _SMS_FAILED),
        "templateCode": row["template_code"],
    }


def shown_text(row: dict[str, Any]) -> str:
    """The text that one recipient of a batch got."""
    return fill(row["text"], json.loads(row["params"] or "{}"))


def fill(text: str, values: dict[str, Any]) -> str:
    """`text` with the variables that have a value replaced."""
    return VARIABLE.sub(lambda match: str(values.get(match[1], match[0])), text)


def _template_fields(channel: str) -> tuple[fields.Field, ...]:
    return fields.SMS_TEMPLATE if channel == "sms" else fields.EMAIL_TEMPLATE


def _values(text: str | None) -> dict[str, Any]:
    try:
        values = json.loads(text or "{}")
    except ValueError:
        values = None
    if not isinstance(values, dict):
        raise fields.invalid("templateParam", "must be a JSON object as text")
    return values


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")
