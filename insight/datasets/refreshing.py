"""Computing a version of a dataset: the source table, cleaned and typed, as a new table of the lake."""

from __future__ import annotations

from typing import Any

import duckdb
from django.utils.translation import gettext as _

from cdp import lake
from cdp.core import timezones
from cdp.core.errors import Conflict, DomainError, EngineError
from cdp.core.identifiers import ID_TYPES
from cdp.jobs import JobContext
from cdp.lake.names import literal, quote
from insight.datasets import rfm
from insight.datasets.measuring import USER, Measured, measure
from insight.datasets.models import Dataset, DatasetField
from insight.datasources.importing import cast as parse_text


def compute(dataset: Dataset, table: str, job: JobContext) -> Measured:
    """Write `table` from the dataset's source. Raises table_missing, column_missing, no_rows."""
    fields = list(dataset.fields.all())
    lost = _mark_lost(dataset, fields)
    live = [item for item in fields if not item.deleted]
    needed = {item.role for item in fields if item.role not in ("tag", "id", "object")}
    missing = [item.column for item in lost if item.role in needed]
    if missing:
        raise Conflict(
            _("The source table no longer has these columns: %(names)s.") % {"names": ", ".join(missing)},
            code="column_missing",
        )
    assert dataset.table is not None
    source = lake.table_path(dataset.workspace, dataset.table.lake_table)
    if dataset.kind == Dataset.Kind.RFM:
        return _compute_rfm(dataset, live, lost, source, table, job)
    if dataset.kind == Dataset.Kind.USER_TAGS:
        columns, order, partition = _tag_columns(dataset, live), "", ""
    else:
        columns = _behaviour_columns(dataset, live)
        order = f' ORDER BY "type", {USER}'
        partition = 'year("at"), month("at")'
    selected = ", ".join(f"{expression} AS {quote(name)}" for name, expression in columns.items())
    query = f"SELECT * FROM (SELECT {selected} FROM {source}) WHERE {USER} IS NOT NULL"
    if dataset.kind == Dataset.Kind.BEHAVIOUR:
        query += ' AND "at" IS NOT NULL'
    target = lake.table_path(dataset.workspace, table)
    job.phase(_("Writing"), progress=20)
    try:
        with lake.transaction() as handle:
            handle.execute(f"DROP TABLE IF EXISTS {target}")
            if partition:
                handle.execute(f"CREATE TABLE {target} AS FROM ({query}) LIMIT 0")
                handle.execute(f"ALTER TABLE {target} SET PARTITIONED BY ({partition})")
                handle.execute(f"INSERT INTO {target} FROM ({query}){order}")
            else:
                handle.execute(f"CREATE TABLE {target} AS {query}{order}")
    except duckdb.CatalogException as error:
        raise Conflict(_("The source table is no longer there."), code="table_missing") from error
    except duckdb.Error as error:
        raise EngineError(_("The data engine could not compute the dataset."), reason=str(error)) from error
    job.phase(_("Counting"), progress=75)
    return measure(dataset, live, lost, table, columns)


def _compute_rfm(
    dataset: Dataset,
    fields: list[DatasetField],
    lost: list[DatasetField],
    source: str,
    table: str,
    job: JobContext,
) -> Measured:
    """An RFM model's version: one row per customer with scores and group."""
    job.phase(_("Scoring customers"), progress=20)
    roles = {item.role: item for item in fields}
    columns = {
        "user": _identifier(roles["identifier"]),
        "time": _moment(dataset, roles["time"].column),
        "amount": _measure_column(roles["amount"]),
        "count": _measure_column(roles.get("count")),
        **{item.column: _identifier(item) for item in fields if item.role == "id"},
    }
    try:
        stats = rfm.compute(
            dataset.workspace,
            rfm.Model.model_validate(dataset.definition),
            source=source,
            columns=columns,
            ids=[item.column for item in fields if item.role == "id"],
            table=table,
            today=timezones.today(dataset.workspace),
        )
    except duckdb.Error as error:
        raise EngineError(_("The data engine could not compute the dataset."), reason=str(error)) from error
    if not stats["users"]:
        lake.drop_table(dataset.workspace, table)
        raise Conflict(
            _("No row has a valid user identifier, a time and an amount within the period."), code="no_rows"
        )
    warnings: list[dict[str, Any]] = []
    if stats["excluded"]:
        warnings.append({"code": "excluded", "count": stats["excluded"]})
    if lost:
        warnings.append({"code": "lost_columns", "names": [item.column for item in lost]})
    found = {"unique_users": True, "filled": {}, "distinct": {}, "invalid": {}, "warnings": warnings}
    return Measured(stats["users"], stats["users"], {**found, "rfm": stats})


