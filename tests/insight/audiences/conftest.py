from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from insight.audiences import services
from insight.audiences.models import Audience
from tests.insight.audiences.world import World, make_world


@pytest.fixture
def world(db: None) -> World:
    return make_world()


@pytest.fixture
def computed(world: World, run_jobs: Callable[[], list[Any]]) -> Callable[..., Audience]:
    """Makes an audience and computes it: `computed(rule, name="…", save_ids=[…])`."""

    def make(rule: Any = None, **more: Any) -> Audience:
        data = {"name": "Women", "rule": rule or world.women, "save_ids": ["one_id", "mobile"], **more}
        audience = services.create(world.access, data)
        run_jobs()
        audience.refresh_from_db()
        return audience

    return make
