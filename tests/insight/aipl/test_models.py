"""AIPL models: stages by rules and the worked example."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from io import BytesIO
from typing import Any

import pytest

from cdp import lake
from cdp.core import timezones
from cdp.core.errors import Conflict, NotFound, PermissionDenied, ValidationFailed
from cdp.warehouse import get_engine
from insight.aipl import definition, services
from insight.audiences import counting
from insight.audiences import services as audiences
from insight.datasets import aipl_days, granting, rights
from insight.datasets import services as datasets
from insight.datasets.models import Dataset
from insight.datasources import services as tables
from tests.factories import make_access
from tests.insight.aipl.models import RunJobs, computed, make, stages_of
from tests.insight.audiences.world import World, make_world

EXAMPLE = """user_id,user_id_2,channel,register_time,amount_90d,login_90d,fav_90d,buy_90d
a0001,b0001,小程序,2020/10/10,500,1,2,1
a0002,b0002,app,2020/10/20,3000,3,5,2
a0003,b0003,官网,2021/10/30,0,1,0,0
"""


@pytest.fixture
def world(db: None) -> World:
    return make_world()


@pytest.fixture
def example(on: Any, db: None, run_jobs: RunJobs) -> tuple[Any, Dataset]:
    """The worked example's customers as a user-tag dataset on 2021-12-16."""
    on("2021-12-16")
    return customers(EXAMPLE, run_jobs)


def customers(text: str, run_jobs: RunJobs) -> tuple[Any, Dataset]:
    access = make_access()
    upload = tables.create_upload(access, BytesIO(text.encode()), "customers.csv")
    tables.start_import(access, upload, "customers", types={"register_time": "date"})
    run_jobs()
    numbers = [
        {"column": name, "name": name, "type": "number"}
        for name in ("amount_90d", "login_90d", "fav_90d", "buy_90d")
    ]
    source = datasets.create(
        access,
        {
            "name": "Customers",
            "kind": "user_tags",
            "rows_per_user": "many",
            "table": "customers",
            "user_id": {"column": "user_id", "id_type": "one_id"},
            "ids": [{"column": "user_id_2", "id_type": "union_id"}],
            "tags": [
                {"column": "channel", "name": "channel", "type": "enum"},
                {"column": "register_time", "name": "registered", "type": "date"},
                *numbers,
            ],
        },
    )
    return access, computed(access, source, run_jobs)


def example_rules(source: Dataset) -> dict[str, Any]:
    def tag(name: str, operator: str, value: Any) -> dict[str, Any]:
        return {"kind": "tag", "dataset": source.pk, "tag": name, "operator": operator, "value": value}

    half_year = {"kind": "last_days", "days": 183}
    return {
        "A": {"op": "union", "items": [tag("login_90d", ">=", 1), tag("register_time", "within", half_year)]},
        "I": tag("fav_90d", ">=", 1),
        "P": tag("buy_90d", ">=", 1),
        "L": {"op": "intersect", "items": [tag("buy_90d", ">", 1), tag("amount_90d", ">", 1000)]},
    }


def test_the_worked_example(example: Any, run_jobs: RunJobs) -> None:
    access, source = example
    model = computed(access, make(access, source, example_rules(source)), run_jobs)
    assert stages_of(model) == {"a0001": "P", "a0002": "L", "a0003": "A"}
    assert model.stats["aipl"] == {"day": "2021-12-16", "stages": {"A": 1, "I": 0, "P": 1, "L": 1}}
    assert (model.users, model.state) == (3, "ready")
    assert model.refresh == {"every": "day", "at": "03:00"} and model.next_refresh_at


def test_stages_can_be_limited_to_channels(example: Any, run_jobs: RunJobs) -> None:
    access, source = example
    limited = {stage: {"rule": rule, "channels": ["官网"]} for stage, rule in example_rules(source).items()}
    model = computed(access, make(access, source, limited, channel="channel"), run_jobs)
    assert stages_of(model) == {"a0003": "A"}


@pytest.mark.parametrize(
    ("added_up", "channels", "stage"),
    [(False, None, "P"), (True, None, "L"), (True, ["app"], "P"), (True, ["app", "官网"], "L")],
)
def test_numbers_can_be_added_up_over_the_channels_of_a_stage(
    on: Any, db: None, run_jobs: RunJobs, added_up: bool, channels: list[str] | None, stage: str
) -> None:
    on("2021-12-16")
    head = EXAMPLE.splitlines()[0]
    rows = "z1,b1,app,2020/10/10,600,1,0,1\nz1,b1,官网,2020/10/10,600,1,0,1\nz2,b2,app,2020/10/10,0,1,0,0\n"
    access, source = customers(f"{head}\n{rows}", run_jobs)
    stages = {key: {"rule": rule, "channels": None} for key, rule in example_rules(source).items()}
    stages["L"]["channels"] = channels
    model = make(access, source, stages, channel="channel", sum_channels=added_up)
    assert stages_of(computed(access, model, run_jobs)) == {"z1": stage, "z2": "A"}
    assert definition.write(model)["sum_channels"] is added_up


