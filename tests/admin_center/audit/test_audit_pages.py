from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from django.test import Client

from admin_center.audit.models import AuditEntry
from admin_center.permissions.access import MemberAccess
from cdp.core import audit
from tests.factories import make_access, make_workspace

pytestmark = pytest.mark.django_db


@pytest.fixture
def access(db: None) -> MemberAccess:
    access = make_access(make_workspace(time_zone="Asia/Shanghai"))
    AuditEntry.objects.all().delete()
    return access


@pytest.fixture
def signed_in(access: MemberAccess) -> Client:
    client = Client()
    client.force_login(access.user)
    return client


def _entry(access: MemberAccess, action: str, at: str = "") -> AuditEntry:
    audit.record(access, action, access.workspace, before={"name": "Old"}, after={"name": "New"})
    entry = AuditEntry.objects.get(action=action)
    if at:
        moment = datetime.fromisoformat(at).replace(tzinfo=ZoneInfo("Asia/Shanghai"))
        AuditEntry.objects.filter(pk=entry.pk).update(at=moment)
    return entry


def _actions(signed_in: Client, access: MemberAccess, query: str = "") -> list[str]:
    page = signed_in.get(f"/w/{access.workspace.slug}/admin/audit/{query}")
    return [row["object"].action for row in page.context["rows"]]


def test_days_are_the_workspaces_and_both_ends_count(signed_in: Client, access: MemberAccess) -> None:
    _entry(access, "a.before", "2026-03-01T23:59:59")
    _entry(access, "b.first", "2026-03-02T00:00:00")
    _entry(access, "c.last", "2026-03-03T23:59:59")
    _entry(access, "d.after", "2026-03-04T00:00:00")
    assert _actions(signed_in, access, "?since=2026-03-02&until=2026-03-03") == ["c.last", "b.first"]


def test_entries_are_found_by_person_action_and_object(signed_in: Client, access: MemberAccess) -> None:
    _entry(access, "audience.created")
    _entry(make_access(access.workspace), "dataset.created")
    AuditEntry.objects.exclude(action__endswith="created").delete()
    assert _actions(signed_in, access, "?action=dataset") == ["dataset.created"]
    assert _actions(signed_in, access, f"?actor={access.user.username}&action=audience") == [
        "audience.created"
    ]
    assert _actions(signed_in, access, "?object=nothing") == []


def test_an_entry_shows_before_and_after(signed_in: Client, access: MemberAccess) -> None:
    entry = _entry(access, "audience.renamed")
    page = signed_in.get(f"/w/{access.workspace.slug}/admin/audit/{entry.pk}/")
    assert page.context["changes"] == [("name", "Old", "New")]


def test_another_workspaces_entry_is_not_found(signed_in: Client, access: MemberAccess) -> None:
    entry = _entry(make_access(make_workspace(access.workspace.organization)), "audience.renamed")
    assert signed_in.get(f"/w/{access.workspace.slug}/admin/audit/{entry.pk}/").status_code == 404


def test_the_export_holds_what_the_filter_shows(signed_in: Client, access: MemberAccess) -> None:
    _entry(access, "audience.created")
    _entry(access, "dataset.created")
    answer = signed_in.get(f"/w/{access.workspace.slug}/admin/audit/export/?action=dataset")
    lines = b"".join(answer.streaming_content).decode().splitlines()  # type: ignore[attr-defined]
    assert len(lines) == 2 and "dataset.created" in lines[1]
