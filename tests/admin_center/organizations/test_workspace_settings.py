from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from rest_framework.test import APIClient

from admin_center.audit.models import AuditEntry
from admin_center.organizations.models import Workspace
from admin_center.organizations.settings import QuietHours, update_settings, workspace_settings
from cdp.core.errors import ValidationFailed
from tests.factories import make_access, make_token, make_workspace

SHANGHAI = ZoneInfo("Asia/Shanghai")


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


@pytest.mark.parametrize(
    ("start", "end", "moment", "until"),
    [
        ("21:00", "09:00", "2026-03-01T20:59:59", None),
        ("21:00", "09:00", "2026-03-01T21:00", "2026-03-02T09:00"),
        ("21:00", "09:00", "2026-03-02T00:00", "2026-03-02T09:00"),
        ("21:00", "09:00", "2026-03-02T08:59:59", "2026-03-02T09:00"),
        ("21:00", "09:00", "2026-03-02T09:00", None),
        ("12:00", "14:00", "2026-03-01T13:00", "2026-03-01T14:00"),
        ("12:00", "14:00", "2026-03-01T14:00", None),
        ("09:00", "09:00", "2026-03-01T09:00", None),
    ],
)
def test_quiet_hours_end_when_they_say(start: str, end: str, moment: str, until: str | None) -> None:
    hours = QuietHours.model_validate({"enabled": True, "start": start, "end": end})
    assert hours.until(_at(moment)) == (_at(until) if until else None)


def test_quiet_hours_are_off_at_first() -> None:
    assert QuietHours().until(_at("2026-03-01T23:00")) is None


@pytest.mark.django_db
def test_a_new_workspace_has_the_defaults() -> None:
    settings = workspace_settings(make_workspace())
    assert settings.update_concurrency == 3
    assert settings.is_masked("mobile")
    assert settings.caps.sms.per_day is None


@pytest.mark.django_db
def test_what_is_not_given_stays() -> None:
    workspace = make_workspace()
    update_settings(
        workspace, {"quiet_hours": {"enabled": True, "start": "22:00"}, "shown_in_full": ["one_id"]}
    )
    update_settings(workspace, {"caps": {"sms": {"per_day": 2}}})
    kept = workspace_settings(Workspace.objects.get())
    assert (kept.quiet_hours.enabled, str(kept.quiet_hours.start), str(kept.quiet_hours.end)) == (
        True,
        "22:00:00",
        "09:00:00",
    )
    assert (kept.caps.sms.per_day, kept.caps.email.per_day) == (2, None)
    assert not kept.is_masked("one_id") and kept.is_masked("mobile")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"update_concurrency": 0}, "update_concurrency"),
        ({"update_concurrency": 11}, "update_concurrency"),
        ({"update_concurrency": "x"}, "update_concurrency"),
        ({"quiet_hours": {"start": "25:00"}}, "quiet_hours/start"),
        ({"quiet_hours": {"action": "x"}}, "quiet_hours/action"),
        ({"quiet_hours": {"begin": "1:00"}}, "quiet_hours/begin"),
        ({"caps": {"sms": {"per_day": 0}}}, "caps/sms/per_day"),
        ({"caps": {"fax": {}}}, "caps/fax"),
        ({"caps": 3}, "caps"),
        ({"shown_in_full": ["shoe_size"]}, "shown_in_full"),
        ({"nonsense": 1}, "nonsense"),
    ],
)
def test_a_value_that_is_not_allowed_is_refused_at_its_path(changes: dict[str, Any], path: str) -> None:
    workspace = make_workspace()
    with pytest.raises(ValidationFailed) as refused:
        update_settings(workspace, changes)
    assert list(refused.value.errors) == [path]
    assert Workspace.objects.get().settings == {}


@pytest.mark.django_db
def test_settings_are_changed_through_the_api_and_audited() -> None:
    access = make_access(make_workspace(name="Before"))
    client = APIClient(HTTP_AUTHORIZATION=f"Bearer {make_token(access)}")
    url = f"/api/v1/workspaces/{access.workspace.slug}/settings/"
    read = client.get(url)
    assert (read.json()["update_concurrency"], read.json()["time_zone"]) == (3, "Asia/Shanghai")
    changed = client.patch(
        url, {"name": "After", "update_concurrency": 5}, headers={"If-Match": read.headers["ETag"]}
    )
    assert (changed.status_code, changed.json()["name"], changed.json()["update_concurrency"]) == (
        200,
        "After",
        5,
    )
    assert AuditEntry.objects.get(action="workspace.settings_changed").after == {"update_concurrency": 5}
    late = client.patch(url, {"name": "Late"}, headers={"If-Match": read.headers["ETag"]})
    assert (late.status_code, late.json()["code"]) == (412, "lost_update")


@pytest.mark.django_db
def test_settings_need_the_administrators_right() -> None:
    access = make_access(None, "analyst")
    client = APIClient(HTTP_AUTHORIZATION=f"Bearer {make_token(access)}")
    assert (
        client.patch(f"/api/v1/workspaces/{access.workspace.slug}/settings/", {"name": "x"}).status_code
        == 403
    )


@pytest.mark.django_db
def test_a_bad_setting_keeps_the_good_ones_of_the_same_request_from_being_saved() -> None:
    access = make_access(make_workspace(name="Before"))
    client = APIClient(HTTP_AUTHORIZATION=f"Bearer {make_token(access)}")
    url = f"/api/v1/workspaces/{access.workspace.slug}/settings/"
    answer = client.patch(url, {"name": "After", "update_concurrency": 99})
    assert (answer.status_code, Workspace.objects.get().name) == (400, "Before")
