"""Templates of tables: each can be downloaded, loads as it is, and becomes a dataset with the values it shows."""

from __future__ import annotations

import csv
import io
from datetime import date, datetime
from typing import Any

import pytest

from admin_center.permissions.models import Role
from insight.datasets.templates import TEMPLATES
from insight.datasources import services as tables
from tests.factories import make_access
from tests.insight.datasets.world import World

USER = {
    "user_id": {"column": "user_id", "id_type": "one_id"},
    "ids": [{"column": "user_id_2", "id_type": "open_id"}],
}


def tag(column: str, kind: str) -> dict[str, Any]:
    return {"column": column, "name": column, "type": kind}


DEFINITIONS: dict[str, dict[str, Any]] = {
    "user_tags": USER
    | {
        "tags": [
            tag("gender", "enum"),
            tag("choco_pref_90d", "number"),
            tag("register_time", "date"),
            tag("age", "number"),
        ]
    },
    "item_tags": {
        "item_id": "item_id",
        "item_name": "item_name",
        "tags": [
            tag("spec", "text"),
            tag("on_shelf_time", "date"),
            tag("season", "enum"),
            tag("price", "number"),
        ],
    },
    "rfm_customers": USER
    | {"input": "customers", "time": "last_buy_time", "amount": "total_amount", "count": "total_count"},
    "rfm_transactions": USER | {"input": "transactions", "time": "trade_time", "amount": "trade_amount"},
    "aipl_customers": USER
    | {
        "tags": [
            tag("channel", "enum"),
            tag("register_time", "date"),
            tag("amount_90d", "number"),
            tag("buy_90d", "number"),
        ]
    },
    "behaviour": USER
    | {
        "time": "behavior_time",
        "type": {"column": "behavior_type"},
        "count": "behavior_count",
        "amount": "behavior_amount",
        "channel": "channel",
        "object_key": "object_attr",
        "object_value": "object_value",
        "object_value_id": "object_value_id",
    },
}
EXPECTED: dict[str, Any] = {
    "user_tags": {
        "user_unique_id": "a0001",
        "user_id_2": "b0001",
        "gender": "男",
        "choco_pref_90d": 0.8,
        "register_time": date(2018, 10, 21),
        "age": 23,
    },
    "item_tags": {
        "item_id": "A0001",
        "item_name": "XXX夹克",
        "spec": "均码",
        "on_shelf_time": date(2021, 1, 20),
        "season": "春夏",
        "price": 1000,
    },
    "rfm_customers": {"user_unique_id": "a0001", "m": 345.55, "f": 2},
    "rfm_transactions": {"user_unique_id": "a0001", "m": 124, "f": 1},
    "aipl_customers": {
        "user_unique_id": "a0001",
        "channel": "小程序",
        "register_time": date(2020, 10, 10),
        "amount_90d": 500,
        "buy_90d": 1,
    },
    "behaviour": {
        "user_unique_id": "a0001",
        "at": datetime(2021, 1, 1, 10, 0, 1),
        "type": "购买",
        "channel": "门店1",
        "count": 1,
        "amount": 1000,
        "object_key": "商品",
        "object_value": "商品A",
        "object_value_id": "A0001",
    },
}


def test_every_kind_of_table_has_a_template() -> None:
    assert TEMPLATES.keys() == DEFINITIONS.keys()
    assert {"user_tags", "item_tags", "rfm", "behaviour"} == {str(item.kind) for item in TEMPLATES.values()}


@pytest.mark.parametrize("key", list(TEMPLATES))
def test_a_downloaded_template_becomes_a_dataset_with_the_values_it_shows(world: World, key: str) -> None:
    browser, base = world.browser()
    answer = browser.get(f"{base}templates/{key}/")
    assert answer.status_code == 200 and f'filename="{key}.csv"' in answer.headers["Content-Disposition"]
    content = answer.content
    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))
    kept = tables.create_upload(world.access, io.BytesIO(content), f"{key}.csv")
    tables.start_import(world.access, kept, key)
    world.run_jobs()
    made = world.dataset({"name": key, "kind": TEMPLATES[key].kind, "table": key, **DEFINITIONS[key]})
    assert made.state == "ready", made.error
    assert made.rows == len(rows)
    first = world.rows(made)[0]
    assert {name: first[name] for name in EXPECTED[key]} == EXPECTED[key]


def test_other_names_have_no_template(world: World) -> None:
    browser, base = world.browser()
    assert browser.get(f"{base}templates/nothing/").status_code == 404
    assert world.api()("get", "datasets/templates/nothing/").status_code == 404


def test_the_api_lists_the_templates_and_gives_the_files_of_the_console(world: World) -> None:
    call, (browser, base) = world.api(), world.browser()
    listed = call("get", "datasets/templates/").json()["results"]
    assert [item["key"] for item in listed] == list(TEMPLATES)
    for item in listed:
        file = call("get", f"datasets/templates/{item['key']}/")
        assert file.content == browser.get(f"{base}templates/{item['key']}/").content
        header = file.content.decode("utf-8-sig").splitlines()[0].split(",")
        assert header == item["columns"] and item["kind"] in ("user_tags", "item_tags", "rfm", "behaviour")


def test_people_who_see_no_datasets_get_no_template(world: World) -> None:
    Role.objects.create(workspace=world.workspace, code="nobody", permissions=["jobs.view"])
    nobody = make_access(world.workspace, "nobody")
    assert world.api(nobody)("get", "datasets/templates/").status_code == 403
    assert world.api(nobody)("get", "datasets/templates/user_tags/").status_code == 403


def test_the_choice_of_a_table_offers_all_templates(world: World) -> None:
    browser, base = world.browser()
    page = browser.get(f"{base}new/").content.decode()
    for key in TEMPLATES:
        assert f"/datasets/templates/{key}/" in page
