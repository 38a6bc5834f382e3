from __future__ import annotations

from typing import Any

import pytest

from tests.factories import make_access
from tests.insight.omni import world


@pytest.fixture
def access(db: None) -> Any:
    return make_access()


@pytest.fixture
def ready(access: Any, run_jobs: world.RunJobs) -> Any:
    """The access of a manager in whose workspace devices 0-99 are known, and 30 that nobody knows were pushed."""
    world.installed(access, run_jobs)
    ids = [world.imei(number) for number in range(100)] + [world.imei(1000 + number) for number in range(30)]
    made = world.uploaded(access, "Devices", ids, run_jobs)
    world.brought_in(access, made, run_jobs)
    return access
