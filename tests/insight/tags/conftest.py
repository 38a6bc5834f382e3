from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from insight.datasets.models import Dataset
from insight.tags import services
from insight.tags.models import CustomTag
from tests.factories import make_token
from tests.insight.audiences.world import World, make_world


@pytest.fixture
def world(db: None) -> World:
    return make_world()


@pytest.fixture
def computed(world: World, run_jobs: Callable[..., Any]) -> Callable[..., CustomTag]:
    """Makes a custom tag of {value: rule} and computes it: `computed({"rich": rule}, name="…")`."""

    def make(values: dict[str, Any], *, access: Any = None, **more: Any) -> CustomTag:
        entries = [{"value": value, "rule": rule} for value, rule in values.items()]
        tag = services.create(access or world.access, {"name": "Band", "values": entries, **more})
        run_jobs(allow_failure=True)
        return CustomTag.objects.select_related("field__dataset__workspace").get(pk=tag.pk)

    return make


@pytest.fixture
def call(world: World) -> Callable[..., Any]:
    """A request to the API: `call("get", "tags/")`, as the administrator or with somebody's `access`."""

    def ask(method: str, path: str, data: Any = None, access: Any = None, **more: Any) -> Any:
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {make_token(access or world.access)}")
        address = f"/api/v1/workspaces/{world.workspace.slug}/{path}"
        return getattr(client, method)(address, data, **{"format": "json", **more})

    return ask


@pytest.fixture
def browser(world: World) -> Callable[..., Any]:
    """A page: `browser("tags/")`, or a form that is sent with `data`."""

    def ask(path: str, data: Any = None, access: Any = None) -> Any:
        client = Client()
        client.force_login((access or world.access).user)
        address = f"/w/{world.workspace.slug}/{path}"
        return client.get(address) if data is None else client.post(address, data)

    return ask


def values_of(tag: CustomTag) -> dict[str, Any]:
    """The tag's value of each person in the dataset's current version."""
    from cdp import lake

    dataset = Dataset.objects.get(pk=tag.field.dataset_id)
    path = lake.table_path(dataset.workspace, dataset.lake_table)
    with lake.cursor() as handle:
        rows = handle.execute(
            f'SELECT user_unique_id, "{tag.field.column}" FROM {path} ORDER BY 1'
        ).fetchall()
    return {user: value for user, value in rows if value is not None}
