"""Computing a version of a dataset: the source table, cleaned and typed, as a new table of the lake."""

from __future__ import annotations

from typing import Any

import duckdb
from django.utils.translation import gettext as _

from cdp import lake
from cdp.core import timezones
from cdp.core.errors import Conflict, EngineError
from cdp.core.identifiers import ID_TYPES
from cdp.jobs import JobContext
from cdp.lake.names import literal, quote
from cdp.warehouse import failures
from insight.datasets import rfm
from insight.datasets.joining import Source, not_unique, source_of, text_of
from insight.datasets.measuring import EXAMPLES, KEYS, USER, Measured, measure, unmatched
from insight.datasets.models import JSON, Dataset, DatasetField
from insight.datasources.importing import cast as parse_text


def compute(dataset: Dataset, table: str, job: JobContext) -> Measured:
    """Write `table` from the dataset's source. Raises table_missing, column_missing, no_rows."""
    fields = list(dataset.fields.all())
    source = source_of(dataset)
    lost = _mark_lost(source, fields)
    live = [item for item in fields if not item.deleted]
    needed = {item.role for item in fields if item.role not in ("tag", "id", "object")}
    missing = [*(item.column for item in lost if item.role in needed), *source.missing_keys]
    if missing:
        raise Conflict(
            _("The source table no longer has these columns: %(names)s.") % {"names": ", ".join(missing)},
            code="column_missing",
        )
    _check_unique(source)
    if dataset.kind == Dataset.Kind.RFM:
        return _compute_rfm(dataset, live, lost, source, table, job)
    key = KEYS.get(dataset.kind, USER)
    if dataset.kind == Dataset.Kind.USER_TAGS:
        columns, order, partition = _tag_columns(source, live), "", ""
    elif dataset.kind == Dataset.Kind.ITEM_TAGS:
        columns, order, partition = _item_columns(source, live), f" ORDER BY {key}", ""
    else:
        columns = _behaviour_columns(dataset, source, live)
        order = f' ORDER BY "type", {USER}'
        partition = 'year("at"), month("at")'
    selected = ", ".join(f"{expression} AS {quote(name)}" for name, expression in columns.items())
    query = f"SELECT * FROM (SELECT {selected} FROM {source.relation}) WHERE {key} IS NOT NULL"
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
    except (duckdb.TransactionException, duckdb.IOException) as error:
        raise failures.busy(error) from error
    except duckdb.Error as error:
        raise EngineError(_("The data engine could not compute the dataset."), reason=str(error)) from error
    job.phase(_("Counting"), progress=75)
    if dataset.kind == Dataset.Kind.ITEM_TAGS:
        _check_items(target)
    return measure(dataset, source, live, lost, table, columns)


