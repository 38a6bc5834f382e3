"""The log of downloads: who took which file out of the workspace, by person and month."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from admin_center.audit.models import DownloadLog
from admin_center.audit.services import log_download
from admin_center.permissions.access import MemberAccess
from tests.factories import make_access, make_token


class Browser:
    def __init__(self, access: MemberAccess) -> None:
        self.client = Client()
        self.client.force_login(access.user, backend="admin_center.members.backends.NameOrEmailBackend")
        self.path = f"/w/{access.workspace.slug}/admin/audit/downloads/"

    def page(self, **query: Any) -> str:
        return self.client.get(self.path, query, follow=True).content.decode()


@pytest.fixture
def access(db: None) -> MemberAccess:
    return make_access()


def took(access: MemberAccess, name: str, at: datetime | None = None) -> DownloadLog:
    log_download(access, None, action="audience.downloaded", rows=1234)
    row = DownloadLog.objects.filter(workspace=access.workspace).latest("at", "id")
    DownloadLog.objects.filter(pk=row.pk).update(object_name=name, **({"at": at} if at else {}))
    return row


def test_the_page_opens_with_this_month(access: MemberAccess) -> None:
    took(access, "Women")
    took(access, "Gentlemen", datetime(2020, 5, 15, tzinfo=UTC))
    page = Browser(access).page()
    assert "Women" in page and "1,234" in page and "Gentlemen" not in page
    assert "Gentlemen" in Browser(access).page(month="all")


def test_a_month_is_one_of_the_workspaces_clock(access: MemberAccess) -> None:
    # In Shanghai this is already June.
    took(access, "Women", datetime(2026, 5, 31, 17, tzinfo=UTC))
    client = Client(HTTP_AUTHORIZATION=f"Bearer {make_token(access)}")
    base = f"/api/v1/workspaces/{access.workspace.slug}/downloads/"

    def names(month: str) -> list[str]:
        return [row["object_name"] for row in client.get(base, {"month": month}).json()["results"]]

    assert (names("2026-05"), names("2026-06"), names("never")) == ([], ["Women"], [])


def test_downloads_of_one_person(access: MemberAccess) -> None:
    other = make_access(access.workspace, "analyst")
    took(access, "Women")
    took(other, "Gentlemen")
    page = Browser(access).page(month="all", user=other.user.pk)
    assert "Gentlemen" in page and "Women" not in page
    client = Client(HTTP_AUTHORIZATION=f"Bearer {make_token(access)}")
    base = f"/api/v1/workspaces/{access.workspace.slug}/downloads/"
    found = client.get(base, {"user": other.user.username}).json()["results"]
    assert [(row["object_name"], row["rows"], row["user"]) for row in found] == [
        ("Gentlemen", 1234, other.user.username)
    ]


def test_the_log_can_be_taken_as_csv(access: MemberAccess) -> None:
    took(access, "Women")
    answer = Browser(access).client.get(Browser(access).path, {"month": "all", "export": "csv"})
    lines = b"".join(answer).decode("utf-8-sig").splitlines()
    assert lines[0].startswith("Time,Person,Object,Rows") and "Women" in lines[1]


def test_others_see_no_log(access: MemberAccess) -> None:
    analyst = make_access(access.workspace, "analyst")
    assert Browser(analyst).client.get(Browser(analyst).path).status_code == 403


def test_entries_are_not_changed_by_api(access: MemberAccess) -> None:
    row = took(access, "Women")
    client = Client(HTTP_AUTHORIZATION=f"Bearer {make_token(access)}")
    address = f"/api/v1/workspaces/{access.workspace.slug}/downloads/{row.pk}/"
    assert client.delete(address).status_code == 405
    assert client.get(address).json()["object_name"] == "Women"
