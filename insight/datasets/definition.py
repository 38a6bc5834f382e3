"""Reading the definition of a dataset as the API and the wizard give it; every error has its path."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from pydantic import ValidationError

from cdp.core.errors import ValidationFailed
from cdp.core.identifiers import ENCRYPTIONS, ID_TYPES
from insight.datasets import categories, joining, rfm
from insight.datasets.joining import Source
from insight.datasets.models import Dataset, DatasetField, DatasetFolder, DatasetJoin
from insight.datasources.models import LAKE, SourceTable

TOP = {"name", "kind", "source", "table", "joins", "user_id", "ids", "refresh", "folder", "description"}
KNOWN = {
    "user_tags": TOP | {"tags"},
    "behaviour": TOP
    | {
        "time",
        "type",
        "count",
        "amount",
        "channel",
        "object_columns",
        "object_key",
        "object_value",
        "object_value_id",
        "base_object",
        "items",
    },
    "item_tags": TOP - {"user_id", "ids"} | {"item_id", "item_name", "tags"},
    "rfm": TOP | {"input", "days", "time", "amount", "count", "bands", "compare"},
}
SEPARATORS = (",", ";", "|", " ", "、")
RESERVED = {"user_unique_id", "item_id", "item_name"}


class Reader:
    """Collects fields and errors while walking a definition."""

    def __init__(self, source: Source | None) -> None:
        self.source = source
        self.errors: dict[str, list[str]] = {}
        self.fields: list[DatasetField] = []

    def wrong(self, path: str, message: str) -> None:
        self.errors.setdefault(path, []).append(message)

    def column(self, value: Any, path: str) -> str:
        """A column of the table, by name."""
        if not isinstance(value, str) or not value:
            self.wrong(path, _("Name a column."))
            return ""
        if self.source is not None and self.source.column_type(value) is None:
            self.wrong(path, _("The table has no column “%(name)s”.") % {"name": value})
        return value

    def add(self, column: str, role: str, **values: Any) -> None:
        name = str(values.pop("name", "") or column)[:64]
        self.fields.append(DatasetField(column=column, role=role, name=name, **values))

    def mapping(self, value: Any, path: str, known: set[str]) -> dict[str, Any]:
        if not isinstance(value, dict):
            self.wrong(path, _("An object is needed here."))
            return {}
        for key in set(value) - known:
            self.wrong(f"{path}/{key}", _("Unknown field."))
        return value

    def listing(self, value: Any, path: str) -> list[Any]:
        if value is None:
            return []
        if not isinstance(value, list):
            self.wrong(path, _("A list is needed here."))
            return []
        return value


def read(
    workspace: Any, data: dict[str, Any]
) -> tuple[dict[str, Any], list[DatasetField], list[DatasetJoin]]:
    """(values of the dataset, its fields, its joined tables). Raises ValidationFailed with paths: tags/0/column."""
    kind = data.get("kind")
    table = SourceTable.objects.in_workspace(workspace).filter(name=data.get("table")).first()
    reader = Reader(joining.Source(workspace, table) if table is not None else None)
    if kind not in KNOWN:
        reader.wrong("kind", _("Choose one of %(kinds)s.") % {"kinds": ", ".join(KNOWN)})
        raise ValidationFailed(_("Some fields need another value."), errors=reader.errors)
    for key in set(data) - KNOWN[kind]:
        reader.wrong(key, _("Unknown field."))
    name = str(data.get("name") or "").strip()
    if not 1 <= len(name) <= 64:
        reader.wrong("name", _("Give a name of 1 to 64 characters."))
    if data.get("source", LAKE) != LAKE:
        reader.wrong("source", _("There is no such data source."))
    if table is None or table.state != SourceTable.State.READY:
        reader.wrong("table", _("There is no such table, or it has not been loaded."))
    description = str(data.get("description") or "").strip()
    if len(description) > 500:
        reader.wrong("description", _("Use at most %(length)d characters.") % {"length": 500})
    folder = None
    if data.get("folder"):
        folder = DatasetFolder.objects.in_workspace(workspace).filter(pk=str(data["folder"])).first()
        if folder is None:
            reader.wrong("folder", _("There is no such folder here."))
    joins = _joins(reader, workspace, data)
    if kind != Dataset.Kind.ITEM_TAGS:
        _people(reader, data)
    definition: dict[str, Any] = {}
    if kind == Dataset.Kind.USER_TAGS:
        _tags(reader, data)
    elif kind == Dataset.Kind.RFM:
        definition = _rfm(reader, data)
    elif kind == Dataset.Kind.ITEM_TAGS:
        for role in ("item_id", "item_name"):
            reader.add(reader.column(data.get(role), role), role.removesuffix("_id"))
        _tags(reader, data)
    else:
        definition = _behaviour(reader, data)
        _items(reader, workspace, data, definition)
    _check_twice(reader)
    if reader.source is not None and not reader.errors:
        for place, examples in reader.source.repeated().items():
            reader.wrong(f"joins/{place}", joining.not_unique(joins[place], examples))
    if reader.errors:
        raise ValidationFailed(_("Some fields need another value."), errors=reader.errors)
    values = {"name": name, "kind": kind, "table": table, "definition": definition}
    return {**values, "description": description, "folder": folder}, reader.fields, joins


def _joins(reader: Reader, workspace: Any, data: dict[str, Any]) -> list[DatasetJoin]:
    """The joined tables; from here on the reader knows their columns."""
    given = reader.listing(data.get("joins"), "joins")
    if len(given) > joining.MOST_TABLES:
        reader.wrong("joins", _("Join at most %(most)d tables.") % {"most": joining.MOST_TABLES})
    if reader.source is None:
        return []
    for index, item in enumerate(given[: joining.MOST_TABLES]):
        join = _join(reader, workspace, item, index)
        if join is not None:
            reader.source = joining.Source(workspace, reader.source.table, [*reader.source.joins, join])
    return reader.source.joins


def _join(reader: Reader, workspace: Any, item: Any, index: int) -> DatasetJoin | None:
    path = f"joins/{index}"
    given = reader.mapping(item, path, {"table", "type", "on"})
    kind = given.get("type", DatasetJoin.Kind.LEFT)
    if kind not in DatasetJoin.Kind.values:
        choices = ", ".join(DatasetJoin.Kind.values)
        reader.wrong(f"{path}/type", _("Choose one of %(types)s.") % {"types": choices})
    table = SourceTable.objects.in_workspace(workspace).filter(name=given.get("table")).first()
    assert reader.source is not None
    if table is None or table.state != SourceTable.State.READY:
        reader.wrong(f"{path}/table", _("There is no such table, or it has not been loaded."))
        return None
    if table in reader.source.tables:
        reader.wrong(f"{path}/table", _("This table is part of the dataset already."))
        return None
    if any(column["name"].startswith(f"{table.name}.") for column in reader.source.columns):
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
        if table.column_type(right) is None:
            reader.wrong(f"{place}/right", _("The table has no column “%(name)s”.") % {"name": right})
        on.append({"left": left, "right": right})
    return DatasetJoin(position=index, table=table, kind=kind, on=on)


def _people(reader: Reader, data: dict[str, Any]) -> None:
    known = {"column", "id_type", "encryption", "name"}
    if data.get("user_id") is None:
        reader.wrong("user_id", _("Say which column identifies people."))
    else:
        _identity(reader, reader.mapping(data["user_id"], "user_id", known), "user_id", "identifier")
    for index, item in enumerate(reader.listing(data.get("ids"), "ids")):
        _identity(reader, reader.mapping(item, f"ids/{index}", known), f"ids/{index}", "id")


def _identity(reader: Reader, given: dict[str, Any], path: str, role: str) -> None:
    column = reader.column(given.get("column"), f"{path}/column")
    id_type, encryption = given.get("id_type", ""), given.get("encryption", "plain")
    if id_type not in ID_TYPES:
        reader.wrong(f"{path}/id_type", _("Choose one of %(types)s.") % {"types": ", ".join(ID_TYPES)})
    if encryption not in ENCRYPTIONS:
        reader.wrong(f"{path}/encryption", _("Choose one of %(types)s.") % {"types": ", ".join(ENCRYPTIONS)})
    reader.add(
        column, role, id_type=str(id_type)[:16], encryption=str(encryption)[:8], name=given.get("name")
    )


def _tags(reader: Reader, data: dict[str, Any]) -> None:
    known = {"column", "name", "type", "separator", "description", "category", "pivot_enabled"}
    for index, item in enumerate(reader.listing(data.get("tags"), "tags")):
        path = f"tags/{index}"
        given = reader.mapping(item, path, known)
        column = reader.column(given.get("column"), f"{path}/column")
        kind, separator = given.get("type"), given.get("separator", "")
        if kind not in DatasetField.TagType.values:
            reader.wrong(
                f"{path}/type", _("Choose one of %(types)s.") % {"types": ", ".join(DatasetField.TagType)}
            )
        if kind == "multi" and (separator or ",") not in SEPARATORS:
            reader.wrong(f"{path}/separator", _("Choose a comma, semicolon, bar or blank."))
        if given.get("description") and len(str(given["description"])) > 500:
            reader.wrong(f"{path}/description", _("Use at most %(length)d characters.") % {"length": 500})
        if column in RESERVED:
            reader.wrong(f"{path}/column", _("This name is taken by the user identifier."))
        category = str(given.get("category") or "").strip()
        if category and (problem := categories.check_path(category)):
            reader.wrong(f"{path}/category", problem)
        reader.add(
            column,
            "tag",
            name=given.get("name"),
            tag_type=str(kind)[:8],
            separator=(separator or ",") if kind == "multi" else "",
            description=str(given.get("description") or "")[:500],
            pivot_enabled=bool(given.get("pivot_enabled", True)),
        )
        reader.fields[-1].category_path = category  # type: ignore[attr-defined]


def _behaviour(reader: Reader, data: dict[str, Any]) -> dict[str, Any]:
    definition: dict[str, Any] = {}
    reader.add(reader.column(data.get("time"), "time"), "time")
    kind = reader.mapping(data.get("type") or {}, "type", {"constant", "column"})
    if kind.get("constant"):
        definition["type_constant"] = str(kind["constant"])
    elif kind.get("column"):
        reader.add(reader.column(kind["column"], "type/column"), "type")
    elif "type" not in reader.errors:
        reader.wrong("type", _("Give a constant or a column."))
    for role in ("count", "amount", "channel"):
        if data.get(role):
            reader.add(reader.column(data[role], role), role)
    if data.get("object_key") or data.get("object_value"):
        if data.get("object_columns"):
            reader.wrong("object_columns", _("Either object columns, or attribute and value."))
        for role in ("object_key", "object_value"):
            reader.add(reader.column(data.get(role), role), role)
        if data.get("object_value_id"):
            reader.add(reader.column(data["object_value_id"], "object_value_id"), "object_value_id")
        if data.get("base_object"):
            definition["base_object"] = str(data["base_object"])
    for index, item in enumerate(reader.listing(data.get("object_columns"), "object_columns")):
        given = reader.mapping(item, f"object_columns/{index}", {"column", "name"})
        column = reader.column(given.get("column"), f"object_columns/{index}/column")
        if column in ("at", "type", "channel", "count", "amount", *RESERVED):
            reader.wrong(
                f"object_columns/{index}/column", _("Rename this column: the name has a meaning of its own.")
            )
        reader.add(column, "object", name=given.get("name"))
    return definition


def _items(reader: Reader, workspace: Any, data: dict[str, Any], definition: dict[str, Any]) -> None:
    """The item-tag dataset that describes the values of one object attribute."""
    if data.get("items") is None:
        return
    given = reader.mapping(data["items"], "items", {"dataset", "object"})
    kind = Dataset.Kind.ITEM_TAGS
    found = Dataset.objects.in_workspace(workspace).filter(pk=str(given.get("dataset", "")), kind=kind)
    if not found.exists():
        reader.wrong("items/dataset", _("There is no such item-tag dataset."))
    wanted = str(given.get("object") or "")
    if not data.get("object_key"):
        columns = {item.name: item.column for item in reader.fields if item.role == "object"}
        wanted = wanted if wanted in columns.values() else columns.get(wanted, "")
    if not wanted:
        reader.wrong("items/object", _("Name the object attribute that holds item IDs."))
    definition["items"] = {"dataset": str(given.get("dataset", "")), "object": wanted}


def _rfm(reader: Reader, data: dict[str, Any]) -> dict[str, Any]:
    """Time, amount and (of customers) count columns as fields; the model itself as JSON."""
    for role in ("time", "amount"):
        reader.add(reader.column(data.get(role), role), role)
    if data.get("input") == "customers":
        reader.add(reader.column(data.get("count"), "count"), "count")
    elif data.get("count"):
        reader.wrong(
            "count", _("Transactions are counted by row; only a table of customers has this column.")
        )
    given = {key: data[key] for key in ("input", "days", "bands", "compare") if data.get(key) is not None}
    try:
        return rfm.Model.model_validate(given).model_dump(mode="json", exclude_none=True)
    except ValidationError as error:
        for found in error.errors():
            path = "/".join(str(part) for part in found["loc"]) or "input"
            reader.wrong(path, str(found["msg"]).removeprefix("Value error, "))
        return {}


def _check_twice(reader: Reader) -> None:
    columns = [item.column for item in reader.fields if item.role in ("id", "tag", "object")]
    for column in sorted({column for column in columns if column and columns.count(column) > 1}):
        role = next(item.role for item in reversed(reader.fields) if item.column == column)
        path = {"id": "ids", "tag": "tags"}.get(role, "object_columns")
        reader.wrong(path, _("The column “%(name)s” is used twice.") % {"name": column})
    names = [item.name for item in reader.fields if item.role == "tag"]
    for name in sorted({name for name in names if names.count(name) > 1}):
        reader.wrong("tags", _("Two tags are called “%(name)s”.") % {"name": name})


def write(dataset: Dataset) -> dict[str, Any]:
    """The definition of a dataset as it was given."""
    fields = _with_categories(dataset)
    is_items = dataset.kind == Dataset.Kind.ITEM_TAGS

    def one(role: str) -> str | None:
        return next((item.column for item in fields if item.role == role), None)

    def identity(item: DatasetField) -> dict[str, Any]:
        return {
            "column": item.column,
            "id_type": item.id_type,
            "encryption": item.encryption,
            "name": item.name,
        }

    people: dict[str, Any] = {
        "user_id": next((identity(item) for item in fields if item.role == "identifier"), None),
        "ids": [identity(item) for item in fields if item.role == "id"],
    }
    found: dict[str, Any] = {
        "description": dataset.description,
        "folder": dataset.folder_id,
        "table": dataset.table.name if dataset.table else None,
        "joins": [
            {"table": join.table.name, "type": join.kind, "on": join.on} for join in joining.joins_of(dataset)
        ],
    }
    found |= {"item_id": one("item"), "item_name": one("item_name")} if is_items else people
    if is_items or dataset.kind == Dataset.Kind.USER_TAGS:
        found["tags"] = [
            {
                "column": item.column,
                "name": item.name,
                "type": item.tag_type,
                "separator": item.separator,
                "description": item.description,
                "category": item.category.path if item.category else "",
                "pivot_enabled": item.pivot_enabled,
                "lost": item.deleted,
            }
            for item in fields
            if item.role == "tag"
        ]
        return found
    if dataset.kind == Dataset.Kind.RFM:
        found.update({role: one(role) for role in ("time", "amount", "count")})
        return {**found, **dataset.definition}
    constant = dataset.definition.get("type_constant")
    found["time"] = one("time")
    found["type"] = {"constant": constant} if constant else {"column": one("type")}
    found.update({role: one(role) for role in ("count", "amount", "channel")})
    found.update({role: one(role) for role in ("object_key", "object_value", "object_value_id")})
    found["base_object"] = dataset.definition.get("base_object")
    found["items"] = dataset.definition.get("items")
    found["object_columns"] = [
        {"column": item.column, "name": item.name} for item in fields if item.role == "object"
    ]
    return found


def _with_categories(dataset: Dataset) -> list[DatasetField]:
    """The fields; without another query where a list has fetched them already."""
    if "fields" in getattr(dataset, "_prefetched_objects_cache", {}):
        return list(dataset.fields.all())
    return list(dataset.fields.select_related("category"))
