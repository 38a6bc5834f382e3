from __future__ import annotations

import pytest
from django.test import Client

from admin_center.organizations.models import Workspace
from admin_center.organizations.settings import workspace_settings
from admin_center.permissions.access import MemberAccess
from tests.factories import make_access

pytestmark = pytest.mark.django_db
GIVEN = {
    "name": "Brand",
    "description": "",
    "time_zone": "Asia/Tokyo",
    "update_concurrency": "5",
    "push_concurrency": "2",
    "aipl_update": "02:30",
    "rfm_update": "04:00",
    "shown_in_full": ["one_id"],
    "quiet_hours_enabled": "on",
    "quiet_hours_start": "22:00",
    "quiet_hours_end": "08:30",
    "quiet_hours_action": "skip",
    "caps_sms_per_day": "2",
    "caps_email_per_week": "",
}


@pytest.fixture
def access(db: None) -> MemberAccess:
    return make_access()


@pytest.fixture
def signed_in(access: MemberAccess) -> Client:
    client = Client()
    client.force_login(access.user)
    return client


def _url(access: MemberAccess) -> str:
    return f"/w/{access.workspace.slug}/admin/settings/"


def test_the_page_shows_what_is_in_force(signed_in: Client, access: MemberAccess) -> None:
    form = signed_in.get(_url(access)).context["form"]
    assert form["update_concurrency"].value() == 3
    assert form["name"].value() == access.workspace.name
    assert str(form["quiet_hours_start"].value()) == "21:00:00"


def test_all_settings_are_saved(signed_in: Client, access: MemberAccess) -> None:
    assert signed_in.post(_url(access), {**GIVEN, "edit_version": "1"}).status_code == 302
    workspace = Workspace.objects.get()
    kept = workspace_settings(workspace)
    assert (workspace.name, workspace.time_zone) == ("Brand", "Asia/Tokyo")
    assert (kept.update_concurrency, kept.shown_in_full, kept.caps.sms.per_day) == (5, ("one_id",), 2)
    assert kept.caps.email.per_week is None
    assert (kept.quiet_hours.enabled, str(kept.quiet_hours.end), kept.quiet_hours.action) == (
        True,
        "08:30:00",
        "skip",
    )


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"update_concurrency": "11"}, "update_concurrency"),
        ({"time_zone": "Nowhere"}, "time_zone"),
        ({"name": ""}, "name"),
        ({"quiet_hours_start": "25:00"}, "quiet_hours_start"),
        ({"caps_sms_per_day": "0"}, "caps_sms_per_day"),
        ({"caps_sms_per_day": "99999"}, "caps_sms_per_day"),
        ({"shown_in_full": ["shoe_size"]}, "shown_in_full"),
    ],
)
def test_a_mistake_is_told_at_its_field_and_nothing_is_saved(
    signed_in: Client, access: MemberAccess, change: dict[str, str], field: str
) -> None:
    page = signed_in.post(_url(access), {**GIVEN, **change})
    assert (page.status_code, list(page.context["form"].errors)) == (422, [field])
    assert Workspace.objects.get().edit_version == 1


def test_what_somebody_else_saved_meanwhile_is_not_overwritten(
    signed_in: Client, access: MemberAccess
) -> None:
    signed_in.post(_url(access), {**GIVEN, "edit_version": "1"})
    late = signed_in.post(_url(access), {**GIVEN, "name": "Late", "edit_version": "1"})
    assert late.status_code == 422
    assert "meanwhile" in str(late.context["form"].non_field_errors())
    assert Workspace.objects.get().name == "Brand"
