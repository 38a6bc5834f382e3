"""Who asks, in which workspace, and what they may do there."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class Access(Protocol):
    """The asking person in a workspace. Views and API check `require(point)`; services receive it for object rules."""

    user: Any
    workspace: Any
    is_admin: bool

    def can(self, point: str) -> bool: ...

    def require(self, point: str) -> None:
        """Raises PermissionDenied where the person's roles lack the permission point."""
        ...
