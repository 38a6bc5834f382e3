"""Where pairs of IDs come from, as SQL: datasets with several ID columns, and tables of pairs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import duckdb
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from cdp.core.access import Access
from cdp.core.errors import Conflict, ValidationFailed
from cdp.core.identifiers import ID_TYPES
from cdp.lake.names import literal, quote
from insight.datasets import rights
from insight.datasets.models import Dataset, DatasetField
from insight.datasources.models import LAKE, SourceTable
from insight.datasources.queries import check_readable, path_of
from insight.oneid.graph import FORMS, TYPES
from insight.oneid.limits import OFF, STRONG

PAIR_COLUMNS = ("id_type_a", "id_a", "id_type_b", "id_b", "seen_at")
USER = "user_unique_id"


@dataclass(frozen=True)
class IdColumn:
    """An ID column of a dataset: its name in the lake, its type and form."""

    column: str
    id_type: str
    encryption: str


def check(access: Access, given: Any) -> list[dict[str, Any]]:
    """Sources in their stored form. Raises ValidationFailed with paths such as `sources/0/columns`."""
    if not isinstance(given, list):
        raise ValidationFailed(errors={"sources": [_("A list is needed here.")]})
    found: list[dict[str, Any]] = []
    errors: dict[str, list[str]] = {}
    for place, item in enumerate(given):
        path = f"sources/{place}"
        kind = item.get("kind") if isinstance(item, dict) else None
        if kind == "dataset":
            found.append(_check_dataset(access, item, path, errors))
        elif kind == "table":
            found.append(_check_table(access, item, path, errors))
        else:
            errors[f"{path}/kind"] = [_("Choose one of %(values)s.") % {"values": "dataset, table"}]
    if errors:
        raise ValidationFailed(errors=errors)
    return found


def _check_dataset(
    access: Access, item: dict[str, Any], path: str, errors: dict[str, list[str]]
) -> dict[str, Any]:
    dataset = datasets(access).filter(pk=str(item.get("dataset"))).first()
    if dataset is None:
        errors[f"{path}/dataset"] = [_("There is no such dataset here, or you have no right to use it.")]
        return {}
    offered = [field.column for field in id_fields(dataset)]
    columns = item.get("columns", offered)
    if not isinstance(columns, list) or not columns or any(name not in offered for name in columns):
        errors[f"{path}/columns"] = [
            _("Choose among the ID columns of the dataset: %(names)s.") % {"names": ", ".join(offered) or "–"}
        ]
        return {}
    return {"kind": "dataset", "dataset": dataset.pk, "columns": list(dict.fromkeys(columns))}


def _check_table(
    access: Access, item: dict[str, Any], path: str, errors: dict[str, list[str]]
) -> dict[str, Any]:
    name = str(item.get("table") or "")
    table = SourceTable.objects.in_workspace(access.workspace).filter(name=name).first()
    if table is None or not table.lake_table:
        errors[f"{path}/table"] = [_("There is no table “%(name)s” here.") % {"name": name}]
    elif missing := [column for column in PAIR_COLUMNS if table.column_type(column) is None]:
        errors[f"{path}/table"] = [
            _("The table lacks the columns %(names)s.") % {"names": ", ".join(missing)}
        ]
    return {"kind": "table", "table": name}


def unseen(access: Access, stored: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Stored sources whose dataset exists, and which the person may not see."""
    keys = [source["dataset"] for source in stored if source["kind"] == "dataset"]
    there = set(
        Dataset.objects.in_workspace(access.workspace).filter(pk__in=keys).values_list("pk", flat=True)
    )
    hidden = there - set(rights.visible(access).filter(pk__in=keys).values_list("pk", flat=True))
    return [source for source in stored if source.get("dataset") in hidden]


def datasets(access: Access) -> QuerySet[Dataset]:
    """Datasets that pairs can come from: those of the lake, where people are worked out."""
    return rights.visible(access).filter(source=LAKE)


