"""The wizard as it was sent: its rows, and the definition that they make."""

from __future__ import annotations

import json
from typing import Any

from insight.datasets import wizard_joins
from insight.datasets.models import ONE, Dataset
from insight.datasets.wizard_rows import Row
from insight.datasources.connections.in_place import InPlaceTable
from insight.datasources.models import SourceTable

_PARTS = ("role", "alias", "tag_type", "id_type", "separator", "encryption", "category", "description")
_ROLES = ("time", "type", "count", "amount", "channel", "object_key", "object_value", "object_value_id")


def posted_rows(posted: Any) -> list[Row]:
    """The wizard's rows as they were sent."""
    try:
        columns = json.loads(posted.get("columns", "[]"))
    except ValueError:
        columns = []
    rows = []
    for index, column in enumerate(columns if isinstance(columns, list) else []):
        row: Row = {"index": index, "column": str(column)}
        row.update({part: posted.get(f"{part}-{index}", "") for part in _PARTS})
        row["pivot"] = bool(posted.get(f"pivot-{index}"))
        rows.append(row)
    return rows


def definition_of(
    posted: Any, table: SourceTable | InPlaceTable, kind: str
) -> tuple[dict[str, Any], dict[str, int]]:
    """(the posted wizard in the form of the API, which row each path such as `tags/0` came from)."""
    data: dict[str, Any] = {"name": posted.get("name", ""), "kind": kind, "table": table.name, "ids": []}
    data.update(description=posted.get("description", ""), folder=posted.get("folder") or None)
    if isinstance(table, InPlaceTable):
        data["source"] = table.source.pk
    lists: dict[str, list[dict[str, Any]]] = {"tags": [], "object_columns": []}
    places: dict[str, int] = {}

    def append(name: str, rows: list[dict[str, Any]], value: dict[str, Any]) -> None:
        places[f"{name}/{len(rows)}"] = row["index"]
        rows.append(value)

    data["joins"] = wizard_joins.posted(posted)
    for row in posted_rows(posted):
        role, column = row["role"], row["column"]
        named = {"column": column, "name": row["alias"] or column}
        identity = {**named, "id_type": row["id_type"], "encryption": row["encryption"] or "plain"}
        if role == "identifier":
            places["user_id"], data["user_id"] = row["index"], identity
        elif role == "id":
            append("ids", data["ids"], identity)
        elif role == "tag":
            tag = {**named, "type": row["tag_type"], "pivot_enabled": row["pivot"]}
            tag.update(category=row["category"], description=row["description"])
            if row["tag_type"] == "multi":
                tag["separator"] = row["separator"] or ","
            append("tags", lists["tags"], tag)
        elif role == "object":
            append("object_columns", lists["object_columns"], named)
        elif role:
            key = "item_id" if role == "item" else role
            places[key], data[key] = row["index"], {"column": column} if role == "type" else column
    if kind == Dataset.Kind.ITEM_TAGS:
        del data["ids"]
        return {"item_id": None, "item_name": None, **data, "tags": lists["tags"]}, places
    data.setdefault("user_id", None)
    data["fix_prefix"] = posted.get("fix_prefix") == "on"
    if kind == Dataset.Kind.USER_TAGS:
        data["tags"] = lists["tags"]
        data["rows_per_user"] = posted.get("rows_per_user") or ONE
        return data, places
    linked = {"dataset": posted.get("items", ""), "object": posted.get("items_object", "")}
    data["items"] = linked if linked["dataset"] else None
    for role in (*_ROLES, "base_object"):
        data.setdefault(role, None)
    data["object_columns"] = lists["object_columns"]
    if posted.get("base_object") and data["object_key"]:
        data["base_object"] = posted["base_object"]
    if posted.get("constant"):
        data["type"] = {"constant": posted["constant"]}
    return data, places
