"""What the wizard proposes for each column of a table, from its name and its profile."""

from __future__ import annotations

import re
from typing import Any

from insight.datasets import queries
from insight.datasets.models import Dataset
from insight.datasources.connections.in_place import InPlaceTable
from insight.datasources.models import SourceTable

Row = dict[str, Any]

_OBJECT_ATTRIBUTES = {
    "object_attr": "object_key",
    "attribute": "object_key",
    "object_value_id": "object_value_id",
    "object_value": "object_value",
    "value": "object_value",
}
_PERSON = re.compile(r"(user|member|customer|client|buyer|person|who)(_?(id|no|number|key|unique_id))?$")
_ITEM = re.compile(r"((item|product|goods|sku|spu)(_?(id|no|number|key))?|id)$")
_ITEM_NAME = re.compile(r"((item|product|goods)_?(name|title)|name|title)$")
_MEASURES = {"amount": "amount", "price": "", "count": "count", "quantity": "count"}


def proposed_rows(table: SourceTable | InPlaceTable, kind: str) -> list[Row]:
    """One row per column with what its profile suggests."""
    found = queries.propose(table)
    tags = {item["column"]: item for item in found["tags"]}
    ids = {item["column"]: item for item in found["ids"]}
    rows = []
    for index, column in enumerate(table.columns):
        name = column["name"]
        row: Row = {
            "index": index,
            "column": name,
            "type": column["type"],
            "role": "tag",
            "alias": tags.get(name, {}).get("name", name),
            "tag_type": tags.get(name, {}).get("type", "text"),
            "id_type": ids.get(name, {}).get("id_type", "one_id"),
            "separator": tags.get(name, {}).get("separator", ","),
            "encryption": "plain",
            "pivot": True,
        }
        if name == found["user_id"].get("column"):
            row.update(role="identifier", id_type=found["user_id"]["id_type"])
        elif name in ids:
            row["role"] = "id"
        if kind == Dataset.Kind.BEHAVIOUR:
            row["role"] = _behaviour_role(name, column["type"], row)
        elif kind == Dataset.Kind.ITEM_TAGS:
            row["role"] = _item_role(name)
        rows.append(row)
    if kind == Dataset.Kind.BEHAVIOUR:
        _one_form(rows)
    return _once(sorted(rows, key=lambda row: row["role"] not in ("identifier", "item")))


def _one_form(rows: list[Row]) -> None:
    """Objects stand in columns of their own or in attribute and value, never in both."""
    roles = {row["role"] for row in rows}
    wrong = {"object"} if {"object_key", "object_value"} <= roles else {"object_key", "object_value"}
    for row in rows:
        if row["role"] in wrong:
            row["role"] = "" if "object" in wrong else "object"


def _once(rows: list[Row]) -> list[Row]:
    """Roles that one column can have are proposed for the first that looks like it."""
    seen: set[str] = set()
    for row in rows:
        if row["role"] in seen and row["role"] not in ("tag", "id", "object"):
            row["role"] = ""
        seen.add(row["role"])
    return rows


def _item_role(name: str) -> str:
    """A first guess from the column's name."""
    if _ITEM.match(name.lower()):
        return "item"
    return "item_name" if _ITEM_NAME.match(name.lower()) else "tag"


def _behaviour_role(name: str, kind: str, row: Row) -> str:
    """A first guess from the column's name and type."""
    lower = name.lower()
    if kind in ("date", "datetime") or row["tag_type"] == "date":
        return "time"
    if _PERSON.match(lower) or row["role"] == "identifier":
        return "identifier"
    for word, role in _MEASURES.items():
        if word in lower:
            return role
    if lower in _OBJECT_ATTRIBUTES:
        return _OBJECT_ATTRIBUTES[lower]
    if "channel" in lower or lower == "store":
        return "channel"
    if "type" in lower:
        return "type"
    return "id" if row["role"] == "id" else "object" if kind == "text" else ""
