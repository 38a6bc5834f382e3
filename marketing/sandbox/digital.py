"""Digital SMS: templates made of parts, which each carrier reviews for its own numbers.

The name decides, so that a test can choose it: with "mobile", "unicom" or "telecom" in it only the carriers named
approve it, with "reject" none does; otherwise all do.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from html import escape
from typing import Any

from marketing.sandbox import fields
from marketing.sandbox.answers import Refusal, Request, body
from marketing.sandbox.fields import APPROVED, NO_REMARK, REJECTED, REVIEWING
from marketing.sandbox.options import Options
from marketing.sandbox.store import Store

CARRIERS = ("mobile", "unicom", "telecom")
SUFFIXES = {"IMAGE": ("jpg", "png", "gif"), "AUDIO": ("mp3",), "VIDEO": ("mp4",)}
MOST_PARTS, MOST_BYTES = 15, 1_900_000
_VALID = timedelta(days=365)
_TAGS = {
    "IMAGE": '<p><img src="{url}" alt="" style="max-width: 100%"></p>',
    "AUDIO": '<p><audio controls src="{url}"></audio></p>',
    "VIDEO": '<p><video controls src="{url}" style="max-width: 100%"></video></p>',
}


class Digital:
    def __init__(self, store: Store, options: Options) -> None:
        self.store = store
        self.options = options

    def add(self, request: Request) -> tuple[int, dict[str, Any]]:
        return 201, {"templateCode": self.store.save_template("digital", _read(body(request)))}

    def change(self, request: Request, code: str) -> tuple[int, dict[str, Any]]:
        self._template(code)
        self.store.save_template("digital", _read(body(request)), code)
        return 201, {"templateCode": code}

    def review(self, request: Request, code: str) -> tuple[int, dict[str, Any]]:
        template = self._template(code)
        given, states = template["fields"], self._states(template)
        over = set(states.values())
        status = APPROVED if APPROVED in over else REVIEWING if REVIEWING in over else REJECTED
        end = datetime.fromtimestamp(template["submitted_at"], UTC) + _VALID
        return 200, {
            "templateCode": code,
            "templateName": given["templateName"],
            "templateSubject": given["templateSubject"],
            "templateStatus": status,
            "reason": "No carrier has approved it." if status == REJECTED else NO_REMARK,
            "carriers": [
                {
                    "carrier": carrier,
                    "status": state,
                    "reason": "The name does not name this carrier." if state == REJECTED else NO_REMARK,
                }
                for carrier, state in states.items()
            ],
            **({"validUntil": end.strftime("%Y-%m-%d %H:%M:%S")} if status == APPROVED else {}),
        }

    def message(self, code: str, sign: str) -> tuple[str, str, str]:
        """Subject, words and HTML of a template that may be sent. Raises Refusal."""
        template = self._template(code)
        given = template["fields"]
        if APPROVED not in self._states(template).values():
            raise Refusal("TemplateNotApproved", f"The template {code} is not approved.")
        if given["signName"] != sign:
            raise Refusal("InvalidParameter", f"The template {code} belongs to another signature.")
        texts = [part["content"] for part in given["contents"] if part["type"] == "TEXT"]
        return given["templateSubject"], f"【{sign}】" + "\n".join(texts), html(sign, given["contents"])

    def _template(self, code: str) -> dict[str, Any]:
        template = self.store.template("digital", code)
        if template is None:
            raise Refusal("TemplateNotFound", f"There is no template {code}.", status=404)
        return template

    def _states(self, template: dict[str, Any]) -> dict[str, int]:
        """What each carrier says of it."""
        if time.time() < template["submitted_at"] + self.options.review_seconds:
            return dict.fromkeys(CARRIERS, REVIEWING)
        name = template["fields"]["templateName"].lower()
        named = [carrier for carrier in CARRIERS if carrier in name] or list(CARRIERS)
        approving = [] if "reject" in name else named
        return {carrier: APPROVED if carrier in approving else REJECTED for carrier in CARRIERS}


def html(sign: str, contents: list[dict[str, Any]]) -> str:
    """The parts as a page, for the inbox."""
    shown = [
        f"<p>{escape(part['content'])}</p>".replace("\n", "<br>")
        if part["type"] == "TEXT"
        else _TAGS[part["type"]].format(url=escape(part["url"]))
        for part in contents
    ]
    return f"<p><strong>【{escape(sign)}】</strong></p>" + "".join(shown)


def _read(value: Any) -> dict[str, Any]:
    given = fields.read(value, fields.DIGITAL_TEMPLATE)
    contents = value.get("contents")
    if not isinstance(contents, list) or not 1 <= len(contents) <= MOST_PARTS:
        raise fields.invalid("contents", f"must hold 1-{MOST_PARTS} parts")
    read = [_part(part) for part in contents]
    if sum(part["type"] == "VIDEO" for part in read) > 1:
        raise fields.invalid("contents", "must hold at most one video")
    if sum(part.get("size") or len(part["content"].encode()) for part in read) > MOST_BYTES:
        raise fields.invalid("contents", "must have at most 1.9 MB together")
    return {**given, "contents": read}


def _part(part: Any) -> dict[str, Any]:
    kind = part.get("type") if isinstance(part, dict) else None
    if kind == "TEXT":
        return {"type": kind, **fields.read(part, (fields.Text("content", most=500),))}
    if kind not in SUFFIXES:
        raise fields.invalid("type", f"must be one of TEXT, {', '.join(SUFFIXES)}")
    declared = (fields.Text("url"), fields.Text("suffix", among=SUFFIXES[kind]), fields.Number("size"))
    found = fields.read(part, declared)
    if not found["url"].startswith(("http://", "https://")):
        raise fields.invalid("url", "must start with http:// or https://")
    return {"type": kind, **found}
