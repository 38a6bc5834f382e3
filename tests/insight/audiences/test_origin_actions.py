"""What audiences of each origin offer, and the refusal of everything else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from insight.audiences import combining, origins
from insight.audiences.models import Audience
from tests.insight.audiences.test_audience_api import Client
from tests.insight.audiences.test_outside import from_table, lake_table, upload
from tests.insight.audiences.world import World

COMMON = {"copy", "analyse", "download", "move", "delete", "use", "combine", "push"}
MATRIX = {
    "selection": {*COMMON, "edit", "refresh"},
    "combination": {*COMMON, "edit", "refresh"},
    "upload": {*COMMON, "replace"},
    "table": {*COMMON, "refresh"},
}


@pytest.fixture
def of_each(
    world: World, computed: Callable[..., Audience], run_jobs: Callable[..., Any]
) -> dict[str, Audience]:
    first, second = computed(), computed(name="Second")
    inputs = [{"audience": first.pk}, {"audience": second.pk}]
    lake_table(world, "ids", "SELECT unnest(['a', 'b']) AS user_unique_id")
    made = {
        "selection": first,
        "combination": combining.create(
            world.access, {"name": "C", "inputs": inputs, "operators": ["union"]}
        ),
        "upload": upload(world),
        "table": from_table(world),
    }
    run_jobs()
    for row in made.values():
        row.refresh_from_db()
    return made


def test_each_origin_offers_exactly_its_actions(of_each: dict[str, Audience]) -> None:
    assert {key: set(origins.actions_of(row)) for key, row in of_each.items()} == MATRIX


def test_everything_else_is_refused_by_the_api(world: World, of_each: dict[str, Audience]) -> None:
    client = Client(world.access)
    calls = {
        "edit": lambda key: client.patch(f"audiences/{key}/", {"save_ids": []}, format="json"),
        "refresh": lambda key: client.post(f"audiences/{key}/refresh/"),
        "replace": lambda key: client.post(
            f"audiences/{key}/file/", {"file": SimpleUploadedFile("ids.txt", b"x")}, format="multipart"
        ),
    }
    for origin, row in of_each.items():
        for action, call in calls.items():
            if action not in MATRIX[origin]:
                answer = call(row.pk)
                assert (origin, action, answer.status_code) == (origin, action, 409), answer.json()
                assert answer.json()["code"] == "action_not_supported"
