"""The part of U-Push that Tideline speaks: files of devices, messages to them, totals."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import time
import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from marketing.sandbox import outcomes
from marketing.sandbox.answers import Refusal, Request, Response, as_json
from marketing.sandbox.options import Options
from marketing.sandbox.store import Batch, Store

PREFIX = "/upush"
MOST_BYTES = 10 * 1024**2
RECEIVED, OPENED, IGNORED = 1, 2, 4
STATUS = {"RECEIVED": RECEIVED, "OPENED": OPENED, "IGNORED": IGNORED}
ALIAS_TYPES = ("imei", "idfa")
FINISHED = 2
_CLOCK_SECONDS = 600
_STEP_SECONDS = 0.05
_ZONE = ZoneInfo("Asia/Shanghai")
_ACTIVITY = re.compile(r"[A-Za-z]\w*(\.[A-Za-z]\w*){2,}")


class UPush:
    """Carries out signed calls. What is wrong with one is told with status 400, as U-Push does."""

    def __init__(self, store: Store, options: Options) -> None:
        self.store = store
        self.options = options
        self._calls: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            f"{PREFIX}/upload": self.upload,
            f"{PREFIX}/api/send": self.send,
            f"{PREFIX}/api/status": self.status,
        }

    def answer(self, request: Request) -> Response:
        try:
            data = self._carry_out(request)
        except Refusal as refusal:
            failure = {"error_code": refusal.code, "error_msg": str(refusal)}
            return as_json({"ret": "FAIL", "data": failure}, 400)
        return as_json({"ret": "SUCCESS", "data": data})

    def _carry_out(self, request: Request) -> dict[str, Any]:
        call = self._calls.get(request.path)
        if call is None or request.method != "POST":
            raise Refusal("1000", f"There is no call {request.method} {request.path}.")
        self._check_sign(request)
        try:
            body = request.json()
        except ValueError:
            body = None
        if not isinstance(body, dict) or not isinstance(body.get("appkey"), str) or not body["appkey"]:
            raise Refusal("1001", "The body must be a JSON object with an appkey.")
        stamp = str(body.get("timestamp", ""))
        seconds = int(stamp[:10]) if stamp.isdecimal() and len(stamp) in (10, 13) else 0
        if abs(time.time() - seconds) > _CLOCK_SECONDS:
            raise Refusal("1002", "timestamp is not within ten minutes.")
        return call(body)

    def _check_sign(self, request: Request) -> None:
        """The sign is the MD5 of method, address, body and master secret."""
        url = f"http://{request.headers.get('host', '')}{request.path}"
        signed = f"{request.method}{url}".encode() + request.body + self.options.push_secret.encode()
        right = hashlib.md5(signed, usedforsecurity=False).hexdigest()
        if not hmac.compare_digest(request.query.get("sign", "").encode(), right.encode()):
            raise Refusal("1003", "The sign is missing or wrong.")

    def upload(self, body: dict[str, Any]) -> dict[str, Any]:
        content = body.get("content")
        if not isinstance(content, str) or not content.strip():
            raise Refusal("1001", "content must not be empty")
        if len(content.encode()) > MOST_BYTES:
            raise Refusal("1004", "content is larger than 10 MB")
        return {"file_id": self.store.add_file(body["appkey"], content)}

    def send(self, body: dict[str, Any]) -> dict[str, Any]:
        if body.get("type") != "customizedcast" or body.get("alias_type") not in ALIAS_TYPES:
            raise Refusal("1001", "The sandbox sends a customizedcast to an alias_type of imei or idfa.")
        content = self.store.file(body["appkey"], str(body.get("file_id", "")))
        if content is None:
            raise Refusal("1005", "There is no such file_id.")
        title, text = _texts(body)
        _check_vendor(body)
        policy = body.get("policy") or {}
        expires, receipt_type = _expires(policy), int(str(body.get("receipt_type") or 0))
        out_id = str(policy.get("out_biz_no") or "") or None
        batch = Batch("push", out_id, body["appkey"], subject=title, text=text)
        biz_id, new = self.store.open_batch(batch)
        if not new:
            raise Refusal("1006", "out_biz_no has been used already.")
        self.store.add_push(
            biz_id,
            payload={key: body.get(key) for key in ("alias_type", "payload", "policy", "mi_activity")},
            receipt_url=str(body.get("receipt_url") or ""),
            receipt_type=receipt_type,
            expires_at=expires,
        )
        outcome = outcomes.of_android if body["alias_type"] == "imei" else outcomes.of_iphone
        devices = dict.fromkeys(line.strip() for line in content.splitlines() if line.strip())
        self.store.send_batch(
            biz_id,
            "push",
            ((device, None, found) for device in devices if (found := outcome(device)) is not None),
            receipt_seconds=self.options.receipt_seconds,
            late_seconds=self.options.late_seconds,
            push=bool(body.get("receipt_url")),
        )
        return {"task_id": biz_id}

    def status(self, body: dict[str, Any]) -> dict[str, Any]:
        counts = self.store.push_counts(str(body.get("task_id", "")), body["appkey"])
        if counts is None:
            raise Refusal("1007", "There is no such task_id.")
        return {
            "task_id": body["task_id"],
            "status": FINISHED,
            "total_count": counts["total"],
            "sent_count": counts["total"],
            "open_count": counts["opened"],
            "dismiss_count": counts["ignored"],
        }


def report(row: dict[str, Any]) -> list[dict[str, Any]]:
    """The reports of one device that its push wants: what was opened or swiped away was received before."""
    wanted = row["receipt_type"]
    states = [STATUS[row["code"]]]
    if states != [RECEIVED] and row["alias_type"] == "imei":
        states.insert(0, RECEIVED)
    return [
        {
            "msg_id": f"{row['biz_id']}-{uuid.uuid5(uuid.NAMESPACE_OID, str(row['id'])).hex[:12]}",
            "alias": row["recipient"],
            "status": state,
            "time": int(row["due_at"] * 1000),
        }
        for state in states
        if state & wanted
    ]


def _texts(body: dict[str, Any]) -> tuple[str, str]:
    """Title and text of the payload; raises Refusal where something is missing for the system."""
    payload = body.get("payload")
    if not isinstance(payload, dict):
        raise Refusal("1001", "payload must be an object")
    if body["alias_type"] == "idfa":
        alert = (payload.get("aps") or {}).get("alert") or {}
        title, text = alert.get("title"), alert.get("body")
    else:
        shown = payload.get("body") or {}
        title, text = shown.get("title"), shown.get("text")
        needed = {"go_url": "url", "go_activity": "activity", "go_custom": "custom", "go_app": ""}
        name = needed.get(shown.get("after_open", ""))
        if payload.get("display_type") != "notification" or name is None or (name and not shown.get(name)):
            raise Refusal(
                "1001", "display_type is notification; after_open needs its url, activity or custom"
            )
    if not (isinstance(title, str) and isinstance(text, str) and title and text):
        raise Refusal("1001", "A message has a title and a text.")
    return title, text


def _check_vendor(body: dict[str, Any]) -> None:
    if body.get("mipush") == "true" and not _ACTIVITY.fullmatch(str(body.get("mi_activity", ""))):
        raise Refusal("1001", "mi_activity must be the activity with its package")


def _expires(policy: dict[str, Any]) -> float:
    try:
        moment = datetime.strptime(str(policy["expire_time"]), "%Y-%m-%d %H:%M:%S").replace(tzinfo=_ZONE)
    except (KeyError, ValueError):
        raise Refusal("1001", "policy.expire_time must look like 2026-05-31 18:00:00") from None
    if moment.timestamp() <= time.time():
        raise Refusal("1001", "policy.expire_time is over")
    return moment.timestamp()


def shown(payload: dict[str, Any]) -> str:
    """A push's payload for a reader."""
    return json.dumps(payload, ensure_ascii=False, indent=2)
