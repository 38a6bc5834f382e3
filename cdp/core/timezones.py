"""Days as the workspace's people count them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.utils import timezone


def zone(workspace: Any) -> ZoneInfo:
    return ZoneInfo(workspace.time_zone)


def local_now(workspace: Any) -> datetime:
    """The present moment in the workspace's time zone (aware)."""
    return timezone.now().astimezone(zone(workspace))


def today(workspace: Any) -> date:
    """The workspace's calendar day. Take it once per computation, so that one result never mixes two days."""
    return local_now(workspace).date()
