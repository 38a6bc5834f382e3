from __future__ import annotations

import pytest
from django.test import Client

from admin_center.permissions.access import MemberAccess
from tests.factories import make_access


@pytest.fixture
def access(db: None) -> MemberAccess:
    return make_access()


@pytest.fixture
def visitor(access: MemberAccess) -> Client:
    client = Client()
    client.force_login(access.user)
    return client


@pytest.fixture
def home(access: MemberAccess) -> str:
    """Where the workspace's pages begin."""
    return f"/w/{access.workspace.slug}/"
