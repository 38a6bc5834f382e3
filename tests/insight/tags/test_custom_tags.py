"""Custom tags: their people, their storage, what refuses them, and how they are kept up to date."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from admin_center.organizations.settings import update_settings
from admin_center.permissions.models import Role
from cdp import lake
from cdp.core.errors import PermissionDenied, PreconditionFailed, ValidationFailed
from cdp.jobs.models import Job
from cdp.jobs.runner import run_job
from insight.analysis.perspective import perspective
from insight.audiences import refreshing
from insight.audiences import services as audiences
from insight.audiences.models import Audience
from insight.datasets import custom
from insight.datasets.models import Dataset
from insight.tags import services
from insight.tags.models import CustomTag
from tests.factories import make_access
from tests.insight.audiences.world import PEOPLE, World, new_version, people_table
from tests.insight.tags.conftest import values_of

Computed = Callable[..., CustomTag]


def spends(world: World, low: float, high: float | None = None) -> dict[str, Any]:
    found = [world.tag("spend", ">=", low)]
    if high is not None:
        found.append(world.tag("spend", "<", high))
    return found[0] if len(found) == 1 else {"op": "intersect", "items": found}


def test_people_who_fit_several_values_have_the_first(world: World, computed: Computed) -> None:
    tag = computed({"some": spends(world, 0), "more": spends(world, 100), "women": world.women})
    assert values_of(tag) == {
        "u1": "some",
        "u2": "some",
        "u3": "some",
        "u4": "some",
        "u5": "some",
        "u6": "women",
        "u8": "some",
    }


@pytest.mark.parametrize("seed", range(4))
def test_values_and_counts_are_those_of_a_plain_reference(
    world: World, computed: Computed, call: Any, seed: int
) -> None:
    chance = random.Random(seed)
    bands = [sorted(chance.sample(range(-10, 600, 5), 2)) for _number in range(5)]
    rules = {f"v{number}": spends(world, *band) for number, band in enumerate(bands)}
    rules["women"] = world.women
    fitting: dict[str, list[int]] = {}
    for user, _phone, gender, _city, _interests, spend in PEOPLE:
        places = [n for n, (low, high) in enumerate(bands) if spend is not None and low <= spend < high]
        fitting[user] = places + ([5] if gender == "f" else [])
    names = list(rules)
    tag = computed(rules)
    assert values_of(tag) == {user: names[places[0]] for user, places in fitting.items() if places}
    answer = call(
        "post", "custom-tags/preview/", {"values": [{"rule": rule} for rule in rules.values()]}
    ).json()
    assert answer["people"] == len(PEOPLE)
    assert answer["uncovered"] == sum(not places for places in fitting.values())
    assert answer["several"] == sum(len(places) > 1 for places in fitting.values())
    assert answer["values"] == [
        {
            "fits": sum(place in places for places in fitting.values()),
            "gets": sum(places[:1] == [place] for places in fitting.values()),
        }
        for place in range(6)
    ]
    pairs = {(row["first"], row["second"]): row["people"] for row in answer["overlaps"]}
    assert pairs == {
        (first, second): count
        for first in range(6)
        for second in range(first + 1, 6)
        if (count := sum({first, second} <= set(places) for places in fitting.values()))
    }


def test_several_values_are_all_kept_in_a_tag_for_several(world: World, computed: Computed) -> None:
    tag = computed({"some": spends(world, 100), "women": world.women}, multi=True)
    found = values_of(tag)
    assert found["u3"] == ["some", "women"] and found["u6"] == ["women"]
    assert tag.field.tag_type == "multi"


def test_everybody_else_whom_the_data_know_can_have_a_value(world: World, computed: Computed) -> None:
    tag = computed({"women": world.women}, rest="others")
    found = values_of(tag)
    assert {user for user, value in found.items() if value == "others"} == {"u1", "u4", "u5", "u7"}


def test_a_value_may_combine_behaviour_and_audiences(
    world: World, computed: Computed, run_jobs: Callable[..., Any]
) -> None:
    women = audiences.create(world.access, {"name": "W", "rule": world.women, "save_ids": ["one_id"]})
    run_jobs()
    rule = {"op": "intersect", "items": [world.bought(), {"kind": "audience", "audience": women.pk}]}
    assert values_of(computed({"female buyers": rule})) == {"u2": "female buyers"}


def test_names_of_field_and_dataset_begin_as_fixed(world: World, computed: Computed) -> None:
    tag = computed({"women": world.women}, field="gender_group", dataset_name="Spring")
    assert tag.field.column == "user_tag_gender_group"
    assert tag.field.dataset.name == "Custom tags_OneID_Spring"
    assert tag.field.dataset.fields.get(role="identifier").column == "user_unique_id"
    assert tag.field.dataset.definition["table"] == "label_one_id_1"
    assert computed({"women": world.women}, name="Other").field.column == "user_tag_2"


def test_the_fixed_table_name_stands_for_the_current_version(
    world: World, computed: Computed, run_jobs: Callable[..., Any]
) -> None:
    tag = computed({"women": world.women})
    services.update(
        world.access, tag, {"values": [{"value": "men", "rule": world.tag("gender", "in", ["m"])}]}
    )
    run_jobs()
    with lake.cursor() as handle:
        path = lake.table_path(world.workspace, "label_one_id_1")
        rows = handle.execute(f"SELECT user_unique_id, {tag.field.column} FROM {path} ORDER BY 1").fetchall()
    assert rows == [("u1", "men"), ("u4", "men"), ("u7", "men")]


def test_tags_of_one_person_and_identifier_share_a_dataset_and_others_do_not(
    world: World, computed: Computed, run_jobs: Callable[..., Any]
) -> None:
    first = computed({"women": world.women})
    second = computed({"men": world.tag("gender", "in", ["m"])}, name="Men")
    analyst = make_access(world.workspace, "analyst")
    third = computed({"women": world.women}, name="Mine", access=analyst)
    assert first.field.dataset_id == second.field.dataset_id != third.field.dataset_id
    assert values_of(first) and values_of(second)["u1"] == "men"
    other = Dataset.objects.get(pk=world.members.pk)
    other.fields.filter(role="identifier").update(id_type="mobile")
    fourth = computed({"women": world.women}, name="By phone")
    assert fourth.field.dataset_id != first.field.dataset_id
    assert fourth.field.dataset.definition["id_type"] == "mobile"


def test_a_custom_tag_is_used_in_analysis_and_selection(world: World, computed: Computed) -> None:
    tag = computed({"rich": spends(world, 500), "poor": spends(world, 0, 500)})
    chart = perspective(world.access, tag.field.dataset_id, [tag.field.column])
    assert {row["value"]: row["count"] for row in chart["tags"][0]["values"]} == {"rich": 2, "poor": 4}


def test_a_changed_tag_is_computed_again_and_a_renamed_one_is_not(
    world: World, computed: Computed, run_jobs: Callable[..., Any]
) -> None:
    tag = computed({"women": world.women})
    services.update(world.access, tag, {"name": "Gender group"})
    assert not run_jobs()
    services.update(
        world.access, tag, {"values": [{"value": "men", "rule": world.tag("gender", "in", ["m"])}]}
    )
    run_jobs()
    assert set(values_of(tag).values()) == {"men"}
    tag.refresh_from_db()
    assert tag.field.name == "Gender group"


def test_an_older_state_is_not_saved_over_a_newer_one(world: World, computed: Computed, call: Any) -> None:
    tag = computed({"women": world.women})
    seen = tag.etag
    services.update(world.access, tag, {"name": "Newer"})
    with pytest.raises(PreconditionFailed):
        services.update(world.access, tag, {"name": "Older"}, edit_version=0)
    answer = call("patch", f"custom-tags/{tag.pk}/", {"name": "Older"}, HTTP_IF_MATCH=seen)
    assert answer.status_code == 412


@pytest.mark.parametrize(
    ("data", "path"),
    [
        ({"values": []}, "values"),
        ({"values": [{"value": "x", "rule": {}}] * 51}, "values"),
        ({"values": [{"value": "", "rule": "women"}]}, "values/0/value"),
        ({"values": [{"value": "a", "rule": "women"}, {"value": "a", "rule": "women"}]}, "values/1/value"),
        ({"values": [{"value": "a", "rule": {"kind": "tag"}}]}, "values/0/rule/dataset"),
        ({"values": [{"value": "a", "rule": "women", "extra": 1}]}, "values/0/extra"),
        ({"field": "Not-this"}, "field"),
        ({"name": ""}, "name"),
        ({"rest": "a"}, "rest"),
        ({"category": "cat_none"}, "category"),
        ({"folder": "dfl_none"}, "folder"),
        ({"multi": "yes"}, "multi"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_is_wrong_is_refused_with_its_path(world: World, data: dict[str, Any], path: str) -> None:
    given = {"name": "Band", "values": [{"value": "a", "rule": "women"}], **data}
    given["values"] = [
        {**entry, "rule": world.women if entry["rule"] == "women" else entry["rule"]}
        for entry in given["values"]
    ]
    with pytest.raises(ValidationFailed) as caught:
        services.create(world.access, given)
    assert path in caught.value.errors
    assert not CustomTag.objects.exists() and not Dataset.objects.filter(kind="custom_tags").exists()


def test_values_that_know_their_people_by_different_ids_are_refused(world: World) -> None:
    world.orders.fields.filter(role="identifier").update(id_type="mobile")
    values = [{"value": "a", "rule": world.women}, {"value": "b", "rule": world.bought()}]
    with pytest.raises(ValidationFailed) as caught:
        services.create(world.access, {"name": "Band", "values": values})
    assert list(caught.value.errors) == ["values/1/rule"]


def asks(tag: CustomTag, value: str) -> dict[str, Any]:
    """The condition that a person has this value."""
    return {
        "kind": "tag",
        "dataset": tag.field.dataset_id,
        "tag": tag.field.column,
        "operator": "in",
        "value": [value],
    }


def test_a_tag_that_would_be_made_from_itself_is_refused(
    world: World, computed: Computed, run_jobs: Callable[..., Any]
) -> None:
    first = computed({"a": world.women})
    second = computed({"b": asks(first, "a")}, name="Second")
    audience = audiences.create(
        world.access, {"name": "A", "rule": asks(second, "b"), "save_ids": ["one_id"]}
    )
    run_jobs()
    leads_back = [asks(first, "a"), asks(second, "b"), {"kind": "audience", "audience": audience.pk}]
    for rule in leads_back:
        with pytest.raises(ValidationFailed) as caught:
            services.update(world.access, first, {"values": [{"value": "a", "rule": rule}]})
        assert list(caught.value.errors) == ["values/0/rule"]


def test_an_audience_that_would_be_made_from_itself_through_a_tag_is_refused(
    world: World, computed: Computed, run_jobs: Callable[..., Any]
) -> None:
    audience = audiences.create(world.access, {"name": "A", "rule": world.women, "save_ids": ["one_id"]})
    run_jobs()
    tag = computed({"a": {"kind": "audience", "audience": audience.pk}})
    rule = {"op": "union", "items": [world.women, asks(tag, "a")]}
    with pytest.raises(ValidationFailed) as caught:
        audiences.update(world.access, Audience.objects.get(pk=audience.pk), {"rule": rule})
    assert list(caught.value.errors) == ["rule/items/1/tag"]


def test_a_deleted_tag_blocks_the_refresh_of_audiences_and_their_members_stay(
    world: World, computed: Computed, run_jobs: Callable[..., Any]
) -> None:
    tag = computed({"a": world.women})
    audience = audiences.create(world.access, {"name": "A", "rule": asks(tag, "a"), "save_ids": ["one_id"]})
    run_jobs()
    services.delete(world.access, tag)
    refreshing.request(world.access, audience, snapshot=False)
    run_jobs(allow_failure=True)
    audience.refresh_from_db()
    assert (audience.state, audience.count) == ("failed", 4)
    assert "no tag" in audience.reason
    assert not CustomTag.objects.exists()


def test_what_a_custom_tag_reads_cannot_be_deleted(
    world: World, computed: Computed, call: Any, run_jobs: Callable[..., Any]
) -> None:
    audience = audiences.create(world.access, {"name": "A", "rule": world.women, "save_ids": ["one_id"]})
    run_jobs()
    computed({"a": world.bought(), "b": {"kind": "audience", "audience": audience.pk}})
    answer = call("delete", f"datasets/{world.orders.pk}/")
    assert answer.status_code == 409 and "Band" in answer.json()["detail"]
    assert call("delete", f"audiences/{audience.pk}/").status_code == 409


def test_a_broken_rule_keeps_the_values_and_says_why(
    world: World, computed: Computed, call: Any, run_jobs: Callable[..., Any]
) -> None:
    tag = computed({"women": world.women})
    good = computed({"rich": spends(world, 500)}, name="Rich")
    world.members.fields.filter(column="gender").delete()
    services.refresh(world.access, [tag, good])
    run_jobs(allow_failure=True)
    assert set(values_of(tag)) == {"u2", "u3", "u6", "u8"}
    answer = call("get", f"custom-tags/{tag.pk}/").json()
    assert "women: The dataset has no tag “gender”." in answer["failure"]
    assert call("get", f"custom-tags/{good.pk}/").json()["failure"] == ""


def test_chosen_tags_are_refreshed_in_one_batch_and_the_others_stay(
    world: World, computed: Computed, run_jobs: Callable[..., Any]
) -> None:
    tags = [computed({"women": world.women}, name=f"Tag {number}") for number in range(7)]
    people = [row if row[0] != "u1" else (*row[:2], "f", *row[3:]) for row in PEOPLE]
    new_version(world.members, people_table(people))
    [job] = services.refresh(world.access, tags[:6])
    assert job.kind == "dataset.refresh_periodic" and len(job.params["only"]) == 6
    run_jobs()
    assert ["u1" in values_of(tag) for tag in tags] == [True] * 6 + [False]


def test_a_batch_and_the_periodic_refresh_of_an_audience_share_one_limit(
    world: World, computed: Computed, run_jobs: Callable[..., Any]
) -> None:
    tag = computed({"women": world.women})
    audience = audiences.create(world.access, {"name": "A", "rule": world.women, "save_ids": ["one_id"]})
    run_jobs()
    update_settings(world.workspace, {"update_concurrency": 1})
    refreshing.request(None, audience, snapshot=False, periodic=True)
    [batch] = services.refresh(world.access, [tag])
    periodic = Job.objects.get(status="queued", kind=refreshing.PERIODIC)
    assert periodic.gate == batch.gate
    Job.objects.filter(pk=periodic.pk).update(status="running")
    run_job(batch.pk)
    batch.refresh_from_db()
    assert batch.status == "queued"
    Job.objects.filter(pk=periodic.pk).update(status="succeeded")
    Job.objects.filter(pk=batch.pk).update(not_before=None)
    run_job(batch.pk)
    batch.refresh_from_db()
    assert batch.status == "succeeded"


def test_a_tag_that_is_made_while_a_refresh_runs_is_computed_after_it(
    world: World, computed: Computed, run_jobs: Callable[..., Any]
) -> None:
    first = computed({"women": world.women})
    [running] = services.refresh(world.access, [first])
    Job.objects.filter(pk=running.pk).update(status="running")
    late = services.create(
        world.access, {"name": "Late", "values": [{"value": "women", "rule": world.women}]}
    )
    assert services.start_all_due() == 0
    Job.objects.filter(pk=running.pk).update(status="succeeded")
    assert services.start_all_due() == 1
    run_jobs()
    assert len(values_of(CustomTag.objects.get(pk=late.pk))) == 4


def test_rules_read_what_the_owner_of_the_tag_may_see(
    world: World, computed: Computed, run_jobs: Callable[..., Any]
) -> None:
    analyst = make_access(world.workspace, "analyst")
    tag = computed({"women": world.women}, access=analyst)
    world.members.public = False
    world.members.save()
    with pytest.raises(ValidationFailed):
        services.create(analyst, {"name": "X", "values": [{"value": "w", "rule": world.women}]})
    services.refresh(world.access, [tag])
    run_jobs(allow_failure=True)
    tag.field.dataset.refresh_from_db()
    assert "no right to use it" in tag.field.dataset.error


def test_only_the_owner_and_managers_of_tags_change_a_custom_tag(
    world: World, computed: Computed, call: Any
) -> None:
    owner, other = make_access(world.workspace, "analyst"), make_access(world.workspace, "analyst")
    tag = computed({"women": world.women}, access=owner)
    assert call("get", f"custom-tags/{tag.pk}/", access=other).status_code == 404
    Dataset.objects.filter(pk=tag.field.dataset_id).update(public=True)
    assert call("get", f"custom-tags/{tag.pk}/", access=other).status_code == 200
    assert call("patch", f"custom-tags/{tag.pk}/", {"name": "X"}, other).status_code == 403
    assert call("delete", f"custom-tags/{tag.pk}/", access=other).status_code == 403
    assert call("post", "custom-tags/refresh/", {"tags": [tag.pk]}, other).status_code == 403
    assert call("post", f"datasets/{tag.field.dataset_id}/refresh/", {}, owner).status_code == 202
    assert call("patch", f"custom-tags/{tag.pk}/", {"name": "Y"}).status_code == 200
    Role.objects.create(workspace=world.workspace, code="nobody", permissions=[])
    visitor = make_access(world.workspace, "nobody")
    with pytest.raises(PermissionDenied):
        services.create(visitor, {"name": "X", "values": [{"value": "w", "rule": world.women}]})


def test_a_column_that_grants_choose_rows_by_stays(world: World, computed: Computed, call: Any) -> None:
    tag = computed({"women": world.women})
    Dataset.objects.filter(pk=tag.field.dataset_id).update(row_columns=[tag.field.column])
    assert call("delete", f"custom-tags/{tag.pk}/").status_code == 409


def test_a_second_dataset_of_the_same_name_is_refused(world: World, computed: Computed) -> None:
    computed({"women": world.women}, dataset_name="Spring")
    analyst = make_access(world.workspace, "analyst")
    with pytest.raises(ValidationFailed) as caught:
        computed({"women": world.women}, name="Mine", access=analyst, dataset_name="Spring")
    assert "dataset_name" in caught.value.errors


def test_a_taken_field_or_name_is_refused(world: World, computed: Computed) -> None:
    computed({"women": world.women}, field="x")
    for data, path in (({"name": "Other", "field": "x"}, "field"), ({"name": "Band"}, "name")):
        with pytest.raises(ValidationFailed) as caught:
            computed({"women": world.women}, **data)
        assert path in caught.value.errors


def test_numbered_fields_pass_over_a_field_that_is_a_number(world: World) -> None:
    dataset = custom.holder(world.access, "one_id")
    custom.add_tag(dataset, "A", field="1")
    assert custom.add_tag(dataset, "B").column == "user_tag_2"


class TestRanges:
    def ask(self, call: Any, world: World, tag: str, bounds: Any, **more: Any) -> Any:
        body = {"dataset": world.members.pk, "tag": tag, "bounds": bounds, **more}
        return call("post", "custom-tags/ranges/", body)

    def test_make_values_that_touch_and_never_overlap(
        self, world: World, call: Any, computed: Computed
    ) -> None:
        made = self.ask(call, world, "spend", ["0", 100, 500], below=True).json()["values"]
        assert [entry["value"] for entry in made] == ["<0", "0-100", "100-500", "500+"]
        tag = computed({entry["value"]: entry["rule"] for entry in made})
        assert values_of(tag) == {
            user: "<0" if spend < 0 else "0-100" if spend < 100 else "100-500" if spend < 500 else "500+"
            for user, *_rest, spend in PEOPLE
            if spend is not None
        }

    def test_of_days_end_the_day_before_the_next_one(self, world: World, call: Any) -> None:
        world.members.fields.filter(column="city").update(tag_type="date")
        made = self.ask(call, world, "city", ["2026-01-01", "2026-04-01"]).json()["values"]
        assert [entry["value"] for entry in made] == ["2026-01-01 – 2026-03-31", "2026-04-01+"]
        window = made[0]["rule"]["value"]
        assert window == {"kind": "between", "from": "2026-01-01", "to": "2026-03-31"}

    @pytest.mark.parametrize(
        ("tag", "bounds", "path"),
        [
            ("spend", [], "bounds"),
            ("spend", [5, 5], "bounds"),
            ("spend", ["many"], "bounds"),
            ("spend", [True], "bounds"),
            ("spend", list(range(51)), "bounds"),
            ("spend", [10**400], "bounds"),
            ("gender", [1], "tag"),
        ],
    )
    def test_of_other_tags_and_bad_bounds_are_refused(
        self, world: World, call: Any, tag: str, bounds: Any, path: str
    ) -> None:
        answer = self.ask(call, world, tag, bounds)
        assert answer.status_code == 400 and path in answer.json()["errors"]
