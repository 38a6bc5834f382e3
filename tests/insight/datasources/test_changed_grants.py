"""What is copied already when an organization shares other parts of a table than before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from insight.datasets import services as datasets
from insight.datasets.models import Dataset
from insight.datasources.connections import feeds
from insight.datasources.models import Feed, SourceTable
from tests.insight.datasources.servers import Server
from tests.insight.datasources.sharing import SALES_DATASET, Head

RunJobs = Callable[..., list[Any]]


@pytest.fixture
def head(postgresql: Server, run_jobs: RunJobs) -> Head:
    found = Head(postgresql, run_jobs)
    found.control("brand")
    found.values("give", found.north, "brand", ["A", "B"])
    return found


@pytest.fixture
def table(head: Head) -> SourceTable:
    return head.north.bring(head.source, "sales")


def refreshed(head: Head, dataset: Dataset) -> Dataset:
    datasets.refresh(head.north.access, dataset)
    head.north.run_jobs(allow_failure=True)
    dataset.refresh_from_db()
    return dataset


def test_rows_that_are_taken_back_are_shown_to_nobody_and_the_copy_is_made_anew(
    head: Head, table: SourceTable
) -> None:
    dataset = refreshed(head, datasets.create(head.north.access, SALES_DATASET))
    assert (dataset.users, head.north.ids(table)) == (3, [1, 2, 3])
    assert len(head.north.call("get", "tables/sales/sample/").json()["rows"]) == 3
    page = reverse("datasources:table", args=[head.north.workspace.slug, table.pk])
    assert "changed what it shares" not in head.north.browser.get(page).content.decode()

    head.values("take", head.north, "brand", ["B"])
    sample = head.north.call("get", "tables/sales/sample/")
    assert (sample.status_code, sample.json()["code"]) == (409, "grant_changed")
    assert "changed what it shares" in head.north.browser.get(page).content.decode()
    dataset = refreshed(head, dataset)
    assert (dataset.state, dataset.error_code, dataset.users) == ("failed", "grant_changed", 3)

    assert feeds.start_due() == 1 and feeds.start_due() == 0
    head.north.run_jobs()
    table.refresh_from_db()
    assert head.north.ids(table) == [1, 3]
    assert len(head.north.call("get", "tables/sales/sample/").json()["rows"]) == 2
    dataset = refreshed(head, dataset)
    assert (dataset.state, dataset.error_code, dataset.users) == ("ready", "", 2)


def test_a_change_while_the_table_is_copied_waits_for_that_copy(head: Head, table: SourceTable) -> None:
    head.values("take", head.north, "brand", ["B"])
    assert feeds.start_due() == 1
    head.values("take", head.north, "brand", ["A"])
    assert feeds.start_due() == 0 and Feed.objects.get().next_copy_at <= timezone.now()
    head.north.run_jobs(allow_failure=True)
    assert feeds.start_due() == 1


def test_a_table_that_is_taken_back_cannot_be_kept_by_parting_it_from_its_source(
    head: Head, table: SourceTable
) -> None:
    head.values("take", head.north, "brand", ["A", "B"])
    refused = head.north.call("delete", "tables/sales/feed/")
    assert (refused.status_code, refused.json()["code"]) == (409, "no_grant")
    head.values("give", head.north, "brand", ["C"])
    assert head.north.call("delete", "tables/sales/feed/").json()["code"] == "grant_changed"
    assert Feed.objects.filter(table=table).exists()


def test_what_another_workspace_is_given_changes_nothing_here(head: Head, table: SourceTable) -> None:
    head.values("give", head.south, "brand", ["C"])
    assert feeds.start_due() == 0
    assert head.north.call("get", "tables/sales/sample/").status_code == 200
    assert refreshed(head, datasets.create(head.north.access, SALES_DATASET)).state == "ready"
