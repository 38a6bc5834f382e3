"""What platforms by contract were asked, and what they answered, without anything that tells of a person."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

from django.utils import timezone

from cdp.core.texts import storable
from marketing.channels.models import Provider, ProviderCall

KEPT = timedelta(days=7)
MOST_ROWS = 5
"""Of a list of recipients so many are shown."""
MOST_TEXT = 4000
_MASK = "•••"
_MAIL = re.compile(r"[^\s<>\"'@=?&/]+@([\w-]+(\.[\w-]+)+)")
_NUMBER = re.compile(r"(?<![\w-])\+?\d{3,}(\d{4})(?![\w-])")
_HIDDEN = {
    # They are filled with people's own values.
    "content",
    "subject",
    "htmlBody",
    # Whoever has them reads the recipients, or reports in the platform's name.
    "phoneOssUrl",
    "receiversUrl",
    "inboundUrl",
    "fileContents",
}


def masked(value: Any, name: str = "") -> Any:
    """A body as the log keeps it: no addresses, numbers, filled texts, files or secret addresses."""
    if isinstance(value, dict):
        return {str(key): masked(item, str(key)) for key, item in value.items()}
    if isinstance(value, list):
        rest = len(value) - MOST_ROWS
        return [masked(item, name) for item in value[:MOST_ROWS]] + ([f"… {rest} more"] if rest > 0 else [])
    if value is None or isinstance(value, bool | float):
        return value
    if name in _HIDDEN:
        return f"{_MASK} ({len(str(value))})"
    if name == "templateParam":
        return _names_alone(str(value))
    if isinstance(value, int):
        return value if abs(value) < 10_000_000 else text_of(str(value))
    return text_of(str(value))


def _names_alone(text: str) -> str:
    """The values of variables are a person's."""
    try:
        found = json.loads(text)
    except ValueError:
        return _MASK
    return json.dumps(dict.fromkeys(found, _MASK), ensure_ascii=False) if isinstance(found, dict) else _MASK


def text_of(text: str) -> str:
    """A text with masked addresses and numbers."""
    return _NUMBER.sub(rf"{_MASK}\1", _MAIL.sub(rf"{_MASK}@\1", text))


def as_text(body: Any) -> str:
    """A masked body as JSON; empty where there is none."""
    if body is None:
        return ""
    return storable(json.dumps(masked(body), ensure_ascii=False, indent=2), MOST_TEXT)


def note(provider: Provider, **values: Any) -> None:
    """Keep a call. A provider that is being set up and not saved yet has no log."""
    if not provider._state.adding:
        ProviderCall.objects.create(workspace_id=provider.workspace_id, provider=provider, **values)


def forget() -> int:
    """Delete calls that are older than they are kept; returns how many."""
    return ProviderCall.objects.filter(at__lt=timezone.now() - KEPT).delete()[0]
