"""The part of the wizard that joins further tables to the one that a dataset is made of."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from insight.datasets.joining import MOST_KEYS, MOST_TABLES, PlacedSource, Source
from insight.datasets.models import DatasetJoin
from insight.datasources.connections.in_place import InPlaceTable
from insight.datasources.models import SourceTable


def tables_of(workspace: Any) -> QuerySet[SourceTable]:
    rows: QuerySet[SourceTable] = SourceTable.objects.in_workspace(workspace)
    return rows.filter(state=SourceTable.State.READY).order_by("name")


def posted(data: Any) -> list[dict[str, Any]]:
    """The joins as the wizard sent them, in the form of the API; pairs without a column are left out."""
    found = []
    for number in range(MOST_TABLES):
        table = data.get(f"join-{number}-table")
        if not table:
            continue
        pairs = [
            {
                "left": data.get(f"join-{number}-left-{key}", ""),
                "right": data.get(f"join-{number}-right-{key}", ""),
            }
            for key in range(MOST_KEYS)
        ]
        on = [pair for pair in pairs if pair["left"] or pair["right"]]
        name = data.get(f"join-{number}-name") or table
        found.append(
            {"table": table, "name": name, "type": data.get(f"join-{number}-type", "left"), "on": on}
        )
    return found


def changed(data: Any, workspace: Any, table: SourceTable | InPlaceTable) -> list[dict[str, Any]]:
    """The posted joins after the button that was pressed: one more table, or one less."""
    joins = posted(data)
    action = data.get("join", "")
    if action == "add" and data.get("join-new"):
        added = tables_of(workspace).filter(name=data["join-new"]).first()
        if added is not None and len(joins) < MOST_TABLES:
            source = source_of(workspace, table, joins)
            joins.append(
                {"table": added.name, "name": added.name, "type": "left", "on": _proposed(source, added)}
            )
    elif action.startswith("remove-"):
        gone = action.removeprefix("remove-")
        joins = [join for join in joins if join["name"] != gone]
    return joins


def source_of(workspace: Any, table: SourceTable | InPlaceTable, joins: list[dict[str, Any]]) -> Source:
    """What the wizard shows the columns of; tables that are not there are left out."""
    if isinstance(table, InPlaceTable):
        return PlacedSource(workspace, table)
    tables = {
        row.name: row for row in tables_of(workspace).filter(name__in=[item["table"] for item in joins])
    }
    rows = [
        DatasetJoin(
            position=place,
            table=tables[item["table"]],
            name=item.get("name") or item["table"],
            kind=item["type"],
            on=item["on"],
        )
        for place, item in enumerate(joins)
        if item["table"] in tables
    ]
    return Source(workspace, table, rows)


def shown(
    workspace: Any,
    table: SourceTable | InPlaceTable,
    joins: list[dict[str, Any]],
    errors: dict[str, list[str]],
) -> list[dict[str, Any]]:
    """What the template needs of each join: its table, type, pairs of keys, columns to choose from, and messages."""
    found = []
    for place, item in enumerate(joins):
        before = source_of(workspace, table, joins[:place])
        row = tables_of(workspace).filter(name=item["table"]).first()
        pairs = [*item["on"], *({"left": "", "right": ""} for _key in range(MOST_KEYS))][:MOST_KEYS]
        found.append(
            {
                **item,
                "name": item.get("name") or item["table"],
                "place": place,
                "errors": errors.get(f"joins/{place}", []),
                "pairs": pairs,
                "left": [column["name"] for column in before.columns],
                "right": [column["name"] for column in row.columns] if row else [],
            }
        )
    return found


def offered(workspace: Any, table: SourceTable | InPlaceTable, joins: list[dict[str, Any]]) -> list[str]:
    """Tables that can be joined besides those that are."""
    if len(joins) >= MOST_TABLES:
        return []
    taken = [table.name, *(item["table"] for item in joins)]
    return list(tables_of(workspace).exclude(name__in=taken).values_list("name", flat=True))


def _proposed(source: Source, added: SourceTable) -> list[dict[str, str]]:
    """A first pair of keys: columns of the same name, or `<table>_id` and `id`."""
    names = [column["name"] for column in source.columns]
    for column in added.columns:
        if column["name"] in names:
            return [{"left": column["name"], "right": column["name"]}]
    single = added.name.removesuffix("s")
    for left in (f"{single}_id", f"{added.name}_id", single):
        if left in names and any(column["name"] == "id" for column in added.columns):
            return [{"left": left, "right": "id"}]
    return []
