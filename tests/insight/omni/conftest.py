from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from tests.conftest import run_queued
from tests.factories import make_access
from tests.insight.omni import world


def _made() -> Any:
    access = make_access()
    world.installed(access, run_queued)
    ids = [world.imei(number) for number in range(100)] + [world.imei(1000 + number) for number in range(30)]
    made = world.uploaded(access, "Devices", ids, run_queued)
    world.brought_in(access, made, run_queued)
    return access


@pytest.fixture(scope="module")
def made_ready(shared: Callable[..., Any]) -> Any:
    return shared(_made)


@pytest.fixture
def ready(db: None, made_ready: Any) -> Any:
    """The access of a manager in whose workspace devices 0-99 are known, and 30 that nobody knows were pushed."""
    return deepcopy(made_ready)


@pytest.fixture
def access(db: None, request: pytest.FixtureRequest) -> Any:
    """That of `ready` where a test asks for both."""
    return request.getfixturevalue("ready") if "ready" in request.fixturenames else make_access()