def test_the_other_ids_go_along_and_audiences_can_be_saved_with_them(example: Any, run_jobs: RunJobs) -> None:
    access, source = example
    model = computed(access, make(access, source, example_rules(source)), run_jobs)
    rule = {"kind": "aipl", "dataset": model.pk, "stages": ["P", "L"]}
    made = audiences.create(access, {"name": "Buyers", "rule": rule, "save_ids": ["union_id"]})
    run_jobs()
    made.refresh_from_db()
    assert made.count == 2 and made.current.id_stats["union_id"]["filled"] == 2
    datasets.update(access, model, {"ids": []})
    assert [item.role for item in model.fields.all()] == ["identifier"]


def test_other_ids_are_switched_and_retyped_on_edit(example: Any, run_jobs: RunJobs) -> None:
    access, source = example
    model = computed(access, make(access, source, example_rules(source)), run_jobs)
    chosen = [
        {"column": "user_id_2", "id_type": "taobao_nick", "name": "Nick"},
        {"column": "channel", "id_type": "union_id"},
    ]
    datasets.update(access, model, {"ids": chosen})
    assert [item["id_type"] for item in definition.write(model)["ids"]] == ["taobao_nick", "union_id"]
    computed(access, model, run_jobs)
    path = lake.table_path(model.workspace, f"{model.pk}_v{model.version}")
    with lake.cursor() as handle:
        rows = handle.execute(f"SELECT user_id_2, channel FROM {path} ORDER BY ALL").fetchall()
    # What is no value of the new type is none: a UnionID has Latin letters only.
    assert rows == [("b0001", None), ("b0002", "app"), ("b0003", None)]
    datasets.update(access, model, {"ids": ["user_id_2"]})
    assert [(item.column, item.id_type) for item in model.fields.filter(role="id")] == [
        ("user_id_2", "union_id")
    ]


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"ids": ["user_id"]}, "ids/0"),
        ({"ids": [{"column": "user_unique_id", "id_type": "mobile"}]}, "ids/0"),
        ({"user_id": {"column": "user_id_2", "id_type": "union_id"}}, "user_id"),
        ({"ids": [{"column": "channel"}]}, "ids/0/id_type"),
        ({"ids": [{"column": "user_id_2", "id_type": "passport"}]}, "ids/0/id_type"),
        ({"ids": [{"column": "user_id_2", "encryption": "rot13"}]}, "ids/0/encryption"),
        ({"ids": ["user_id_2", "user_id_2"]}, "ids/1"),
        ({"ids": [{"column": "amount_90d", "id_type": "mobile"}]}, "ids/0"),
    ],
)
def test_the_identifier_of_a_model_is_its_datasets_and_other_ids_need_a_type(
    example: Any, change: dict[str, Any], path: str
) -> None:
    access, source = example
    model = make(access, source, example_rules(source))
    before = definition.write(model)
    with pytest.raises(ValidationFailed) as caught:
        datasets.update(access, model, change)
    assert path in caught.value.errors
    assert definition.write(Dataset.objects.get(pk=model.pk)) == before


def test_a_model_cannot_move_to_a_dataset_with_another_identifier(example: Any, run_jobs: RunJobs) -> None:
    access, source = example
    model = make(access, source, example_rules(source))
    other = datasets.create(
        access,
        {
            "name": "Others",
            "kind": "user_tags",
            "table": "customers",
            "user_id": {"column": "user_id_2", "id_type": "union_id"},
            "tags": [{"column": "buy_90d", "name": "Bought", "type": "number"}],
        },
    )
    computed(access, other, run_jobs)
    rule = {"kind": "tag", "dataset": other.pk, "tag": "buy_90d", "operator": ">=", "value": 0}
    stages = {stage: {"rule": rule, "channels": None} for stage in "AIPL"}
    with pytest.raises(ValidationFailed) as caught:
        datasets.update(access, model, {"dataset": other.pk, "stages": stages, "ids": []})
    assert list(caught.value.errors) == ["dataset"]


def test_conditions_are_joined_strictly_from_left_to_right(world: World, run_jobs: RunJobs) -> None:
    """a ∪ b ∩ c is (a ∪ b) ∩ c."""
    a, b, c = world.tag("city", "contains", ["Shanghai"]), world.women, world.tag("spend", ">", 50)
    first = {"op": "intersect", "items": [{"op": "union", "items": [a, b]}, c]}
    second = {"op": "union", "items": [{"op": "intersect", "items": [a, c]}, b]}
    nobody = world.tag("spend", ">", 10**6)
    found = []
    for number, rule in enumerate((first, second)):
        stages = {"A": rule, "I": nobody, "P": nobody, "L": nobody}
        model = make(world.access, world.members, stages, name=f"Model {number}")
        found.append(set(stages_of(computed(world.access, model, run_jobs))))
    assert found == [{"u2", "u3", "u8"}, {"u2", "u3", "u6", "u8"}]


