"""Reading what a definition says of further tables: joined ones, those that name values, and item tags."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.utils.translation import gettext as _

from cdp.core.errors import Conflict, NotFound
from insight.datasets import joining, naming
from insight.datasets.models import Dataset, DatasetDimension, DatasetJoin
from insight.datasets.reading import Reader
from insight.datasources.connections import in_place
from insight.datasources.models import LAKE, SourceTable

_POSTGRESQL_NAME = 63
"""Bytes."""


def source(reader: Reader, workspace: Any, data: dict[str, Any]) -> dict[str, Any]:
    """Where the dataset lives and the table that it is made of; from here on the reader knows the table's columns.

    Raises DomainError (502) where the data source cannot be asked.
    """
    wanted, name = data.get("source") or LAKE, data.get("table")
    if wanted == LAKE:
        table = SourceTable.objects.in_workspace(workspace).filter(name=name).first()
        if table is not None:
            reader.source = joining.Source(workspace, table)
        if table is None or table.state != SourceTable.State.READY:
            reader.wrong("table", _("There is no such table, or it has not been loaded."))
        return {"source": LAKE, "table": table, "remote": ""}
    try:
        placed = in_place.find_table(workspace, str(wanted), str(name or ""))
        reader.source = joining.PlacedSource(workspace, placed)
    except (Conflict, NotFound) as error:
        reader.wrong("source" if error.code == "source_missing" else "table", str(error))
    return {"source": str(wanted), "table": None, "remote": str(name or "")}


def joins(reader: Reader, workspace: Any, data: dict[str, Any]) -> list[DatasetJoin]:
    """The joined tables, which lie where the first one lies; from here on the reader knows their columns."""
    given = reader.listing(data.get("joins"), "joins")
    if len(given) > joining.MOST_TABLES:
        reader.wrong("joins", _("Join at most %(most)d tables.") % {"most": joining.MOST_TABLES})
    if reader.source is None:
        return []
    for index, item in enumerate(given[: joining.MOST_TABLES]):
        join = _join(reader, workspace, item, index)
        if join is not None:
            reader.source = reader.source.with_joins([*reader.source.joins, join])
    return reader.source.joins


def dimensions(reader: Reader, workspace: Any, kind: str, data: dict[str, Any]) -> list[DatasetDimension]:
    """The tables that name values."""
    if data.get("dimensions") and isinstance(reader.source, joining.PlacedSource):
        reader.wrong("dimensions", _("Only values of the built-in data source can be named by a table."))
        return []
    rows: list[DatasetDimension] = []
    parts = ("key", "label", "attribute", "attribute_column")
    for index, item in enumerate(reader.listing(data.get("dimensions"), "dimensions")):
        path = f"dimensions/{index}"
        given = reader.mapping(item, path, {"place", "table", *parts})
        values = {part: str(given.get(part) or "") for part in parts}
        place = str(given.get("place") or "")
        if kind == Dataset.Kind.RFM or place not in naming.places_of(kind, reader.fields):
            reader.wrong(f"{path}/place", _("Values of this column cannot be named by a table."))
        table = SourceTable.objects.in_workspace(workspace).filter(name=given.get("table")).first()
        if table is None or table.state != SourceTable.State.READY:
            reader.wrong(f"{path}/table", _("There is no such table, or it has not been loaded."))
            continue
        for part in ("key", "label", "attribute_column"):
            if (values[part] or part != "attribute_column") and table.column_type(values[part]) is None:
                message = _("The table has no column “%(name)s”.") % {"name": values[part]}
                reader.wrong(f"{path}/{part}", message)
        is_object = place == naming.OBJECT
        if is_object == (not values["attribute"] and not values["attribute_column"]) or (
            values["attribute"] and values["attribute_column"]
        ):
            message = _("Objects in attribute and value need either an attribute or a column of attributes.")
            reader.wrong(f"{path}/attribute", message)
        if any((row.place, row.attribute) == (place, values["attribute"]) for row in rows):
            reader.wrong(f"{path}/place", _("A table names these values already."))
        rows.append(DatasetDimension(place=place, table=table, **values))
    return rows


def _join(reader: Reader, workspace: Any, item: Any, index: int) -> DatasetJoin | None:
    path = f"joins/{index}"
    given = reader.mapping(item, path, {"table", "name", "type", "on"})
    kind = given.get("type", DatasetJoin.Kind.LEFT)
    if kind not in DatasetJoin.Kind.values:
        choices = ", ".join(DatasetJoin.Kind.values)
        reader.wrong(f"{path}/type", _("Choose one of %(types)s.") % {"types": choices})
    source = reader.source
    assert source is not None
    table = _joined_table(source, workspace, str(given.get("table") or ""))
    if table is None:
        reader.wrong(f"{path}/table", _("There is no such table, or it has not been loaded."))
        return None
    if table.name in [other.name for other in source.tables]:
        reader.wrong(f"{path}/table", _("This table is part of the dataset already."))
        return None
    name = str(given.get("name") or table.name)
    if len(name) > 64:
        reader.wrong(f"{path}/name", _("Use at most %(length)d characters.") % {"length": 64})
        return None
    types = {column["name"]: column["type"] for column in table.columns}
    if isinstance(source, joining.PlacedSource) and _too_long(name, types):
        reader.wrong(
            f"{path}/name",
            _("Give it a shorter name: its columns would have longer names than the database can keep."),
        )
        return None
    if any(column["name"].startswith(f"{name}.") for column in source.columns):
        reader.wrong(f"{path}/table", _("A column of the dataset has a name that begins like this table."))
        return None
    pairs = reader.listing(given.get("on"), f"{path}/on")
    if not 1 <= len(pairs) <= joining.MOST_KEYS:
        reader.wrong(f"{path}/on", _("Join by 1 to %(most)d columns.") % {"most": joining.MOST_KEYS})
    on = []
    for number, pair in enumerate(pairs[: joining.MOST_KEYS]):
        place = f"{path}/on/{number}"
        given_pair = reader.mapping(pair, place, {"left", "right"})
        left = reader.column(given_pair.get("left"), f"{place}/left")
        right = str(given_pair.get("right") or "")
        if right not in types:
            reader.wrong(f"{place}/right", _("The table has no column “%(name)s”.") % {"name": right})
        on.append({"left": left, "right": right})
    if isinstance(table, SourceTable):
        return DatasetJoin(position=index, table=table, name=name, kind=kind, on=on)
    return DatasetJoin(position=index, remote=table.name, name=name, kind=kind, on=on)


def _joined_table(source: joining.Source, workspace: Any, name: str) -> joining.Table | None:
    """A table that lies where the dataset's first one lies; None where there is none to read."""
    if not isinstance(source, joining.PlacedSource):
        rows = SourceTable.objects.in_workspace(workspace).filter(state=SourceTable.State.READY)
        return rows.filter(name=name).first()  # type: ignore[no-any-return]
    try:
        table = in_place.find_table(workspace, source.engine, name)
    except NotFound:
        return None
    source.known[name] = table
    return table


