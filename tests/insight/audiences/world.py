"""A small workspace with a user-tag and a behaviour dataset whose rows the tests know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

import pyarrow as pa

from admin_center.permissions.access import MemberAccess
from cdp import lake
from insight.datasets.models import Dataset, DatasetField
from tests.factories import make_access

TAGS: dict[str, tuple[str, pa.DataType]] = {
    "gender": ("enum", pa.string()),
    "city": ("text", pa.string()),
    "interests": ("multi", pa.list_(pa.string())),
    "spend": ("number", pa.float64()),
}
PEOPLE: list[tuple[str, str | None, str | None, str | None, list[str] | None, float | None]] = [
    ("u1", "13800000001", "m", "Shanghai", ["a", "b"], 0.0),
    ("u2", "13800000002", "f", "Beijing", ["b"], 99.99),
    ("u3", None, "f", "Shanghai Pudong", ["a", "b"], 100.0),
    ("u4", "13800000004", "m", None, None, 500.0),
    ("u5", None, None, None, None, 500.01),
    ("u6", "13800000006", "f", "Nanjing", ["c"], None),
    ("u7", "13800000007", "m", "Shanghai", ["a", "b", "c"], -5.0),
    ("u8", "13800000008", "f", "=SUM(A1)", ["ab"], 100.0),
]


@dataclass
class World:
    """A workspace, its administrator, and its datasets."""

    access: MemberAccess
    members: Dataset

    @cached_property
    def orders(self) -> Dataset:
        """The behaviour dataset, made when a test first asks for it."""
        return make_behaviour_dataset(self.workspace)

    @property
    def workspace(self) -> Any:
        return self.access.workspace

    def tag(self, tag: str, operator: str, value: Any = None) -> dict[str, Any]:
        """A condition on the members dataset."""
        leaf = {"kind": "tag", "dataset": self.members.pk, "tag": tag, "operator": operator}
        return leaf if value is None else {**leaf, "value": value}

    def bought(self, **more: Any) -> dict[str, Any]:
        return {"kind": "behaviour", "dataset": self.orders.pk, "type": ["purchase"], **more}

    @property
    def women(self) -> dict[str, Any]:
        """u2, u3, u6, u8."""
        return self.tag("gender", "in", ["f"])


def make_world(access: MemberAccess | None = None) -> World:
    access = access or make_access()
    members = make_tag_dataset(access.workspace, "Members", people_table(PEOPLE), is_default=True)
    return World(access, members)


def people_table(people: Sequence[tuple[Any, ...]]) -> pa.Table:
    columns = list(zip(*people, strict=True)) if people else [[] for _ in range(6)]
    names = ["user_unique_id", "phone", *TAGS]
    types = [pa.string(), pa.string(), *(kind for _name, kind in TAGS.values())]
    return pa.table(
        {name: pa.array(list(column), kind) for name, column, kind in zip(names, columns, types, strict=True)}
    )


def make_tag_dataset(workspace: Any, name: str, table: pa.Table, **more: Any) -> Dataset:
    """A computed user-tag dataset of this table."""
    unique = len(set(table["user_unique_id"].to_pylist())) == table.num_rows
    dataset = make_dataset(workspace, name, "user_tags", table, unique_users=unique, **more)
    fields = [
        DatasetField(dataset=dataset, column="member_no", role="identifier", id_type="one_id", name="Member"),
        DatasetField(dataset=dataset, column="phone", role="id", id_type="mobile", name="Phone"),
        *(
            DatasetField(dataset=dataset, column=column, role="tag", tag_type=kind, name=column.title())
            for column, (kind, _type) in TAGS.items()
        ),
    ]
    DatasetField.objects.bulk_create(fields)
    return dataset


def make_behaviour_dataset(workspace: Any, name: str = "Orders") -> Dataset:
    """u1 bought twice, u2 once, u3 only looked; u9 is in no other dataset."""
    rows = [
        ("u1", datetime(2026, 1, 5, 10), "purchase", "app", 1.0, 100.0, "coats"),
        ("u1", datetime(2026, 2, 5, 10), "purchase", "web", 2.0, 300.0, "shoes"),
        ("u2", datetime(2026, 2, 6, 10), "purchase", "app", 1.0, 50.0, "shoes"),
        ("u3", datetime(2026, 2, 7, 10), "visit", "web", 9.0, None, "coats"),
        ("u9", datetime(2026, 2, 8, 10), "purchase", "web", 1.0, 10.0, "coats"),
    ]
    names = ["user_unique_id", "at", "type", "channel", "count", "amount", "category"]
    table = pa.table(
        {name: list(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)}
    )
    dataset = make_dataset(workspace, name, "behaviour", table)
    roles = {"type": "type", "channel": "channel", "count": "count", "amount": "amount", "category": "object"}
    fields = [
        DatasetField(dataset=dataset, column="member_no", role="identifier", id_type="one_id", name="Member"),
        DatasetField(dataset=dataset, column="at", role="time", name="Time"),
        *(
            DatasetField(dataset=dataset, column=column, role=role, name=column)
            for column, role in roles.items()
        ),
    ]
    DatasetField.objects.bulk_create(fields)
    return dataset


def new_version(dataset: Dataset, table: pa.Table) -> None:
    """What a refresh of the dataset does: a new table, then the pointer."""
    dataset.version += 1
    _store(dataset.workspace, f"{dataset.pk}_v{dataset.version}", table)
    dataset.rows = table.num_rows
    dataset.save()


def make_dataset(workspace: Any, name: str, kind: str, table: pa.Table, **more: Any) -> Dataset:
    stats: Mapping[str, Any] = {"unique_users": more.pop("unique_users", False)}
    users = len(set(table["user_unique_id"].to_pylist()))
    dataset = Dataset.objects.create(
        workspace=workspace,
        name=name,
        kind=kind,
        version=1,
        rows=table.num_rows,
        users=users,
        stats=stats,
        public=True,
        **more,
    )
    _store(workspace, f"{dataset.pk}_v1", table)
    return dataset


def _store(workspace: Any, name: str, table: pa.Table) -> None:
    lake.ensure_schema(workspace)
    with lake.cursor() as handle:
        handle.register("incoming", table)
        handle.execute(f"CREATE TABLE {lake.table_path(workspace, name)} AS FROM incoming")
        handle.unregister("incoming")
