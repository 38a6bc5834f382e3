from __future__ import annotations

import pytest

from admin_center.audit.models import AuditEntry
from admin_center.members.leaving import count_works, owned_models
from admin_center.members.models import ApiToken, WorkspaceMember
from admin_center.permissions.access import MemberAccess
from admin_center.permissions.services import remove_member
from cdp.core.errors import ValidationFailed
from insight.audiences.models import Audience
from tests.factories import make_access, make_member, make_token, make_workspace

pytestmark = pytest.mark.django_db


@pytest.fixture
def leaver(db: None) -> MemberAccess:
    access = make_access(None, "analyst")
    Audience.objects.create(workspace=access.workspace, owner=access.user, name="Theirs")
    make_token(access)
    return access


def test_whatever_has_an_owner_in_a_workspace_can_be_handed_over() -> None:
    assert Audience in owned_models()


def test_what_somebody_owns_goes_to_who_takes_over(leaver: MemberAccess) -> None:
    receiver = make_member(leaver.workspace)
    remove_member(leaver.member, receiver)
    assert Audience.objects.get().owner == receiver.user
    assert AuditEntry.objects.get(action="member.removed").detail["moved"] == {"audiences.audience": 1}


def test_what_they_own_elsewhere_stays_theirs(leaver: MemberAccess) -> None:
    other = make_member(make_workspace(leaver.workspace.organization), user=leaver.user).workspace
    Audience.objects.create(workspace=other, owner=leaver.user, name="Elsewhere")
    remove_member(leaver.member, make_member(leaver.workspace))
    assert Audience.objects.get(name="Elsewhere").owner == leaver.user


def test_nobody_with_works_leaves_without_somebody_to_take_over(leaver: MemberAccess) -> None:
    with pytest.raises(ValidationFailed):
        remove_member(leaver.member)
    assert sum(count_works(leaver.workspace, leaver.user).values()) == 1
    assert WorkspaceMember.objects.filter(pk=leaver.member.pk).exists()


def test_works_go_neither_to_the_leaver_nor_to_another_workspace(leaver: MemberAccess) -> None:
    for receiver in (leaver.member, make_member(make_workspace(leaver.workspace.organization))):
        with pytest.raises(ValidationFailed):
            remove_member(leaver.member, receiver)
    assert Audience.objects.get().owner == leaver.user


def test_who_owns_nothing_leaves_at_once() -> None:
    access = make_access(None, "analyst")
    remove_member(access.member)
    assert not WorkspaceMember.objects.exists()


def test_the_leavers_tokens_for_the_workspace_are_revoked(leaver: MemberAccess) -> None:
    other = make_access(make_workspace(leaver.workspace.organization), "analyst", user=leaver.user)
    make_token(other)
    remove_member(leaver.member, make_member(leaver.workspace))
    states = dict(ApiToken.objects.values_list("workspace__slug", "revoked_at"))
    assert states[leaver.workspace.slug] is not None and states[other.workspace.slug] is None
