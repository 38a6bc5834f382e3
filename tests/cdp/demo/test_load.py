"""The demo workspace is filled through the services, its messages go out, and a second run changes nothing."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings

from cdp.demo import audiences as rules
from cdp.demo.load import SENT
from cdp.jobs import start_job
from cdp.jobs.models import Job
from cdp.jobs.runner import run_job
from insight.audiences.models import Audience
from insight.datasets.models import Dataset
from insight.datasources.models import SourceTable
from marketing.delivery.models import SendOut
from tests.factories import make_access
from tests.marketing.delivery.conftest import _sandbox, sandbox  # noqa: F401


def load(access: Any) -> Job:
    job = start_job("demo.load", access=access, workspace=access.workspace, params={"profile": "test"})
    run_job(job.pk)
    job.refresh_from_db()
    assert job.status == "succeeded", (job.error, job.log)
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
    access = make_access()
    load(access)
    assert set(SourceTable.objects.values_list("state", flat=True)) == {"ready"}
    assert set(Dataset.objects.values_list("state", flat=True)) == {"ready"}
    states = dict(Audience.objects.values_list("name", "state"))
    assert states.pop(rules.FAILED) == "failed" and set(states.values()) == {"succeeded"}
    assert all(Audience.objects.exclude(name=rules.FAILED).values_list("count", flat=True))
    sent = {item.channel: item for item in SendOut.objects.all()}
    assert {item.state for item in sent.values()} == {"finished"}
    for channel, item in sent.items():
        assert 0 < item.recipients.count() <= SENT[channel]
    counts = [model.objects.count() for model in (SourceTable, Dataset, Audience, SendOut)]
    load(access)
    assert counts == [model.objects.count() for model in (SourceTable, Dataset, Audience, SendOut)]
