"""Modules that an organization can switch off."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from admin_center.audit.models import AuditEntry
from admin_center.members.models import User
from admin_center.organizations import modules
from admin_center.organizations.models import Organization
from cdp.core.errors import Conflict, ValidationFailed
from tests.factories import make_access, make_organization, make_token

URL = "/api/v1/organization/modules/"
KEY = "omni_insight"

pytestmark = pytest.mark.django_db


@pytest.fixture
def manager() -> Any:
    access = make_access()
    User.objects.filter(pk=access.user.pk).update(is_manager=True)
    access.user.refresh_from_db()
    return access


def browser_of(access: Any) -> Client:
    client = Client()
    client.force_login(access.user, backend="admin_center.members.backends.NameOrEmailBackend")
    return client


def caller_of(access: Any, *scopes: str) -> APIClient:
    return APIClient(HTTP_AUTHORIZATION=f"Bearer {make_token(access, *scopes)}")


def test_all_are_on_until_one_is_switched_off_and_that_is_recorded() -> None:
    organization = make_organization()
    assert {state["key"]: state["on"] for state in modules.states(organization)}[KEY] is True
    modules.switch(organization, {KEY: False})
    assert Organization.objects.get(pk=organization.pk).modules_off == [KEY]
    with pytest.raises(Conflict) as refused:
        modules.check(organization, KEY)
    assert refused.value.code == "module_off"
    modules.switch(organization, {})
    assert modules.is_off(organization, KEY)
    modules.switch(organization, {KEY: True})
    assert Organization.objects.get(pk=organization.pk).modules_off == []


@pytest.mark.parametrize("wanted", [{"nothing": False}, {KEY: "off"}, {KEY: 0}, {KEY: None}])
def test_nothing_is_switched_where_something_is_wrong(wanted: dict[str, Any]) -> None:
    organization = make_organization()
    with pytest.raises(ValidationFailed) as refused:
        modules.switch(organization, {KEY: False, **wanted})
    assert list(refused.value.errors) == list(wanted)
    assert Organization.objects.get(pk=organization.pk).modules_off == []


def test_managers_switch_them_by_the_page_and_everybody_feels_it(manager: Any) -> None:
    analyst = make_access(manager.workspace, "analyst")
    home, place = f"/w/{manager.workspace.slug}/", f"/w/{manager.workspace.slug}/omni/"
    for access in (manager, analyst):
        assert place in browser_of(access).get(home).content.decode()
    page = browser_of(manager).post("/organization/modules/", {})
    assert page.status_code == 302
    for access in (manager, analyst):
        assert browser_of(access).get(place).status_code == 404
        assert place not in browser_of(access).get(home).content.decode()
        answer = caller_of(access).get(f"/api/v1/workspaces/{manager.workspace.slug}/omni/overview/")
        assert (answer.status_code, answer.json()["code"]) == (404, "module_off")
        roles = caller_of(access).get(f"/api/v1/workspaces/{manager.workspace.slug}/roles/").json()["results"]
        assert [role["code"] for role in roles if "omni" in role["permissions"]] == []
    assert AuditEntry.objects.get(action="organization.modules_switched").after == {"off": [KEY]}
    browser_of(manager).post("/organization/modules/", {KEY: "on"})
    for access in (manager, analyst):
        assert browser_of(access).get(place).status_code == 200


def test_managers_switch_them_by_the_api(manager: Any) -> None:
    client = caller_of(manager)
    assert [(item["key"], item["on"]) for item in client.get(URL).json()["modules"]] == [(KEY, True)]
    answer = client.patch(URL, {KEY: False}, format="json")
    assert [(item["key"], item["on"]) for item in answer.json()["modules"]] == [(KEY, False)]
    refused = client.patch(URL, {KEY: "no"}, format="json")
    assert (refused.status_code, list(refused.json()["errors"])) == (400, [KEY])


def test_others_switch_nothing(manager: Any) -> None:
    member = make_access(manager.workspace)
    assert browser_of(member).get("/organization/modules/").status_code == 403
    assert caller_of(member).patch(URL, {KEY: False}, format="json").status_code == 403
    scoped = caller_of(manager, "workspace.view")
    assert scoped.patch(URL, {KEY: False}, format="json").status_code == 403
    assert Organization.objects.get(pk=manager.workspace.organization_id).modules_off == []
