"""The demo workspaces are filled through the services, messages go out, and a second run changes nothing."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings

from admin_center.permissions.access import access_for
from admin_center.permissions.services import add_member
from cdp.demo import audiences as rules
from cdp.demo import brand_b
from cdp.demo.sending import SENT
from cdp.jobs import start_job
from cdp.jobs.models import Job
from cdp.jobs.runner import run_job
from insight.audiences.models import Audience
from insight.campaigns.models import Campaign, CampaignLink
from insight.datasets import rights
from insight.datasets.models import Dataset
from insight.datasources.models import SourceTable
from insight.pushes.models import Push, PushSetting
from marketing.delivery.models import SendOut
from marketing.materials.models import Material
from tests.factories import make_access, make_user, make_workspace
from tests.marketing.delivery.conftest import _sandbox, sandbox  # noqa: F401

MADE = (SourceTable, Dataset, Audience, Campaign, CampaignLink, Material, Push, PushSetting, SendOut)


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
    assert (
        Push.objects.filter(dataset__kind="aipl").count() == Push.objects.filter(audience=None).count() == 1
    )
    for push in Push.objects.all():
        assert push.state in ("succeeded", "partly") and push.ids > 0
    sent = {item.channel: item for item in SendOut.objects.all()}
    assert {item.state for item in sent.values()} == {"finished"}
    for channel, item in sent.items():
        assert 0 < item.recipients.count() <= SENT[channel]
    _check_rows_of_brand_b(second)
    counts = [model.objects.count() for model in MADE]
    load(access)
    assert counts == [model.objects.count() for model in MADE]


def _check_rows_of_brand_b(workspace: Any) -> None:
    """An analyst sees the purchases of the brand, an administrator those of its neighbours as well."""
    analyst = make_user()
    add_member(workspace, analyst, ["analyst"])
    bought = Dataset.objects.in_workspace(workspace).get(name=brand_b.PURCHASES["name"])
    some, _users = rights.figures(access_for(analyst, workspace), bought)
    assert some is not None and bought.rows is not None and 0 < some < bought.rows
    assert Audience.objects.in_workspace(workspace).get().count
