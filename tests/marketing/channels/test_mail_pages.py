"""Pages and API of mail servers and e-mail platforms."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from admin_center.audit.models import AuditEntry
from marketing.channels import callbacks, senders
from marketing.channels import services as channels
from marketing.channels.models import Provider, SenderAddress
from tests.factories import make_access, make_token
from tests.marketing.console import Browser, without_marketing

pytestmark = pytest.mark.django_db


@pytest.fixture
def access() -> Any:
    return make_access()


@pytest.fixture
def server(access: Any) -> Provider:
    config = {
        "host": "mail.tide.example",
        "port": "25",
        "security": "none",
        "bounce_domain": "b.tide.example",
    }
    made = channels.create_provider(
        access, {"channel": "email", "type": "smtp", "name": "Mail", "config": config}
    )
    senders.add(access, made, "shop@tide.example", "Shop")
    return made


@pytest.fixture
def console(access: Any) -> Browser:
    return Browser(access, "channels/")


def call(access: Any, method: str, path: str, body: Any = None) -> Any:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {make_token(access)}")
    return getattr(client, method)(f"/api/v1/workspaces/{access.workspace.slug}/{path}", body, format="json")


def test_the_page_of_a_mail_server_shows_records_and_where_bounces_go(
    server: Provider, console: Browser
) -> None:
    page = console.get(f"{server.pk}/").content.decode()
    assert "_dmarc.tide.example" in page and "v=spf1 a:mail.tide.example" in page and "/t/b/prv_" in page


def test_a_key_is_made_on_the_page_and_its_record_shown(server: Provider, console: Browser) -> None:
    assert 'value="tide.example"' in console.get(f"{server.pk}/dkim-key/").content.decode()
    answer = console.post(f"{server.pk}/dkim-key/", domain="tide.example", selector="s1")
    page = console.client.get(answer.url).content.decode()
    assert "s1._domainkey.tide.example" in page and "v=DKIM1; k=rsa; p=" in page and "PRIVATE" not in page


def test_a_wrong_selector_is_shown_at_its_field(server: Provider, console: Browser) -> None:
    answer = console.post(f"{server.pk}/dkim-key/", domain="tide.example", selector="s 1")
    assert answer.status_code == 422 and "Letters, digits and hyphens" in answer.content.decode()


def test_the_form_keeps_a_key_that_it_shows_as_dots(server: Provider, console: Browser) -> None:
    console.post(f"{server.pk}/dkim-key/", domain="tide.example", selector="s1")
    page = console.get(f"{server.pk}/edit/").content.decode()
    assert "PRIVATE" not in page and channels.KEPT in page
    shown = channels.shown_config(Provider.objects.get(pk=server.pk))
    given = {f"config_{name}": value for name, value in shown.items() if value not in ("", False)}
    given |= {"name": "Mail", "rate_per_second": "5", "price_currency": "CNY", "enabled": "on"}
    answer = console.post(f"{server.pk}/edit/", **given)
    assert answer.status_code == 302
    kept = Provider.objects.get(pk=server.pk)
    assert kept.rate_per_second == 5 and "PRIVATE KEY" in kept.config["dkim_key"]


def test_a_sender_is_removed_on_its_page(server: Provider, console: Browser) -> None:
    sender = server.senders.get()
    console.post(f"senders/{sender.pk}/delete/")
    assert not SenderAddress.objects.exists()


def test_nobody_without_the_right_makes_keys_or_fetches_senders(access: Any, server: Provider) -> None:
    browser = without_marketing(access.workspace, "channels/")
    assert browser.get(f"{server.pk}/dkim-key/").status_code == 403
    assert browser.post(f"{server.pk}/senders/fetch/").status_code == 403
    assert browser.post(f"senders/{server.senders.get().pk}/delete/").status_code == 403


def test_the_api_makes_a_key_and_answers_records_alone(access: Any, server: Provider) -> None:
    body = {"domain": "tide.example", "selector": "s1"}
    answer = call(access, "post", f"providers/{server.pk}/dkim-key/", body)
    assert answer.status_code == 200 and "PRIVATE" not in str(answer.json())
    again = call(access, "get", f"providers/{server.pk}/dns-records/")
    assert again.json() == answer.json()
    assert AuditEntry.objects.filter(action="provider.changed").exists()


def test_the_api_tells_where_returned_mails_may_be_posted(access: Any, server: Provider) -> None:
    found = call(access, "get", f"providers/{server.pk}/").json()
    assert found["webhook"] == callbacks.bounces_url(server) and "dkim_key" in found["config"]


def test_the_api_names_what_a_key_lacks(access: Any, server: Provider) -> None:
    answer = call(access, "post", f"providers/{server.pk}/dkim-key/", {"domain": "tide.example"})
    assert answer.status_code == 400 and "selector" in answer.json()["errors"]


def test_a_mail_server_has_no_senders_to_fetch(access: Any, server: Provider) -> None:
    answer = call(access, "post", f"providers/{server.pk}/fetch-senders/")
    assert answer.status_code == 409 and answer.json()["code"] == "action_not_supported"


def test_the_api_lists_what_to_look_at_in_a_mail(access: Any) -> None:
    values = {"channel": "email", "name": "A", "subject": "S", "html": '<img src="https://x.example/a.png">'}
    made = call(access, "post", "templates/", values).json()
    found = call(access, "get", f"templates/{made['id']}/checks/").json()
    assert {"level": "problem", "code": "missing_alt"}.items() <= found[0].items()


def test_a_sender_s_name_holds_no_line_break(access: Any, server: Provider) -> None:
    body = {"provider": server.pk, "address": "a@tide.example", "name": "A\r\nBcc: all@x.example"}
    answer = call(access, "post", "sender-addresses/", body)
    assert answer.status_code == 400 and "name" in answer.json()["errors"]
