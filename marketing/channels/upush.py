"""U-Push: notifications to the phones that have one app, Android or iOS.

Devices are named by the aliases that the app registers for them: `imei` on Android, `idfa` on iOS. A batch takes two
calls: its devices go up as a file (`/upload`), then `/api/send` sends to that file. Every call is signed with
MD5(method + address + body + master secret). `out_biz_no` makes the platform send a message once only.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from abc import abstractmethod
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from marketing.channels.base import (
    BatchReceipt,
    BulkProviderType,
    BulkRequest,
    ConfigField,
    Figures,
    ProviderError,
    register_type,
)
from marketing.channels.exchange import exchange, read_json, unreadable
from marketing.channels.models import Provider

BASE_URL = "https://msgapi.umeng.com"
FAILED = 3
"""The state of a task that the platform could not carry out."""
ALL_RECEIPTS = 7
"""`receipt_type`: received (1), opened (2) and dismissed (4)."""
_ZONE = ZoneInfo("Asia/Shanghai")
# The platform's codes are not all public; its message names the field.
_REPEATED = re.compile(r"out_biz_no.*(repeat|duplicat|already|used|重复|已)", re.IGNORECASE | re.DOTALL)


class UPushClient:
    """Signed calls for one app."""

    def __init__(self, provider: Provider) -> None:
        self.config = provider.config
        self.base = str(self.config["base_url"]).rstrip("/")

    def call(self, path: str, content: dict[str, Any]) -> dict[str, Any]:
        """The answer's `data`. Raises ProviderError, whose `provider_code` is the platform's `error_code`."""
        stamp = str(int(time.time()))
        body = json.dumps(
            {"appkey": self.config["app_key"], "timestamp": stamp, **content}, ensure_ascii=False
        )
        url = self.base + path
        sign = hashlib.md5(
            f"POST{url}{body}{self.config['master_secret']}".encode(), usedforsecurity=False
        ).hexdigest()
        headers = {"Content-Type": "application/json; charset=utf-8"}
        response = exchange("POST", url, params={"sign": sign}, data=body.encode(), headers=headers)
        maybe_taken = response.status_code == 200
        answer = read_json(response, uncertain=maybe_taken)
        data = answer.get("data")
        if not isinstance(data, dict):
            raise unreadable(response, uncertain=maybe_taken)
        if response.status_code != 200 or answer.get("ret") != "SUCCESS":
            raise ProviderError(
                _("The platform refused: %(message)s (code %(code)s)")
                % {"message": data.get("error_msg") or response.reason, "code": data.get("error_code")},
                code="provider_refused",
                provider_code=str(data.get("error_code") or ""),
                provider_message=str(data.get("error_msg") or ""),
            )
        return data

    def upload(self, lines: list[str]) -> str:
        """The file's number. Nothing is sent by this, so a failure is never uncertain."""
        try:
            return str(self.call("/upload", {"content": "\n".join(lines)})["file_id"])
        except ProviderError as error:
            error.uncertain = False
            raise


