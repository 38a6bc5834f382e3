from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from admin_center.audit.models import AuditEntry
from admin_center.members.models import User, WorkspaceMember
from admin_center.permissions.access import MemberAccess
from tests.factories import (
    make_access,
    make_manager,
    make_member,
    make_organization,
    make_token,
    make_user,
    make_workspace,
)

pytestmark = pytest.mark.django_db


def _client(access: MemberAccess, *scopes: str) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {make_token(access, *scopes)}")
    return client


def _url(access: MemberAccess, rest: str) -> str:
    return f"/api/v1/workspaces/{access.workspace.slug}/{rest}"


@pytest.fixture
def access(db: None) -> MemberAccess:
    return make_access()


def test_members_are_listed_with_their_roles_in_constant_queries(
    access: MemberAccess, django_assert_max_num_queries: Any
) -> None:
    for _number in range(5):
        make_member(access.workspace, "analyst", "developer")
    client = _client(access)
    with django_assert_max_num_queries(9):
        answer = client.get(_url(access, "members/?role=developer")).json()
    assert answer["count"] == 5
    assert answer["results"][0]["roles"] == ["analyst", "developer"]


def test_a_new_account_is_invited_by_a_link_on_which_it_chooses_its_password(access: MemberAccess) -> None:
    answer = _client(access).post(
        _url(access, "members/"), {"username": "new", "email": "n@example.com", "roles": ["analyst"]}
    )
    assert answer.status_code == 201, answer.json()
    assert answer.json()["is_invited"] and answer.json()["invitation"].startswith("/welcome/")
    assert answer.json()["roles"] == ["analyst"]


def test_an_existing_account_is_added_without_a_link(access: MemberAccess) -> None:
    user = make_user(organization=access.workspace.organization)
    answer = _client(access).post(
        _url(access, "members/"), {"username": user.username, "roles": ["developer"]}
    )
    assert answer.json()["invitation"] is None
    assert WorkspaceMember.objects.filter(workspace=access.workspace, user=user).exists()


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"username": "new", "roles": []}, "roles"),
        ({"username": "new", "roles": ["boss"]}, "roles"),
        ({"username": "a b", "roles": ["analyst"]}, "username"),
        ({"username": "stranger", "roles": ["analyst"]}, "username"),
        ({"roles": ["analyst"]}, "username"),
    ],
)
def test_a_member_that_cannot_be_added_is_refused_at_its_field(
    access: MemberAccess, given: dict[str, Any], field: str
) -> None:
    make_user("stranger", organization=make_organization())
    before = User.objects.count()
    answer = _client(access).post(_url(access, "members/"), given)
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == [field]
    assert User.objects.count() == before


def test_changing_roles_counts_at_the_next_request(access: MemberAccess) -> None:
    other = make_access(access.workspace, "analyst")
    theirs = _client(other)
    assert theirs.get(_url(access, "members/")).status_code == 403
    changed = _client(access).patch(_url(access, f"members/{other.member.pk}/"), {"roles": ["administrator"]})
    assert changed.json()["roles"] == ["administrator"]
    assert theirs.get(_url(access, "members/")).status_code == 200


def test_the_last_administrator_cannot_lose_the_role_or_leave(access: MemberAccess) -> None:
    client, path = _client(access), _url(access, f"members/{access.member.pk}/")
    for answer in (client.patch(path, {"roles": ["analyst"]}), client.delete(path)):
        assert (answer.status_code, answer.json()["code"]) == (409, "last_administrator")
    assert access.member.assignments.get().role.code == "administrator"


def test_a_manager_of_the_organization_stands_in_for_the_last_administrator(access: MemberAccess) -> None:
    make_manager(access.workspace.organization)
    answer = _client(access).patch(_url(access, f"members/{access.member.pk}/"), {"roles": ["analyst"]})
    assert answer.json()["roles"] == ["analyst"]


def test_a_managers_nickname_is_not_the_workspaces_to_change(access: MemberAccess) -> None:
    manager = make_member(access.workspace, user=make_manager(access.workspace.organization))
    answer = _client(access).patch(_url(access, f"members/{manager.pk}/"), {"nickname": "boss"})
    assert list(answer.json()["errors"]) == ["nickname"]


def test_a_removed_member_has_no_access_and_no_tokens(access: MemberAccess) -> None:
    other = make_access(access.workspace, "analyst")
    theirs = _client(other)
    assert _client(access).delete(_url(access, f"members/{other.member.pk}/")).status_code == 204
    assert theirs.get(_url(access, "roles/")).status_code == 401
    other.user.refresh_from_db()
    assert other.user.organization is None


