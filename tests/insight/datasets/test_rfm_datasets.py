"""An RFM model as a dataset, and its groups as conditions of audiences."""

from __future__ import annotations

from typing import Any

import pytest

from cdp.core.errors import ValidationFailed
from insight.audiences import services as audiences
from insight.audiences import wording
from insight.audiences.rules import json_schema, parse_rule
from insight.datasets import services
from insight.datasets.models import Dataset
from tests.insight.audiences.test_outside import members
from tests.insight.datasets.test_rfm import BANDS
from tests.insight.datasets.world import World

ORDERS = """
    SELECT * FROM (VALUES
        ('u1', current_date - 5, 2400.0, '13800000001'), ('u1', current_date - 50, 10.0, NULL),
        ('u2', current_date - 200, 1500.0, NULL), ('u3', current_date - 20, 60.0, NULL),
        ('u4', NULL, 60.0, NULL), (NULL, current_date - 1, 5.0, NULL)
    ) t(who, day, money, phone)
"""
MODEL: dict[str, Any] = {
    "name": "RFM",
    "kind": "rfm",
    "table": "orders",
    "user_id": {"column": "who", "id_type": "one_id"},
    "ids": [{"column": "phone", "id_type": "mobile"}],
    "input": "transactions",
    "time": "day",
    "amount": "money",
    "bands": BANDS,
    "compare": {"r": 3, "f": 2, "m": 3},
}


@pytest.fixture
def model(world: World) -> Dataset:
    world.table("orders", ORDERS)
    return world.dataset(MODEL)


def test_a_model_is_made_refreshed_and_written_back(world: World, model: Dataset) -> None:
    assert (model.state, model.rows, model.users) == ("ready", 3, 3)
    groups = {group["type"]: group["users"] for group in model.stats["rfm"]["groups"]}
    assert groups == {"high_value": 1, "key_win_back": 1, "general_develop": 1}
    assert model.stats["rfm"]["excluded"] == 2 and "2 rows were left out" in model.warnings[0]["text"]
    found = world.api()("get", f"datasets/{model.pk}/").json()
    assert (found["input"], found["time"], found["bands"]["r"]["scores"]) == (
        "transactions",
        "day",
        [5, 4, 3, 2, 1],
    )
    assert model.refresh == {"every": "day", "at": "05:00"}
    services.update(world.access, model, {"compare": {"r": 5, "f": 5, "m": 5}})
    assert {group["type"] for group in world.compute(model).stats["rfm"]["groups"]} >= {"key_develop"}


def test_a_new_model_is_computed_by_itself_and_cannot_be_used_before(world: World) -> None:
    world.table("orders", ORDERS)
    made = services.create(world.access, MODEL)
    rule = {"kind": "rfm", "dataset": made.pk, "types": ["high_value"]}
    with pytest.raises(ValidationFailed) as caught:
        audiences.create(world.access, {"name": "Best", "rule": rule})
    assert "is being computed for the first time" in str(caught.value.errors["rule/dataset"])
    [job] = world.run_jobs()
    made.refresh_from_db()
    assert (job.kind, made.state, made.version) == ("dataset.refresh", "ready", 1)
    assert audiences.create(world.access, {"name": "Best", "rule": rule}).pk


@pytest.mark.parametrize(
    ("values", "path"),
    [
        ({"amount": None}, "amount"),
        ({"time": "nothing"}, "time"),
        ({"input": "customers"}, "count"),
        ({"count": "money"}, "count"),
        ({"days": 0}, "days"),
        ({"bands": {"r": {"bounds": [1], "scores": [1, 2, 3]}}}, "bands/r"),
        ({"tags": []}, "tags"),
    ],
)
def test_bad_models_name_the_path(world: World, values: dict[str, Any], path: str) -> None:
    world.table("orders", ORDERS)
    with pytest.raises(ValidationFailed) as caught:
        services.create(world.access, {**MODEL, **values})
    assert path in caught.value.errors


@pytest.mark.parametrize(
    ("condition", "people"),
    [
        ({"types": ["high_value", "key_win_back"]}, {"u1", "u2"}),
        ({"min_scores": {"r": 4}}, {"u1", "u3"}),
        ({"min_scores": {"r": 4, "m": 5}}, {"u1"}),
        ({"ranges": {"r_days": [10, 250]}}, {"u2", "u3"}),
        ({"ranges": {"f": [2, None]}}, {"u1"}),
        ({"ranges": {"m": [None, 60]}}, {"u3"}),
    ],
)
def test_conditions_on_a_model(
    world: World, model: Dataset, condition: dict[str, Any], people: set[str]
) -> None:
    rule = {"kind": "rfm", "dataset": model.pk, **condition}
    preview = world.api()("post", "audiences/preview/", {"rule": rule})
    assert preview.json()["count"] == len(people), preview.json()
    audience = audiences.create(
        world.access, {"name": "Group", "rule": rule, "save_ids": ["one_id", "mobile"]}
    )
    world.run_jobs()
    assert members(audience) == people
    assert "in the RFM model RFM" in wording.stored(audience)
    assert str(audience.origin) == "selection"


