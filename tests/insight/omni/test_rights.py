"""Who may open omni-domain insight."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from admin_center.permissions.models import Role
from tests.factories import make_access, make_token


@pytest.mark.parametrize(
    ("role", "enters"), [("administrator", True), ("developer", True), ("analyst", True), ("clerk", False)]
)
def test_the_module_is_open_to_the_three_roles_and_to_those_with_its_point(
    ready: Any, role: str, enters: bool
) -> None:
    points = ["workspace.view", "insight.audience.list"]
    clerk = Role.objects.create(workspace=ready.workspace, code="clerk", permissions=points)
    member = make_access(ready.workspace, role)

    def statuses() -> set[int]:
        browser = Client()
        browser.force_login(member.user, backend="admin_center.members.backends.NameOrEmailBackend")
        client = APIClient(HTTP_AUTHORIZATION=f"Bearer {make_token(member)}")
        base = f"{ready.workspace.slug}/omni/"
        pages = [browser.get(f"/w/{base}{path}") for path in ("", "analysis/", "audiences/", "resources/")]
        calls = [client.get(f"/api/v1/workspaces/{base}{path}/") for path in ("overview", "tags", "quota")]
        return {answer.status_code for answer in [*pages, *calls]}

    assert statuses() == {200 if enters else 403}
    if not enters:
        clerk.permissions = [*points, "omni"]
        clerk.save()
        assert statuses() == {200}
