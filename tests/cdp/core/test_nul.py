"""The character NUL, which no text of the database holds, is refused before anything looks for it."""

from __future__ import annotations

import pytest
from django.test import Client
from rest_framework.test import APIClient

from tests.factories import make_access, make_token

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("body", [{"name": "a\0b"}, {"a\0": 1}, {"values": [{"rule": {"tag": "\0"}}]}])
def test_a_body_with_nul_anywhere_is_refused(body: object) -> None:
    access = make_access()
    client = APIClient(HTTP_AUTHORIZATION=f"Bearer {make_token(access)}")
    answer = client.post(f"/api/v1/workspaces/{access.workspace.slug}/custom-tags/", body, format="json")
    assert answer.status_code == 400 and "NUL" in answer.json()["detail"]


@pytest.mark.parametrize("path", ["audiences/?folder=a%00b", "audiences/a%00b/", "campaigns/list/?q=%00"])
def test_an_address_with_nul_is_refused(path: str) -> None:
    access = make_access()
    client = Client()
    client.force_login(access.user)
    assert client.get(f"/w/{access.workspace.slug}/{path}").status_code == 400
