"""Providers of an organization: made once, granted to workspaces, which use them and change nothing of them."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from admin_center.organizations.outside import PersonAccess
from cdp.core.errors import Conflict, ValidationFailed
from marketing.channels import dkim_keys, services
from marketing.channels.models import Provider, SharedProvider
from marketing.channels.organization import services as shared_services
from marketing.delivery import services as delivery
from marketing.delivery.bounces import reading
from marketing.delivery.models import Bounce
from marketing.sandbox.provider import SandboxProvider
from tests.factories import make_access, make_manager, make_organization, make_token, make_workspace
from tests.marketing.delivery.shop import Shop, mails

URL = "/api/v1/organization/providers/"


class Head:
    """An organization with two workspaces, and its manager with an API client and a browser."""

    def __init__(self, sandbox: SandboxProvider) -> None:
        self.organization = make_organization()
        self.north = make_access(make_workspace(self.organization, name="North"))
        self.south = make_access(make_workspace(self.organization, name="South"))
        user = make_manager(self.organization)
        self.access = PersonAccess(user)
        self.client = APIClient(
            HTTP_AUTHORIZATION=f"Bearer {make_token(make_access(self.north.workspace, user=user))}"
        )
        self.browser = Client()
        self.browser.force_login(user, backend="admin_center.members.backends.NameOrEmailBackend")
        self.config = {"host": "127.0.0.1", "port": str(sandbox.smtp_port), "security": "none"}

    def provider(self, **more: Any) -> SharedProvider:
        values = {"channel": "email", "type": "smtp", "name": "Post", "config": self.config, **more}
        return shared_services.create(self.access, self.organization, values)

    def grant(self, shared: SharedProvider, *accesses: Any, for_all: bool = False) -> None:
        places = [access.workspace for access in accesses]
        shared_services.grant(self.access, shared, for_all=for_all, workspaces=places)

    def seen(self, access: Any) -> list[dict[str, Any]]:
        client = APIClient(HTTP_AUTHORIZATION=f"Bearer {make_token(access)}")
        return client.get(f"/api/v1/workspaces/{access.workspace.slug}/providers/").json()["results"]


@pytest.fixture
def head(db: None, sandbox: SandboxProvider) -> Head:
    return Head(sandbox)


def test_managers_make_grant_and_remove_a_provider_by_api(head: Head) -> None:
    given = {"channel": "email", "type": "smtp", "name": "Post", "price": "0.0100"}
    config = {**head.config, "username": "u", "password": "hush"}
    made = head.client.post(URL, {**given, "config": config}, format="json")
    assert made.status_code == 201 and "hush" not in made.content.decode()
    url = f"{URL}{made.json()['id']}/"
    wanted = {"for_all": False, "workspaces": [head.north.workspace.slug]}
    assert head.client.put(f"{url}grants/", wanted, format="json").json() == wanted
    [row] = head.seen(head.north)
    assert (row["name"], row["price"], row["shared"]) == ("Post", "0.0100", made.json()["id"])
    assert head.seen(head.south) == []
    assert head.client.delete(url).status_code == 204 and not Provider.objects.exists()


def test_a_change_reaches_every_workspace_at_once_and_keeps_the_secret(head: Head) -> None:
    shared = head.provider(config={**head.config, "username": "u", "password": "hush"})
    head.grant(shared, head.north, head.south)
    answer = head.client.patch(
        f"{URL}{shared.pk}/", {"price": "0.5", "config": {"domain_per_minute": 7}}, format="json"
    )
    assert answer.status_code == 200
    for row in Provider.objects.filter(shared=shared):
        assert (float(row.price or 0), row.config["domain_per_minute"], row.config["password"]) == (
            0.5,
            7,
            "hush",
        )


def test_workspaces_cannot_change_it(head: Head) -> None:
    head.grant(head.provider(), head.north)
    provider = Provider.objects.get()
    client = APIClient(HTTP_AUTHORIZATION=f"Bearer {make_token(head.north)}")
    url = f"/api/v1/workspaces/{head.north.workspace.slug}/providers/{provider.pk}/"
    for answer in (client.patch(url, {"name": "Mine"}, format="json"), client.delete(url)):
        assert (answer.status_code, answer.json()["code"]) == (409, "provider_shared")
    with pytest.raises(Conflict):
        dkim_keys.make(head.north, provider, "example.com", "one")
    assert client.post(f"{url}test/").json()["ok"] is True


def test_a_provider_for_all_is_there_in_a_new_workspace(head: Head) -> None:
    head.grant(head.provider(), for_all=True)
    later = make_access(make_workspace(head.organization, name="Later"))
    assert [row["name"] for row in head.seen(later)] == ["Post"]
    assert head.seen(make_access()) == []


def test_a_workspace_that_has_such_a_name_keeps_its_own(head: Head) -> None:
    values = {"channel": "email", "type": "smtp", "name": "Post", "config": head.config}
    services.create_provider(head.south, values)
    shared = head.provider()
    with pytest.raises(ValidationFailed, match="South"):
        head.grant(shared, head.north, head.south)
    assert not shared.providers.exists()


def test_in_use_it_stays_and_says_where(head: Head, sandbox: SandboxProvider) -> None:
    shared = head.provider()
    head.grant(shared, head.north, head.south)
    shop = Shop(sandbox, head.north)
    draft = shop.mail(shop.audience(mails(1)))
    provider = Provider.objects.get(shared=shared, workspace=head.north.workspace)
    type(draft).objects.filter(pk=draft.pk).update(provider=provider)
    answer = head.client.delete(f"{URL}{shared.pk}/")
    assert (answer.status_code, answer.json()["code"]) == (409, "in_use")
    [used] = answer.json()["used"]
    assert (used["workspace"], used["count"]) == (head.north.workspace.slug, 1)
    head.grant(shared)
    assert [row.workspace.name for row in shared.providers.all()] == ["North"]
    draft.refresh_from_db()
    assert not draft.provider.enabled and draft.provider.withdrawn_at
    assert "provider_off" in {obstacle.code for obstacle in delivery.obstacles(draft)}
    head.grant(shared, head.north)
    draft.refresh_from_db()
    assert draft.provider.enabled and not draft.provider.withdrawn_at


def test_workspaces_share_one_limit(head: Head) -> None:
    shared = head.provider()
    head.grant(shared, head.north, head.south)
    assert {row.line for row in shared.providers.all()} == {shared.pk}


def test_a_bounce_is_noted_where_the_message_came_from(head: Head, sandbox: SandboxProvider) -> None:
    from tests.marketing.delivery.test_bounces import report

    shared = head.provider()
    head.grant(shared, head.north, head.south)
    shop = Shop(sandbox, head.north)
    sent = shop.submit(shop.mail(shop.audience(mails(1))))
    north, south = (
        Provider.objects.get(shared=shared, workspace=row.workspace) for row in (head.north, head.south)
    )
    type(sent).objects.filter(pk=sent.pk).update(provider=north)
    assert reading.take_in(south, report(sent.recipients.get()))
    assert Bounce.objects.get().workspace == head.north.workspace


@pytest.mark.parametrize("who", ["administrator", "stranger"])
def test_others_than_managers_of_the_organization_get_nowhere(head: Head, who: str) -> None:
    shared = head.provider()
    strange = make_organization()
    stranger = make_access(make_workspace(strange), user=make_manager(strange))
    client = APIClient(
        HTTP_AUTHORIZATION=f"Bearer {make_token(head.north if who == 'administrator' else stranger)}"
    )
    expected = 403 if who == "administrator" else 404
    url = f"{URL}{shared.pk}/"
    answers = [client.get(url), client.delete(url), client.post(f"{url}test/")]
    answers += [client.put(f"{url}grants/", {"for_all": True}, format="json")]
    assert {answer.status_code for answer in answers} == {expected}
    assert not Provider.objects.exists()


def test_pages_of_the_organization(head: Head) -> None:
    base = "/organization/providers/"
    assert "Connect a mail server or a platform once" in head.browser.get(base).content.decode()
    fields = {f"config_{name}": value for name, value in head.config.items()}
    values = {"name": "Post", "rate_per_second": "5", "price_currency": "CNY", "enabled": "on", **fields}
    made = head.browser.post(f"{base}new/email/smtp/", values)
    shared = SharedProvider.objects.get()
    assert made.status_code == 302 and shared.rate_per_second == 5
    detail = f"{base}{shared.pk}/"
    head.browser.post(f"{detail}grants/", {"workspaces": [head.north.workspace.pk]})
    assert "North" in head.browser.get(detail).content.decode()
    head.browser.post(f"{detail}test/")
    shared.refresh_from_db()
    assert shared.succeeded_at and Provider.objects.get().succeeded_at
    head.browser.post(f"{detail}dkim-key/", {"domain": "example.com", "selector": "one"})
    assert "one._domainkey.example.com" in head.browser.get(detail).content.decode()
    assert Provider.objects.get().config["dkim_selector"] == "one"
    assert head.browser.get(f"{base}new/push/webpush/").status_code == 404
    assert head.browser.post(f"{detail}delete/").status_code == 302 and not Provider.objects.exists()
