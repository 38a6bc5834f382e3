"""`manage.py demo`: a day is appended and every refresh shows it; a column goes and comes back."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from cdp import lake
from cdp.demo import breaking, days, tables
from cdp.demo.definitions import BEHAVIOUR, DERIVED, MEMBERS
from cdp.demo.retailer import Tables, another_day
from cdp.demo.steps import dataset, finish_all
from insight.audiences import services as audiences
from insight.audiences.models import Audience
from insight.datasets.models import Dataset
from insight.datasources.models import SourceTable
from tests.cdp.demo.conftest import AS_OF
from tests.factories import make_access, make_manager

NAMES = (*another_day.APPENDED, *another_day.RENEWED)


@pytest.fixture
def shop(db: None, retailer: Tables, tmp_path: Any) -> Any:
    """A workspace with the tables that grow, datasets of members and behaviour, and an audience refreshed daily."""
    access = make_access()
    make_manager(access.workspace.organization)
    for name in NAMES:
        tables.import_table(access, name, getattr(retailer, name), "")
    for name, item in DERIVED.items():
        path = tables.select(retailer, item.sql, tmp_path / f"{name}.parquet")
        tables.import_table(access, name, path, "")
    members = dataset(access, MEMBERS)
    plain = {key: value for key, value in BEHAVIOUR.items() if key != "dimensions"}
    dataset(access, plain)
    leaf = {"kind": "tag", "dataset": members.pk, "tag": "total_count", "operator": ">", "value": 3}
    audiences.create(access, {"name": "Often", "rule": leaf, "refresh": {"every": "day", "at": "06:00"}})
    finish_all(access, "audience.refresh")
    return access


def run(*words: str) -> str:
    out = io.StringIO()
    call_command("demo", *words, stdout=out)
    return out.getvalue()


def counts(access: Any) -> dict[str, int]:
    found = {row.name: row.rows or 0 for row in SourceTable.objects.in_workspace(access.workspace)}
    found |= {row.name: row.rows or 0 for row in Dataset.objects.in_workspace(access.workspace)}
    return found | {row.name: row.version for row in Audience.objects.in_workspace(access.workspace)}


def last_day(access: Any, name: str, column: str) -> Any:
    table = SourceTable.objects.in_workspace(access.workspace).get(name=name)
    with lake.cursor() as handle:
        path = lake.table_path(access.workspace, table.lake_table)
        return handle.execute(f"SELECT max({column})::DATE FROM {path}").fetchall()[0][0]


@pytest.mark.slow
def test_days_are_appended_and_every_refresh_shows_them(shop: Any) -> None:
    before = counts(shop)
    told = run("tick", "--days", "2", "--workspace", shop.workspace.slug)
    after = counts(shop)
    assert f"The last day is {AS_OF + timedelta(days=2)}." in told
    assert "Refreshed 2 datasets and 1 audiences." in told
    for name in (*another_day.APPENDED, *DERIVED, BEHAVIOUR["name"], "Often"):
        assert after[name] > before[name], name
    for name in ("ads_user_tag", "ads_item_tag", MEMBERS["name"]):
        assert after[name] == before[name], name
    grown = after["ads_behavior"] - before["ads_behavior"]
    assert grown == after[BEHAVIOUR["name"]] - before[BEHAVIOUR["name"]]
    for name, column in (("ads_trade", "trade_time"), ("ads_behavior", "behavior_time")):
        assert last_day(shop, name, column) == AS_OF + timedelta(days=2)
    assert last_day(shop, "ads_user_tag", "last_buy_time") == AS_OF + timedelta(days=2)


@pytest.mark.slow
def test_the_days_until_yesterday_are_known(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(days, "today", lambda _workspace: AS_OF + timedelta(days=4))
    assert days.days_missing(shop) == 3
    monkeypatch.setattr(days, "today", lambda _workspace: AS_OF + timedelta(days=1))
    assert days.days_missing(shop) == 0
    assert "until yesterday already" in run("tick", "--until-yesterday", "--workspace", shop.workspace.slug)


@pytest.mark.slow
def test_a_column_that_goes_is_lost_in_its_dataset_and_comes_back(shop: Any) -> None:
    members = Dataset.objects.in_workspace(shop.workspace).get(name=MEMBERS["name"])

    def lost() -> list[str]:
        return list(members.fields.filter(deleted=True).values_list("column", flat=True))

    told = run("break-column", "--workspace", shop.workspace.slug)
    assert MEMBERS["name"] in told and lost() == [breaking.COLUMN]
    with pytest.raises(CommandError, match="no column"):
        run("break-column", "--workspace", shop.workspace.slug)
    run("mend-column", "--workspace", shop.workspace.slug)
    assert lost() == []
    members.refresh_from_db()
    assert members.state == "ready"


def test_other_workspaces_are_left_alone(db: None) -> None:
    access = make_access()
    make_manager(access.workspace.organization)
    with pytest.raises(CommandError, match="does not have the demo's tables"):
        run("tick", "--workspace", access.workspace.slug)
    with pytest.raises(CommandError, match="no workspace"):
        run("tick", "--workspace", "nowhere")
