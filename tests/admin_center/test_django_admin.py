from __future__ import annotations

import pytest
from django.test import Client

from admin_center.audit.models import AuditEntry
from admin_center.members.models import User
from tests.factories import PASSWORD, make_access, make_manager, make_user, make_workspace

pytestmark = pytest.mark.django_db
PAGES = [
    "organizations/organization",
    "organizations/workspace",
    "members/user",
    "members/workspacemember",
    "members/apitoken",
    "permissions/role",
    "audit/auditentry",
    "audit/downloadlog",
]


@pytest.fixture
def manager(db: None) -> User:
    return make_manager(make_workspace(name="Here").organization, "boss")


@pytest.fixture
def signed_in(manager: User) -> Client:
    client = Client()
    client.force_login(manager)
    return client


def test_the_admin_is_entered_through_the_ordinary_sign_in_page(client: Client) -> None:
    answer = client.get("/admin/members/user/", follow=True)
    assert answer.redirect_chain[-1][0] == "/login/?next=%2Fadmin%2Fmembers%2Fuser%2F"


def test_a_workspace_administrator_is_not_let_in(client: Client) -> None:
    client.force_login(make_access().user)
    answer = client.get("/admin/", follow=True)
    assert answer.status_code == 403


@pytest.mark.parametrize("path", PAGES)
def test_a_manager_sees_the_pages_of_the_admin_centre(signed_in: Client, path: str) -> None:
    assert signed_in.get(f"/admin/{path}/").status_code == 200


def test_a_manager_sees_nothing_of_another_organization(signed_in: Client) -> None:
    elsewhere = make_access(make_workspace(name="Elsewhere"), user=make_user("stranger"))
    for path, row in (
        ("organizations/workspace", elsewhere.workspace.pk),
        ("members/user", elsewhere.user.pk),
        ("members/workspacemember", elsewhere.member.pk),
    ):
        assert signed_in.get(f"/admin/{path}/{row}/change/").status_code == 302
        listed = signed_in.get(f"/admin/{path}/").content.decode()
        assert "Elsewhere" not in listed and "stranger" not in listed


def test_a_manager_does_not_see_the_operators_tables(signed_in: Client) -> None:
    for path in ("axes/accessattempt", "django_celery_beat/periodictask", "sessions/session"):
        assert signed_in.get(f"/admin/{path}/").status_code in (403, 404)


def test_a_manager_makes_nobody_operator(signed_in: Client, manager: User) -> None:
    given = {"username": "boss", "nickname": "boss", "theme": "auto", "is_active": "on", "is_manager": "on"}
    signed_in.post(
        f"/admin/members/user/{manager.pk}/change/", {**given, "is_superuser": "on", "is_owner": "on"}
    )
    manager.refresh_from_db()
    assert not manager.is_superuser and not manager.is_owner


def test_a_change_in_the_admin_is_audited(signed_in: Client, manager: User) -> None:
    workspace = manager.organization.workspaces.get()  # type: ignore[union-attr]
    given = {"name": "There", "description": "", "time_zone": "Asia/Tokyo"}
    signed_in.post(f"/admin/organizations/workspace/{workspace.pk}/change/", given)
    workspace.refresh_from_db()
    assert workspace.name == "There"
    assert AuditEntry.objects.get(action="workspace.changed").actor == manager


def test_the_audit_log_cannot_be_changed_or_deleted_there(signed_in: Client) -> None:
    entry = AuditEntry.objects.first()
    assert entry is not None
    assert signed_in.post(f"/admin/audit/auditentry/{entry.pk}/delete/", {"post": "yes"}).status_code == 403
    assert signed_in.get("/admin/audit/auditentry/add/").status_code == 403


def test_an_operator_sees_all_organizations(client: Client) -> None:
    make_workspace(name="Elsewhere")
    client.force_login(make_user("root", password=PASSWORD, is_superuser=True))
    assert "Elsewhere" in client.get("/admin/organizations/workspace/").content.decode()
