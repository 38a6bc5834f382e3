"""A world with records of behaviour, its console and its API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from insight.datasets.models import Dataset
from tests.factories import make_token
from tests.insight.audiences.world import World, make_world
from tests.insight.behaviour_analysis.ground import dataset_of
from tests.insight.behaviour_analysis.pages import RECORDS


@pytest.fixture
def world(db: None) -> World:
    return make_world()


@pytest.fixture
def records(world: World) -> Dataset:
    return dataset_of(world.workspace, RECORDS)


@pytest.fixture
def console(world: World) -> Client:
    client = Client()
    client.force_login(world.access.user)
    return client


@pytest.fixture
def call(world: World) -> Callable[[str, Any], Any]:
    client = APIClient(HTTP_AUTHORIZATION=f"Bearer {make_token(world.access)}")

    def post(path: str, data: Any) -> Any:
        return client.post(f"/api/v1/workspaces/{world.workspace.slug}/{path}", data, format="json")

    return post
