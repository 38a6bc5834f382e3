from __future__ import annotations

import pytest
from django.test import Client

from admin_center.audit.models import AuditEntry
from admin_center.members.models import User
from admin_center.organizations.models import Organization, Workspace
from tests.factories import make_access, make_manager, make_organization, make_user, make_workspace

pytestmark = pytest.mark.django_db


@pytest.fixture
def manager(db: None) -> User:
    return make_manager(make_workspace(name="Here").organization, "boss")


@pytest.fixture
def page_client(manager: User) -> Client:
    client = Client()
    client.force_login(manager)
    return client


def test_only_managers_see_the_organization(client: Client) -> None:
    client.force_login(make_access().user)
    for path in ("", "people/", "workspaces/new/"):
        assert client.get(f"/organization/{path}").status_code == 403


def test_the_organization_shows_its_workspaces_and_people_only(page_client: Client, manager: User) -> None:
    make_user("stranger", organization=make_organization())
    make_workspace(name="Elsewhere")
    assert "Here" in (page := page_client.get("/organization/").content.decode()) and "Elsewhere" not in page
    assert (
        "boss" in (page := page_client.get("/organization/people/").content.decode())
        and "stranger" not in page
    )


def test_the_pages_cost_the_same_queries_however_many_rows(
    page_client: Client, manager: User, django_assert_max_num_queries: object
) -> None:
    for _number in range(8):
        make_access(make_workspace(manager.organization))
    for path in ("", "people/"):
        with django_assert_max_num_queries(10):  # type: ignore[operator]
            page_client.get(f"/organization/{path}")


def test_a_manager_renames_the_organization(page_client: Client, manager: User) -> None:
    page_client.post("/organization/", {"name": "Tide"})
    assert Organization.objects.get().name == "Tide"
    assert AuditEntry.objects.get(action="organization.changed").actor == manager


def test_a_taken_name_is_refused_at_the_field(page_client: Client) -> None:
    make_organization("Taken")
    page = page_client.post("/organization/", {"name": "Taken"})
    assert page.status_code == 422 and list(page.context["form"].errors) == ["name"]


def test_a_manager_creates_a_workspace_and_lands_in_it(page_client: Client) -> None:
    given = {"name": "Brand B", "slug": "", "description": "", "time_zone": "Asia/Tokyo"}
    assert page_client.post("/organization/workspaces/new/", given).url == "/w/brand-b/"
    assert Workspace.objects.get(slug="brand-b").time_zone == "Asia/Tokyo"


@pytest.mark.parametrize(
    ("change", "field"), [({"name": "Here"}, "name"), ({"time_zone": "Nowhere"}, "time_zone")]
)
def test_a_workspace_with_mistakes_is_not_created(
    page_client: Client, change: dict[str, str], field: str
) -> None:
    given = {"name": "New", "slug": "", "description": "", "time_zone": "Asia/Tokyo", **change}
    page = page_client.post("/organization/workspaces/new/", given)
    assert (page.status_code, list(page.context["form"].errors)) == (422, [field])
    assert Workspace.objects.count() == 1


def test_the_navigation_of_the_workspace_used_last_stays_around(page_client: Client) -> None:
    assert "Audit log" in page_client.get("/organization/").content.decode()


def test_the_default_workspace_moves(page_client: Client, manager: User) -> None:
    other = make_workspace(manager.organization)
    page_client.post(f"/organization/workspaces/{other.pk}/default/")
    assert Workspace.objects.get(is_default=True) == other


def test_another_organizations_workspace_and_person_are_not_found(page_client: Client) -> None:
    elsewhere = make_workspace()
    person = make_user(organization=elsewhere.organization)
    assert page_client.post(f"/organization/workspaces/{elsewhere.pk}/default/").status_code == 404
    assert page_client.post(f"/organization/people/{person.pk}/", {"act": "promote"}).status_code == 404


def _act(page_client: Client, person: User, act: str) -> User:
    page_client.post(f"/organization/people/{person.pk}/", {"act": act})
    return User.objects.get(pk=person.pk)


def test_somebody_is_made_manager_and_again_not(page_client: Client, manager: User) -> None:
    person = make_user(organization=manager.organization)
    assert _act(page_client, person, "promote").is_manager
    assert not _act(page_client, person, "demote").is_manager


def test_the_last_manager_stays(page_client: Client, manager: User) -> None:
    assert _act(page_client, manager, "demote").is_manager


def test_the_owner_is_neither_demoted_nor_switched_off(page_client: Client, manager: User) -> None:
    owner = make_manager(manager.organization)
    User.objects.filter(pk=owner.pk).update(is_owner=True)
    assert _act(page_client, owner, "demote").is_manager
    assert _act(page_client, owner, "lock").is_active


def test_switching_somebody_off_ends_their_session(page_client: Client, manager: User) -> None:
    person = make_user(organization=manager.organization)
    theirs = Client()
    theirs.force_login(person)
    _act(page_client, person, "lock")
    assert theirs.get("/account/").status_code == 302
    _act(page_client, person, "unlock")
    assert theirs.get("/account/").status_code == 200


def test_a_password_link_is_made_and_noted_without_its_secret(page_client: Client, manager: User) -> None:
    person = make_user(organization=manager.organization)
    page = page_client.post(f"/organization/people/{person.pk}/", {"act": "link"})
    assert page.context["link"].startswith("http://testserver/welcome/")
    entry = AuditEntry.objects.get(action="user.password_link_made")
    assert page.context["link"].rsplit("/", 2)[1] not in str(entry.detail)


def test_a_manager_cannot_take_over_the_owners_account(page_client: Client, manager: User) -> None:
    owner = make_manager(manager.organization)
    User.objects.filter(pk=owner.pk).update(is_owner=True)
    page = page_client.post(f"/organization/people/{owner.pk}/", {"act": "link"})
    assert page.status_code == 302
    assert not AuditEntry.objects.filter(action="user.password_link_made").exists()
