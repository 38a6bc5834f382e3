"""People where no workspace is involved: their own account, the organization, Django's admin."""

from __future__ import annotations

from typing import Any


class PersonAccess:
    """Says who acts (for services and the audit log), and grants nothing: such pages check for themselves."""

    workspace = None
    is_admin = False

    def __init__(self, user: Any) -> None:
        self.user = user

    def can(self, point: str) -> bool:
        return False

    def require(self, point: str) -> None:
        raise NotImplementedError("Permission points belong to workspaces.")
