"""An RFM model as a dataset, and its groups as conditions of audiences."""

from __future__ import annotations

from typing import Any
from unittest.mock import ANY

import pytest

from cdp.core import timezones
from cdp.core.errors import ValidationFailed
from insight.audiences import services as audiences
from insight.audiences import wording
from insight.audiences.models import Audience
from insight.audiences.rules import json_schema, parse_rule
from insight.campaigns import links
from insight.campaigns import services as campaigns
from insight.datasets import services
from insight.datasets.models import Dataset
from tests.insight.audiences.test_outside import members
from tests.insight.datasets.forms import untouched
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


def test_spellings_of_one_identifier_are_one_customer_and_rows_with_bad_ones_are_counted(
    world: World,
) -> None:
    world.table(
        "calls",
        """SELECT * FROM (VALUES
            ('13800000001', current_date - 5, 10.0, 'd1'), (' 13800000001', current_date - 3, 20.0, NULL),
            ('138 0000 0001', current_date - 4, 40.0, 'd0'), ('12', current_date - 1, 5.0, 'd3'),
            ('12', current_date - 2, 5.0, 'd3'), ('', current_date - 2, 5.0, NULL), (NULL, current_date, 1.0, NULL),
            ('13800000002', current_date - 9, 7.0, 'd4'), ('13800000002', current_date - 9, 'NaN'::DOUBLE, 'd4')
        ) t(who, day, money, device)""",
    )
    values = {**MODEL, "table": "calls", "user_id": {"column": "who", "id_type": "mobile"}}
    model = world.dataset({**values, "ids": [{"column": "device", "id_type": "oaid"}]})
    rows = {row["user_unique_id"]: row for row in world.rows(model)}
    first, second = rows["13800000001"], rows["13800000002"]
    assert (first["f"], first["m"], first["device"]) == (3, 70.0, None)
    assert (second["f"], second["r_days"] - first["r_days"]) == (1, 6)
    assert (len(rows), model.stats["rfm"]["excluded"]) == (2, 5)
    assert model.stats["invalid"] == {"who": 2, "device": 6}
    user = next(item for item in model.stats["ids"] if item["column"] == "who")
    assert (user["filled"], user["distinct"], user["invalid"]) == (5, 2, 2)


def test_other_ids_are_added_removed_and_retyped(world: World, model: Dataset) -> None:
    services.update(world.access, model, {"ids": []})
    assert not model.fields.filter(role="id").exists()
    again = {"ids": [{"column": "phone", "id_type": "taobao_id"}]}
    changed = world.api()("patch", f"datasets/{model.pk}/", again)
    assert changed.status_code == 200 and changed.json()["ids"][0]["id_type"] == "taobao_id"
    model = world.compute(model)
    assert [row["phone"] for row in world.rows(model)] == ["13800000001", None, None]


@pytest.mark.parametrize(
    "identifier",
    [
        {"column": "phone", "id_type": "one_id"},
        {"column": "who", "id_type": "union_id"},
        {"column": "who", "id_type": "one_id", "encryption": "md5"},
    ],
)
def test_the_identifier_of_a_model_cannot_be_changed(
    world: World, model: Dataset, identifier: dict[str, Any]
) -> None:
    refused = world.api()("patch", f"datasets/{model.pk}/", {"user_id": identifier})
    assert refused.status_code == 400
    assert "cannot be changed. Make another model." in refused.json()["errors"]["user_id"][0]
    assert model.fields.get(role="identifier").column == "who"
    named = world.api()("patch", f"datasets/{model.pk}/", {"user_id": {**MODEL["user_id"], "name": "No."}})
    assert named.status_code == 200


def test_the_form_keeps_the_identifier_and_changes_other_ids(world: World, model: Dataset) -> None:
    browser, base = world.browser()
    where = f"{base}{model.pk}/rfm/"
    sent = untouched(browser.get(where).content.decode())
    assert "user" not in sent and sent["ids-type"][sent["ids-column"].index("phone")] == "mobile"
    tampered = browser.post(where, {**sent, "user": "phone"})
    assert tampered.status_code == 422
    assert "Make another model." in str(tampered.context["form"].errors["user"])
    assert untouched(tampered.content.decode()) == {**sent, "csrfmiddlewaretoken": ANY}
    assert browser.post(where, {**sent, "ids-type": [""] * len(sent["ids-type"])}).status_code == 302
    assert list(model.fields.values_list("role", flat=True)) == ["identifier", "time", "amount"]


