"""Checking the JSON that calls of the contract carry."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from marketing.sandbox.answers import Refusal

MAIL_BYTES = 28 * 1024
REVIEWING, APPROVED, REJECTED = 0, 1, 2
"""States of a review."""
NO_REMARK = "无审核备注"
"""The reason of whatever is not rejected."""


@dataclass(frozen=True)
class Text:
    """A string; lengths are in characters, `most_bytes` counts its UTF-8 form."""

    name: str
    required: bool = True
    most: int = 0
    most_bytes: int = 0
    among: tuple[str, ...] = ()

    def check(self, value: Any) -> str:
        if not isinstance(value, str):
            raise invalid(self.name, "must be a string")
        if self.required and not value.strip():
            raise invalid(self.name, "must not be empty")
        if self.most and len(value) > self.most:
            raise invalid(self.name, f"must have 1-{self.most} characters")
        if self.most_bytes and len(value.encode()) > self.most_bytes:
            raise invalid(self.name, f"must have at most {self.most_bytes // 1024} KB")
        if self.among and value not in self.among:
            raise invalid(self.name, f"must be one of {', '.join(self.among)}")
        return value


@dataclass(frozen=True)
class Number:
    """A whole number within bounds."""

    name: str
    required: bool = True
    least: int = 1
    most: int = 2**63 - 1

    def check(self, value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise invalid(self.name, "must be a whole number")
        if not self.least <= value <= self.most:
            raise invalid(self.name, f"must be between {self.least} and {self.most}")
        return value


Field = Text | Number

EMAIL_TEMPLATE: tuple[Field, ...] = (
    Text("remark", most=100),
    Text("senderName"),
    Text("templateContent", most_bytes=MAIL_BYTES),
    Text("templateName", most=30),
    Text("templateSubject"),
)
SMS_TEMPLATE: tuple[Field, ...] = (
    Text("remark", most=100),
    Text("templateContent", most=500),
    Text("templateName", most=30),
    Text("templateSubject", required=False, most=20),
    Number("templateType", least=0, most=3),
)
EMAIL_BATCH: tuple[Field, ...] = (
    Text("accountName"),
    Text("addressType", among=("0", "1")),
    Text("clickTrace", required=False, among=("0", "1")),
    Text("fromAlias", required=False, most=15),
    Text("subject", required=False),
    Text("htmlBody", required=False, most_bytes=MAIL_BYTES),
    Number("limit", required=False),
    Text("outId", required=False),
    Text("receiversUrl"),
    Text("templateCode", required=False),
)
SIGN: tuple[Field, ...] = (
    Text("signName", most=24),
    Number("signSource", least=0, most=5),
    Text("remark", most=200),
)
DIGITAL_TEMPLATE: tuple[Field, ...] = (
    Text("templateName", most=30),
    Text("templateSubject", most=20),
    Text("signName"),
    Text("remark", most=100),
)
SMS_BATCH: tuple[Field, ...] = (
    Text("inboundUrl", required=False),
    Number("limit", required=False),
    Text("outId"),
    Text("phoneOssUrl"),
    Text("signName"),
    Text("templateCode"),
    Text("templateParam", required=False),
)
DETAILS: tuple[Field, ...] = (
    Text("outId"),
    Number("currentPage"),
    Number("pageSize", most=1000),
    Text("startDate"),
    Text("endDate"),
)


def read(body: Any, declared: Sequence[Field], *, partial: bool = False) -> dict[str, Any]:
    """The declared fields of a body, checked; with `partial` all of them may be missing. Raises Refusal."""
    if not isinstance(body, dict):
        raise Refusal("InvalidParameter", "The body must be a JSON object.")
    found: dict[str, Any] = {}
    for field in declared:
        value = body.get(field.name)
        if value is not None:
            found[field.name] = field.check(value)
        elif field.required and not partial:
            raise invalid(field.name, "is required")
    return found


def minute(name: str, text: str) -> float:
    """Seconds since 1970 of `yyyy-MM-dd HH:mm` in UTC. Raises Refusal."""
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}", text):
        raise invalid(name, "must look like 2026-05-31 18:00")
    try:
        return datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=UTC).timestamp()
    except ValueError:
        raise invalid(name, "is not a date") from None


def invalid(name: str, rule: str) -> Refusal:
    return Refusal("InvalidParameter", f"{name} {rule}")
