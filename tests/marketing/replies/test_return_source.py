"""Replies that are also written to a database of the organization."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from admin_center.organizations.outside import PersonAccess
from cdp.core.errors import Conflict, ValidationFailed
from insight.datasources.connections import services as sources
from insight.datasources.models import Connection
from insight.datasources.organization import sharing
from insight.datasources.organization.grants import EVERY_TABLE
from marketing.channels import services
from marketing.channels.models import Provider
from marketing.channels.organization import services as shared_services
from marketing.replies import receiving, returning
from marketing.replies.models import InboundMessage
from marketing.sandbox.provider import SandboxProvider
from tests.factories import make_access, make_manager, make_organization, make_token, make_workspace
from tests.insight.datasources.servers import Server
from tests.marketing.channels.test_aliyun import sms_config
from tests.marketing.console import Browser

TABLE = "tideline_uplink"


class House:
    """An organization with a source, a workspace, and people who look after both."""

    def __init__(self, server: Server, sandbox: SandboxProvider) -> None:
        self.server, self.sandbox = server, sandbox
        self.organization = make_organization()
        self.manager = PersonAccess(make_manager(self.organization))
        self.access = make_access(make_workspace(self.organization))
        values = server.settings(name="Warehouse")
        self.source = sources.create(self.manager, values, organization=self.organization)

    def share(self) -> None:
        sharing.grant_tables(self.manager, self.source, [EVERY_TABLE], [self.access.workspace])

    def values(self, **config: Any) -> dict[str, Any]:
        whole = sms_config(self.sandbox, return_source=self.source.pk, **config)
        return {"channel": "sms", "type": "aliyun", "name": "Cloud", "config": whole}

    def shared(self) -> Provider:
        """The organization's provider, as the workspace has it."""
        made = shared_services.create(self.manager, self.organization, self.values())
        shared_services.grant(self.manager, made, for_all=True)
        return Provider.objects.get(workspace=self.access.workspace)

    def rows(self) -> list[tuple[Any, ...]]:
        return self.server.run(
            "SELECT id, workspace_id, phone, content, sign_name, dest_code, received_at, raw "
            f"FROM {TABLE} ORDER BY phone"
        )


def came(provider: Provider, number: int, text: str = "Yes", **more: Any) -> InboundMessage:
    given = {
        "messageId": str(number),
        "phoneNum": f"1380013100{number}",
        "content": text,
        "signName": "【Tide】",
        "extCode": "01",
        "receiveDate": "2026-03-01 10:00:00",
        **more,
    }
    return receiving.receive(provider, given)[0]


@pytest.fixture
def house(server: Server, sandbox: SandboxProvider) -> House:
    return House(server, sandbox)


@pytest.fixture
def one(postgresql: Server, sandbox: SandboxProvider) -> House:
    return House(postgresql, sandbox)


def test_each_reply_is_written_once_with_the_workspace_that_it_is_for(house: House) -> None:
    provider = house.shared()
    first, _second = came(provider, 1), came(provider, 2, "N’est-ce pas? 😀")
    assert returning.waiting(provider) == 2
    assert (returning.write_all(), returning.write_all()) == (2, 0)
    came(provider, 1)
    assert returning.write_all() == 0
    rows = house.rows()
    assert [row[2:6] for row in rows] == [
        ("13800131001", "Yes", "Tide", "01"),
        ("13800131002", "N’est-ce pas? 😀", "Tide", "01"),
    ]
    key, workspace, *_rest, moment, raw = rows[0]
    assert (key, workspace) == (first.pk, house.access.workspace.pk)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    assert moment == datetime.fromisoformat(str(first.received_at))
    assert "【Tide】" in str(raw) or "Tide" in raw["signName"]
    assert returning.waiting(provider) == 0


def test_what_was_written_before_a_worker_died_is_not_written_again(one: House) -> None:
    provider = one.shared()
    message = came(provider, 1)
    kept = message.raw
    returning.write_all()
    InboundMessage.objects.filter(pk=message.pk).update(raw=kept)
    assert returning.write_all() == 1 and len(one.rows()) == 1