def simple(world: World, **more: Any) -> dict[str, Any]:
    return {
        "A": world.tag("gender", "not_empty"),
        "I": world.women,
        "P": world.tag("spend", ">", 50),
        "L": world.tag("spend", ">", 99.99),
        **more,
    }


@pytest.fixture
def model(world: World, run_jobs: RunJobs) -> Dataset:
    return computed(world.access, make(world.access, world.members, simple(world)), run_jobs)


def test_each_user_has_one_stage_the_highest(model: Dataset) -> None:
    assert stages_of(model) == {
        "u1": "A",
        "u2": "P",
        "u3": "L",
        "u4": "L",
        "u5": "L",
        "u6": "I",
        "u7": "A",
        "u8": "L",
    }


def test_a_second_computation_replaces_the_day(world: World, model: Dataset, run_jobs: RunJobs) -> None:
    computed(world.access, model, run_jobs)
    assert model.version == 2 and len(aipl_days.computed_days(model)) == 1
    assert services.overview(model)["users"] == 8


def test_audiences_follow_stages_and_flows(world: World, model: Dataset, run_jobs: RunJobs, on: Any) -> None:
    before = timezones.today(world.workspace)
    on(str(before + timedelta(days=1)))
    world.members.refresh_from_db()
    datasets.update(
        world.access,
        model,
        {
            "stages": {
                **model.definition["stages"],
                "L": {"rule": world.tag("spend", ">", 10**6), "channels": None},
            }
        },
    )
    computed(world.access, model, run_jobs)
    days = aipl_days.computed_days(model)
    flow = aipl_days.flow(model, *days)
    assert flow.stages["L"].converted["P"] == 4 and flow.stages["L"].lost == 0
    moved = {"from": str(days[0]), "to": str(days[1]), "transitions": [{"from": "L", "to": ["P"]}]}
    rule = {"kind": "aipl", "dataset": model.pk, "flow": moved}
    made = audiences.create(world.access, {"name": "Fell back", "rule": rule, "save_ids": []})
    run_jobs()
    made.refresh_from_db()
    assert made.count == 4


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"dataset": "ds_none"}, "dataset"),
        ({"dataset": ""}, "dataset"),
        ({"stages": {}}, "stages/A/rule"),
        ({"channel": "spend"}, "channel"),
        ({"channel_source": "x" * 33}, "channel_source"),
        ({"sum_channels": "yes"}, "sum_channels"),
        ({"ids": ["spend"]}, "ids/0"),
        ({"name": ""}, "name"),
        ({"colour": "red"}, "colour"),
        ({"refresh": {"every": "hour", "hours": 2}}, "refresh/every"),
    ],
)
def test_what_is_wrong_is_said_at_its_path(world: World, change: dict[str, Any], path: str) -> None:
    data = {
        "name": "Stages",
        "kind": "aipl",
        "dataset": world.members.pk,
        "stages": {stage: {"rule": rule, "channels": None} for stage, rule in simple(world).items()},
        **change,
    }
    with pytest.raises(ValidationFailed) as caught:
        datasets.create(world.access, data)
    assert path in caught.value.errors
    assert not Dataset.objects.filter(kind="aipl").exists()


def bad_rules(world: World) -> Iterator[tuple[dict[str, Any], str]]:
    women, spend = world.women, world.tag("spend", ">", 1)
    yield {"op": "subtract", "items": [women, spend]}, "stages/P/rule/op"
    yield world.bought(), "stages/P/rule/kind"
    yield (
        {"op": "union", "items": [women, {"kind": "audience", "audience": "aud_x"}]},
        "stages/P/rule/items/1/kind",
    )
    yield {**women, "operator": "contains"}, "stages/P/rule/operator"
    yield {**women, "tag": "gone"}, "stages/P/rule/tag"
    yield {"kind": "tag"}, "stages/P/rule/dataset"


def test_rules_of_stages_are_about_the_models_dataset_only(world: World) -> None:
    for rule, path in bad_rules(world):
        with pytest.raises(ValidationFailed) as caught:
            make(world.access, world.members, simple(world, P=rule))
        assert path in caught.value.errors, caught.value.errors


def test_channels_need_a_channel(world: World) -> None:
    limited = {"rule": world.women, "channels": ["app"]}
    with pytest.raises(ValidationFailed) as caught:
        make(world.access, world.members, simple(world, P=limited))
    assert list(caught.value.errors) == ["stages/P/channels"]


