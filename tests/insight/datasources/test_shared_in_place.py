"""Datasets that live in a database which the organization shares: limited to what the workspace is given of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

import pytest

from cdp.warehouse import get_engine
from insight.audiences import outside, places
from insight.datasets import services as datasets
from insight.datasets.models import Dataset
from insight.datasources.connections import engines, services
from tests.insight.datasources.servers import Server
from tests.insight.datasources.sharing import SALES_DATASET, Head, Shop

RunJobs = Callable[..., list[Any]]


@pytest.fixture
def one(postgresql: Server, run_jobs: RunJobs) -> Iterator[Head]:
    found = Head(postgresql, run_jobs)
    services.update(found.access, found.source, {"push_down": True})
    yield found
    engines.forget(found.source.pk)


def make(head: Head, shop: Shop, **more: Any) -> Any:
    return shop.call("post", "datasets/", {**SALES_DATASET, "source": head.source.pk, **more})


def made(head: Head, shop: Shop, **more: Any) -> Dataset:
    answer = make(head, shop, **more)
    assert answer.status_code == 201, answer.content
    return refreshed(shop, Dataset.objects.get(pk=answer.json()["id"]))


def refreshed(shop: Shop, dataset: Dataset) -> Dataset:
    datasets.refresh(shop.access, dataset)
    shop.run_jobs(allow_failure=True)
    dataset.refresh_from_db()
    return dataset


def people(shop: Shop, dataset: Dataset) -> list[str]:
    path = get_engine(dataset.source).path(shop.workspace, dataset.lake_table)
    return [
        row[0] for row in get_engine(dataset.source).rows(f"SELECT user_unique_id FROM {path} ORDER BY 1")
    ]


def test_each_workspace_has_the_rows_that_it_is_given(one: Head) -> None:
    one.control("brand")
    one.values("give", one.north, "brand", ["A"])
    one.values("give", one.south, "brand", ["B"])
    north, south = made(one, one.north), made(one, one.south)
    assert (north.state, people(one.north, north)) == ("ready", ["1", "3"])
    assert people(one.south, south) == ["2"]
    rule = {"kind": "tag", "dataset": north.pk, "tag": "brand", "operator": "in", "value": ["A", "B"]}
    assert one.north.call("post", "audiences/preview/", {"rule": rule}).json()["count"] == 2


def test_columns_that_are_not_shared_cannot_be_used_and_are_not_shown(one: Head) -> None:
    one.call("put", "columns/?table=sales", {"enabled": True})
    one.columns("give", one.north, ["id", "region"])
    path = f"datasets/fields/?source={one.source.pk}&table=sales"
    assert [row["name"] for row in one.north.call("get", path).json()["columns"]] == ["id", "region"]
    refused = make(one, one.north)
    assert (refused.status_code, list(refused.json()["errors"])) == (400, ["tags/0/column"])


def test_a_table_that_is_not_shared_is_refused_at_its_place(one: Head) -> None:
    assert list(make(one, one.north).json()["errors"]) == ["source"]
    one.share(["members"], one.north)
    refused = make(one, one.north)
    assert list(refused.json()["errors"]) == ["table"] and "not shared" in str(refused.json()["errors"])


def test_the_next_refresh_follows_a_changed_grant_and_one_taken_back_leaves_the_last_version(
    one: Head,
) -> None:
    one.control("brand")
    one.values("give", one.north, "brand", ["A", "B"])
    dataset = made(one, one.north)
    assert people(one.north, dataset) == ["1", "2", "3"]
    one.values("take", one.north, "brand", ["B"])
    dataset = refreshed(one.north, dataset)
    assert people(one.north, dataset) == ["1", "3"]
    one.values("take", one.north, "brand", ["A"])
    dataset = refreshed(one.north, dataset)
    assert (dataset.state, dataset.error_code, dataset.version) == ("failed", "no_grant", 2)
    assert people(one.north, dataset) == ["1", "3"]
    page = one.north.browser.get(f"/w/{one.north.workspace.slug}/datasets/{dataset.pk}/").content.decode()
    assert "Warehouse" in page and "given no value" in page


def test_managers_see_what_lives_in_it_and_workspaces_only_that_it_may(one: Head) -> None:
    one.share("*", one.north, one.south)
    made(one, one.north, name="Northern sales")
    managed = one.browser.get(f"/organization/sources/{one.source.pk}/").content.decode()
    assert "Northern sales" in managed
    seen = one.south.browser.get(f"/w/{one.south.workspace.slug}/sources/databases/{one.source.pk}/")
    assert "may live here" in seen.content.decode() and "Northern sales" not in seen.content.decode()
    refused = one.call("delete")
    assert (refused.status_code, refused.json()["code"]) == (409, "in_use")
    off = one.call("patch", "", {"push_down": False})
    assert (off.status_code, list(off.json()["errors"])) == (409, ["push_down"])


def test_only_shared_tables_are_offered_for_datasets_joins_and_audiences(one: Head) -> None:
    one.share(["sales"], one.north)
    home, source = f"/w/{one.north.workspace.slug}", f"source={one.source.pk}"
    for page in (f"datasets/new/?{source}", f"datasets/new/?{source}&table=sales&kind=user_tags"):
        shown = one.north.browser.get(f"{home}/{page}").content.decode()
        assert "sales" in shown and "members" not in re.findall(r"<option[^>]*>\s*([^<]*?)\s*<", shown), page
    offered = one.north.browser.get(f"{home}/audiences/from-table/tables/?{source}").json()
    assert offered == {"results": ["sales"], "more": False}


def test_a_shared_database_in_which_audiences_live_stays(one: Head) -> None:
    one.share("*", one.north)
    places.check(one.north.access, one.source.pk)
    kept = BytesIO(b"u1\nu2\n")
    data = {"name": "Listed", "id_type": "one_id", "encryption": "plain", "source": one.source.pk}
    outside.upload(one.north.access, kept, "people.csv", data)
    one.north.run_jobs()
    refused = one.call("delete")
    assert (refused.status_code, refused.json()["code"]) == (409, "in_use")
    assert "Listed" in refused.json()["detail"]


def test_a_shared_database_is_offered_by_the_wizard(one: Head) -> None:
    one.share(["sales"], one.north)
    page = one.north.browser.get(f"/w/{one.north.workspace.slug}/datasets/new/").content.decode()
    assert "Warehouse" in page
    page = one.south.browser.get(f"/w/{one.south.workspace.slug}/datasets/new/").content.decode()
    assert "Warehouse" not in page
