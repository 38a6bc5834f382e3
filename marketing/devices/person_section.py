"""The devices of somebody, on their page."""

from __future__ import annotations

from typing import Any

from cdp.core.access import Access
from cdp.core.identifiers import ID_TYPES
from insight.oneid.queries import Person
from marketing.channels.models import Provider
from marketing.channels.targets import target_hash
from marketing.devices.models import PushDevice, PushDeviceId

SHOWN = 50


def build(access: Access, person: Person, page: int) -> dict[str, Any] | None:
    """How many devices push messages reach them on, and the latest of them."""
    if not access.can("marketing.push.view"):
        return None
    hashes = [
        target_hash(access.workspace.pk, Provider.Channel.PUSH, value)
        for id_type in ID_TYPES
        for value in person.values(id_type)
    ]
    owned = PushDeviceId.objects.filter(person_hash__in=hashes).values("device")
    rows = PushDevice.objects.in_workspace(access.workspace).filter(pk__in=owned).select_related("provider")
    return {
        "enabled": rows.filter(enabled=True).count(),
        "devices": [
            {
                "kind": str(row.get_kind_display()),
                "agent": row.agent,
                "channel": row.provider.name,
                "enabled": row.enabled,
                "why": str(row.get_off_reason_display()) if row.off_reason else "",
                "last_seen": row.last_seen.isoformat(sep=" ", timespec="minutes"),
            }
            for row in rows[:SHOWN]
        ],
    }
