"""The steps of a send-out as its page draws them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def step(label: str, count: int, whole: int) -> dict[str, Any]:
    """A step as a share of the audience. Platforms may count more devices than there are people."""
    return {
        "label": label,
        "count": count,
        "share": count / whole if whole else None,
        "percent": min(100, round(100 * count / whole)) if whole else 0,
    }


def steps(rows: Iterable[tuple[str, int | None]], whole: int) -> list[dict[str, Any]]:
    """Of (label, count); what nobody can know is no step."""
    return [step(label, count, whole) for label, count in rows if count is not None]
