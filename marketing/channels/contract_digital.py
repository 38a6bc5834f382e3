"""Digital SMS by the platform contract: templates made of parts, and each carrier's word on them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from cdp.core.texts import storable
from marketing.channels.carriers import Carrier
from marketing.channels.contract import Verdict, parse_time, review_state

PATH = "/sms/digitalTemplate"
LONGEST_NAME, LONGEST_REMARK = 30, 100


def written(template: Any) -> dict[str, Any]:
    """The body of a template. `parts` have `kind` and `text`, or `url`, `format` and `size` of a file."""
    return {
        "templateName": template.name[:LONGEST_NAME],
        "templateSubject": template.subject,
        "signName": template.signature.text,
        "remark": template.note or template.name[:LONGEST_REMARK],
        "contents": [_part(part) for part in template.parts],
    }


def _part(part: dict[str, Any]) -> dict[str, Any]:
    kind = str(part["kind"]).upper()
    if kind == "TEXT":
        return {"type": kind, "content": part["text"]}
    return {"type": kind, "url": part["url"], "suffix": part["format"], "size": part["size"]}


def verdict(answer: dict[str, Any]) -> Verdict:
    """Approved by one carrier, it is approved; rejected, once all have rejected it or the platform itself has."""
    state, reason = review_state(answer, "templateStatus")
    rows = answer.get("carriers")
    found: dict[str, str] = {}
    reasons = [reason] if state == "rejected" else []
    for row in rows if isinstance(rows, list) else []:
        if isinstance(row, dict) and row.get("carrier") in Carrier.values:
            found[row["carrier"]] = review_state(row, "status")[0]
            if found[row["carrier"]] == "rejected" and row.get("reason"):
                reasons.append(f"{Carrier(row['carrier']).label}: {row['reason']}")
    if "approved" in found.values() and state != "rejected":
        state = "approved"
    elif state == "approved":
        state = "reviewing"
    elif len(found) == len(Carrier) and set(found.values()) == {"rejected"}:
        state = "rejected"
    return Verdict(state, storable(" · ".join(reasons), 500), found, _end(answer.get("validUntil")))


def _end(value: object) -> datetime | None:
    return parse_time(value) or parse_time(f"{value} 00:00")
