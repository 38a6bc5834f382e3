"""The console as one member sees it."""

from __future__ import annotations

from typing import Any

from django.test import Client

from admin_center.permissions.models import Role
from tests.factories import make_access


class Browser:
    """Opens pages below /w/<workspace>/<path>."""

    def __init__(self, access: Any, path: str) -> None:
        self.user = access.user
        self.client = Client()
        self.client.force_login(access.user, backend="admin_center.members.backends.NameOrEmailBackend")
        self.base = f"/w/{access.workspace.slug}/{path}"

    def get(self, path: str = "", **query: Any) -> Any:
        return self.client.get(self.base + path, query)

    def post(self, path: str = "", **data: Any) -> Any:
        return self.client.post(self.base + path, data)


def without_marketing(workspace: Any, path: str) -> Browser:
    """An analyst whose role has lost all points of marketing."""
    role = Role.objects.get(workspace=workspace, code="analyst")
    role.permissions = [point for point in role.permissions if not point.startswith("marketing.")]
    role.save()
    return Browser(make_access(workspace, "analyst"), path)
