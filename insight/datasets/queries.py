"""Reads of datasets that more than one caller needs."""

from __future__ import annotations

from typing import Any

from cdp import lake
from cdp.core.errors import NotFound
from cdp.lake.names import quote
from insight.datasets.models import Dataset

MAX_VALUES = 3000


def values(dataset: Dataset, column: str, search: str = "", limit: int = MAX_VALUES) -> list[dict[str, Any]]:
    """Values of a tag or behaviour column, most frequent first: [{"value", "count"}]. Raises NotFound."""
    known = {item.column: item for item in dataset.fields.all() if item.role in ("tag", "object")}
    item = known.get(column)
    if not dataset.version or (
        item is None and column not in ("type", "channel", "object_key", "object_value")
    ):
        raise NotFound()
    path = lake.table_path(dataset.workspace, dataset.lake_table)
    source = f"unnest({quote(column)})" if item is not None and item.tag_type == "multi" else quote(column)
    with lake.cursor() as handle:
        rows = handle.execute(
            f"SELECT v, count(*) AS n FROM (SELECT {source}::VARCHAR AS v FROM {path}) "
            "WHERE v IS NOT NULL AND ($search = '' OR contains(lower(v), lower($search))) "
            f"GROUP BY v ORDER BY n DESC, v LIMIT {int(limit)}",
            {"search": search},
        ).fetchall()
    return [{"value": value, "count": count} for value, count in rows]


def propose(table: Any) -> dict[str, Any]:
    """A first definition of a user-tag dataset from a table's columns and their profile."""
    from insight.datasources.queries import profile

    tags, ids, identifier = [], [], None
    for column in profile(table):
        name, lower = column["name"], column["name"].lower()
        id_type = next((key for word, key in _ID_WORDS.items() if word in lower), None)
        if (
            identifier is None
            and column["distinct"] >= 0.9 * (table.rows or 1)
            and column["type"] in ("text", "integer")
        ):
            identifier = {"column": name, "id_type": id_type or "one_id"}
        elif id_type:
            ids.append({"column": name, "id_type": id_type})
        else:
            tags.append(
                {"column": name, "name": name.replace("_", " ").capitalize()[:64], "type": _tag_type(column)}
            )
    return {"user_id": identifier or {}, "ids": ids, "tags": tags}


_ID_WORDS = {"mobile": "mobile", "phone": "mobile", "email": "email", "mail": "email", "open_id": "open_id"}
_ID_WORDS |= {"union_id": "union_id", "imei": "imei", "idfa": "idfa", "oaid": "oaid", "imsi": "imsi"}


def _tag_type(column: dict[str, Any]) -> str:
    if column["type"] in ("date", "datetime"):
        return "date"
    if column["type"] in ("integer", "number"):
        return "number"
    return "enum" if column["distinct"] <= 100 else "text"