def test_the_period_is_the_whole_history_or_the_last_days(world: World, model: Dataset) -> None:
    browser, base = world.browser()
    where = f"{base}{model.pk}/rfm/"
    sent = untouched(browser.get(where).content.decode())
    assert (sent["period"], sent["days"]) == (["history"], [""])
    missing = browser.post(where, {**sent, "period": "days"})
    assert missing.status_code == 422 and "Say how many days." in missing.content.decode()
    assert browser.post(where, {**sent, "period": "days", "days": "100"}).status_code == 302
    model.refresh_from_db()
    assert model.definition["days"] == 100
    sent = untouched(browser.get(where).content.decode())
    assert (sent["period"], sent["days"]) == (["days"], ["100"])
    assert browser.post(where, {**sent, "period": "history"}).status_code == 302
    model.refresh_from_db()
    assert "days" not in model.definition


def test_customers_have_no_period(world: World, model: Dataset) -> None:
    today = timezones.today(world.workspace)
    world.table("totals", f"SELECT 'u1' AS who, DATE '{today}' - 5 AS day, 9.5 AS money, 3 AS times")
    totals = {"name": "Totals", "table": "totals", "input": "customers", "count": "times", "ids": []}
    with pytest.raises(ValidationFailed) as caught:
        services.create(world.access, {**MODEL, **totals, "days": 30})
    assert "takes no days" in caught.value.errors["input"][0]
    dataset = world.dataset({**MODEL, **totals})
    row = world.rows(dataset)[0]
    assert (row["r_days"], row["f"], row["m"]) == (5, 3, 9.5)
    browser, base = world.browser()
    where = f"{base}{dataset.pk}/rfm/"
    sent = untouched(browser.get(where).content.decode())
    assert browser.post(where, {**sent, "period": "days", "days": "30"}).status_code == 302
    dataset.refresh_from_db()
    assert "days" not in dataset.definition


def test_an_other_id_cannot_be_called_like_a_column_of_the_model(world: World) -> None:
    world.table("orders", f"SELECT *, phone AS user, phone AS type FROM ({ORDERS})")
    with pytest.raises(ValidationFailed) as caught:
        services.create(world.access, {**MODEL, "ids": [{"column": "type", "id_type": "mobile"}]})
    assert "ids/0/column" in caught.value.errors
    made = world.dataset({**MODEL, "ids": [{"column": "user", "id_type": "mobile"}]})
    assert world.rows(made)[0]["user_unique_id"] == "u1" and world.rows(made)[0]["user"] == "13800000001"


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
    changed = {**posted, "name": "Worth", "amount": "money", "edit_version": version}
    changed.update(period="days", days="100")
    assert browser.post(f"{base}{model.pk}/rfm/", changed).status_code == 302
    world.run_jobs()
    model.refresh_from_db()
    assert (model.name, model.users, model.definition["days"]) == ("Worth", 2, 100)
    group = model.stats["rfm"]["groups"][0]["type"]
    audiences_base = base.replace("datasets", "audiences")
    step = f"{audiences_base}from-rfm/{model.pk}/?type={group}"
    asked = browser.get(step)
    users = model.stats["rfm"]["groups"][0]["users"]
    assert asked.context["count"] == users
    days = {"starts": "2026-03-01", "ends": "2026-04-01"}
    sub = campaigns.create(world.access, {"name": "Spring", "code": "spring", **days})
    posted = {"name": asked.context["form"].initial["name"], "campaigns": sub.pk, "public": "on"}
    made = browser.post(step, posted)
    assert made.status_code == 302 and "/audiences/aud_" in made.url
    world.run_jobs()
    audience = Audience.objects.get(pk=made.url.rstrip("/").rpartition("/")[2])
    assert (audience.count, audience.public) == (users, True)
    assert links.ids_of("audience", audience.pk) == [sub.pk]
    assert browser.get(f"{audiences_base}from-rfm/{model.pk}/?type=royal").status_code == 404