def test_somebody_in_two_workspaces_stays_in_the_organization(access: MemberAccess) -> None:
    other = make_member(access.workspace, "analyst")
    make_member(make_workspace(access.workspace.organization), user=other.user)
    _client(access).delete(_url(access, f"members/{other.pk}/"))
    other.user.refresh_from_db()
    assert other.user.organization == access.workspace.organization


def test_a_member_of_another_workspace_is_not_found(access: MemberAccess) -> None:
    other = make_member(make_workspace(access.workspace.organization))
    client = _client(access)
    for answer in (
        client.get(_url(access, f"members/{other.pk}/")),
        client.patch(_url(access, f"members/{other.pk}/"), {"roles": ["analyst"]}),
        client.delete(_url(access, f"members/{other.pk}/")),
    ):
        assert answer.status_code == 404


def test_a_token_of_another_workspace_is_not_found_there(access: MemberAccess) -> None:
    elsewhere = make_access(make_workspace(access.workspace.organization), user=access.user)
    answer = _client(elsewhere).get(_url(access, "roles/"))
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "application/problem+json")


def test_a_scope_that_does_not_cover_the_route_is_refused(access: MemberAccess) -> None:
    answer = _client(access, "insight").get(_url(access, "members/"))
    assert (answer.status_code, answer.json()["point"]) == (403, "admin.workspace")


def test_roles_tell_their_points(access: MemberAccess) -> None:
    roles = {role["code"]: role for role in _client(access).get(_url(access, "roles/")).json()["results"]}
    assert set(roles) == {"administrator", "developer", "analyst"}
    assert "admin.workspace" in roles["administrator"]["permissions"]
    assert "insight.dataset.create" not in roles["analyst"]["permissions"]
    assert roles["analyst"]["name"] == "Analyst" and roles["analyst"]["is_default"]


def test_a_token_is_shown_once_and_revoked(access: MemberAccess) -> None:
    client = _client(access)
    made = client.post(_url(access, "tokens/"), {"name": "Shop", "days": 5, "scopes": ["insight"]})
    assert made.status_code == 201 and made.json()["token"].startswith("tdl_")
    listed = client.get(_url(access, f"tokens/{made.json()['id']}/")).json()
    assert "token" not in listed and listed["state"] == "active"
    assert client.delete(_url(access, f"tokens/{made.json()['id']}/")).status_code == 204
    assert client.get(_url(access, f"tokens/{made.json()['id']}/")).json()["state"] == "revoked"


def test_other_peoples_tokens_are_not_found(access: MemberAccess) -> None:
    other = make_access(access.workspace)
    make_token(other)
    assert _client(access).get(_url(access, "tokens/")).json()["count"] == 1


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"name": "x", "days": 10, "scopes": ["insight.audience.list"]}, 201),
        ({"name": "x", "days": 10, "scopes": ["marketing"]}, 403),
        ({"name": "x", "days": 10}, 403),
        ({"name": "x", "days": 31, "scopes": ["insight"]}, 403),
        ({"name": "x", "days": 10, "scopes": ["insight.nothing"]}, 400),
    ],
)
def test_a_token_makes_none_that_may_do_more_or_lives_longer(
    access: MemberAccess, given: dict[str, Any], status: int
) -> None:
    client = _client(access, "insight")
    assert client.post(_url(access, "tokens/"), given).status_code == status
    assert client.get(_url(access, "tokens/")).json()["count"] == (2 if status == 201 else 1)


def test_a_secret_is_not_kept_for_a_repeated_request(access: MemberAccess) -> None:
    answer = _client(access).post(
        _url(access, "tokens/"), {"name": "x"}, headers={"Idempotency-Key": "11111111-aaaa"}
    )
    assert answer.status_code == 400


def test_every_change_is_in_the_audit_log_with_the_callers_address(access: MemberAccess) -> None:
    client = _client(access)
    client.post(_url(access, "members/"), {"username": "new", "roles": ["analyst"]}, REMOTE_ADDR="192.0.2.7")
    entries = AuditEntry.objects.filter(actor=access.user, ip="192.0.2.7")
    assert {entry.action for entry in entries} == {"user.created", "member.added", "member.roles_changed"}
    assert {entry.via for entry in entries} == {"api"}


def test_the_person_behind_a_token_is_told_who_they_are(access: MemberAccess) -> None:
    make_member(make_workspace(access.workspace.organization), user=access.user)
    client = _client(access)
    assert client.get("/api/v1/me/").json()["username"] == access.user.username
    workspaces = client.get("/api/v1/workspaces/").json()["results"]
    assert [workspace["slug"] for workspace in workspaces] == [access.workspace.slug]


def test_without_a_token_the_api_asks_for_one(access: MemberAccess) -> None:
    answer = APIClient().get(_url(access, "members/"))
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
