"""Rules from before: operators with an equal go on, others wait for an edit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cdp.core.errors import ValidationFailed
from insight.audiences import refreshing, services
from insight.audiences.models import Audience
from tests.insight.audiences.world import World

Computed = Callable[..., Audience]
RunJobs = Callable[..., list[Any]]


def asked(world: World, operator: str) -> dict[str, Any]:
    leaf = {"kind": "tag", "dataset": world.members.pk, "tag": "interests", "operator": operator}
    return {"op": "union", "items": [{**leaf, "value": ["a", "c"]}]}


@pytest.mark.parametrize(("former", "today"), [("in", "contains"), ("not_in", "contains_none")])
def test_an_operator_with_an_equal_finds_the_same_people(
    computed: Computed, world: World, run_jobs: RunJobs, former: str, today: str
) -> None:
    audience = computed(asked(world, today))
    assert audience.count
    Audience.objects.filter(pk=audience.pk).update(rule=asked(world, former))
    audience.refresh_from_db()
    refreshing.refresh(world.access, audience)
    run_jobs()
    audience.refresh_from_db()
    assert audience.version == 2 and (audience.current.joined, audience.current.left) == (0, 0)
    services.update(world.access, audience, {"rule": asked(world, former)})
    audience.refresh_from_db()
    assert audience.rule == asked(world, today)


def test_an_operator_without_an_equal_keeps_the_members_until_it_is_replaced(
    computed: Computed, world: World, run_jobs: RunJobs
) -> None:
    audience = computed(asked(world, "contains"))
    count = audience.count
    Audience.objects.filter(pk=audience.pk).update(rule=asked(world, "starts_with"))
    audience.refresh_from_db()
    refreshing.refresh(world.access, audience)
    run_jobs(allow_failure=True)
    audience.refresh_from_db()
    assert (audience.state, audience.reason_code) == ("failed", "rule_outdated")
    assert audience.count == count and audience.version == 1
    with pytest.raises(ValidationFailed) as caught:
        services.update(world.access, audience, {"rule": asked(world, "starts_with")})
    assert list(caught.value.errors) == ["rule/items/0/operator"]
    services.update(world.access, audience, {"rule": asked(world, "contains_all")})
    run_jobs()
    audience.refresh_from_db()
    assert audience.state == "succeeded" and audience.version > 1
