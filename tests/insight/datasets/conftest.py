"""The world of these tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.insight.datasets import places
from tests.insight.datasets.places import Place
from tests.insight.datasets.world import RunJobs, World
from tests.insight.datasources import servers


@pytest.fixture
def world(run_jobs: RunJobs) -> World:
    return World(run_jobs)


@pytest.fixture
def database(world: World) -> Iterator[Place]:
    """A PostgreSQL database in which datasets live."""
    with servers.postgresql_server() as server:
        place = places.postgres_place(world, server)
        yield place
        places.close(place)


@pytest.fixture(params=["lake", "postgresql"])
def place(request: pytest.FixtureRequest, world: World) -> Place:
    """Either of the engines, with the same tables."""
    if request.param == "lake":
        return places.lake_place(world)
    found: Place = request.getfixturevalue("database")
    return found
