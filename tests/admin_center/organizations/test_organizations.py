from __future__ import annotations

import pytest

from admin_center.organizations.models import Workspace
from admin_center.organizations.services import (
    create_organization,
    create_workspace,
    make_default,
    update_workspace,
)
from admin_center.permissions.models import Role
from cdp.core.errors import ValidationFailed
from tests.factories import make_organization, make_user, make_workspace

pytestmark = pytest.mark.django_db


def test_who_creates_an_organization_owns_it() -> None:
    user = make_user()
    organization = create_organization("Tide", owner=user)
    user.refresh_from_db()
    assert (user.organization, user.is_manager, user.is_owner) == (organization, True, True)


@pytest.mark.parametrize("name", ["", " ", "x" * 65, "Taken"])
def test_an_organization_needs_a_free_name_of_up_to_64_characters(name: str) -> None:
    make_organization("Taken")
    with pytest.raises(ValidationFailed) as refused:
        create_organization(name)
    assert list(refused.value.errors) == ["name"]


def test_a_workspace_starts_with_the_preset_roles_and_the_analyst_as_default() -> None:
    roles = Role.objects.in_workspace(make_workspace())
    assert {role.code for role in roles} == {"administrator", "developer", "analyst"}
    assert [role.code for role in roles if role.is_default] == ["analyst"]


def test_the_first_workspace_is_the_default_until_another_is_made_it() -> None:
    first = make_workspace()
    second = make_workspace(first.organization)
    assert (first.is_default, second.is_default) == (True, False)
    make_default(second)
    assert Workspace.objects.get(is_default=True) == second


@pytest.mark.parametrize(("name", "slug"), [("Brand A", "brand-a"), ("A_b", "a-b")])
def test_the_address_is_made_from_the_name(name: str, slug: str) -> None:
    assert create_workspace(make_organization(), name).slug == slug


def test_a_chinese_name_gets_an_address_of_its_own() -> None:
    assert create_workspace(make_organization(), "默认空间").slug.startswith("ws-")


def test_a_taken_address_gets_a_number() -> None:
    create_workspace(make_organization(), "Brand")
    assert create_workspace(make_organization(), "Brand").slug == "brand-2"


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"name": "Taken"}, "name"),
        ({"name": ""}, "name"),
        ({"name": "x" * 65}, "name"),
        ({"slug": "taken"}, "slug"),
        ({"slug": "a b"}, "slug"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"description": "x" * 501}, "description"),
    ],
)
def test_a_workspace_that_cannot_be_is_refused_at_its_field(values: dict[str, str], field: str) -> None:
    taken = make_workspace(name="Taken", slug="taken")
    with pytest.raises(ValidationFailed) as refused:
        create_workspace(taken.organization, **{"name": "New", **values})
    assert list(refused.value.errors) == [field]


def test_a_change_counts_the_version_up_and_no_change_does_not() -> None:
    workspace = make_workspace(name="Before")
    update_workspace(workspace, {"name": "After"})
    assert Workspace.objects.values_list("name", "edit_version").get() == ("After", 2)
    update_workspace(workspace, {"name": "After"})
    assert Workspace.objects.get().edit_version == 2