def _too_long(name: str, columns: Iterable[str]) -> bool:
    """Whether PostgreSQL would cut names of joined columns, which begin with the table's."""
    return any(len(f"{name}.{column}".encode()) > _POSTGRESQL_NAME for column in (*columns, joining.MATCHED))


def items(reader: Reader, workspace: Any, data: dict[str, Any], definition: dict[str, Any]) -> None:
    """The item-tag dataset that describes the values of one object attribute."""
    if data.get("items") is None:
        return
    given = reader.mapping(data["items"], "items", {"dataset", "object"})
    engine = reader.source.engine if reader.source is not None else LAKE
    rows = Dataset.objects.in_workspace(workspace).filter(kind=Dataset.Kind.ITEM_TAGS, source=engine)
    found = rows.filter(pk=str(given.get("dataset", "")))
    if not found.exists():
        reader.wrong("items/dataset", _("There is no such item-tag dataset in the data source."))
    wanted = str(given.get("object") or "")
    if not data.get("object_key"):
        columns = {item.name: item.column for item in reader.fields if item.role == "object"}
        wanted = wanted if wanted in columns.values() else columns.get(wanted, "")
    if not wanted:
        reader.wrong("items/object", _("Name the object attribute that holds item IDs."))
    definition["items"] = {"dataset": str(given.get("dataset", "")), "object": wanted}
