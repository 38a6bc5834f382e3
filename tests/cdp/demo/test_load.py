"""The demo workspaces are filled through the services, messages go out, and a second run changes nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import resolve

from admin_center.permissions.access import access_for
from admin_center.permissions.services import add_member
from cdp import lake
from cdp.console.generic import ListPage
from cdp.core.timezones import today
from cdp.demo import approving, brand_b, databases, item_pools
from cdp.demo import audiences as rules
from cdp.demo.definitions import BEHAVIOUR
from cdp.demo.sending import SENT
from cdp.jobs import start_job
from cdp.jobs.models import Job
from cdp.jobs.runner import run_job
from insight.audiences.models import Audience
from insight.campaigns.models import Campaign, CampaignLink
from insight.datasets import rights
from insight.datasets.models import Dataset
from insight.datasources.connections import browsing
from insight.datasources.models import SourceTable
from insight.datasources.organization.grants import sources_seen_in
from insight.items.models import ItemPool
from insight.pushes.models import Push, PushSetting
from marketing.delivery.models import SendOut
from marketing.materials.models import Material
from tests.factories import make_access, make_user, make_workspace
from tests.marketing.delivery.conftest import _sandbox, sandbox  # noqa: F401
from tests.marketing.outcomes.recount import in_lake, of_ledger
from tests.walking.addresses import addresses

MADE = (
    SourceTable,
    Dataset,
    Audience,
    Campaign,
    CampaignLink,
    Material,
    Push,
    PushSetting,
    SendOut,
    ItemPool,
)


def load(access: Any) -> Job:
    params = {"profile": "test", "second": brand_b.SLUG}
    job = start_job("demo.load", access=access, workspace=access.workspace, params=params)
    run_job(job.pk)
    job.refresh_from_db()
    assert job.status == "succeeded", (job.error, job.log[-4:])
    return job


@pytest.mark.slow
def test_everything_is_there_computed_and_sent_and_made_once(
    transactional_db: None,
    live_server: Any,
    sandbox: Any,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(settings, "BASE_URL", live_server.url)
    monkeypatch.setattr(settings, "SANDBOX_URL", sandbox.url)
    monkeypatch.setattr(settings, "SANDBOX_SMTP", f"127.0.0.1:{sandbox.smtp_port}")
    # As for whoever installs the demo: the organization's databases and tag pack are theirs to set up.
    access = make_access(user=make_user(is_manager=True))
    second = make_workspace(access.workspace.organization, name=brand_b.NAME, slug=brand_b.SLUG)
    add_member(second, access.user, ["administrator"])
    colleague = make_user(username="analyst", organization=access.workspace.organization)
    add_member(access.workspace, colleague, ["analyst"])
    load(access)
    assert set(SourceTable.objects.values_list("state", flat=True)) == {"ready"}
    assert set(Dataset.objects.values_list("state", flat=True)) == {"ready"}
    assert (
        not set(Dataset.Kind.values)
        - set(Dataset.objects.values_list("kind", flat=True))
        - {Dataset.Kind.CUSTOM_TAGS}
    )
    audiences = Audience.objects.in_workspace(access.workspace)
    states = dict(audiences.values_list("name", "state"))
    assert [states.pop(name) for name in (rules.FAILED, rules.OUTDATED)] == ["failed", "failed"]
    assert set(states.values()) == {"succeeded"}
    assert audiences.get(name=rules.OUTDATED).reason_code == "rule_outdated"
    assert all(audiences.exclude(name=rules.FAILED).values_list("count", flat=True))
    assert set(audiences.values_list("origin", flat=True)) >= {"selection", "combination", "upload", "table"}
    pools = {pool.name: pool for pool in ItemPool.objects.in_workspace(access.workspace)}
    assert (pools.pop(item_pools.EMPTY).reason_code, pools[item_pools.ALONE].count) == ("pool_empty", 1)
    assert {pool.state for pool in pools.values()} == {"succeeded"} and len(pools) == 4
    assert (
        Push.objects.filter(dataset__kind="aipl").count() == Push.objects.filter(audience=None).count() == 1
    )
    for push in Push.objects.all():
        assert push.state in ("succeeded", "partly") and push.ids > 0
    assert SendOut.objects.get(name=approving.NAME).state == "approval"
    assert SendOut.objects.get(template__signature__isnull=False).state == "draft"
    sent = {item.channel: item for item in SendOut.objects.exclude(state__in=("approval", "draft"))}
    assert {item.state for item in sent.values()} == {"finished"}
    for channel, item in sent.items():
        assert 0 < item.recipients.count() <= SENT[channel]
    by_fcm = SendOut.objects.get(provider__type="fcm_android")
    assert by_fcm.recipients.filter(state="delivered").exists()
    _check_messages(access, sent["email"])
    _check_rows_of_brand_b(second)
    _check_databases(access)
    assert _empty_lists(access) == []
    counts = [model.objects.count() for model in MADE]
    load(access)
    assert counts == [model.objects.count() for model in MADE]


def _check_messages(access: Any, letter: SendOut) -> None:
    """The events of the letter are those of its ledger, and who opened it and bought nothing is counted by hand."""
    found = [row for row in in_lake(access.workspace, id_type="one_id") if row[3] == letter.pk]
    assert found == of_ledger(letter) and {"sent", "opened", "clicked"} <= {row[1] for row in found}
    behaviour = Dataset.objects.in_workspace(access.workspace).get(name=BEHAVIOUR["name"])
    path = lake.table_path(access.workspace, behaviour.lake_table)
    since = today(access.workspace) - timedelta(days=6)
    with lake.cursor() as handle:
        rows = handle.execute(f"SELECT user_unique_id, \"at\" FROM {path} WHERE type = '购买'").fetchall()
    buyers = {person for person, at in rows if at.date() >= since}
    opened = set(letter.recipients.filter(opened_at__isnull=False).values_list("person", flat=True))
    audience = Audience.objects.get(name=rules.OPENED)
    assert audience.count == len(opened - buyers) > 0


def _check_databases(access: Any) -> None:
    """The workspace's own, and the organization's of which two tables of three are shared."""
    seen = sources_seen_in(access.workspace).order_by("name")
    assert {source.name: source.is_shared for source in seen} == {
        databases.SHOP: False,
        databases.GROUP: True,
    }
    group = seen.get(name=databases.GROUP)
    shared = [table.name for table in browsing.tables(group, viewer=access.workspace)]
    assert shared == sorted(databases.SHARED)
    copied = SourceTable.objects.in_workspace(access.workspace).filter(name__in=("web_orders", "stores"))
    assert all(table.rows for table in copied) and len(copied) == 2


def _empty_lists(access: Any) -> list[str]:
    """The list pages of the console on which nothing stands."""
    browser = Client()
    browser.force_login(access.user, backend="admin_center.members.backends.NameOrEmailBackend")
    found = []
    for address in addresses():
        if address.is_api or address.names:
            continue
        path = address.path(access.workspace.slug, {})
        view = getattr(resolve(path).func, "view_class", None)
        if view is not None and issubclass(view, ListPage):
            page = browser.get(path, follow=True)
            if page.status_code != 200 or 'class="empty' in page.content.decode():
                found.append(f"{path}: {page.status_code}")
    return found


def _check_rows_of_brand_b(workspace: Any) -> None:
    """An analyst sees the purchases of the brand, an administrator those of its neighbours as well."""
    analyst = make_user()
    add_member(workspace, analyst, ["analyst"])
    bought = Dataset.objects.in_workspace(workspace).get(name=brand_b.PURCHASES["name"])
    some, _users = rights.figures(access_for(analyst, workspace), bought)
    assert some is not None and bought.rows is not None and 0 < some < bought.rows
    assert Audience.objects.in_workspace(workspace).get().count