def id_fields(dataset: Dataset) -> list[DatasetField]:
    """The ID columns whose values can be compared: all but encrypted ones."""
    return [
        field
        for field in dataset.fields.all()
        if field.role in ("identifier", "id")
        and not field.deleted
        and field.id_type
        and field.encryption in FORMS
    ]


def pair_tables(access: Access) -> list[SourceTable]:
    """Tables that have the columns of pairs."""
    rows = SourceTable.objects.in_workspace(access.workspace).exclude(lake_table="").order_by("name")
    return [table for table in rows if all(table.column_type(column) for column in PAIR_COLUMNS)]


def mark(access: Access, source: dict[str, Any]) -> str:
    """Changes whenever a source may say something else than before. Raises Conflict: source_missing."""
    if source["kind"] == "table":
        table = _table_of(access, source)
        check_readable([table])
        return f"{table.lake_table} {table.version}"
    dataset, columns = _dataset_of(access, source)
    forms = ", ".join(f"{item.column} {item.id_type} {item.encryption}" for item in columns)
    seen = rights.digest(rights.rows_of(access, dataset))
    return f"{dataset.lake_table} {dataset.refreshed_at} {seen} {forms}"


def write_seen(
    handle: duckdb.DuckDBPyConnection, access: Access, source: dict[str, Any], limits: dict[str, Any]
) -> dict[str, int]:
    """Make the temporary table `seen` of a source (see sightings); returns `{"pairs", "dropped"}`.

    IDs that are not valid are dropped and counted; the other one of the pair counts by itself. Raises Conflict:
    source_missing.
    """
    handle.execute(
        """CREATE OR REPLACE TEMP TABLE seen (t_a UTINYINT, e_a UTINYINT, id_a VARCHAR,
           t_b UTINYINT, e_b UTINYINT, id_b VARCHAR, seen_at TIMESTAMP)"""
    )
    dropped = 0
    if source["kind"] == "table":
        used = {key for key, value in limits["types"].items() if value["use"] != OFF}
        dropped = _read_table(handle, access, source, used)
    else:
        _read_dataset(handle, access, source, limits)
    counted = handle.execute("SELECT count(id_b) FROM seen").fetchone()
    return {"pairs": int(counted[0]) if counted else 0, "dropped": dropped}


def _gone(name: str) -> Conflict:
    return Conflict(
        _("The source “%(name)s” is gone, or whoever set up the identities may no longer use it.")
        % {"name": name},
        code="source_missing",
    )


def _table_of(access: Access, source: dict[str, Any]) -> SourceTable:
    table = SourceTable.objects.in_workspace(access.workspace).filter(name=source["table"]).first()
    if table is None or any(table.column_type(column) is None for column in PAIR_COLUMNS):
        raise _gone(source["table"])
    return table


def _read_table(
    handle: duckdb.DuckDBPyConnection, access: Access, source: dict[str, Any], used: set[str]
) -> int:
    path = path_of(_table_of(access, source))
    handle.execute(
        f"""CREATE OR REPLACE TEMP TABLE read AS
            SELECT {_type("id_type_a")} AS t_a, {_clean("id_type_a", "id_a", used)} AS id_a,
                   {_type("id_type_b")} AS t_b, {_clean("id_type_b", "id_b", used)} AS id_b,
                   (id_a IS NOT NULL) AS gave_a, (id_b IS NOT NULL) AS gave_b,
                   try_cast(seen_at AS TIMESTAMP) AS moment
            FROM {path}"""
    )
    handle.execute(
        """INSERT INTO seen
           SELECT CASE WHEN id_a IS NULL THEN t_b ELSE t_a END, 0, coalesce(id_a, id_b),
                  t_b, 0, CASE WHEN id_a IS NOT NULL THEN id_b END, moment
           FROM read WHERE id_a IS NOT NULL OR id_b IS NOT NULL"""
    )
    bad = handle.execute(
        """SELECT count(*) FILTER (gave_a AND id_a IS NULL) + count(*) FILTER (gave_b AND id_b IS NULL) FROM read"""
    ).fetchone()
    handle.execute("DROP TABLE read")
    return int(bad[0]) if bad else 0


