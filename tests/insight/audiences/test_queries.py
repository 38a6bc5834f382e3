"""What other modules read of audiences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cdp.core.errors import Gone
from insight.audiences import queries, refreshing, tasks
from insight.audiences.models import Audience, AudienceVersion
from tests.factories import make_access
from tests.insight.audiences.world import World

Computed = Callable[..., Audience]


def rows(version: AudienceVersion, *args: Any, **more: Any) -> list[dict[str, Any]]:
    found = [row for batch in queries.member_batches(version, *args, **more) for row in batch.to_pylist()]
    return sorted(found, key=lambda row: row["user_unique_id"])


def test_batches_carry_ids_and_tags_in_the_asked_order(computed: Computed, world: World) -> None:
    version = computed().current
    tags = [(world.members.pk, "spend"), (world.members.pk, "interests"), (world.members.pk, "spend")]
    batches = list(queries.member_batches(version, ["mobile"], tags=tags, size=2))
    assert all(batch.num_rows <= 2048 for batch in batches)
    assert batches[0].schema.names == ["user_unique_id", "mobile", "tag_0", "tag_1", "tag_2"]
    assert rows(version, ["mobile"], tags=tags)[0] == {
        "user_unique_id": "u2",
        "mobile": "13800000002",
        "tag_0": 99.99,
        "tag_1": ["b"],
        "tag_2": 99.99,
    }


def test_people_whom_the_tags_dataset_does_not_know_have_no_value(computed: Computed, world: World) -> None:
    buyers = computed(world.bought(), name="Buyers", save_ids=[])
    found = rows(buyers.current, tags=[(world.members.pk, "city")])
    assert [(row["user_unique_id"], row["tag_0"]) for row in found] == [
        ("u1", "Shanghai"),
        ("u2", "Beijing"),
        ("u9", None),
    ]


def test_values_of_one_member_by_place(computed: Computed, world: World) -> None:
    version = computed().current
    city = (world.members.pk, "city")
    assert queries.member_values(version, [city], 0) == {city: "Beijing"}
    assert queries.member_values(version, [city], 99) == {}


def test_the_target_column_is_the_identifier_or_a_saved_plain_id(computed: Computed, world: World) -> None:
    version = computed().current
    assert queries.target_column(version, "one_id") == "user_unique_id"
    assert queries.target_column(version, "mobile") == "mobile"
    assert queries.target_column(version, "email") is None
    version.id_stats["mobile"]["encryption"] = "md5"
    assert queries.target_column(version, "mobile") is None


def test_the_latest_good_version_survives_a_failed_refresh(
    computed: Computed, world: World, run_jobs: Callable[..., list[Any]]
) -> None:
    audience = computed()
    world.members.delete()
    refreshing.refresh(world.access, audience)
    run_jobs(allow_failure=True)
    audience.refresh_from_db()
    assert audience.state == "failed"
    assert queries.latest_version(audience).number == 1


def test_usable_audiences_are_visible_computed_and_hold_the_id(computed: Computed, world: World) -> None:
    audience = computed()
    computed(world.bought(), name="Buyers", save_ids=[])
    assert list(queries.usable_audiences(world.access, "mobile")) == [audience]
    assert queries.usable_audiences(world.access, "one_id").count() == 2
    assert queries.usable_audiences(make_access(world.workspace, "analyst")).count() == 0


def test_tags_can_be_read_only_where_they_exist_in_the_workspace(computed: Computed, world: World) -> None:
    audience = computed()
    assert queries.can_read_tag(audience, world.members.pk, "city", owner=world.access.user)
    assert not queries.can_read_tag(audience, world.members.pk, "phone", owner=world.access.user)
    assert not queries.can_read_tag(audience, "ds_elsewhere", "city", owner=world.access.user)


def test_members_of_a_dropped_version_are_gone(
    computed: Computed, world: World, run_jobs: Callable[..., list[Any]]
) -> None:
    audience = computed()
    first = audience.current
    refreshing.refresh(world.access, audience)
    run_jobs()
    AudienceVersion.objects.filter(audience=audience).update(created_at="2020-01-01T00:00Z")
    tasks.drop_old_versions()
    first.refresh_from_db()
    with pytest.raises(Gone):
        queries.members(first)
