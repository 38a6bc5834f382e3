from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from admin_center.members.models import ApiToken, User, WorkspaceMember
from admin_center.members.tokens import find_token
from admin_center.permissions.access import MemberAccess
from tests.factories import make_access, make_manager, make_member, make_token, make_workspace

pytestmark = pytest.mark.django_db


@pytest.fixture
def access(db: None) -> MemberAccess:
    return make_access()


@pytest.fixture
def signed_in(access: MemberAccess) -> Client:
    client = Client()
    client.force_login(access.user)
    return client


def _url(access: MemberAccess, rest: str = "") -> str:
    return f"/w/{access.workspace.slug}/admin/{rest}"


@pytest.mark.parametrize(
    "path", ["members/", "members/add/", "roles/", "settings/", "audit/", "audit/export/"]
)
def test_analysts_do_not_see_the_administration(path: str) -> None:
    analyst = make_access(None, "analyst")
    client = Client()
    client.force_login(analyst.user)
    assert client.get(_url(analyst, path)).status_code == 403


@pytest.mark.parametrize("path", ["members/", "members/add/", "roles/", "settings/", "audit/", "tokens/"])
def test_another_workspaces_administration_is_not_found(
    signed_in: Client, access: MemberAccess, path: str
) -> None:
    other = make_workspace(access.workspace.organization)
    assert signed_in.get(f"/w/{other.slug}/admin/{path}").status_code == 404


def test_members_are_listed_in_constant_queries(
    signed_in: Client, access: MemberAccess, django_assert_max_num_queries: Any
) -> None:
    for _number in range(10):
        make_member(access.workspace, "analyst", "developer")
    make_manager(access.workspace.organization, "bigboss")
    with django_assert_max_num_queries(14):
        page = signed_in.get(_url(access, "members/")).content.decode()
    assert page.count("Developer") >= 10 and "bigboss" in page


def test_a_new_account_gets_a_link_that_is_shown_once(signed_in: Client, access: MemberAccess) -> None:
    given = {"username": "new", "email": "", "nickname": "", "roles": ["analyst"]}
    page = signed_in.post(_url(access, "members/add/"), given)
    assert "/welcome/" in page.context["link"] and page.headers["Cache-Control"] == "no-store"
    assert Client().get(page.context["link"]).status_code == 200


def test_an_existing_account_is_just_added(signed_in: Client, access: MemberAccess) -> None:
    other = make_access(make_workspace(access.workspace.organization))
    given = {"username": other.user.username, "email": "", "nickname": "", "roles": ["analyst"]}
    assert signed_in.post(_url(access, "members/add/"), given).status_code == 302
    assert WorkspaceMember.objects.filter(workspace=access.workspace, user=other.user).exists()


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"username": "a b", "roles": ["analyst"]}, "username"),
        ({"username": "new"}, "roles"),
        ({"username": "new", "roles": ["boss"]}, "roles"),
        ({"username": "new", "roles": ["analyst"], "nickname": "1"}, "nickname"),
        ({"username": "new", "roles": ["analyst"], "email": "x"}, "email"),
    ],
)
def test_what_cannot_be_added_is_told_at_its_field_and_stays_typed(
    signed_in: Client, access: MemberAccess, given: dict[str, Any], field: str
) -> None:
    page = signed_in.post(_url(access, "members/add/"), given)
    assert (page.status_code, list(page.context["form"].errors)) == (422, [field])
    assert page.context["form"]["username"].value() == given["username"]
    assert User.objects.count() == 1


def test_an_administrator_changes_nickname_and_roles(signed_in: Client, access: MemberAccess) -> None:
    member = make_member(access.workspace, "analyst")
    signed_in.post(
        _url(access, f"members/{member.pk}/"), {"nickname": "Bo", "roles": ["developer", "analyst"]}
    )
    member.refresh_from_db()
    assert member.user.nickname == "Bo"
    assert {held.role.code for held in member.assignments.all()} == {"developer", "analyst"}