def _type(column: str) -> str:
    cases = " ".join(f"WHEN {literal(key)} THEN {place}" for place, key in enumerate(TYPES))
    return f"(CASE {column} {cases} END)::UTINYINT"


def _clean(kind: str, column: str, used: set[str]) -> str:
    cases = " ".join(
        f"WHEN {literal(key)} THEN {ID_TYPES[key].sql_normalise(f'{column}::VARCHAR')}"
        for key in TYPES
        if key in used
    )
    return f"CASE {kind} {cases} END" if cases else "NULL::VARCHAR"


def _dataset_of(access: Access, source: dict[str, Any]) -> tuple[Dataset, list[IdColumn]]:
    """The dataset and those of its ID columns that are read."""
    dataset = datasets(access).filter(pk=source["dataset"]).first()
    if dataset is None or not dataset.version:
        raise _gone(source["dataset"])
    fields = {field.column: field for field in id_fields(dataset)}
    if any(column not in fields for column in source["columns"]):
        raise _gone(dataset.name)
    return dataset, [_column(fields[name]) for name in source["columns"]]


def _read_dataset(
    handle: duckdb.DuckDBPyConnection, access: Access, source: dict[str, Any], limits: dict[str, Any]
) -> None:
    dataset, chosen = _dataset_of(access, source)
    moment = "NULL::TIMESTAMP"
    if dataset.refreshed_at:
        moment = f"TIMESTAMP '{dataset.refreshed_at:%Y-%m-%d %H:%M:%S}'"
    if dataset.kind == Dataset.Kind.BEHAVIOUR:
        moment = "date_trunc('day', \"at\")"
    seen = rights.lake_rows(access, dataset)
    for form in FORMS:
        columns = [item for item in chosen if item.encryption == form]
        columns = [item for item in columns if limits["types"][item.id_type]["use"] != OFF]
        # A strong ID in the middle: weak ones alone would lead from it to the others otherwise.
        columns.sort(key=lambda item: limits["types"][item.id_type]["use"] != STRONG)
        if columns:
            listed = ", ".join(quote(item.column) for item in columns)
            rows = f"(SELECT DISTINCT {listed}, {moment} AS moment FROM {seen})"
            handle.execute(f"INSERT INTO seen {_star(columns, rows)}")


def _column(field: DatasetField) -> IdColumn:
    name = USER if field.role == DatasetField.Role.IDENTIFIER else field.column
    return IdColumn(name, field.id_type, field.encryption)


def _star(columns: list[IdColumn], rows: str) -> str:
    """Pairs of the first ID that a row has with each of the others, and that ID by itself."""
    form = FORMS.index(columns[0].encryption)  # type: ignore[arg-type]
    names = [quote(item.column) for item in columns]
    codes = [TYPES.index(item.id_type) for item in columns]
    types = " ".join(f"WHEN {name} IS NOT NULL THEN {code}" for name, code in zip(names, codes, strict=True))
    first = f"(CASE {types} END)::UTINYINT, {form}, coalesce({', '.join(names)})"
    parts = [
        f"SELECT {first}, NULL, NULL, NULL, moment FROM {rows} WHERE coalesce({', '.join(names)}) IS NOT NULL"
    ]
    for place in range(1, len(names)):
        before = f"coalesce({', '.join(names[:place])})"
        parts.append(
            f"SELECT {first}, {codes[place]}, {form}, {names[place]}, moment FROM {rows} "
            f"WHERE {names[place]} IS NOT NULL AND {before} IS NOT NULL"
        )
    return " UNION ALL ".join(parts)
