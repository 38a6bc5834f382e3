"""A shop in the lake, and one in either engine."""

from __future__ import annotations

import pytest

from tests.insight.datasets.conftest import database, place, world
from tests.insight.datasets.places import Place
from tests.insight.datasets.world import World
from tests.insight.items.shop import Shop, open_shop

__all__ = ["database", "place", "world"]


@pytest.fixture
def shop(world: World) -> Shop:
    return open_shop(Place(world, "lake"))


@pytest.fixture
def any_shop(place: Place) -> Shop:
    return open_shop(place)