def _mark_lost(dataset: Dataset, fields: list[DatasetField]) -> list[DatasetField]:
    """Fields whose column has disappeared; a column that came back is live again."""
    if dataset.table is None or not dataset.table.lake_table:
        raise DomainError(_("The source table is no longer there."), code="table_missing", status=409)
    try:
        present = {column.name for column in lake.columns(dataset.workspace, dataset.table.lake_table)}
    except duckdb.CatalogException as error:
        raise Conflict(_("The source table is no longer there."), code="table_missing") from error
    lost = []
    for item in fields:
        gone = not item.column.startswith("=") and item.column not in present
        if gone != item.deleted:
            item.deleted = gone
            DatasetField.objects.filter(pk=item.pk).update(deleted=gone)
        if gone:
            lost.append(item)
    return lost


def as_text(column: str) -> str:
    """Any column as text: whole numbers without decimals, so that 123.0 and 123 are the same identifier."""
    name = quote(column)
    number = f"TRY_CAST({name} AS DOUBLE)"
    return (
        f"CASE WHEN regexp_matches(typeof({name}), 'DOUBLE|FLOAT|DECIMAL') AND {number} = trunc({number}) "
        f"AND abs({number}) < 9e15 THEN {number}::BIGINT::VARCHAR ELSE {name}::VARCHAR END"
    )


def _identifier(item: DatasetField) -> str:
    kind = ID_TYPES[item.id_type]
    return kind.sql_normalise(as_text(item.column), encryption=item.encryption)  # type: ignore[arg-type]


def _clean_text(column: str) -> str:
    return f"nullif(nfc_normalize({quote(column)}::VARCHAR), '')"


def _tag_columns(dataset: Dataset, fields: list[DatasetField]) -> dict[str, str]:
    columns: dict[str, str] = {}
    for item in fields:
        if item.role == "identifier":
            columns = {"user_unique_id": _identifier(item), **columns}
        elif item.role == "id":
            columns[item.column] = _identifier(item)
        else:
            columns[item.column] = _tag(dataset, item)
    return columns


def _tag(dataset: Dataset, item: DatasetField) -> str:
    name = quote(item.column)
    if item.tag_type in ("enum", "text"):
        return f"nullif(nfc_normalize({as_text(item.column)}), '')"
    if item.tag_type == "multi":
        parts = f"string_split(nfc_normalize({name}::VARCHAR), {literal(item.separator or ',')})"
        clean = f"list_distinct(list_filter(list_transform({parts}, lambda x: trim(x)), lambda x: x <> ''))"
        return f"CASE WHEN len({clean}) > 0 THEN list_sort({clean}) END"
    kind = dataset.table.column_type(item.column) if dataset.table else None
    if item.tag_type == "number":
        value = name if kind in ("integer", "number") else f"try_cast(trim({name}::VARCHAR) AS DOUBLE)"
        return f"CASE WHEN NOT isnan({value}::DOUBLE) THEN {value} END"
    return _moment(dataset, item.column)


def _moment(dataset: Dataset, column: str) -> str:
    """A date or local time: times with a zone move to the workspace's zone; text and digits (20260131) are read."""
    name = quote(column)
    table = dataset.table
    kind = table.column_type(column) if table else None
    if kind == "date":
        return name
    if table is not None and kind == "datetime":
        zone = literal(dataset.workspace.time_zone)
        described = {found.name: found.type for found in lake.columns(dataset.workspace, table.lake_table)}
        zoned = "WITH TIME ZONE" in described.get(column, "")
        return f"({name} AT TIME ZONE {zone})" if zoned else f"{name}::TIMESTAMP"
    return parse_text(column, "datetime").replace(name, as_text(column))


def _behaviour_columns(dataset: Dataset, fields: list[DatasetField]) -> dict[str, str]:
    by_role = {item.role: item for item in fields}
    constant = dataset.definition.get("type_constant")
    columns = {
        "user_unique_id": _identifier(by_role["identifier"]),
        "at": f"({_moment(dataset, by_role['time'].column)})::TIMESTAMP",
        "type": literal(constant) if constant else _clean_text(by_role["type"].column),
        "channel": _clean_text(by_role["channel"].column) if "channel" in by_role else "NULL::VARCHAR",
        "count": _measure_column(by_role.get("count")),
        "amount": _measure_column(by_role.get("amount")),
    }
    if "object_key" in by_role:
        columns["object_key"] = _clean_text(by_role["object_key"].column)
        columns["object_value"] = _clean_text(by_role["object_value"].column)
    for item in fields:
        if item.role == "object":
            columns[item.column] = f"nullif(nfc_normalize({as_text(item.column)}), '')"
        elif item.role == "id":
            columns[item.column] = _identifier(item)
    return columns


def _measure_column(item: DatasetField | None) -> str:
    if item is None:
        return "NULL::DOUBLE"
    value = f"try_cast({quote(item.column)}::VARCHAR AS DOUBLE)"
    return f"CASE WHEN NOT isnan({value}) THEN {value} END"