def test_a_day_on_which_nobody_has_a_stage_is_a_day_without_users(world: World, run_jobs: RunJobs) -> None:
    nobody = world.tag("spend", ">", 10**6)
    model = make(world.access, world.members, dict.fromkeys("AIPL", nobody))
    computed(world.access, model, run_jobs)
    assert (model.state, model.users) == ("ready", 0)
    assert services.overview(model)["stages"] == dict.fromkeys("AIPL", 0)


def test_a_lost_tag_fails_the_refresh_and_keeps_the_stages(
    world: World, model: Dataset, run_jobs: RunJobs
) -> None:
    world.members.fields.filter(column="spend").update(deleted=True)
    computed(world.access, model, run_jobs, allow_failure=True)
    assert (model.state, model.version) == ("failed", 1) and "spend" in model.error
    assert len(stages_of(model)) == 8


def test_the_dataset_of_a_model_cannot_be_removed_and_its_days_go_with_it(
    world: World, model: Dataset, django_capture_on_commit_callbacks: Any
) -> None:
    with pytest.raises(Conflict, match="Stages"):
        datasets.delete(world.access, world.members)
    pk = model.pk
    with django_capture_on_commit_callbacks(execute=True):
        datasets.delete(world.access, model)
    assert not [name for name in lake.tables(world.workspace) if name.startswith(pk)]


def test_only_rows_that_the_owner_sees_count(world: World, run_jobs: RunJobs) -> None:
    granting.share(world.access, world.members, public=False, row_columns=["gender"])
    owner = make_access(world.workspace, "developer")
    granting.grant(world.access, world.members, {"user": owner.user.username, "rows": {"gender": ["f"]}})
    model = computed(owner, make(owner, world.members, simple(world)), run_jobs)
    assert set(stages_of(model)) == {"u2", "u3", "u6", "u8"}
    assert rights.row_choices(model) == {}


def test_only_managers_change_a_model_and_only_behaviour_has_earlier_days(
    world: World, model: Dataset
) -> None:
    other = make_access(world.workspace, "developer")
    with pytest.raises(NotFound):
        services.get(other, model.pk)
    granting.grant(world.access, model, {"user": other.user.username})
    with pytest.raises(PermissionDenied):
        services.recompute(other, services.get(other, model.pk), 3)
    with pytest.raises(Conflict) as caught:
        services.recompute(world.access, model, 3)
    assert caught.value.code == "days_not_computable"
    with pytest.raises(ValidationFailed):
        services.recompute(world.access, model, 0)


def test_the_trend_has_gaps_where_nothing_was_computed(world: World, model: Dataset) -> None:
    today = services.overview(model)["date"]
    days = services.trend(model, date.fromisoformat(today))
    assert len(days) == 30 and days[-1]["date"] == today and days[-1]["stages"]["L"] == 4
    assert {row["stages"] for row in days[:-1]} == {None}


def test_a_model_that_was_never_computed_cannot_be_used(world: World) -> None:
    model = make(world.access, world.members, simple(world))
    rule = {"kind": "aipl", "dataset": model.pk, "stages": ["P"]}
    with pytest.raises(ValidationFailed) as refused:
        audiences.create(world.access, {"name": "Early", "rule": rule, "save_ids": []})
    assert "is being computed for the first time" in refused.value.errors["rule/dataset"][0]
    with pytest.raises(Conflict) as caught:
        services.overview(model)
    assert caught.value.code == "model_day_missing"


def test_a_day_computed_anew_is_counted_anew(
    world: World, model: Dataset, run_jobs: RunJobs, on: Any
) -> None:
    first = timezones.today(world.workspace)
    on(str(first + timedelta(days=1)))
    world.members.refresh_from_db()
    computed(world.access, model, run_jobs)
    days = aipl_days.computed_days(model)
    moved = {"from": str(days[0]), "to": str(days[1]), "transitions": [{"from": "L", "to": ["lost"]}]}
    rule = {"kind": "aipl", "dataset": model.pk, "flow": moved}
    before = counting.preview_counts(world.access, rule)["count"]
    with get_engine().transaction(world.workspace) as work:
        nobody = "(SELECT NULL::VARCHAR AS user_unique_id, NULL::VARCHAR AS stage WHERE false)"
        aipl_days.replace_day(work, model.pk, days[1], nobody)
    aipl_days.days_changed(model.pk)
    assert (before, counting.preview_counts(world.access, rule)["count"]) == (
        0,
        stages_before(model, days[0], "L"),
    )


def stages_before(model: Dataset, day: date, stage: str) -> int:
    """Users of a stage on a day."""
    return dict(aipl_days.trend(model, day, 1))[day][stage]
