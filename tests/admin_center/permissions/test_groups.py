"""User groups: made, changed and removed in the console and by the API."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from admin_center.audit.models import AuditEntry
from admin_center.members.leaving import leave_workspace
from admin_center.permissions import groups
from admin_center.permissions.access import MemberAccess
from admin_center.permissions.models import UserGroup
from cdp.core.errors import Conflict, PermissionDenied, ValidationFailed
from tests.factories import make_access, make_member, make_token, make_workspace

pytestmark = pytest.mark.django_db


@pytest.fixture
def access(db: None) -> MemberAccess:
    return make_access()


def names(group: UserGroup) -> set[str]:
    return {member.user.username for member in group.members.all()}


def api(access: MemberAccess) -> Any:
    client = APIClient(HTTP_AUTHORIZATION=f"Bearer {make_token(access)}")
    base = f"/api/v1/workspaces/{access.workspace.slug}/user-groups/"

    def call(method: str, path: str = "", data: Any = None) -> Any:
        return getattr(client, method)(base + path, data, format="json")

    return call


def test_a_group_is_made_changed_and_removed_by_the_api(access: MemberAccess) -> None:
    one, two, three = (make_member(access.workspace, "analyst") for _number in range(3))
    call = api(access)
    made = call("post", "", {"name": " Shop team ", "members": [one.pk, two.pk, one.pk]})
    assert made.status_code == 201 and made.json()["name"] == "Shop team"
    key = made.json()["id"]
    assert {row["id"] for row in made.json()["members"]} == {one.pk, two.pk}
    assert {
        row["id"] for row in call("post", f"{key}/members/", {"members": [three.pk]}).json()["members"]
    } == {
        one.pk,
        two.pk,
        three.pk,
    }
    assert call("patch", f"{key}/", {"name": "Team"}).json()["name"] == "Team"
    refused = call("delete", f"{key}/")
    assert (refused.status_code, refused.json()["code"]) == (409, "group_not_empty")
    assert str(one) in refused.json()["detail"]
    left = call("delete", f"{key}/members/{one.pk}/").json()["members"]
    assert {row["id"] for row in left} == {two.pk, three.pk}
    assert call("patch", f"{key}/", {"members": []}).json()["members"] == []
    assert call("delete", f"{key}/").status_code == 204 and not UserGroup.objects.exists()
    actions = AuditEntry.objects.filter(action__startswith="user_group.").values_list("action", flat=True)
    assert set(actions) == {"user_group.created", "user_group.changed", "user_group.deleted"}


def test_names_are_short_and_unique_in_their_workspace(access: MemberAccess) -> None:
    groups.create(access, "Team")
    for name in ("", " ", "x" * 33, "Team"):
        with pytest.raises(ValidationFailed) as error:
            groups.create(access, name)
        assert set(error.value.errors) == {"name"}
    assert groups.create(make_access(), "Team").name == "Team"
    assert UserGroup.objects.count() == 2


def test_only_members_of_the_workspace_are_taken_in(access: MemberAccess) -> None:
    stranger = make_member(make_workspace(), "analyst")
    answer = api(access)("post", "", {"name": "Team", "members": [stranger.pk]})
    assert answer.status_code == 400 and set(answer.json()["errors"]) == {"members"}
    assert not UserGroup.objects.exists()


def test_who_leaves_the_workspace_leaves_its_groups(access: MemberAccess) -> None:
    one, two = make_member(access.workspace, "analyst"), make_member(access.workspace, "analyst")
    group = groups.create(access, "Team", [one.pk, two.pk])
    leave_workspace(one, None, access=access)
    assert names(group) == {two.user.username}


def test_only_administrators_manage_groups(access: MemberAccess) -> None:
    group = groups.create(access, "Team")
    analyst = make_access(access.workspace, "analyst")
    call = api(analyst)
    for method, path in (("get", ""), ("post", ""), ("patch", f"{group.pk}/"), ("delete", f"{group.pk}/")):
        assert call(method, path, {"name": "Mine"}).status_code == 403
    with pytest.raises(PermissionDenied):
        groups.change(analyst, group, name="Mine")
    client = Client()
    client.force_login(analyst.user)
    for path in ("", "new/", f"{group.pk}/", f"{group.pk}/delete/"):
        assert client.get(f"/w/{access.workspace.slug}/admin/groups/{path}").status_code == 403


def test_the_pages_make_change_and_remove_a_group(access: MemberAccess) -> None:
    one, two = make_member(access.workspace, "analyst"), make_member(access.workspace, "analyst")
    client, home = Client(), f"/w/{access.workspace.slug}/admin/groups/"
    client.force_login(access.user)
    assert "No user groups yet" in client.get(home).content.decode()
    client.post(f"{home}new/", {"name": "Team", "members": [one.pk]})
    group = UserGroup.objects.get()
    assert str(one) in client.get(home).content.decode()
    again = client.post(f"{home}new/", {"name": "Team"})
    assert again.status_code == 422 and "of this name already" in again.content.decode()
    client.post(f"{home}{group.pk}/", {"name": "Shop", "members": [two.pk]})
    group.refresh_from_db()
    assert group.name == "Shop" and names(group) == {two.user.username}
    assert str(two) in client.get(f"{home}{group.pk}/delete/").content.decode()
    with pytest.raises(Conflict):
        groups.delete(access, group)
    client.post(f"{home}{group.pk}/", {"name": "Shop"})
    client.post(f"{home}{group.pk}/delete/")
    assert not UserGroup.objects.exists()