def test_the_last_administrator_is_told_why_the_role_stays(signed_in: Client, access: MemberAccess) -> None:
    given = {"nickname": access.user.nickname, "roles": ["analyst"]}
    page = signed_in.post(_url(access, f"members/{access.member.pk}/"), given)
    assert page.status_code == 422
    assert "last administrator" in str(page.context["form"].non_field_errors())


def test_a_second_link_is_made_only_for_who_has_no_password_yet(
    signed_in: Client, access: MemberAccess
) -> None:
    signed_in.post(_url(access, "members/add/"), {"username": "new", "roles": ["analyst"]})
    invited = WorkspaceMember.objects.get(user__username="new")
    assert "/welcome/" in signed_in.post(_url(access, f"members/{invited.pk}/invite/")).context["link"]
    settled = make_member(access.workspace, "analyst")
    assert signed_in.post(_url(access, f"members/{settled.pk}/invite/")).status_code == 409


def test_somebody_who_owns_nothing_is_removed(signed_in: Client, access: MemberAccess) -> None:
    member = make_member(access.workspace, "analyst")
    assert signed_in.get(_url(access, f"members/{member.pk}/remove/")).status_code == 200
    assert (
        signed_in.post(_url(access, f"members/{member.pk}/remove/"), {"transfer_to": ""}).status_code == 302
    )
    assert not WorkspaceMember.objects.filter(pk=member.pk).exists()


def test_removing_in_bulk_skips_the_last_administrator_with_a_reason(
    signed_in: Client, access: MemberAccess
) -> None:
    member = make_member(access.workspace, "analyst")
    given = {"action": "remove", "row": [member.pk, access.member.pk]}
    page = signed_in.post(_url(access, "members/"), given, follow=True)
    assert list(WorkspaceMember.objects.all()) == [access.member]
    assert any("last administrator" in str(message) for message in page.context["messages"])


def test_a_role_shows_its_rights_and_members(signed_in: Client, access: MemberAccess) -> None:
    roles = signed_in.get(_url(access, "roles/")).context["rows"]
    assert len(roles) == 3
    for row in roles:
        page = signed_in.get(row["url"])
        held = [point.code for _label, points in page.context["groups"] for point, has in points if has]
        assert ("admin.workspace" in held) == row["object"].is_administrator


def test_a_token_is_made_and_shown_once(access: MemberAccess) -> None:
    analyst = make_access(access.workspace, "analyst")
    client = Client()
    client.force_login(analyst.user)
    given = {"name": "Shop", "days": "30", "scopes": ["insight.analysis"]}
    page = client.post(_url(access, "tokens/new/"), given)
    token = find_token(page.context["secret"])
    assert token is not None and (token.user, token.scopes) == (analyst.user, ["insight.analysis"])
    assert page.headers["Cache-Control"] == "no-store"
    assert page.context["secret"] not in client.get(_url(access, "tokens/")).content.decode()


def test_only_rights_that_one_has_are_offered_as_scopes(access: MemberAccess) -> None:
    analyst = make_access(access.workspace, "analyst")
    client = Client()
    client.force_login(analyst.user)
    page = client.post(
        _url(access, "tokens/new/"), {"name": "x", "days": "30", "scopes": ["admin.workspace"]}
    )
    assert (page.status_code, list(page.context["form"].errors)) == (422, ["scopes"])


def test_ones_own_tokens_are_revoked_and_nobody_elses(signed_in: Client, access: MemberAccess) -> None:
    make_token(access)
    make_token(make_access(access.workspace))
    rows = list(ApiToken.objects.values_list("pk", flat=True))
    signed_in.post(_url(access, "tokens/"), {"action": "revoke", "row": rows})
    revoked = ApiToken.objects.exclude(revoked_at=None)
    assert [token.user for token in revoked] == [access.user]
