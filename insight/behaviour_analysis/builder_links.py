"""The way to the rule builder."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from cdp.console.generic import WorkspaceView


def builder_url(view: WorkspaceView, rule: dict[str, Any]) -> str:
    """The rule builder with this rule, ready to be saved as an audience."""
    return f"{view.reverse('audiences:new')}?{urlencode({'rule': json.dumps(rule)})}"
