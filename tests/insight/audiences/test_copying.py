"""What a copy of an audience takes from the original."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from insight.audiences import services
from insight.audiences.campaign_links import KIND
from insight.audiences.models import Audience
from insight.campaigns import links
from insight.campaigns import services as campaigns
from tests.insight.audiences.world import make_world


def test_a_copy_keeps_definition_refresh_settings_and_sub_campaigns_under_another_name(
    db: None, run_jobs: Callable[..., Any]
) -> None:
    world = make_world()
    year = {"starts": "2026-01-01", "ends": "2026-12-31"}
    main = campaigns.create(world.access, {"name": "Year", "code": "y", "is_main": True, **year})
    spring = campaigns.create(world.access, {"name": "Spring", "code": "s", "parent": main.pk, **year})
    policy = {"every": "day", "at": "04:30", "start": "2026-03-01"}
    given = {"name": "Women", "rule": world.women, "save_ids": ["mobile"], "refresh": policy}
    first = services.create(world.access, {**given, "campaigns": [spring.pk], "auto_snapshot": True})
    run_jobs()
    copied = services.copy(world.access, Audience.objects.get(pk=first.pk), {"name": "Women again"})
    run_jobs()
    first.refresh_from_db()
    copied.refresh_from_db()
    for name in ("rule", "save_ids", "refresh", "auto_snapshot", "limit", "count"):
        assert getattr(copied, name) == getattr(first, name), name
    assert copied.name == "Women again" and copied.refresh["every"] == "day"
    assert list(links.ids_of(KIND, copied.pk)) == [spring.pk]
    other = services.copy(world.access, first, {"refresh": {**policy, "at": "06:00"}, "campaigns": []})
    assert other.refresh["at"] != first.refresh["at"] and not links.ids_of(KIND, other.pk)
