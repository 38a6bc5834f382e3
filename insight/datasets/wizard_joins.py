"""The part of the wizard that joins further tables to the one that a dataset is made of."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from cdp.core.errors import DomainError
from insight.datasets.joining import MOST_KEYS, MOST_TABLES, PlacedSource, Source, Table
from insight.datasets.models import DatasetJoin
from insight.datasources.connections import browsing, in_place
from insight.datasources.connections.in_place import InPlaceTable
from insight.datasources.models import SourceTable


class Joinable:
    """The tables beside the one that a dataset is made of: those that lie in the same place. Each is looked at once."""

    def __init__(self, workspace: Any, table: Table) -> None:
        self.workspace, self.table = workspace, table
        self._found: dict[str, Table | None] = {}

    def get(self, name: str) -> Table | None:
        if name not in self._found:
            self._found[name] = self._get(name)
        return self._found[name]

    def _get(self, name: str) -> Table | None:
        if not isinstance(self.table, InPlaceTable):
            return self._loaded().filter(name=name).first()  # type: ignore[no-any-return]
        try:
            return in_place.find_table(self.workspace, self.table.source.pk, name)
        except DomainError:
            return None

    def _loaded(self) -> QuerySet[SourceTable]:
        rows: QuerySet[SourceTable] = SourceTable.objects.in_workspace(self.workspace)
        return rows.filter(state=SourceTable.State.READY).order_by("name")

    def names(self) -> list[str]:
        """The names of all of them, and of the table itself."""
        if not isinstance(self.table, InPlaceTable):
            return list(self._loaded().values_list("name", flat=True))
        try:
            return [found.name for found in browsing.tables(self.table.source, viewer=self.workspace)]
        except DomainError:
            return []

    def source_of(self, joins: list[dict[str, Any]]) -> Source:
        """What the wizard shows the columns of; tables that are not there are left out."""
        rows = []
        for place, item in enumerate(joins):
            table = self.get(item["table"])
            if table is None:
                continue
            row = DatasetJoin(
                position=place, name=item.get("name") or item["table"], kind=item["type"], on=item["on"]
            )
            if isinstance(table, InPlaceTable):
                row.remote = table.name
            else:
                row.table = table
            rows.append(row)
        if isinstance(self.table, InPlaceTable):
            known = {name: row for name, row in self._found.items() if isinstance(row, InPlaceTable)}
            return PlacedSource(self.workspace, self.table, rows, known)
        return Source(self.workspace, self.table, rows)


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


def changed(data: Any, tables: Joinable) -> list[dict[str, Any]]:
    """The posted joins after the button that was pressed: one more table, or one less."""
    joins = posted(data)
    action = data.get("join", "")
    if action == "add" and data.get("join-new"):
        added = tables.get(data["join-new"])
        if added is not None and len(joins) < MOST_TABLES:
            on = _proposed(tables.source_of(joins), added)
            joins.append({"table": added.name, "name": added.name, "type": "left", "on": on})
    elif action.startswith("remove-"):
        gone = action.removeprefix("remove-")
        joins = [join for join in joins if join["name"] != gone]
    return joins


def shown(
    tables: Joinable, joins: list[dict[str, Any]], errors: dict[str, list[str]]
) -> list[dict[str, Any]]:
    """What the template needs of each join: its table, type, pairs of keys, columns to choose from, and messages."""
    found = []
    for place, item in enumerate(joins):
        before, row = tables.source_of(joins[:place]), tables.get(item["table"])
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


def offered(tables: Joinable, joins: list[dict[str, Any]]) -> list[str]:
    """Tables that can be joined besides those that are."""
    if len(joins) >= MOST_TABLES:
        return []
    taken = {tables.table.name, *(item["table"] for item in joins)}
    return [name for name in tables.names() if name not in taken]


def _proposed(source: Source, added: Table) -> list[dict[str, str]]:
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