def _compute_rfm(
    dataset: Dataset,
    fields: list[DatasetField],
    lost: list[DatasetField],
    source: Source,
    table: str,
    job: JobContext,
) -> Measured:
    """An RFM model's version: one row per customer with scores and group."""
    job.phase(_("Scoring customers"), progress=20)
    roles = {item.role: item for item in fields}
    columns = {
        "user": _identifier(roles["identifier"]),
        "time": _moment(source, roles["time"].column),
        "amount": _measure_column(roles["amount"]),
        "count": _measure_column(roles.get("count")),
        **{item.column: _identifier(item) for item in fields if item.role == "id"},
    }
    try:
        stats = rfm.compute(
            dataset.workspace,
            rfm.Model.model_validate(dataset.definition),
            source=source.relation,
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
    joins = source.matches()
    warnings += unmatched(joins)
    found = {"unique_users": True, "filled": {}, "distinct": {}, "invalid": {}, "warnings": warnings}
    found["joins"] = joins
    return Measured(stats["users"], stats["users"], {**found, "rfm": stats})


def _check_unique(source: Source) -> None:
    """Raises Conflict where a joined table has several rows for one key."""
    for place, examples in source.repeated().items():
        raise Conflict(not_unique(source.joins[place], examples), code="join_not_unique")


def _mark_lost(source: Source, fields: list[DatasetField]) -> list[DatasetField]:
    """Fields whose column has disappeared; a column that came back is live again."""
    present = source.physical
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
    """A column as text (see `text_of`)."""
    return text_of(quote(column))


def _identifier(item: DatasetField) -> str:
    kind = ID_TYPES[item.id_type]
    return kind.sql_normalise(as_text(item.column), encryption=item.encryption)  # type: ignore[arg-type]


def _clean_text(column: str) -> str:
    return f"nullif(nfc_normalize({quote(column)}::VARCHAR), '')"


def _tag_columns(source: Source, fields: list[DatasetField]) -> dict[str, str]:
    columns: dict[str, str] = {}
    for item in fields:
        if item.role == "identifier":
            columns = {"user_unique_id": _identifier(item), **columns}
        elif item.role == "id":
            columns[item.column] = _identifier(item)
        else:
            columns[item.column] = _tag(source, item)
    return columns


def _item_columns(source: Source, fields: list[DatasetField]) -> dict[str, str]:
    names = {"item": "item_id", "item_name": "item_name"}
    return {
        names.get(item.role, item.column): _tag(source, item)
        if item.role == "tag"
        else f"nullif(trim(nfc_normalize({as_text(item.column)})), '')"
        for item in sorted(fields, key=lambda item: item.role == "tag")
    }


def _check_items(path: str) -> None:
    """Raises Conflict with examples where several rows describe one item."""
    with lake.cursor() as handle:
        rows = handle.execute(
            f"SELECT item_id, count(*) AS n FROM {path} GROUP BY 1 HAVING n > 1 ORDER BY n DESC, 1 LIMIT {EXAMPLES}"
        ).fetchall()
    if rows:
        raise Conflict(
            _("Several rows have the same item ID: %(examples)s.")
            % {"examples": ", ".join(f"{item} ({count})" for item, count in rows)},
            code="item_not_unique",
        )


def _tag(source: Source, item: DatasetField) -> str:
    name = quote(item.column)
    if item.tag_type in ("enum", "text"):
        return f"nullif(nfc_normalize({as_text(item.column)}), '')"
    if item.tag_type == "multi":
        parts = _parts(f"nfc_normalize({name}::VARCHAR)", item.separator or ",")
        clean = f"list_distinct(list_filter(list_transform({parts}, lambda x: trim(x)), lambda x: x <> ''))"
        return f"CASE WHEN len({clean}) > 0 THEN list_sort({clean}) END"
    kind = source.column_type(item.column)
    if item.tag_type == "number":
        value = name if kind in ("integer", "number") else f"try_cast(trim({name}::VARCHAR) AS DOUBLE)"
        return f"CASE WHEN NOT isnan({value}::DOUBLE) THEN {value} END"
    return _moment(source, item.column)


def _parts(value: str, separator: str) -> str:
    """The parts of a text as a list; what is no JSON array where one is expected has none."""
    if separator == JSON:
        holds = f"json_type(try_cast({value} AS JSON)) = 'ARRAY'"
        return f"""CASE WHEN {holds} THEN from_json({value}, '["VARCHAR"]') END"""
    return f"string_split({value}, {literal(separator)})"


def _moment(source: Source, column: str) -> str:
    """A date or local time: times with a zone move to the workspace's zone; text and digits (20260131) are read."""
    name = quote(column)
    kind = source.column_type(column)
    if kind == "date":
        return name
    if kind == "datetime":
        zone = literal(source.workspace.time_zone)
        zoned = "WITH TIME ZONE" in source.physical.get(column, "")
        return f"({name} AT TIME ZONE {zone})" if zoned else f"{name}::TIMESTAMP"
    return parse_text(column, "datetime").replace(name, as_text(column))


def _behaviour_columns(dataset: Dataset, source: Source, fields: list[DatasetField]) -> dict[str, str]:
    by_role = {item.role: item for item in fields}
    constant = dataset.definition.get("type_constant")
    columns = {
        "user_unique_id": _identifier(by_role["identifier"]),
        "at": f"({_moment(source, by_role['time'].column)})::TIMESTAMP",
        "type": literal(constant) if constant else _clean_text(by_role["type"].column),
        "channel": _clean_text(by_role["channel"].column) if "channel" in by_role else "NULL::VARCHAR",
        "count": _measure_column(by_role.get("count")),
        "amount": _measure_column(by_role.get("amount")),
    }
    if "object_key" in by_role:
        columns["object_key"] = _clean_text(by_role["object_key"].column)
        columns["object_value"] = _clean_text(by_role["object_value"].column)
        if "object_value_id" in by_role:
            name = by_role["object_value_id"].column
            columns["object_value_id"] = f"nullif(trim(nfc_normalize({as_text(name)})), '')"
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
