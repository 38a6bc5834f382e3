from __future__ import annotations

import pytest
from django.contrib.auth import authenticate
from django.test import RequestFactory

from admin_center.members.backends import NameOrEmailBackend, find_user
from admin_center.members.models import WorkspaceMember
from admin_center.members.services import add_member, create_user, free_nickname
from cdp.core.errors import ValidationFailed
from tests.factories import PASSWORD, make_organization, make_user, make_workspace

pytestmark = pytest.mark.django_db


def test_people_sign_in_by_name_or_address_whatever_the_capitals() -> None:
    user = make_user("Ann", email="ann@example.com")
    for name in ("ann", "ANN", "Ann@Example.com", " ann "):
        assert NameOrEmailBackend().authenticate(None, name, PASSWORD) == user


def test_a_wrong_password_signs_nobody_in() -> None:
    make_user("ann")
    assert NameOrEmailBackend().authenticate(None, "ann", "wrong") is None
    assert NameOrEmailBackend().authenticate(None, "nobody", "wrong") is None
    assert NameOrEmailBackend().authenticate(None, "ann", "") is None


def test_somebody_switched_off_cannot_sign_in_and_loses_their_session() -> None:
    user = make_user("ann")
    user.is_active = False
    user.save()
    assert NameOrEmailBackend().authenticate(None, "ann", PASSWORD) is None
    assert NameOrEmailBackend().get_user(user.pk) is None


def test_an_invited_person_cannot_sign_in() -> None:
    assert create_user("ann").is_invited
    assert authenticate(RequestFactory().post("/login/"), username="ann", password="") is None


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"username": "ANN"}, "username"),
        ({"username": "a b"}, "username"),
        ({"username": ""}, "username"),
        ({"username": "ann@example.com"}, "username"),
        ({"username": "bob", "email": "ANN@example.com"}, "email"),
        ({"username": "bob", "email": "nonsense"}, "email"),
        ({"username": "bob", "nickname": "12345"}, "nickname"),
        ({"username": "bob", "nickname": "a-b"}, "nickname"),
        ({"username": "bob", "nickname": "x" * 33}, "nickname"),
        ({"username": "bob", "nickname": "小安"}, "nickname"),
        ({"username": "bob", "password": "short"}, "password"),
        ({"username": "bob", "password": "1234567890123"}, "password"),
    ],
)
def test_a_taken_or_malformed_value_is_told_at_its_field(values: dict[str, str], field: str) -> None:
    organization = make_organization()
    create_user("ann", email="ann@example.com", nickname="小安", organization=organization)
    with pytest.raises(ValidationFailed) as refused:
        create_user(**{"password": PASSWORD, **values}, organization=organization)
    assert list(refused.value.errors) == [field]


def test_an_address_that_is_somebodys_user_name_is_refused() -> None:
    create_user("ann@example.com")
    with pytest.raises(ValidationFailed) as refused:
        create_user("bob", email="Ann@example.com")
    assert list(refused.value.errors) == ["email"]


def test_two_organizations_may_have_the_same_nickname() -> None:
    create_user("ann", nickname="小安", organization=make_organization())
    assert create_user("bob", nickname="小安", organization=make_organization()).nickname == "小安"


@pytest.mark.parametrize(
    ("username", "nickname"),
    [("ann.lee@example.com", "ann_lee"), ("12345", "_12345"), ("李.雷", "李_雷"), ("ann", "ann_2")],
)
def test_a_nickname_is_made_from_the_account(username: str, nickname: str) -> None:
    organization = make_organization()
    create_user("other", nickname="ann", organization=organization)
    assert free_nickname(username, organization) == nickname


def test_a_name_wins_over_an_address() -> None:
    ann = make_user("ann", email="bob@example.com")
    assert find_user("bob@example.com") == ann
    assert find_user("") is None


def test_adding_somebody_without_organization_brings_them_into_it() -> None:
    workspace, user = make_workspace(), make_user()
    add_member(workspace, user)
    user.refresh_from_db()
    assert user.organization == workspace.organization


def test_somebody_of_another_organization_cannot_be_added() -> None:
    workspace = make_workspace()
    with pytest.raises(ValidationFailed):
        add_member(workspace, make_user(organization=make_organization()))
    assert not WorkspaceMember.objects.exists()


def test_nobody_is_added_twice() -> None:
    workspace, user = make_workspace(), make_user()
    add_member(workspace, user)
    with pytest.raises(ValidationFailed):
        add_member(workspace, user)
