"""Pushes of the demo workspace: an interface outside, what went there once, and what goes there by schedule."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from cdp.core.access import Access
from cdp.demo.steps import finish_all, one
from insight.audiences.models import Audience
from insight.datasets.models import Dataset
from insight.pushes import fields, interfaces, services
from insight.pushes.models import Push, PushInterface, PushSetting
from insight.pushes.targets import TARGETS

NAME, TARGET = "全域洞察", "omni"
OWN_SYSTEM = "品牌数据平台"


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


def push_model(access: Access, model: Dataset) -> None:
    """Push the stages of the model's users to a system of the brand once, and every day from now on.

    The sandbox stands for that system.
    """
    config = {"url": f"{settings.SANDBOX_URL}/pushes", "secret": "sandbox-key"}
    values = {"name": OWN_SYSTEM, "target": "webhook", "config": config}
    interface: PushInterface = one(
        PushInterface, access, lambda: interfaces.create(access, values), name=OWN_SYSTEM
    )
    data: dict[str, Any] = {"fields": [{"kind": "id", "column": "user_unique_id"}]}
    if not Push.objects.filter(dataset=model, interface=interface).exists():
        services.push(access, model, interface, data)
        finish_all(access, "push.webhook")
    if not PushSetting.objects.filter(dataset=model, interface=interface).exists():
        services.set_periodic(access, model, interface, data)
