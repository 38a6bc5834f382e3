"""Pushes of the demo workspace: an interface outside, what went there once, and what goes there by schedule."""

from __future__ import annotations

from typing import Any

from cdp.core.access import Access
from cdp.demo.steps import finish_all, one
from insight.audiences.models import Audience
from insight.pushes import fields, interfaces, services
from insight.pushes.models import Push, PushInterface, PushSetting
from insight.pushes.targets import TARGETS

NAME, TARGET = "全域洞察", "omni"


def push(access: Access, audience: Audience) -> None:
    """Push the audience once with all of its IDs that are taken there, and every day from now on."""
    values = {"name": NAME, "target": TARGET, "config": {}}
    interface: PushInterface = one(
        PushInterface, access, lambda: interfaces.create(access, values), name=NAME
    )
    offered = fields.offered(access, audience, TARGETS[TARGET])["ids"]
    data: dict[str, Any] = {"fields": [{"kind": "id", "column": item["column"]} for item in offered]}
    if not Push.objects.filter(audience=audience, interface=interface).exists():
        services.push(access, audience, interface, data)
        finish_all(access, f"push.{TARGET}")
    if not PushSetting.objects.filter(audience=audience, interface=interface).exists():
        services.set_periodic(access, audience, interface, data)