def test_a_model_crosses_with_other_conditions(world: World, model: Dataset) -> None:
    tags = world.dataset({**_members(), "name": "People"})
    rule = {
        "op": "subtract",
        "items": [
            {"kind": "rfm", "dataset": model.pk, "ranges": {"m": [0, None]}},
            {"kind": "tag", "dataset": tags.pk, "tag": "gender", "operator": "in", "value": ["f"]},
        ],
    }
    audience = audiences.create(world.access, {"name": "Crossed", "rule": rule})
    world.run_jobs()
    assert members(audience) == {"u2"}


def _members() -> dict[str, Any]:
    return {
        "kind": "user_tags",
        "table": "people",
        "user_id": {"column": "who", "id_type": "one_id"},
        "tags": [{"column": "gender", "name": "Gender", "type": "enum"}],
    }


@pytest.fixture(autouse=True)
def _people(world: World) -> None:
    world.table("people", "SELECT * FROM (VALUES ('u1', 'f'), ('u2', 'm'), ('u3', 'f')) t(who, gender)")


def test_a_condition_needs_a_model_and_a_model_takes_no_tag(world: World, model: Dataset) -> None:
    tags = world.dataset({**_members(), "name": "People"})
    call = world.api()
    wrong = call(
        "post", "audiences/preview/", {"rule": {"kind": "rfm", "dataset": tags.pk, "types": ["potential"]}}
    )
    assert wrong.status_code == 400 and "rule/dataset" in wrong.json()["errors"]
    leaf = {"kind": "tag", "dataset": model.pk, "tag": "type", "operator": "in", "value": ["x"]}
    assert call("post", "audiences/preview/", {"rule": leaf}).status_code == 400
    assert "rfm_condition" in json_schema()["$defs"]
    assert parse_rule({"kind": "rfm", "dataset": "ds_1", "types": ["potential"]}).kind == "rfm"  # type: ignore[union-attr]


def test_pages_make_edit_and_use_a_model(world: World) -> None:
    world.table("orders", ORDERS)
    browser, base = world.browser()
    step = browser.get(f"{base}new/?table=orders&kind=rfm")
    assert step.status_code == 302 and step.url.endswith("/rfm/new/?table=orders")
    form = browser.get(step.url)
    assert form.context["form"].initial["time"] == "day" and form.context["form"].initial["amount"] == "money"
    posted = {"name": "Value", "user": "who", "id_type": "one_id", "input": "transactions", "time": "day"}
    wrong = browser.post(step.url, {**posted, "amount": "money", "bounds_r": "x", "scores_r": "1,2"})
    assert wrong.status_code == 422 and "Give numbers" in wrong.content.decode()
    uneven = browser.post(step.url, {**posted, "amount": "money", "bounds_r": "30", "scores_r": "1"})
    assert uneven.status_code == 422 and not Dataset.objects.filter(kind="rfm").exists()
    bands = {"bounds_m": "100, 1000", "scores_m": "1, 2, 3", "compare_m": "2"}
    assert browser.post(step.url, {**posted, "amount": "money", **bands}).status_code == 302
    world.run_jobs()
    model = Dataset.objects.get(kind="rfm")
    page = browser.get(f"{base}{model.pk}/").content.decode()
    assert "Groups of customers" in page and "High value" in page
    edit = browser.get(f"{base}{model.pk}/rfm/")
    assert edit.context["form"].initial["bounds_m"] == "100, 1000"
    version = edit.context["edit_version"]
    changed = {**posted, "name": "Worth", "amount": "money", "days": "100", "edit_version": version}
    assert browser.post(f"{base}{model.pk}/rfm/", changed).status_code == 302
    world.run_jobs()
    model.refresh_from_db()
    assert (model.name, model.users, model.definition["days"]) == ("Worth", 2, 100)
    group = model.stats["rfm"]["groups"][0]["type"]
    audiences_base = base.replace("datasets", "audiences")
    made = browser.post(f"{audiences_base}from-rfm/{model.pk}/", {"type": group})
    assert made.status_code == 302 and "/audiences/aud_" in made.url
    nothing = browser.post(f"{audiences_base}from-rfm/{model.pk}/", {"type": "royal"})
    assert nothing.url.endswith(f"/datasets/{model.pk}/")
