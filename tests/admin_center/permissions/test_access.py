from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser

from admin_center.members.models import ApiToken
from admin_center.members.tokens import issue_token
from admin_center.permissions.points import POINTS
from admin_center.permissions.presets import PRESETS
from cdp.core.access import Access
from cdp.core.errors import NotFound, PermissionDenied
from cdp.core.membership import access_for
from tests.factories import make_access, make_manager, make_member, make_user, make_workspace

pytestmark = pytest.mark.django_db


def test_the_permissions_app_answers_for_the_kernel() -> None:
    access = make_access()
    found = access_for(access.user, access.workspace.slug)
    assert isinstance(found, Access)
    assert (found.user, found.workspace) == (access.user, access.workspace)


def test_an_administrator_holds_every_point() -> None:
    access = make_access()
    assert access.is_admin
    assert all(access.can(point.code) for point in POINTS)


def test_presets_name_only_registered_points() -> None:
    assert [point for preset in PRESETS.values() for point in preset.points if point not in POINTS] == []


@pytest.mark.parametrize(
    ("role", "point", "allowed"),
    [
        ("developer", "insight.dataset.create", True),
        ("developer", "insight.datasource.view", True),
        ("developer", "insight.datasource.manage", False),
        ("developer", "marketing.event.manage", True),
        ("analyst", "insight.dataset.create", False),
        ("analyst", "insight.datasource.view", False),
        ("analyst", "insight.audience.filter", True),
        ("analyst", "insight.tag.manage", False),
        ("analyst", "admin.workspace", False),
        ("analyst", "privacy.unmask", False),
        ("analyst", "workspace.view", True),
        ("analyst", "insight.oneid.view", True),
        ("analyst", "insight.oneid.person", False),
        ("analyst", "insight.oneid.manage", False),
        ("developer", "insight.oneid.manage", True),
        ("developer", "insight.oneid.person", True),
    ],
)
def test_presets_start_with_the_rights_of_the_matrix(role: str, point: str, allowed: bool) -> None:
    assert make_access(None, role).can(point) is allowed


def test_rights_of_several_roles_add_up() -> None:
    access = make_access(None, "analyst", "developer")
    assert access.can("insight.dataset.create") and access.can("insight.analysis")
    assert not access.is_admin


def test_an_organization_manager_is_administrator_everywhere_in_it_without_being_a_member() -> None:
    workspace = make_workspace()
    manager = make_manager(workspace.organization)
    access = access_for(manager, workspace)
    assert access.is_admin and access.can("admin.workspace")


def test_a_manager_of_another_organization_finds_nothing() -> None:
    stranger = make_manager(make_workspace().organization)
    with pytest.raises(NotFound):
        access_for(stranger, make_workspace().slug)


def test_an_administrator_of_one_workspace_finds_no_other() -> None:
    mine = make_workspace()
    other = make_workspace(mine.organization)
    with pytest.raises(NotFound):
        access_for(make_access(mine).user, other)


@pytest.mark.parametrize("user", [None, AnonymousUser()])
def test_nobody_has_no_access(user: object) -> None:
    with pytest.raises(NotFound):
        access_for(user, make_workspace())


def test_somebody_who_may_not_sign_in_has_no_access() -> None:
    access = make_access()
    access.user.is_active = False
    with pytest.raises(NotFound):
        access_for(access.user, access.workspace)


def test_a_missing_right_is_refused_with_its_name() -> None:
    with pytest.raises(PermissionDenied) as refused:
        make_access(None, "analyst").require("admin.workspace")
    assert refused.value.problem()["point"] == "admin.workspace"


def test_an_unknown_point_is_a_defect_even_for_administrators() -> None:
    with pytest.raises(KeyError):
        make_access().can("insight.audiense.list")


def _with_token(role: str, *scopes: str) -> Access:
    access = make_access(None, role)
    issue_token(access.user, access.workspace, name="t", scopes=scopes)
    return access_for(access.user, access.workspace, token=ApiToken.objects.get())


def test_a_token_without_scopes_may_do_what_its_person_may() -> None:
    access = _with_token("analyst")
    assert access.can("insight.analysis") and not access.can("insight.dataset.create")


def test_scopes_narrow_an_administrator() -> None:
    access = _with_token("administrator", "insight.audience.list", "marketing")
    assert access.can("insight.audience.list") and access.can("marketing.sms.send")
    assert not access.can("insight.audience.filter") and not access.can("admin.workspace")


def test_scopes_give_nothing_that_the_person_lacks() -> None:
    assert not _with_token("analyst", "admin").can("admin.workspace")


def test_a_scope_does_not_cover_points_that_merely_begin_alike() -> None:
    assert not _with_token("administrator", "media").can("media_return.analyst")


def test_a_refusal_by_scope_says_that_the_token_lacks_it() -> None:
    with pytest.raises(PermissionDenied, match="scopes"):
        _with_token("administrator", "insight").require("jobs.view")


def test_a_token_of_another_workspace_finds_nothing() -> None:
    here, there = make_workspace(), make_workspace()
    user = make_member(here, user=make_user()).user
    token, _secret = issue_token(user, there, name="t")
    with pytest.raises(NotFound):
        access_for(user, here, token=token)


def test_access_costs_three_queries_however_often_it_is_asked(django_assert_num_queries: object) -> None:
    access = make_access(None, "analyst", "developer")
    with django_assert_num_queries(3):  # type: ignore[operator]
        found = access_for(access.user, access.workspace.slug)
        for point in POINTS:
            found.can(point.code)
