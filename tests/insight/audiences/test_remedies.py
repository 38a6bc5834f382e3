"""What the page of a failed audience or dataset says of mending it, and to whom."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.utils.html import escape

from cdp import lake
from cdp.jobs.services import last_failure
from insight.audiences import refreshing, remedies
from insight.audiences.models import Audience
from insight.datasets import remedies as of_datasets
from insight.datasets.models import Dataset
from tests.factories import make_access
from tests.insight.audiences.test_audience_api import Client
from tests.insight.audiences.test_pages import Browser
from tests.insight.audiences.world import World

RunJobs = Callable[..., list[Any]]
RAW = "does not exist"
"""What the engine says of a table that is not there."""


@pytest.fixture
def failed(world: World, computed: Callable[..., Audience], run_jobs: RunJobs) -> Audience:
    """A public audience whose dataset has lost its table behind everybody's back."""
    audience = computed(world.bought(), save_ids=[], public=True)
    with lake.cursor() as handle:
        handle.execute(f"DROP TABLE {lake.table_path(world.workspace, world.orders.lake_table)}")
    refreshing.refresh(world.access, audience)
    run_jobs(allow_failure=True)
    audience.refresh_from_db()
    assert (audience.state, audience.reason_code) == ("failed", "table_missing")
    return audience


def test_the_page_names_the_dataset_and_keeps_the_engines_words_behind_a_disclosure(
    world: World, failed: Audience
) -> None:
    page = Browser(world.access).get(f"{failed.pk}/").content.decode()
    assert "The dataset “Orders” has to be mended first" in page and f"datasets/{world.orders.pk}/" in page
    details = page.partition("Technical details")[2].partition("</details>")[0]
    assert "table_missing" in details and RAW in details and "/jobs/job_" in details
    assert RAW not in page.replace(details, "")


def test_the_engines_words_are_for_those_who_look_after_it(world: World, failed: Audience) -> None:
    other = make_access(world.workspace, "analyst")
    assert RAW not in Browser(other).get(f"{failed.pk}/").content.decode()
    job = last_failure(failed)
    assert job is not None and RAW in job.technical
    for access, shown in ((world.access, True), (other, False)):
        answer = Client(access).get(f"jobs/{job.pk}/log/")
        assert answer.status_code == 200 and (RAW in answer.content.decode()) is shown


def test_a_rule_that_fits_no_more_is_for_who_may_edit_it(
    world: World, computed: Callable[..., Audience], run_jobs: RunJobs
) -> None:
    audience = computed(public=True)
    world.members.delete()
    refreshing.refresh(world.access, audience)
    run_jobs(allow_failure=True)
    audience.refresh_from_db()
    mine = remedies.of_audience(world.access, audience)
    theirs = remedies.of_audience(make_access(world.workspace, "analyst"), audience)
    assert mine is not None and mine.remedy is not None and mine.remedy.url.endswith(f"{audience.pk}/edit/")
    assert theirs is not None and theirs.remedy is not None and not theirs.remedy.url
    assert str(audience.owner) in theirs.remedy.text


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("auth_failed", "has to correct the connection"),
        ("table_missing", "Mend the table"),
        ("no_grant", "has to share the table"),
        ("engine_busy", "passes by itself"),
    ],
)
def test_every_common_cause_of_a_datasets_failure_has_its_remedy(world: World, code: str, words: str) -> None:
    Dataset.objects.filter(pk=world.members.pk).update(state="failed", error="It failed.", error_code=code)
    world.members.refresh_from_db()
    found = of_datasets.of_dataset(world.access, world.members)
    assert found is not None and found.remedy is not None and words in found.remedy.text
    client = Browser(world.access).client
    page = client.get(f"/w/{world.workspace.slug}/datasets/{world.members.pk}/").content.decode()
    assert escape(found.remedy.text) in page
