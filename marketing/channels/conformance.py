"""Does a platform keep the contract? The calls that Tideline makes, and what each answer must hold."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import requests

from marketing.channels import contract_auth

TIMEOUT_SECONDS = 15
ENVELOPE = ("platformName", "code", "message", "requestId")
_TEMPLATES: dict[str, tuple[str, dict[str, Any]]] = {
    "email": (
        "/email/emailTemplate",
        {
            "templateName": "Tideline check",
            "templateSubject": "Check",
            "templateContent": "<p>Check</p>",
            "senderName": "Tideline",
            "remark": "Checks whether the contract is kept",
        },
    ),
    "sms": (
        "/sms/smsTemplate",
        {
            "templateName": "Tideline check",
            "templateContent": "Check",
            "templateType": 1,
            "remark": "Checks whether the contract is kept",
        },
    ),
}


@dataclass(frozen=True)
class Finding:
    """One rule of the contract; `problem` is empty where it is kept."""

    rule: str
    problem: str = ""


class Broken(Exception):
    """An answer that is not what the contract says."""


@dataclass(frozen=True)
class Batch:
    """What may really be sent: a file of recipients that the platform can fetch, and from whom. It is sent once."""

    recipients_url: str
    sender: str


class Suite:
    """The checks of one platform and channel. Without a batch nothing is sent."""

    def __init__(
        self,
        base: str,
        channel: str,
        *,
        token: str = "",
        auth: str = "bearer",
        auth_header: str = "X-Api-Key",
        success: str = "OK",
        batch: Batch | None = None,
    ) -> None:
        self.base = base.rstrip("/")
        self.channel = channel
        self.token = token
        self.auth = {"auth": auth, "auth_header": auth_header}
        self.success = success
        self.batch = batch
        self._code = ""

    def run(self) -> Iterator[Finding]:
        """Each rule as it is checked."""
        path, _fields = _TEMPLATES[self.channel]
        look_up = "/email/thirdSender" if self.channel == "email" else "/sms/smsSign/{name}"
        checks: list[tuple[str, Callable[[], None]]] = [
            (f"POST {path} answers templateCode", self._submit),
            (f"GET {path}/{{templateCode}} tells the state of the review", self._review),
            (f"PUT {path}/{{templateCode}} changes it under its code", self._change),
            (f"POST {path} refuses a name of more than 30 characters", self._refuse),
            (f"GET {path}/{{templateCode}} does not know a code that it never gave", self._unknown),
            (f"GET {look_up} is answered", self._look_up),
            ("sendDetails counts nothing for an outId that it does not know", self._no_details),
            ("sendDetails refuses pages of more than 1000", self._large_page),
        ]
        if self.token:
            checks.append(("calls with a wrong token are answered with 401", self._wrong_token))
        if self.batch is not None:
            checks.append(("sendBatch takes a repeated outId for what it is", self._send_twice))
        for rule, check in checks:
            try:
                check()
            except (Broken, requests.RequestException) as error:
                yield Finding(rule, str(error))
            else:
                yield Finding(rule)

    def _call(self, method: str, path: str, body: Any = None, *, token: str | None = None) -> tuple[int, Any]:
        given = self.token if token is None else token
        data = b"" if body is None else json.dumps(body).encode()
        headers, query = contract_auth.signed({**self.auth, "token": given}, data)
        answer = requests.request(
            method,
            self.base + path,
            params=query,
            data=data,
            headers={**headers, "Content-Type": "application/json"},
            timeout=TIMEOUT_SECONDS,
            allow_redirects=False,
        )
        try:
            found = answer.json()
        except ValueError:
            raise Broken(f"The answer is not JSON (HTTP {answer.status_code}).") from None
        if not isinstance(found, dict):
            raise Broken("The answer is not a JSON object.")
        missing = [name for name in ENVELOPE if not isinstance(found.get(name), str)]
        if missing:
            raise Broken(f"The answer has no text {', '.join(missing)}.")
        return answer.status_code, found

    def _done(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        status, found = self._call(method, path, body)
        if status not in (200, 201) or found["code"] != self.success:
            raise Broken(f"HTTP {status}, code {found['code']}: {found['message']}")
        return dict(found)

    def _refused(self, method: str, path: str, body: Any = None) -> None:
        status, found = self._call(method, path, body)
        if status in (200, 201) and found["code"] == self.success:
            raise Broken("It was taken.")

    def _submit(self) -> None:
        path, values = _TEMPLATES[self.channel]
        code = self._done("POST", path, values).get("templateCode")
        if not isinstance(code, str) or not code:
            raise Broken("There is no templateCode.")
        self._code = code

    def _review(self) -> None:
        found = self._done("GET", self._template())
        if found.get("templateStatus") not in (0, 1, 2) or not isinstance(found.get("reason"), str):
            raise Broken("templateStatus is 0, 1 or 2, and reason is a text.")

    def _change(self) -> None:
        self._done("PUT", self._template(), {"remark": "Changed"})

    def _refuse(self) -> None:
        path, values = _TEMPLATES[self.channel]
        self._refused("POST", path, {**values, "templateName": "x" * 31})

    def _unknown(self) -> None:
        self._refused("GET", f"{_TEMPLATES[self.channel][0]}/{uuid.uuid4().hex}")

    def _template(self) -> str:
        if not self._code:
            raise Broken("There is no template to ask for.")
        return f"{_TEMPLATES[self.channel][0]}/{quote(self._code, safe='')}"

    def _look_up(self) -> None:
        asked = "/email/thirdSender?address=" if self.channel == "email" else "/sms/smsSign/"
        self._call("GET", asked + quote(self.batch.sender if self.batch else "tideline-check", safe=""))

    def _details(self, out_id: str, size: int = 1000) -> dict[str, Any]:
        now = datetime.now(UTC)
        return {
            "outId": out_id,
            "currentPage": 1,
            "pageSize": size,
            "startDate": (now - timedelta(minutes=5)).strftime("%Y-%m-%d %H:%M"),
            "endDate": (now + timedelta(minutes=1)).strftime("%Y-%m-%d %H:%M"),
        }

    def _no_details(self) -> None:
        found = self._done("POST", f"/{self.channel}/sendDetails", self._details(uuid.uuid4().hex))
        if found.get("totalCount") != 0 or found.get("sendDetailDTOs") not in ([], None):
            raise Broken("totalCount is 0 and sendDetailDTOs is empty.")

    def _large_page(self) -> None:
        self._refused("POST", f"/{self.channel}/sendDetails", self._details(uuid.uuid4().hex, 1001))

    def _wrong_token(self) -> None:
        status, _found = self._call("GET", self._template(), token=f"{self.token}-wrong")
        if status != 401:
            raise Broken(f"HTTP {status}")

    def _send_twice(self) -> None:
        assert self.batch is not None
        body: dict[str, Any] = {"outId": uuid.uuid4().hex, "limit": 1}
        if self.channel == "email":
            body |= {
                "accountName": self.batch.sender,
                "addressType": "1",
                "fromAlias": "Tideline",
                "subject": "Check",
                "htmlBody": "<p>Check</p>",
                "receiversUrl": self.batch.recipients_url,
            }
        else:
            body |= {
                "phoneOssUrl": self.batch.recipients_url,
                "signName": self.batch.sender,
                "templateCode": self._code,
            }
        numbers = [self._done("POST", f"/{self.channel}/sendBatch", body).get("bizId") for _turn in range(2)]
        if not numbers[0] or numbers[0] != numbers[1]:
            raise Broken(f"The receipt numbers are {numbers[0]} and {numbers[1]}.")
