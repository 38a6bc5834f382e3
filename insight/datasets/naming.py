"""Names of values: dimension tables say what the codes in a column are called.

A refresh copies the names of all bound columns beside the version, so pickers, charts and summaries show those of the
version that they read.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import duckdb
import ibis
from django.db.models import prefetch_related_objects

from cdp import lake
from cdp.core.errors import NotFound
from cdp.lake.names import literal, quote
from cdp.warehouse import get_engine
from insight.datasets.cleaning import text_of
from insight.datasets.models import Dataset, DatasetDimension, DatasetField
from insight.datasources.models import LAKE
from insight.datasources.queries import path_of

OBJECT = "object"
"""The place of object attributes in the attribute-and-value form."""
MOST = 1000


def places(dataset: Dataset) -> dict[str, str]:
    """Where values can have names, with what people call it: {place: label}."""
    return places_of(dataset.kind, list(dataset.fields.all()))


def places_of(kind: str, fields: list[DatasetField]) -> dict[str, str]:
    if kind == Dataset.Kind.BEHAVIOUR:
        found = {
            item.role: str(item.get_role_display()) for item in fields if item.role in ("type", "channel")
        }
        if any(item.role == "object_key" for item in fields):
            return {**found, OBJECT: str(DatasetField.Role.OBJECT_VALUE.label)}
        return found | {item.column: item.name for item in fields if item.role == "object"}
    named = ("enum", "text", "multi")
    return {item.column: item.name for item in fields if item.role == "tag" and item.tag_type in named}


def table_of(version: str) -> str:
    """The lake table of names beside a version's table; it goes with the lists of values."""
    return f"{version}_values_names"


def write(dataset: Dataset, version: str) -> list[str]:
    """Copy the names for a version's table; names of the dimension tables that are gone or lack a column."""
    parts, missing = [], []
    for row in dataset.dimensions.select_related("table"):
        needed = {row.key, row.label, *([row.attribute_column] if row.attribute_column else [])}
        try:
            present = {column.name for column in lake.columns(dataset.workspace, row.table.lake_table)}
        except duckdb.CatalogException:
            present = set()
        if not needed <= present:
            missing.append(row.table.name)
            continue
        attribute = text_of(quote(row.attribute_column)) if row.attribute_column else literal(row.attribute)
        path = path_of(row.table)
        parts.append(
            f"SELECT {literal(row.place)} AS place, {attribute} AS attribute, {text_of(quote(row.key))} AS value, "
            f"min({text_of(quote(row.label))}) AS label FROM {path} "
            f"WHERE {quote(row.key)} IS NOT NULL AND {quote(row.label)} IS NOT NULL GROUP BY ALL"
        )
    if dataset.source != LAKE:
        return missing
    target = lake.table_path(dataset.workspace, table_of(version))
    with lake.transaction() as handle:
        handle.execute(f"DROP TABLE IF EXISTS {target}")
        if parts:
            handle.execute(f"CREATE TABLE {target} AS {' UNION ALL '.join(parts)}")
    return missing


def names(dataset: Dataset, place: str, attribute: str = "") -> ibis.Table | None:
    """The names of a column's values in the current version: (value, label); None where it has none."""
    if not dataset.stats.get("named", False) or not _bound(dataset, place, attribute):
        return None
    try:
        table = get_engine().table(dataset.workspace, table_of(dataset.lake_table))
    except NotFound:
        return None
    found = table.filter(table["place"] == place, table["attribute"] == attribute)
    return found.group_by("value").aggregate(label=found["label"].min())


def _bound(dataset: Dataset, place: str, attribute: str) -> bool:
    # Charts ask for many columns of one dataset.
    prefetch_related_objects([dataset], "dimensions")
    return any(
        row.place == place and (row.attribute_column or row.attribute == attribute)
        for row in dataset.dimensions.all()
    )


def labels(dataset: Dataset, place: str, values: Iterable[Any], attribute: str = "") -> dict[str, str]:
    """What some values are called; those without a name are left out."""
    table = names(dataset, place, attribute)
    wanted = [str(value) for value in values][:MOST]
    if table is None or not wanted:
        return {}
    rows = get_engine().execute(table.filter(table["value"].isin(wanted))).to_pylist()
    return {row["value"]: row["label"] for row in rows}


def of_field(dataset: Dataset, row: DatasetDimension) -> str:
    """What people call the column that a dimension table names."""
    label = places(dataset).get(row.place, row.place)
    return f"{label}: {row.attribute}" if row.attribute else label
