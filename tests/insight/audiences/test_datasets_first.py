"""Refreshing the datasets of an audience before the audience itself."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from cdp.jobs.models import Job
from insight.audiences import refreshing, schedule, tasks
from insight.audiences.forms import ScheduleForm
from insight.audiences.models import Audience
from insight.audiences.schedule import parse_policy
from insight.datasources import services as tables
from insight.datasources.models import SourceTable
from tests.e2e.shop import MEMBERS, Shop
from tests.factories import make_access
from tests.insight.audiences.test_audience_api import Client

RunJobs = Callable[..., list[Job]]


@pytest.fixture
def shop(run_jobs: RunJobs) -> Shop:
    return Shop(run_jobs)


@pytest.fixture
def audience(shop: Shop) -> Audience:
    """The women of Oslo; m11 has come to the table since, whom the dataset does not know yet."""
    audience = shop.save_audience()
    text = MEMBERS + "m11,m11@example.com,f,Oslo,110\n"
    upload = tables.create_upload(shop.access, io.BytesIO(text.encode()), "members.csv")
    table = SourceTable.objects.get(workspace=shop.access.workspace, name="members")
    tables.start_import(shop.access, upload, "members", replace=table)
    shop.run_jobs()
    return audience


def refreshed(shop: Shop, audience: Audience, **options: Any) -> Audience:
    refreshing.refresh(shop.access, audience, **options)
    shop.run_jobs()
    audience.refresh_from_db()
    return audience


def test_by_default_datasets_stay_as_they_are(shop: Shop, audience: Audience) -> None:
    assert refreshed(shop, audience).count == 3


def test_where_asked_they_are_refreshed_first(shop: Shop, audience: Audience) -> None:
    assert refreshed(shop, audience, datasets_first=True).count == 4
    shop.members.refresh_from_db()
    assert audience.current.dataset_versions == {shop.members.pk: shop.members.version}
    assert shop.members.version == 2


def test_a_periodic_refresh_refreshes_them_first_where_the_policy_says_so(
    shop: Shop, audience: Audience
) -> None:
    policy = {"every": "day", "at": "03:00", "datasets_first": True}
    answer = Client(shop.access).patch(f"audiences/{audience.pk}/", {"refresh": policy}, format="json")
    assert answer.status_code == 200 and answer.json()["refresh"]["datasets_first"] is True
    assert "its datasets first" in schedule.describe(answer.json()["refresh"])
    Audience.objects.filter(pk=audience.pk).update(next_refresh_at=timezone.now())
    assert tasks.start_due_refreshes() == 1
    shop.run_jobs()
    audience.refresh_from_db()
    assert (audience.count, audience.current.kind) == (4, "periodic")


def test_the_page_of_the_schedule_keeps_the_choice(shop: Shop, audience: Audience) -> None:
    form = ScheduleForm({"every": "day", "at": "03:00", "datasets_first": "on"})
    assert form.is_valid() and form.policy()["datasets_first"] is True
    assert "datasets_first" not in parse_policy({"every": "day"}).stored()


def test_a_waiting_refresh_of_the_dataset_is_used(shop: Shop, audience: Audience) -> None:
    from insight.datasets import services as datasets

    refreshing.refresh(shop.access, audience, datasets_first=True)
    datasets.refresh(shop.access, shop.members)
    shop.run_jobs()
    audience.refresh_from_db()
    assert audience.count == 4 and Job.objects.filter(kind="dataset.refresh").count() == 3


def test_what_the_person_does_not_manage_stays_as_it_is(shop: Shop, audience: Audience) -> None:
    other = make_access(shop.access.workspace, "analyst")
    Audience.objects.filter(pk=audience.pk).update(owner=other.user)
    audience.refresh_from_db()
    job = refreshing.refresh(other, audience, datasets_first=True)
    shop.run_jobs(allow_failure=True)
    job.refresh_from_db()
    shop.members.refresh_from_db()
    assert shop.members.version == 1
    assert any("only who manages it" in line["text"] for line in job.log)


def test_a_dataset_that_fails_stops_the_refresh_and_the_members_stay(shop: Shop, audience: Audience) -> None:
    SourceTable.objects.filter(name="members").update(lake_table="gone")
    job = refreshing.refresh(shop.access, audience, datasets_first=True)
    shop.run_jobs(allow_failure=True)
    job.refresh_from_db()
    audience.refresh_from_db()
    assert (job.status, job.error_code) == ("failed", "dependency_failed") and "Members" in job.error
    assert (audience.state, audience.count) == ("failed", 3)


def test_several_are_refreshed_through_the_api_and_refusals_are_told(shop: Shop, audience: Audience) -> None:
    client = Client(shop.access)
    made = {"name": "Idea", "rule": audience.rule, "draft": True}
    draft = client.post("audiences/", made, format="json").json()["id"]
    chosen = {"audiences": [audience.pk, draft], "snapshot": True, "datasets_first": True}
    answer = client.post("audiences/refresh/", chosen, format="json")
    assert answer.status_code == 202
    assert [row["audience"] for row in answer.json()["started"]] == [audience.pk]
    assert [(row["audience"], row["code"]) for row in answer.json()["refused"]] == [
        (draft, "audience_is_draft")
    ]
    shop.run_jobs()
    audience.refresh_from_db()
    assert audience.count == 4 and audience.versions.filter(is_snapshot=True).count() == 1


@pytest.mark.parametrize("wrong", [{"audiences": []}, {"audiences": "all"}, {}])
def test_a_list_of_audiences_is_needed(shop: Shop, wrong: dict[str, Any]) -> None:
    answer = Client(shop.access).post("audiences/refresh/", wrong, format="json")
    assert answer.status_code == 400 and "audiences" in answer.json()["errors"]