def test_a_database_that_is_away_gets_them_later_and_the_provider_says_why(one: House) -> None:
    provider = one.shared()
    came(provider, 1)
    one.server.run(f"ALTER TABLE {TABLE} RENAME TO away")
    assert returning.write_all() == 0
    provider.refresh_from_db()
    assert TABLE in provider.return_error and returning.waiting(provider) == 1
    token = make_token(one.access)
    slug = one.access.workspace.slug
    page = Browser(one.access, "channels/").get(f"{provider.pk}/").content.decode()
    assert "cannot be written to the return data source" in page and "Warehouse" in page
    api = Client(headers={"Authorization": f"Bearer {token}"})
    found = api.get(f"/api/v1/workspaces/{slug}/providers/{provider.pk}/").json()
    assert found["return_error"] == provider.return_error
    assert found["config"]["return_source"] == one.source.pk
    one.server.run(f"ALTER TABLE away RENAME TO {TABLE}")
    assert returning.write_all() == 1
    provider.refresh_from_db()
    assert provider.return_error == "" and len(one.rows()) == 1


def test_until_then_a_reply_is_kept_encrypted(one: House) -> None:
    message = came(one.shared(), 1, "A secret answer")
    with connection.cursor() as cursor:
        cursor.execute("SELECT raw FROM replies_inboundmessage WHERE id = %s", [message.pk])
        assert "secret" not in cursor.fetchone()[0]


def test_without_a_return_source_nothing_is_kept_for_one(one: House) -> None:
    one.share()
    values = one.values()
    values["config"]["return_source"] = ""
    assert came(services.create_provider(one.access, values), 1).raw is None


def test_only_sources_of_the_organization_can_be_chosen(one: House) -> None:
    with pytest.raises(ValidationFailed) as caught:
        services.create_provider(one.access, one.values())
    assert list(caught.value.errors) == ["config/return_source"]
    own = sources.create(one.access, one.server.settings(name="Own"))
    values = one.values()
    values["config"]["return_source"] = own.pk
    with pytest.raises(ValidationFailed):
        services.create_provider(one.access, values)
    elsewhere = make_organization()
    values["config"]["return_source"] = one.source.pk
    with pytest.raises(ValidationFailed):
        shared_services.create(PersonAccess(make_manager(elsewhere)), elsewhere, values)
    one.share()
    assert services.create_provider(one.access, values).config["return_source"] == one.source.pk


def test_it_needs_replies_to_write(one: House) -> None:
    with pytest.raises(ValidationFailed) as caught:
        shared_services.create(one.manager, one.organization, one.values(replies=False))
    assert list(caught.value.errors) == ["config/return_source"]


def test_a_source_that_cannot_be_written_to_is_refused_with_its_words(one: House) -> None:
    Connection.objects.filter(pk=one.source.pk).update(database="nowhere")
    with pytest.raises(ValidationFailed) as caught:
        shared_services.create(one.manager, one.organization, one.values())
    assert "nowhere" in str(caught.value.errors["config/return_source"])


def test_a_source_no_longer_shared_is_not_written_to(one: House) -> None:
    one.share()
    provider = services.create_provider(one.access, one.values())
    came(provider, 1)
    sharing.revoke_tables(one.manager, one.source, [EVERY_TABLE], [one.access.workspace])
    assert returning.write_all() == 0
    provider.refresh_from_db()
    assert "share" in provider.return_error and not one.rows()


def test_a_source_that_replies_are_written_to_stays(one: House) -> None:
    one.shared()
    with pytest.raises(Conflict) as caught:
        sources.delete(one.manager, one.source)
    assert "replies of Cloud" in str(caught.value)


def test_the_form_offers_the_organization_s_sources(one: House) -> None:
    sources.create(one.access, one.server.settings(name="Own one"))
    one.share()
    page = Browser(one.access, "channels/").get("new/sms/aliyun/").content.decode()
    assert "Return data source of replies" in page and "Warehouse" in page and "Own one" not in page
