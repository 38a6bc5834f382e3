from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from admin_center.audit.models import AuditEntry, DownloadLog
from admin_center.permissions.access import MemberAccess
from cdp.core import audit
from tests.factories import make_access, make_manager, make_organization, make_token, make_workspace

pytestmark = pytest.mark.django_db


@pytest.fixture
def access(db: None) -> MemberAccess:
    access = make_access()
    AuditEntry.objects.all().delete()
    return access


def _get(access: MemberAccess, rest: str = "", *scopes: str) -> object:
    client = APIClient(HTTP_AUTHORIZATION=f"Bearer {make_token(access, *scopes)}")
    AuditEntry.objects.filter(action="token.created").delete()
    return client.get(f"/api/v1/workspaces/{access.workspace.slug}/audit-entries/{rest}")


def _actions(access: MemberAccess, query: str = "") -> list[str]:
    answer = _get(access, query)
    return [entry["action"] for entry in answer.json()["results"]]  # type: ignore[attr-defined]


def test_entries_come_newest_first(access: MemberAccess) -> None:
    audit.record(access, "audience.created")
    audit.record(access, "audience.deleted")
    assert _actions(access) == ["audience.deleted", "audience.created"]


def test_entries_are_filtered_by_person_action_object_and_time(access: MemberAccess) -> None:
    audit.record(access, "audience.created", access.workspace)
    audit.record(make_access(access.workspace), "dataset.created")
    AuditEntry.objects.filter(action__startswith="member").delete()
    AuditEntry.objects.filter(action__startswith="user").delete()
    AuditEntry.objects.filter(action="dataset.created").update(at=timezone.now() - timedelta(days=3))
    yesterday = (timezone.now() - timedelta(days=1)).isoformat().replace("+00:00", "Z")
    assert _actions(access, f"?actor={access.user.username}") == ["audience.created"]
    assert _actions(access, "?action=dataset") == ["dataset.created"]
    assert _actions(access, f"?object={access.workspace.pk}") == ["audience.created"]
    assert _actions(access, f"?since={yesterday}") == ["audience.created"]
    assert _actions(access, f"?until={yesterday}") == ["dataset.created"]


def test_another_workspaces_entries_are_not_seen(access: MemberAccess) -> None:
    audit.record(make_access(make_workspace(access.workspace.organization)), "audience.created")
    assert _actions(access) == []


def test_only_managers_see_what_belongs_to_no_workspace(access: MemberAccess) -> None:
    organization = access.workspace.organization
    AuditEntry.objects.create(action="user.changed", organization=organization)
    AuditEntry.objects.create(action="user.changed", organization=make_organization("Other"))
    AuditEntry.objects.exclude(action="user.changed").delete()
    assert _actions(access) == []
    manager = make_access(access.workspace, user=make_manager(organization))
    AuditEntry.objects.exclude(action="user.changed").delete()
    assert _actions(manager) == ["user.changed"]


def test_the_log_needs_its_own_right(access: MemberAccess) -> None:
    assert _get(make_access(access.workspace, "developer")).status_code == 403  # type: ignore[attr-defined]


def test_the_export_is_csv_that_no_spreadsheet_computes_and_is_itself_audited(access: MemberAccess) -> None:
    audit.record(access, "audience.created", detail={"name": "x"})
    AuditEntry.objects.update(object_name="=1+1")
    answer = _get(access, "export/?action=audience")
    lines = b"".join(answer.streaming_content).decode("utf-8-sig").splitlines()  # type: ignore[attr-defined]
    assert lines[0].startswith("at,actor_name,via,ip,action")
    assert len(lines) == 2 and "'=1+1" in lines[1] and '""name"": ""x""' in lines[1]
    assert AuditEntry.objects.get(action="audit.exported").detail["rows"] == 1
    assert DownloadLog.objects.get().user == access.user
