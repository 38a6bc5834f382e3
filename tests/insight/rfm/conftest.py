"""The world of these tests: tables of customers and of transactions."""

from __future__ import annotations

import pytest

from tests.insight.datasets.world import RunJobs, World


@pytest.fixture
def world(run_jobs: RunJobs) -> World:
    return World(run_jobs)
