"""Accounts of platforms: authorised, asked for, checked, used by channels, removed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from admin_center.audit.models import AuditEntry
from admin_center.permissions.models import Role
from cdp.console.models import Notification
from cdp.core.errors import Conflict, PermissionDenied, ValidationFailed
from marketing.accounts import requests, services, upush
from marketing.accounts.models import Account, AccountApp, AccountRequest
from marketing.accounts.types import App, Authorised
from marketing.channels import services as channels
from marketing.channels.base import ProviderError
from marketing.channels.models import Provider
from marketing.delivery.models import SendOut
from marketing.sandbox.provider import SandboxProvider
from tests.factories import make_access, make_token
from tests.marketing.console import Browser
from tests.marketing.delivery.push_shop import PushShop, imei

SECRET = "sandbox"


def keys(sandbox: SandboxProvider, **more: Any) -> dict[str, Any]:
    return {"api_key": "1234567", "api_security": SECRET, "base_url": sandbox.url, **more}


def marketer(workspace: Any, *points: str, code: str = "marketer") -> Any:
    """Somebody who makes push messages, and does not look after accounts; or who has other points."""
    points = points or ("marketing.push.create", "marketing.push.view")
    Role.objects.get_or_create(
        workspace=workspace,
        code=code,
        defaults={"name": code, "permissions": ["workspace.view", *points]},
    )
    return make_access(workspace, code)


@pytest.fixture
def access(db: None) -> Any:
    return make_access()


@pytest.fixture
def account(access: Any, sandbox: SandboxProvider) -> Account:
    return services.authorise(access, "upush", "Umeng", keys(sandbox))


class Api:
    def __init__(self, access: Any) -> None:
        self.client = APIClient(HTTP_AUTHORIZATION=f"Bearer {make_token(access)}")
        self.base = f"/api/v1/workspaces/{access.workspace.slug}/"

    def get(self, path: str) -> Any:
        return self.client.get(self.base + path)

    def post(self, path: str, data: Any = None) -> Any:
        return self.client.post(self.base + path, data or {}, format="json")


def test_an_authorised_account_shows_its_apps_and_never_its_secret(
    access: Any, sandbox: SandboxProvider
) -> None:
    api = Api(access)
    answer = api.post("accounts/", {"type": "upush", "name": "Umeng", "config": keys(sandbox)})
    assert answer.status_code == 201, answer.content
    found = answer.json()
    assert (found["state"], found["remote_id"], found["error"]) == ("authorised", "1234567", "")
    # Mini programs are no apps that push messages reach.
    assert [(app["key"], app["provider_type"]) for app in found["apps"]] == [
        ("sandbox-android", "upush_android"),
        ("sandbox-iphone", "upush_ios"),
    ]
    assert found["config"]["api_security"] == channels.KEPT
    assert SECRET not in api.get(f"accounts/{found['id']}/").content.decode().replace(
        sandbox.url, ""
    ).replace("sandbox-", "")
    page = Browser(access, "accounts/").get(f"{found['id']}/").content.decode()
    assert "Shop" in page and f">{SECRET}<" not in page
    assert AuditEntry.objects.filter(action="account.authorised", object_id=found["id"]).exists()


def test_all_pages_of_apps_are_fetched(access: Any, sandbox: SandboxProvider) -> None:
    sandbox.options.umeng_more_apps = 150
    found = services.authorise(access, "upush", "Umeng", keys(sandbox))
    assert len(found.apps) == 152 and len({app["key"] for app in found.apps}) == 152


def test_calls_are_signed_over_path_and_sorted_parameters() -> None:
    one = upush.signature("secret", "param2/1/x/y/1", {"b": "2", "a": "1"})
    # printf 'param2/1/x/y/1a1b2' | openssl sha1 -hmac secret
    assert one == "10E464AAECF686141DD40DCB13579B96AF3FBA03"


def test_keys_are_encrypted_where_they_are_kept(account: Account) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT config FROM accounts_account WHERE id = %s", [account.pk])
        assert SECRET not in cursor.fetchone()[0]


@pytest.mark.parametrize("wrong", [{"api_security": "wrong"}, {"api_key": "7654321"}])
def test_wrong_keys_make_no_account(access: Any, sandbox: SandboxProvider, wrong: dict[str, str]) -> None:
    with pytest.raises(ProviderError) as caught:
        services.authorise(access, "upush", "Umeng", keys(sandbox, **wrong))
    assert caught.value.denied and not Account.objects.exists()
    answer = Api(access).post("accounts/", {"type": "upush", "name": "U", "config": keys(sandbox, **wrong)})
    assert (answer.status_code, answer.json()["code"]) == (502, "provider_refused")


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 65}, "name"),
        ({"type": "nowhere"}, "type"),
        ({"config": {"api_key": "1"}}, "config/api_security"),
        ({"config": {"nothing": "1"}}, "config/nothing"),
    ],
)
def test_what_does_not_fit_is_refused_at_its_field(
    access: Any, sandbox: SandboxProvider, given: dict[str, Any], path: str
) -> None:
    whole = {"type": "upush", "name": "Umeng", "config": keys(sandbox), **given}
    answer = Api(access).post("accounts/", whole)
    assert answer.status_code == 400 and path in answer.json()["errors"]


def test_an_account_is_there_once(access: Any, account: Account, sandbox: SandboxProvider) -> None:
    with pytest.raises(ValidationFailed) as caught:
        services.authorise(access, "upush", "Again", keys(sandbox))
    assert "there already" in str(caught.value.errors["config"])
    other = make_access()
    assert services.authorise(other, "upush", "Umeng", keys(sandbox)).workspace == other.workspace


def test_the_channel_of_an_app_has_its_key_filled_in(
    access: Any, account: Account, sandbox: SandboxProvider
) -> None:
    page = Browser(access, "accounts/").get(f"{account.pk}/apps/new/?app=sandbox-iphone").content.decode()
    assert 'value="sandbox-iphone" selected' in page and "app_key" not in page
    values = {"app": "sandbox-android", "config": {"master_secret": "m", "base_url": f"{sandbox.url}/upush"}}
    answer = Api(access).post(f"accounts/{account.pk}/apps/", values)
    assert answer.status_code == 201, answer.content
    provider = Provider.objects.get(pk=answer.json()["id"])
    assert (provider.type, provider.name, provider.config["app_key"]) == (
        "upush_android",
        "Shop",
        "sandbox-android",
    )
    assert AccountApp.objects.get(provider=provider).account == account
    assert Api(access).get(f"accounts/{account.pk}/").json()["channels"] == [provider.pk]
    with pytest.raises(ValidationFailed) as caught:
        services.add_app(access, account, {"app": "another"})
    assert list(caught.value.errors) == ["app"]


class Kept:
    """A shop whose push messages leave by an app of an account."""

    def __init__(self, shop: PushShop) -> None:
        self.shop, self.access = shop, shop.access
        self.account = services.authorise(shop.access, "upush", "Umeng", keys(shop.sandbox))
        self.send_out = shop.push(shop.phones([imei(7), imei(8)]))
        AccountApp.objects.create(
            workspace=shop.workspace,
            provider=self.send_out.provider,
            account=self.account,
            account_name=self.account.name,
        )

    def refuse(self) -> None:
        self.shop.sandbox.options.umeng_secret = "changed"
        assert services.check_all() == 1
        self.account.refresh_from_db()
        self.send_out.provider.refresh_from_db()


@pytest.fixture
def kept(push_shop: PushShop) -> Kept:
    return Kept(push_shop)


def test_an_account_in_error_blocks_use_until_it_is_authorised_again(kept: Kept) -> None:
    kept.refuse()
    assert (kept.account.state, kept.send_out.provider.health) == ("error", Provider.Health.DENIED)
    assert "signature is wrong" in kept.account.error
    with pytest.raises(Conflict) as caught:
        kept.shop.submit(kept.send_out)
    assert caught.value.code == "provider_failing" and "Accounts" in str(caught.value)
    with pytest.raises(Conflict) as refused:
        services.add_app(kept.access, kept.account, {"app": "sandbox-iphone"})
    assert refused.value.code == "account_error"
    # A test of the channel alone does not open it again: its own keys are right.
    assert channels.test_provider(kept.access, kept.send_out.provider)["ok"] is False
    again = Api(kept.access).post(
        f"accounts/{kept.account.pk}/authorise/", {"config": {"api_security": "changed"}}
    )
    assert again.status_code == 200 and again.json()["state"] == "authorised"
    kept.send_out.refresh_from_db()
    kept.send_out.provider.refresh_from_db()
    assert kept.send_out.provider.failing_since is None
    assert kept.shop.submit(kept.send_out).state == "finished"


def test_those_who_look_after_it_are_told_once(kept: Kept) -> None:
    kept.refuse()
    assert services.check_all() == 1
    notices = Notification.objects.filter(title__contains="Umeng")
    assert notices.count() == 1 and "signature is wrong" in notices.get().text


def test_a_platform_that_is_away_changes_nothing(
    access: Any, account: Account, sandbox: SandboxProvider
) -> None:
    sandbox.faults.add({"kind": "error", "on": "/openapi/", "times": 10, "status": 503})
    assert services.check_all() == 0
    account.refresh_from_db()
    assert account.state == "authorised"


def test_a_scheduled_send_out_waits_half_an_hour_for_an_account_in_error(kept: Kept) -> None:
    soon = timezone.now() + timedelta(hours=1)
    send_out = kept.shop.submit(kept.send_out, scheduled_at=soon)
    kept.refuse()
    SendOut.objects.filter(pk=send_out.pk).update(scheduled_at=timezone.now() - timedelta(minutes=1))
    send_out = kept.shop.when_due(send_out)
    assert send_out.state == "waiting" and "does not let us in" in send_out.state_reason
    past = timezone.now() - timedelta(minutes=31)
    SendOut.objects.filter(pk=send_out.pk).update(scheduled_at=past, held_until=past)
    send_out = kept.shop.when_due(send_out)
    assert send_out.state == "failed" and "does not let us in" in send_out.state_reason
    assert not kept.shop.inbox()


def test_what_waits_for_a_removed_account_fails_and_what_was_fetched_stays(kept: Kept) -> None:
    soon = timezone.now() + timedelta(hours=1)
    send_out = kept.shop.submit(kept.send_out, scheduled_at=soon)
    browser = Browser(kept.access, "accounts/")
    assert send_out.name in browser.get(f"{kept.account.pk}/delete/").content.decode()
    assert Api(kept.access).get(f"accounts/{kept.account.pk}/waiting/").json() == {"waiting": [send_out.name]}
    assert browser.post(f"{kept.account.pk}/delete/").status_code == 302
    assert not Account.objects.exists() and Provider.objects.filter(pk=send_out.provider_id).exists()
    SendOut.objects.filter(pk=send_out.pk).update(scheduled_at=timezone.now() - timedelta(minutes=1))
    send_out = kept.shop.when_due(send_out)
    assert send_out.state == "failed" and "was removed" in send_out.state_reason


def test_the_effect_of_push_messages_can_be_looked_at_by_account(kept: Kept) -> None:
    shop = kept.shop
    shop.submit(kept.send_out)
    other = shop.push(shop.phones([imei(9)], name="Others"), "Other news")
    shop.submit(other)
    api = Api(kept.access)
    sent = {
        key: api.get(f"push-effect/?provider={key}").json()["totals"]["sent"]
        for key in ("", kept.account.pk, other.provider_id)
    }
    assert sent == {"": 3, kept.account.pk: 2, other.provider_id: 1}
    page = Browser(kept.access, "send-outs/").get("push/", provider=kept.account.pk).content.decode()
    assert f'value="{kept.account.pk}" selected' in page and ">Other news<" not in page


def test_new_keys_must_be_of_the_same_account(
    access: Any, account: Account, sandbox: SandboxProvider
) -> None:
    sandbox.options.umeng_key = "7654321"
    with pytest.raises(ValidationFailed) as caught:
        services.authorise_again(access, account, {"api_key": "7654321"})
    assert "another account" in str(caught.value.errors["config"])


def test_an_end_that_is_near_is_told_once(
    access: Any, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    end = timezone.now() + timedelta(days=6)
    found = Authorised(account.remote_id, (App("a", "A", "upush_android"),), expires_at=end)
    monkeypatch.setattr(upush.UPushAccountType, "authorise", lambda self, config: found)
    services.check_all()
    services.check_all()
    assert Notification.objects.filter(title__contains="ends soon").count() == 1


def test_who_looks_after_no_accounts_asks_and_somebody_else_approves(
    access: Any, sandbox: SandboxProvider
) -> None:
    person = marketer(access.workspace)
    browser = Browser(person, "accounts/")
    page = browser.get("new/upush/").content.decode()
    assert "Ask for an account" in page
    given = {f"config_{name}": value for name, value in keys(sandbox).items()}
    assert browser.post("new/upush/", name="Umeng", **given).status_code == 302
    row = AccountRequest.objects.get()
    assert row.state == "waiting" and not Account.objects.exists()
    assert Notification.objects.filter(user=access.user, title__contains="asked for").exists()
    assert f"requests/{row.pk}/" in Browser(access, "accounts/").get("requests/").content.decode()
    shown = Browser(access, "accounts/").get(f"requests/{row.pk}/").content.decode()
    assert "Approve" in shown and f">{SECRET}<" not in shown
    assert "Approve" not in browser.get(f"requests/{row.pk}/").content.decode()
    answer = Api(access).post(f"account-requests/{row.pk}/approve/", {"remark": "Fine"})
    assert answer.status_code == 200 and answer.json()["state"] == "approved", answer.content
    account = Account.objects.get()
    assert account.bound_by == person.user and account.apps
    row.refresh_from_db()
    assert row.config is None and row.account == account
    assert Notification.objects.filter(user=person.user, title__contains="approved", text="Fine").exists()


def asked(person: Any, sandbox: SandboxProvider, **more: Any) -> AccountRequest:
    return requests.ask(person, "upush", "Umeng", keys(sandbox, **more))


def test_what_was_typed_is_kept_encrypted_and_forgotten_once_refused(
    access: Any, sandbox: SandboxProvider
) -> None:
    person = marketer(access.workspace)
    row = asked(person, sandbox)
    with connection.cursor() as cursor:
        cursor.execute("SELECT config FROM accounts_accountrequest WHERE id = %s", [row.pk])
        assert SECRET not in cursor.fetchone()[0]
    assert "config" not in Api(person).get(f"account-requests/{row.pk}/").json()
    refused = requests.refuse(access, row, "Not this one")
    assert (refused.state, refused.remark, refused.config) == ("refused", "Not this one", None)
    with pytest.raises(Conflict) as caught:
        requests.approve(access, row)
    assert caught.value.code == "account_decided"


def test_one_s_own_request_is_withdrawn_and_decided_by_somebody_else(
    access: Any, sandbox: SandboxProvider
) -> None:
    row = asked(access, sandbox)
    with pytest.raises(PermissionDenied):
        requests.approve(access, row)
    with pytest.raises(PermissionDenied):
        requests.withdraw(make_access(access.workspace), row)
    assert Api(access).post(f"account-requests/{row.pk}/withdraw/").json()["state"] == "withdrawn"


def test_keys_that_the_platform_refuses_send_the_request_back(access: Any, sandbox: SandboxProvider) -> None:
    person = marketer(access.workspace)
    row = asked(person, sandbox, api_security="old")
    answer = Api(access).post(f"account-requests/{row.pk}/approve/")
    assert (answer.status_code, answer.json()["code"]) == (409, "account_returned")
    row.refresh_from_db()
    assert row.state == "returned" and "signature is wrong" in row.remark and row.config is None
    assert not Account.objects.exists()
    page = Browser(person, "accounts/").get(f"requests/{row.pk}/").content.decode()
    assert "Ask again" in page


def test_a_platform_that_is_away_leaves_the_request_waiting(access: Any, sandbox: SandboxProvider) -> None:
    row = asked(marketer(access.workspace), sandbox)
    sandbox.faults.add({"kind": "error", "on": "/openapi/", "times": 1, "status": 503})
    with pytest.raises(ProviderError):
        requests.approve(access, row)
    row.refresh_from_db()
    assert row.state == "waiting" and row.config
    assert requests.approve(access, row).state == "authorised"


def test_an_account_in_error_can_be_asked_for_again(
    access: Any, account: Account, sandbox: SandboxProvider
) -> None:
    person = marketer(access.workspace)
    sandbox.options.umeng_secret = "changed"
    services.check(account)
    given = {"account": account.pk, "config": keys(sandbox, api_security="changed")}
    answer = Api(person).post("account-requests/", given)
    assert answer.status_code == 201, answer.content
    requests.approve(access, AccountRequest.objects.get())
    account.refresh_from_db()
    assert account.state == "authorised" and Account.objects.count() == 1


def test_without_the_rights_there_is_nothing(access: Any, account: Account, sandbox: SandboxProvider) -> None:
    other = marketer(access.workspace, "marketing.sms.view", code="reader")
    browser, api = Browser(other, "accounts/"), Api(other)
    assert browser.get().status_code == browser.get(f"{account.pk}/").status_code == 403
    assert api.get("accounts/").status_code == api.get("account-requests/").status_code == 403
    with pytest.raises(PermissionDenied):
        asked(other, sandbox)
    person = Api(marketer(access.workspace))
    assert "config" not in person.get(f"accounts/{account.pk}/").json()
    for path in ("check/", "authorise/", "apps/"):
        assert person.post(f"accounts/{account.pk}/{path}").status_code == 403
    assert person.client.delete(f"{person.base}accounts/{account.pk}/").status_code == 403
    elsewhere = Api(make_access())
    assert elsewhere.get(f"accounts/{account.pk}/").status_code == 404
