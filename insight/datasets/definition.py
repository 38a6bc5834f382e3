"""Reading the definition of a dataset as the API and the wizard give it; every error has its path."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from pydantic import ValidationError

from cdp.core.errors import ValidationFailed
from cdp.core.identifiers import ENCRYPTIONS, ID_TYPES
from insight.datasets import categories, definition_tables, joining, kinds, rfm
from insight.datasets.models import (
    JSON,
    MANY,
    ONE,
    TAG_KINDS,
    Dataset,
    DatasetDimension,
    DatasetField,
    DatasetFolder,
    DatasetJoin,
)
from insight.datasets.reading import Reader

TOP = {
    "name",
    "kind",
    "source",
    "table",
    "joins",
    "dimensions",
    "user_id",
    "ids",
    "fix_prefix",
    "refresh",
    "folder",
    "description",
}
KNOWN = {
    "user_tags": TOP | {"tags", "rows_per_user"},
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
    "item_tags": TOP - {"user_id", "ids", "fix_prefix"} | {"item_id", "item_name", "tags"},
    "rfm": TOP | {"input", "days", "time", "amount", "count", "bands", "compare"},
}
SEPARATORS = (",", ";", "|", " ", "、", JSON)
RESERVED = {"user_unique_id", "item_id", "item_name"}


def read(
    workspace: Any, data: dict[str, Any]
) -> tuple[dict[str, Any], list[DatasetField], list[DatasetJoin], list[DatasetDimension]]:
    """(values of the dataset, its fields, its joined tables, the tables that name its values).

    Raises ValidationFailed with paths such as tags/0/column.
    """
    kind = data.get("kind")
    reader = Reader(None)
    if kind not in KNOWN:
        reader.wrong(
            "kind", _("Choose one of %(kinds)s.") % {"kinds": ", ".join([*KNOWN, *kinds.KINDS.keys()])}
        )
        raise ValidationFailed(_("Some fields need another value."), errors=reader.errors)
    for key in set(data) - KNOWN[kind]:
        reader.wrong(key, _("Unknown field."))
    values = common(reader, workspace, data)
    place = definition_tables.source(reader, workspace, data)
    joins = definition_tables.joins(reader, workspace, data)
    if kind != Dataset.Kind.ITEM_TAGS:
        _people(reader, data)
    definition: dict[str, Any] = {}
    if kind == Dataset.Kind.USER_TAGS:
        _tags(reader, data)
        definition = {"rows_per_user": data.get("rows_per_user", ONE)}
        if definition["rows_per_user"] not in (ONE, MANY):
            reader.wrong("rows_per_user", _("Choose one of %(values)s.") % {"values": f"{ONE}, {MANY}"})
    elif kind == Dataset.Kind.RFM:
        definition = _rfm(reader, data)
    elif kind == Dataset.Kind.ITEM_TAGS:
        for role in ("item_id", "item_name"):
            reader.add(reader.column(data.get(role), role), role.removesuffix("_id"))
        _tags(reader, data)
    else:
        definition = _behaviour(reader, data)
        definition_tables.items(reader, workspace, data, definition)
    _check_twice(reader)
    dimensions = definition_tables.dimensions(reader, workspace, kind, data)
    if reader.source is not None and not reader.errors:
        for place, examples in reader.source.repeated().items():
            reader.wrong(f"joins/{place}", joining.not_unique(joins[place], examples))
    if reader.errors:
        raise ValidationFailed(_("Some fields need another value."), errors=reader.errors)
    values |= {"kind": kind, "definition": definition, **place, "fix_prefix": bool(data.get("fix_prefix"))}
    return values, reader.fields, joins, dimensions


def common(reader: Reader, workspace: Any, data: dict[str, Any]) -> dict[str, Any]:
    """Name, description and folder, which all kinds have; what is wrong goes to the reader."""
    name = str(data.get("name") or "").strip()
    if not 1 <= len(name) <= 64:
        reader.wrong("name", _("Give a name of 1 to 64 characters."))
    description = str(data.get("description") or "").strip()
    if len(description) > 500:
        reader.wrong("description", _("Use at most %(length)d characters.") % {"length": 500})
    folder = None
    if data.get("folder"):
        folder = DatasetFolder.objects.in_workspace(workspace).filter(pk=str(data["folder"])).first()
        if folder is None:
            reader.wrong("folder", _("There is no such folder here."))
    return {"name": name, "description": description, "folder": folder}


def _people(reader: Reader, data: dict[str, Any]) -> None:
    known = {"column", "id_type", "encryption", "name"}
    if data.get("user_id") is None:
        reader.wrong("user_id", _("Say which column identifies people."))
    else:
        _identity(reader, reader.mapping(data["user_id"], "user_id", known), "user_id", "identifier")
    if not isinstance(data.get("fix_prefix"), bool | None):
        reader.wrong("fix_prefix", _("Say true or false."))
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
            reader.wrong(f"{path}/separator", _("Choose a comma, semicolon, bar or blank, or JSON."))
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


def _rfm(reader: Reader, data: dict[str, Any]) -> dict[str, Any]:
    """Time, amount and (of customers) count columns as fields; the model itself as JSON."""
    for index, item in enumerate(item for item in reader.fields if item.role == "id"):
        if item.column in rfm.COLUMNS:
            reader.wrong(f"ids/{index}/column", _("Rename this column: the name has a meaning of its own."))
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
    support = kinds.of(dataset.kind)
    if support is not None:
        return support.write(dataset)
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
        "fix_prefix": dataset.fix_prefix,
    }
    found: dict[str, Any] = {
        "description": dataset.description,
        "folder": dataset.folder_id,
        "source": dataset.source,
        "table": dataset.table_name or None,
        "dimensions": [
            {
                "place": row.place,
                "table": row.table.name,
                "key": row.key,
                "label": row.label,
                "attribute": row.attribute,
                "attribute_column": row.attribute_column,
            }
            for row in dataset.dimensions.all()
        ],
        "joins": [
            {
                "table": join.table_name,
                "type": join.kind,
                "on": join.on,
                **({"name": join.name} if join.name != join.table_name else {}),
            }
            for join in joining.joins_of(dataset)
        ],
    }
    found |= {"item_id": one("item"), "item_name": one("item_name")} if is_items else people
    if is_items or dataset.kind in TAG_KINDS:
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
        return {**found, **dataset.definition} if dataset.kind == Dataset.Kind.USER_TAGS else found
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
