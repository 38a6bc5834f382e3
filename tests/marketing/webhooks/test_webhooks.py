"""Setting webhooks up: fields, on and off, copies, tests, grants."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from admin_center.audit.models import AuditEntry
from admin_center.permissions import groups
from cdp.core.errors import Conflict, PermissionDenied, ValidationFailed
from marketing.delivery import services as delivery
from marketing.webhooks import granting, rights, services
from marketing.webhooks.models import Webhook, WebhookCall
from marketing.webhooks.settings import KEPT
from tests.factories import make_access, make_token
from tests.marketing.console import Browser
from tests.marketing.delivery.shop import numbers
from tests.marketing.delivery.webhook_shop import STATUSES, WebhookShop
from tests.marketing.webhooks.people import sender


@pytest.fixture
def shop(webhook_shop: WebhookShop) -> WebhookShop:
    return webhook_shop


class Api:
    def __init__(self, access: Any) -> None:
        self.client = Client(headers={"Authorization": f"Bearer {make_token(access)}"})
        self.base = f"/api/v1/workspaces/{access.workspace.slug}/"

    def call(self, method: str, path: str, data: Any = None) -> Any:
        call = getattr(self.client, method)
        return (
            call(self.base + path, data, content_type="application/json")
            if data is not None
            else call(self.base + path)
        )


def test_made_by_the_api_it_has_all_its_fields_and_hides_its_key(shop: WebhookShop) -> None:
    values = {
        "name": "CRM",
        "url": "https://example.com/in",
        "auth": "key",
        "key": "12345678",
        "signature_header": "X-CDP-Hmac-Signature",
        "id_types": ["email", "one_id"],
        "parameters": [{"name": "title", "label": "Title", "type": "text"}],
        "receipts": True,
        "window_hours": 24,
        "statuses": STATUSES,
        "idempotent": True,
        "rate_per_second": 20,
        "concurrency": 3,
        "batch_size": 200,
    }
    answer = Api(shop.access).call("post", "webhooks/", values)
    assert answer.status_code == 201, answer.json()
    found = answer.json()
    assert {name: found[name] for name in values if name not in ("key", "id_types")} == {
        name: value for name, value in values.items() if name not in ("key", "id_types")
    }
    assert (found["id_types"], found["key"], found["enabled"]) == (["one_id", "email"], KEPT, True)
    assert AuditEntry.objects.filter(action="webhook.created", object_id=found["id"]).exists()


@pytest.mark.parametrize(
    ("changed", "path"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 33}, "name"),
        ({"url": "ftp://example.com"}, "url"),
        ({"url": "example.com"}, "url"),
        ({"key": "short"}, "key"),
        ({"key": "with a space"}, "key"),
        ({"auth": "basic"}, "auth"),
        ({"id_types": []}, "id_types"),
        ({"id_types": ["nickname"]}, "id_types"),
        ({"parameters": [{"name": "vars", "type": "text"}]}, "parameters/0"),
        ({"parameters": [{"name": "1st", "type": "text"}]}, "parameters/0"),
        ({"parameters": [{"name": "a", "type": "text"}, {"name": "a", "type": "text"}]}, "parameters/1"),
        ({"parameters": [{"name": "a", "type": "date"}]}, "parameters/0"),
        ({"statuses": []}, "statuses"),
        ({"statuses": [{"code": "x" * 33, "label": "Long"}]}, "statuses/0"),
        ({"statuses": [STATUSES[0], STATUSES[0]]}, "statuses/1"),
        ({"window_hours": 721}, "window_hours"),
        ({"concurrency": 0}, "concurrency"),
        ({"batch_size": 0}, "batch_size"),
        ({"batch_size": 1001}, "batch_size"),
        ({"auth": "none"}, "source_ips"),
        ({"source_ips": ["somewhere"]}, "source_ips"),
        ({"secret": "x"}, "secret"),
    ],
)
def test_what_does_not_fit_is_refused_at_its_field(
    shop: WebhookShop, changed: dict[str, Any], path: str
) -> None:
    with pytest.raises(ValidationFailed) as caught:
        shop.webhook(**changed)
    assert path in caught.value.errors


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/x",
        "http://127.0.0.1/x",
        "http://10.0.0.1/x",
        "http://localhost/x",
        "http://[::1]/x",
    ],
)
def test_private_addresses_are_refused_unless_the_installation_allows_them(
    shop: WebhookShop, settings: Any, url: str
) -> None:
    shop.webhook("Allowed", url=url)
    settings.OUTBOUND_ALLOW_PRIVATE = False
    with pytest.raises(ValidationFailed) as caught:
        shop.webhook(url=url)
    assert "private network" in str(caught.value.errors["url"])


def test_a_redirect_is_not_followed(shop: WebhookShop) -> None:
    # The sandbox leads /inbox on to /inbox/.
    webhook = shop.webhook(url=f"{shop.sandbox.url}/inbox")
    call = try_out(shop, webhook)
    assert not call.ok and call.status == 303


def try_out(shop: WebhookShop, webhook: Webhook, target: str = "13800131000") -> WebhookCall:
    data = {"id_type": "mobile", "target": target, "params": {"title": "Hi", "points": "1"}}
    return services.test(shop.access, webhook, data)


def test_names_are_unique_in_the_workspace(shop: WebhookShop) -> None:
    shop.webhook()
    with pytest.raises(ValidationFailed) as caught:
        shop.webhook()
    assert "name" in caught.value.errors


def test_switched_on_it_is_neither_changed_nor_removed(shop: WebhookShop) -> None:
    webhook = shop.webhook()
    for act in (
        lambda: services.update(shop.access, webhook, {"name": "Other"}),
        lambda: services.delete(shop.access, webhook),
    ):
        with pytest.raises(Conflict) as caught:
            act()
        assert caught.value.code == "webhook_on"
    services.switch(shop.access, webhook, enabled=False)
    assert services.update(shop.access, webhook, {"name": "Other"}).name == "Other"
    services.delete(shop.access, webhook)
    assert not Webhook.objects.exists()


def test_used_it_is_not_removed(shop: WebhookShop) -> None:
    webhook = shop.webhook()
    shop.call(shop.audience(numbers(1)), webhook=webhook)
    services.switch(shop.access, webhook, enabled=False)
    with pytest.raises(Conflict) as caught:
        services.delete(shop.access, webhook)
    assert caught.value.code == "in_use"


def test_switched_off_it_is_not_tried_and_nothing_is_sent(shop: WebhookShop) -> None:
    webhook = shop.webhook()
    send_out = shop.call(shop.audience(numbers(1)), webhook=webhook)
    webhook = services.switch(shop.access, webhook, enabled=False)
    with pytest.raises(Conflict):
        try_out(shop, webhook)
    with pytest.raises(Conflict) as caught:
        delivery.submit(shop.access, send_out)
    assert caught.value.code == "provider_off"


def test_a_copy_starts_switched_off_with_the_same_key(shop: WebhookShop) -> None:
    webhook = shop.webhook()
    copy = services.copy(shop.access, webhook, {})
    assert (copy.name, copy.enabled, copy.key) == ("CRM (copy)", False, webhook.key)


def test_results_that_were_set_cannot_be_changed_and_others_can_be_added(shop: WebhookShop) -> None:
    webhook = shop.webhook()
    services.switch(shop.access, webhook, enabled=False)
    for wrong in (STATUSES[:1], [{**STATUSES[0], "label": "Seen"}, STATUSES[1]]):
        with pytest.raises(ValidationFailed) as caught:
            services.update(shop.access, webhook, {"statuses": wrong})
        assert "statuses" in caught.value.errors
    more = [*STATUSES, {"code": "201", "label": "Seen", "outcome": "delivered"}]
    assert services.update(shop.access, webhook, {"statuses": more}).statuses == more


def test_a_key_given_as_dots_is_kept(shop: WebhookShop) -> None:
    webhook = shop.webhook()
    services.switch(shop.access, webhook, enabled=False)
    assert services.update(shop.access, webhook, {"key": KEPT}).key == webhook.key


def test_a_good_and_a_bad_test_both_have_a_log(shop: WebhookShop) -> None:
    webhook, api = shop.webhook(), Api(shop.access)
    for target, ok in (("13800131000", True), ("13800130001", False)):
        data = {"id_type": "mobile", "target": target, "params": {"title": "Hi", "points": "1"}}
        found = api.call("post", f"webhooks/{webhook.pk}/test/", data).json()
        assert found["ok"] is ok
        log = api.call("get", f"webhooks/{webhook.pk}/calls/{found['id']}/log/")
        assert "attachment" in log.headers["Content-Disposition"]
        assert "138****" in log.content.decode()
        assert ("BLACKLISTED" in log.content.decode()) is not ok


def test_the_preview_has_the_shape_of_what_a_test_sends(shop: WebhookShop) -> None:
    webhook = shop.webhook()
    try_out(shop, webhook)
    shown, sent = services.preview(webhook), shop.bodies()[0]
    assert shown.keys() == sent.keys()
    assert shown["params"].keys() - {"vars"} == sent["params"].keys()


def test_old_calls_are_forgotten_after_thirty_days(shop: WebhookShop) -> None:
    webhook = shop.webhook()
    old, young = try_out(shop, webhook), try_out(shop, webhook)
    WebhookCall.objects.filter(pk=old.pk).update(at=timezone.now() - timedelta(days=31))
    assert services.forget_calls() == 1
    assert list(WebhookCall.objects.all()) == [young]


def test_use_needs_the_right_and_a_grant(shop: WebhookShop) -> None:
    """An administrator, somebody with both, somebody with the right alone, and somebody with a grant alone."""
    webhook = shop.webhook()
    both, right, grant = (
        sender(shop.workspace),
        sender(shop.workspace),
        make_access(shop.workspace, "analyst"),
    )
    for access in (both, grant):
        granting.grant(shop.access, webhook, {"user": access.user.username})
    assert [rights.may_use(access, webhook) for access in (shop.access, both, right, grant)] == [
        True,
        True,
        False,
        False,
    ]
    audience = shop.audience(numbers(1))
    audience.public = True
    audience.save()
    for access, name in ((shop.access, "One"), (both, "Two")):
        shop.access = access
        assert shop.call(audience, name, webhook=webhook)
    for access in (right, grant):
        shop.access = access
        with pytest.raises(PermissionDenied):
            shop.call(audience, "Three", webhook=webhook)


def test_a_grant_for_a_role_ends_at_its_time(shop: WebhookShop) -> None:
    webhook, access = shop.webhook(), sender(shop.workspace)
    row = granting.grant(
        shop.access, webhook, {"role": "caller", "expires_at": timezone.now() + timedelta(hours=1)}
    )
    assert rights.may_use(access, webhook)
    row.expires_at = timezone.now() - timedelta(seconds=1)
    row.save()
    assert not rights.may_use(access, webhook)


def test_a_grant_of_the_other_kind_takes_the_present_ones_back(shop: WebhookShop) -> None:
    webhook, access = shop.webhook(), sender(shop.workspace)
    api, path = Api(shop.access), f"webhooks/{webhook.pk}/grants/"
    api.call("post", path, {"user": access.user.username})
    api.call("post", path, {"role": "caller"})
    [left] = api.call("get", path).json()["results"]
    assert (left["user"], left["role"]) == (None, "caller")
    team = groups.create(shop.access, "Team", [access.member.pk])
    api.call("post", path, {"group": team.pk})
    [left] = api.call("get", path).json()["results"]
    assert (left["role"], left["group"]) == (None, team.pk) and rights.may_use(access, webhook)
    assert api.call("delete", f"{path}{left['id']}/").status_code == 204
    assert not rights.may_use(access, webhook)
    assert AuditEntry.objects.filter(action="webhook.grant_revoked").count() == 3


def test_who_sends_sees_what_a_webhook_takes_and_not_where_it_stands(shop: WebhookShop) -> None:
    webhook, access = shop.webhook(), sender(shop.workspace)
    granting.grant(shop.access, webhook, {"user": access.user.username})
    [found] = Api(access).call("get", "webhooks/").json()["results"]
    assert found["parameters"] == webhook.parameters and "url" not in found
    for method, path in (("post", "test/"), ("post", "off/"), ("get", "calls/"), ("delete", "")):
        answer = Api(access).call(method, f"webhooks/{webhook.pk}/{path}", {} if method == "post" else None)
        assert answer.status_code == 403


def test_the_pages_set_a_webhook_up_test_it_and_switch_it(shop: WebhookShop) -> None:
    browser = Browser(shop.access, "webhooks/")
    values = {
        "name": "CRM",
        "url": f"{shop.sandbox.url}/own-system",
        "auth": "key",
        "key": "sandbox-key",
        "signature_header": "X-QA-Hmac-Signature",
        "id_types": ["mobile"],
        "parameters": "title | Title | text\npoints | Points | integer",
        "rate_per_second": 50,
        "concurrency": 10,
        "batch_size": 20,
        "receipts": "on",
        "window_hours": 72,
        "statuses": "200 | Read | delivered\n500 | Not reached | failed",
    }
    assert browser.post("new/", **values).status_code == 302
    webhook = Webhook.objects.get()
    assert (webhook.statuses, webhook.batch_size) == (STATUSES, 20)
    assert webhook.parameters[1] == {"name": "points", "label": "Points", "type": "integer"}
    page = browser.get(f"{webhook.pk}/").content.decode()
    assert "Switched on" in page and "user_profile" in page
    typed = {"id_type": "mobile", "target": "13800131000", "params_title": "Hi", "params_points": "5"}
    assert "accepted the call" in browser.post(f"{webhook.pk}/test/", **typed).content.decode()
    browser.post(f"{webhook.pk}/switch/", to="off")
    assert "parameters" in browser.get(f"{webhook.pk}/edit/").content.decode()
    assert browser.post(f"{webhook.pk}/copy/", **{**values, "name": "Two"}).status_code == 302
    assert [row.enabled for row in Webhook.objects.all()] == [False, False]


def test_without_the_right_there_are_no_pages_of_webhooks(shop: WebhookShop) -> None:
    assert Browser(sender(shop.workspace), "webhooks/").get().status_code == 403
