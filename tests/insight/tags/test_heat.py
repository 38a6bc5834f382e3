"""Heat: uses of tags counted as they happen, summed over whole days that end yesterday."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from admin_center.permissions.models import Role
from cdp.core import timezones
from cdp.core.errors import ValidationFailed
from insight.audiences import refreshing, services
from insight.datasets import tag_uses
from insight.datasets.models import TagUse
from insight.tags import services as custom_tags
from tests.factories import make_access
from tests.insight.audiences.world import World

TODAY = date(2026, 6, 30)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timezones, "today", lambda workspace: TODAY)


def uses(world: World) -> dict[str, int]:
    """Uses of today by column and kind, which no period counts yet."""
    rows = TagUse.objects.filter(dataset=world.members, day=TODAY)
    return {f"{row.column} {row.kind}": row.times for row in rows}


def test_heat_equals_what_was_recorded_in_each_period_without_today(world: World) -> None:
    chance = random.Random(5)
    people = [world.access, make_access(world.workspace, "analyst")]
    events = [
        (
            chance.choice(["gender", "city", "spend"]),
            chance.choice(TagUse.Kind.values),
            chance.choice([0, 1, 6, 7, 8, 29, 30, 31, 59, 60, 61, 89, 90, 91]),
        )
        for _number in range(300)
    ]
    for number, (column, kind, ago) in enumerate(events):
        day = TODAY - timedelta(days=ago)
        tag_uses.record(people[number % 2], world.members.pk, [column], kind, day=day)
    for days in tag_uses.PERIODS:
        expected: dict[tuple[str, str], tag_uses.Heat] = {}
        for column, kind, ago in events:
            if 1 <= ago <= days:
                heat = expected.setdefault((world.members.pk, column), tag_uses.Heat())
                setattr(heat, kind, getattr(heat, kind) + 1)
        assert tag_uses.heat(world.workspace, days) == expected
        rows = tag_uses.with_heat(world.workspace, world.members.fields.filter(role="tag"), days)
        assert {row.column: row.uses for row in rows if row.uses} == {
            column: heat.total for (_dataset, column), heat in expected.items()
        }


def test_one_row_holds_all_uses_of_a_person_on_a_day(world: World) -> None:
    for _again in range(5):
        tag_uses.record(world.access, world.members.pk, ["gender", "city", "gender"], "pivot")
    assert sorted(TagUse.objects.values_list("column", "times")) == [("city", 5), ("gender", 5)]


def test_only_tags_of_the_workspace_are_counted(world: World) -> None:
    other = make_access()
    tag_uses.record(other, world.members.pk, ["gender"], "pivot")
    tag_uses.record(world.access, world.members.pk, ["phone", "nothing"], "pivot")
    assert not TagUse.objects.exists()


def test_saving_a_selection_counts_each_tag_once_and_editing_counts_them_again(
    world: World, run_jobs: Callable[..., Any]
) -> None:
    rule = {
        "op": "union",
        "items": [world.women, world.tag("gender", "in", ["m"]), world.tag("spend", ">", 1)],
    }
    audience = services.create(world.access, {"name": "A", "rule": rule, "save_ids": ["one_id"]})
    run_jobs()
    assert uses(world) == {"gender selection": 1, "spend selection": 1}
    services.update(world.access, audience, {"rule": rule})
    assert uses(world) == {"gender selection": 2, "spend selection": 2}
    services.update(world.access, audience, {"name": "B"})
    assert uses(world)["gender selection"] == 2


def test_saving_a_custom_tag_counts_each_tag_of_its_rules_once(
    world: World, run_jobs: Callable[..., Any]
) -> None:
    both = {"op": "intersect", "items": [world.women, world.tag("spend", ">", 1)]}
    values = [{"value": "some", "rule": both}, {"value": "men", "rule": world.tag("gender", "in", ["m"])}]
    tag = custom_tags.create(world.access, {"name": "Band", "values": values})
    run_jobs()
    assert uses(world) == {"gender selection": 1, "spend selection": 1}
    custom_tags.update(world.access, tag, {"values": values[1:]})
    custom_tags.update(world.access, tag, {"name": "Bands"})
    run_jobs()
    assert uses(world) == {"gender selection": 2, "spend selection": 1}


def test_a_custom_tag_that_is_refused_counts_nothing(world: World) -> None:
    with pytest.raises(ValidationFailed):
        custom_tags.create(world.access, {"name": "", "values": [{"value": "f", "rule": world.women}]})
    assert not TagUse.objects.exists()


def test_refreshing_a_selection_counts_nothing(world: World, run_jobs: Callable[..., Any]) -> None:
    audience = services.create(world.access, {"name": "A", "rule": world.women, "save_ids": ["one_id"]})
    run_jobs()
    refreshing.request(world.access, audience, snapshot=False)
    refreshing.request(None, audience, snapshot=False, periodic=True)
    run_jobs()
    assert uses(world) == {"gender selection": 1}


def test_a_selection_that_is_refused_counts_nothing(world: World, call: Any) -> None:
    bad = {"name": "A", "rule": {"op": "union", "items": [world.women, world.tag("nothing", "empty")]}}
    assert call("post", "audiences/", bad).status_code == 400
    assert not TagUse.objects.exists()


def test_tags_that_somebody_opens_count_and_those_that_a_page_opens_with_do_not(
    world: World, call: Any, browser: Any
) -> None:
    assert browser(f"analysis/?dataset={world.members.pk}").status_code == 200
    body = {"dataset": world.members.pk, "tags": ["gender"]}
    assert call("post", "analysis/perspective/", body).status_code == 200
    assert not TagUse.objects.exists()
    assert call("post", "tags/uses/", body).status_code == 204
    assert uses(world) == {"gender pivot": 1}


def test_uses_of_datasets_that_one_does_not_see_are_refused(world: World, call: Any) -> None:
    world.members.public = False
    world.members.save()
    analyst = make_access(world.workspace, "analyst")
    body = {"dataset": world.members.pk, "tags": ["gender"]}
    assert call("post", "tags/uses/", body, analyst).status_code == 404
    assert call("post", "tags/uses/", {**body, "tags": []}).status_code == 400


def test_uses_outlive_an_edit_of_the_dataset(world: World) -> None:
    tag_uses.record(world.access, world.members.pk, ["gender"], "pivot", day=TODAY - timedelta(days=1))
    world.members.fields.filter(column="gender").delete()
    assert tag_uses.heat(world.workspace)[world.members.pk, "gender"].pivot == 1


def test_days_that_no_period_reaches_are_forgotten(world: World) -> None:
    now = timezones.local_now(world.workspace).date()
    for ago in (380, 420):
        tag_uses.record(world.access, world.members.pk, ["gender"], "pivot", day=now - timedelta(days=ago))
    assert tag_uses.forget_old() == 1
    assert TagUse.objects.get().day == now - timedelta(days=380)


def test_the_builder_is_told_the_heat_of_each_tag(world: World, browser: Any) -> None:
    for kind in ("pivot", "pivot", "selection"):
        tag_uses.record(world.access, world.members.pk, ["city"], kind, day=TODAY - timedelta(days=3))
    tags = browser(f"audiences/builder/fields/{world.members.pk}/").json()["tags"]
    heat = {tag["column"]: tag["heat"] for tag in tags}
    assert heat["city"] == {"total": 3, "pivot": 2, "selection": 1, "push": 0}
    assert heat["gender"]["total"] == 0


def test_tags_opened_in_the_analysis_of_audiences_count_without_the_right_to_analyse_users(
    world: World, call: Callable[..., Any]
) -> None:
    Role.objects.filter(workspace=world.workspace, code="analyst").update(
        permissions=["insight.audience.analysis"]
    )
    world.members.public = True
    world.members.save(update_fields=["public"])
    reader = make_access(world.workspace, "analyst")
    answer = call(
        "post", "tags/uses/", {"dataset": world.members.pk, "tags": ["gender", "nothing"]}, access=reader
    )
    assert answer.status_code == 204 and uses(world) == {"gender pivot": 1}
