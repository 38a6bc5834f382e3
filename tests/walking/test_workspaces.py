"""Nobody reads or changes what another workspace owns: every address and every method."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
from django.apps import apps
from django.test import Client
from rest_framework.test import APIClient

from admin_center.audit.models import AuditEntry, DownloadLog
from admin_center.members.models import ApiToken, User
from admin_center.permissions.models import Role
from cdp.console.models import PageVisit
from tests.conftest import run_queued
from tests.factories import make_access, make_token, make_workspace
from tests.walking.addresses import Address, addresses
from tests.walking.full import Full, make_full

BACKEND = "admin_center.members.backends.NameOrEmailBackend"
NOT_COMPARED = (AuditEntry, DownloadLog, PageVisit, ApiToken, User)
METHODS = ("get", "post", "put", "patch", "delete")
FREE = ("w/jobs/", "w/messages/", "api/jobs/", "api/notifications/", "api/roles/", "api/home/")
FREE += ("w/admin/tokens/", "api/tokens/")
"""What a member without any permission may open, besides the home page: what is one's own, and the roles' names."""


@pytest.fixture(scope="module")
def made(shared: Callable[..., Full]) -> Full:
    return shared(lambda: make_full(run_queued))


@pytest.fixture
def full(db: None, made: Full) -> Full:
    return deepcopy(made)


@pytest.fixture
def intruder(db: None) -> Any:
    """The administrator of another workspace of another organization."""
    return make_access()


def console(access: Any) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(access.user, backend=BACKEND)
    return client


def api(access: Any) -> APIClient:
    return APIClient(HTTP_AUTHORIZATION=f"Bearer {make_token(access)}", raise_request_exception=False)


def rows_of(workspace: Any) -> dict[str, list[Any]]:
    """Every row that belongs to a workspace."""
    found = {}
    for model in apps.get_models():
        fields = {field.name for field in model._meta.fields}
        if "workspace" in fields and model not in NOT_COMPARED:
            found[model._meta.label] = list(
                model._default_manager.filter(workspace=workspace).order_by("pk").values()
            )
    return found


def calls(address: Address, browser: Client, client: APIClient) -> list[tuple[str, Any]]:
    """(method, function) of what can be tried at an address."""
    methods = METHODS if address.is_api else METHODS[:2]
    source: Any = client if address.is_api else browser
    return [(method, getattr(source, method)) for method in methods]


def statuses(wanted: list[Address], path_of: Callable[[Address], str], access: Any) -> dict[str, int]:
    browser, client = console(access), api(access)
    found = {}
    for place, address in enumerate(wanted, start=1):
        if place % 100 == 0:
            # A token may ask only so often in a minute.
            client = api(access)
        for method, call in calls(address, browser, client):
            more = {"format": "json"} if address.is_api and method != "get" else {}
            found[f"{method} {address.place}"] = call(
                path_of(address), {"channel": "sms"} if method != "get" else None, **more
            ).status_code
    return found


def test_every_address_with_an_object_knows_one(full: Full) -> None:
    for address in addresses():
        address.path(full.workspace.slug, full.objects)
    assert len(addresses()) > 150


def test_objects_of_another_workspace_are_not_found_under_ones_own(full: Full, intruder: Any) -> None:
    before = rows_of(full.workspace)
    shared = ("channel", "type", "kind", "column", "code")
    wanted = [address for address in addresses() if any(name not in shared for name in address.names)]
    found = statuses(wanted, lambda address: address.path(intruder.workspace.slug, full.objects), intruder)
    assert {key: status for key, status in found.items() if status not in (404, 405)} == {}
    assert rows_of(full.workspace) == before


def test_nothing_below_another_workspace_opens(full: Full, intruder: Any) -> None:
    before = rows_of(full.workspace)
    found = statuses(addresses(), lambda address: address.path(full.workspace.slug, full.objects), intruder)
    assert {key: status for key, status in found.items() if status != 404} == {}
    assert rows_of(full.workspace) == before


def test_the_console_session_of_another_opens_no_api(full: Full, intruder: Any) -> None:
    client = APIClient(raise_request_exception=False)
    client.force_login(intruder.user, backend=BACKEND)
    for address in addresses():
        if address.is_api:
            path = address.path(full.workspace.slug, full.objects)
            assert client.get(path).status_code == 404, path


def test_a_token_of_another_workspace_opens_nothing_in_ones_own(full: Full) -> None:
    """Somebody in two workspaces: each token works in its own only."""
    both = make_access(make_workspace(full.workspace.organization), user=full.world.access.user)
    client = api(both)
    for address in addresses():
        if address.is_api:
            path = address.path(full.workspace.slug, full.objects)
            assert client.get(path).status_code in (403, 404), path


def test_strangers_are_sent_to_sign_in(full: Full) -> None:
    before = rows_of(full.workspace)
    browser, client = Client(), APIClient()
    for address in addresses():
        path = address.path(full.workspace.slug, full.objects)
        if address.is_api:
            assert client.get(path).status_code == 401, path
            assert client.post(path, {}, format="json").status_code == 401, path
        else:
            answer = browser.get(path)
            assert answer.status_code == 302 and "/login/" in answer.url, path
            assert browser.post(path).status_code in (302, 403), path
    assert rows_of(full.workspace) == before


def test_members_without_permission_open_only_what_everybody_has(full: Full) -> None:
    Role.objects.filter(workspace=full.workspace, code="analyst").update(permissions=[])
    powerless = make_access(full.workspace, "analyst")
    before = rows_of(full.workspace)
    wanted = [
        address for address in addresses() if address.place != "w/" and not address.place.startswith(FREE)
    ]
    found = statuses(wanted, lambda address: address.path(full.workspace.slug, full.objects), powerless)
    # Which permission a send-out needs follows from its channel, so an incomplete request fails before that.
    assert {found.pop("post api/send-outs/"), found.pop("post api/send-outs/reach/")} == {400}
    refused = {key: status for key, status in found.items() if status not in (403, 405)}
    # The API lists send-outs of the channels that one may see; others are not there.
    assert {
        key for key, status in refused.items() if status != 404 or "api/send-outs/{pk}/" not in key
    } == set()
    assert rows_of(full.workspace) == before
