"""Identities of the printed world, and a dataset that knows its users by mobile numbers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pyarrow as pa

from cdp import lake
from insight.audiences.translating import USER
from insight.datasets.models import Dataset, DatasetField
from insight.oneid.models import IdentityGraph
from tests.insight.audiences.world import World


def phone_dataset(world: World) -> Dataset:
    """A dataset that knows its users by mobile numbers: those of u1 and u2, and one of nobody."""
    dataset = Dataset.objects.create(
        workspace=world.workspace,
        name="Callers",
        kind="user_tags",
        version=1,
        rows=3,
        users=3,
        stats={"unique_users": True},
        public=True,
    )
    table = pa.table({USER: ["13800000001", "13800000002", "13900000009"], "vip": ["yes", "yes", "yes"]})
    store(world.workspace, dataset.lake_table, table)
    DatasetField.objects.bulk_create(
        [
            DatasetField(dataset=dataset, column="phone", role="identifier", id_type="mobile", name="Phone"),
            DatasetField(dataset=dataset, column="vip", role="tag", tag_type="enum", name="VIP"),
        ]
    )
    return dataset


def store(workspace: Any, name: str, table: pa.Table) -> None:
    lake.ensure_schema(workspace)
    with lake.cursor() as handle:
        handle.register("incoming", table)
        handle.execute(f"CREATE TABLE {lake.table_path(workspace, name)} AS FROM incoming")
        handle.unregister("incoming")


def identify(world: Any, people: list[dict[str, str]]) -> IdentityGraph:
    """Identities as a run leaves them."""
    graph = IdentityGraph.objects.create(workspace=world.workspace, version=1, state="ready")
    rows = [(f"o_{number}", kind, value) for number, ids in enumerate(people) for kind, value in ids.items()]
    table = pa.table(
        {
            "one_id": [row[0] for row in rows],
            "id_type": [row[1] for row in rows],
            "encryption": ["plain"] * len(rows),
            "id_value": [row[2] for row in rows],
            "first_seen": [datetime(2026, 1, 1)] * len(rows),
        }
    )
    store(world.workspace, graph.table("map"), table)
    return graph


def vip(dataset: Dataset, **more: Any) -> dict[str, Any]:
    return {"kind": "tag", "dataset": dataset.pk, "tag": "vip", "operator": "in", "value": ["yes"], **more}
