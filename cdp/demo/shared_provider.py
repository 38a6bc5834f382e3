"""A provider of the retailer's organization, which the second workspace has."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.conf import settings

from admin_center.organizations.outside import PersonAccess
from cdp.core.access import Access
from marketing.channels.models import SharedProvider
from marketing.channels.organization import services

NAME = "集团短信（阿里云沙箱）"


def load(access: Access) -> None:
    """What is there already stays. Only managers of the organization can make one."""
    organization, manager = access.workspace.organization, PersonAccess(access.user)
    if (
        not access.user.is_manager
        or SharedProvider.objects.filter(organization=organization, name=NAME).exists()
    ):
        return
    place = f"{settings.SANDBOX_URL}/aliyun"
    config: dict[str, Any] = {
        "access_key_id": "sandbox-id",
        "access_key_secret": "sandbox-secret",
        "report_queue": "Alicom-Queue-1-SmsReport",
        "uplink_queue": "Alicom-Queue-1-SmsUp",
        "replies": True,
        **dict.fromkeys(("base_url", "token_url", "queue_url"), place),
    }
    values = {"channel": "sms", "type": "aliyun", "name": NAME, "price": Decimal("0.042"), "config": config}
    shared = services.create(manager, organization, values)
    services.grant(manager, shared, for_all=False, workspaces=[access.workspace])
    services.test(manager, shared)