class UPushType(BulkProviderType):
    """One app of U-Push."""

    channel = "push"
    counts = True
    fields = (
        ConfigField("app_key", gettext_lazy("App key"), required=True),
        ConfigField("master_secret", gettext_lazy("App master secret"), kind="secret", required=True),
        ConfigField(
            "base_url",
            gettext_lazy("Address of the interface"),
            kind="url",
            required=True,
            default=BASE_URL,
            help_text=gettext_lazy("Leave it as it is, unless the app uses another address of U-Push."),
        ),
        ConfigField(
            "production",
            gettext_lazy("Send to all devices"),
            kind="flag",
            default=True,
            help_text=gettext_lazy(
                "Without it, only test devices that are registered at U-Push get messages."
            ),
        ),
        ConfigField(
            "receipts",
            gettext_lazy("The platform reports for each device"),
            kind="flag",
            default=True,
            help_text=gettext_lazy(
                "U-Push Pro. Without it, there are only totals, and no audiences of them."
            ),
        ),
        ConfigField(
            "idempotent",
            gettext_lazy("The platform recognises a repeated out_biz_no"),
            kind="flag",
            default=True,
            help_text=gettext_lazy(
                "Then a call without an answer is repeated safely; otherwise it waits for a report."
            ),
        ),
    )
    alias_type: ClassVar[str]

    def test(self, provider: Provider) -> list[str]:
        try:
            UPushClient(provider).upload(["tideline-connection-test"])
        except ProviderError as error:
            # There is nothing else in the call that it could refuse.
            error.denied = error.code == "provider_refused"
            raise
        return [_("U-Push has accepted the app key and the secret.")]

    def send_bulk(self, provider: Provider, request: BulkRequest) -> str:
        client = UPushClient(provider)
        file_id = client.upload(list(request.targets()))
        content, push = request.content, request.content["push"]
        expires = datetime.now(_ZONE) + timedelta(hours=push["ttl_hours"])
        body: dict[str, Any] = {
            "type": "customizedcast",
            "alias_type": self.alias_type,
            "file_id": file_id,
            "payload": self.payload(content),
            "policy": {
                "expire_time": expires.strftime("%Y-%m-%d %H:%M:%S"),
                "out_biz_no": request.out_id,
            },
            "production_mode": "true" if provider.config.get("production") else "false",
            "description": str(content.get("name", "")),
            **self.more(push),
        }
        if provider.config.get("receipts") and request.reports_url:
            body |= {"receipt_url": request.reports_url, "receipt_type": ALL_RECEIPTS}
        try:
            return str(client.call("/api/send", body).get("task_id") or "")
        except ProviderError as error:
            if _REPEATED.search(str(error.extra.get("provider_message", ""))):
                return ""
            raise

    def receipts(self, provider: Provider, out_id: str, since: datetime) -> Iterator[BatchReceipt]:
        """Devices are reported to `reports_url`; they cannot be asked for."""
        return iter(())

    def figures(self, provider: Provider, biz_id: str) -> Figures:
        data = UPushClient(provider).call("/api/status", {"task_id": biz_id})
        failed = _number(data, "status") == FAILED
        return Figures(
            planned=_number(data, "total_count"),
            sent=_number(data, "sent_count"),
            opened=_number(data, "open_count"),
            ignored=_number(data, "dismiss_count"),
            failure=_("The platform could not carry out the task.") if failed else "",
        )

    @abstractmethod
    def payload(self, content: dict[str, Any]) -> dict[str, Any]:
        """What the phone gets."""

    def more(self, push: dict[str, Any]) -> dict[str, Any]:
        """Further fields of the call."""
        return {}


@register_type
class UPushAndroidType(UPushType):
    key = "upush_android"
    label = gettext_lazy("U-Push app for Android")
    devices = "android"
    id_type = "imei"
    alias_type = "imei"

    def payload(self, content: dict[str, Any]) -> dict[str, Any]:
        push = content["push"]
        body = {
            "ticker": content["subject"],
            "title": content["subject"],
            "text": content["text"],
            **_after_open(push),
        }
        return {"display_type": "notification", "body": body, "extra": push["extra"]}

    def more(self, push: dict[str, Any]) -> dict[str, Any]:
        if not push["vendor"]:
            return {}
        target = activity(push["package"], push["activity"])
        return {
            "mipush": "true",
            "mi_activity": target,
            "channel_properties": {"channel_activity": target},
        }


@register_type
class UPushIosType(UPushType):
    key = "upush_ios"
    label = gettext_lazy("U-Push app for iOS")
    devices = "ios"
    id_type = "idfa"
    alias_type = "idfa"

    def payload(self, content: dict[str, Any]) -> dict[str, Any]:
        push = content["push"]
        return {**push["extra"], "aps": aps_of(push, content["subject"], content["text"])}


def aps_of(push: dict[str, Any], title: str, body: str) -> dict[str, Any]:
    """The part of a message that iOS itself reads, by the options of its template."""
    alert = {"title": title, "body": body}
    if push["subtitle"]:
        alert["subtitle"] = push["subtitle"]
    aps: dict[str, Any] = {"alert": alert}
    if push["sound"]:
        aps["sound"] = "default"
    if push["badge"] is not None:
        aps["badge"] = push["badge"]
    return aps


def _after_open(push: dict[str, Any]) -> dict[str, str]:
    match push["action"]:
        case "url":
            return {"after_open": "go_url", "url": push["url"]}
        case "page":
            return {"after_open": "go_activity", "activity": activity(push["package"], push["activity"])}
        case "custom":
            return {"after_open": "go_custom", "custom": push["custom"]}
    return {"after_open": "go_app"}


def activity(package: str, name: str) -> str:
    """The activity with its package in front."""
    return name if name.startswith(f"{package}.") else f"{package}.{name.lstrip('.')}"


def _number(data: dict[str, Any], name: str) -> int:
    try:
        return max(0, int(data.get(name) or 0))
    except (TypeError, ValueError):
        return 0
