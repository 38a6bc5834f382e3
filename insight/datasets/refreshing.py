"""Computing a version of a dataset: the source table, cleaned and typed, as a new table of the lake."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import duckdb
from django.utils.translation import gettext as _

from cdp import lake
from cdp.core.errors import Conflict, DomainError, EngineError
from cdp.core.identifiers import ID_TYPES
from cdp.jobs import JobContext
from cdp.lake.names import literal, quote
from insight.datasets.models import Dataset, DatasetField
from insight.datasources.importing import cast as parse_text

USER = quote("user_unique_id")
EXAMPLES = 10


@dataclass
class Result:
    rows: int = 0
    users: int = 0
    stats: dict[str, Any] = field(default_factory=dict)


def compute(dataset: Dataset, table: str, job: JobContext) -> Result:
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
    result = _measure(dataset, live, lost, table)
    invalid = _unreadable(dataset, live, columns, source)
    result.stats["invalid"] = {item.column: count for item, count in invalid}
    result.stats["warnings"] += [_invalid_warning(item, count) for item, count in invalid]
    return result


def _unreadable(
    dataset: Dataset, fields: list[DatasetField], columns: dict[str, str], source: str
) -> list[tuple[DatasetField, int]]:
    """Per field whose values are converted: how many of the source's values did not fit and count as empty."""
    checks = []
    for item in fields:
        kind = dataset.table.column_type(item.column) if dataset.table else None
        expression = columns.get(_OUTPUT.get(item.role, item.column), "")
        may_fail = item.role in ("identifier", "id") or (
            (
                (item.tag_type == "number" or item.role in ("count", "amount"))
                and kind not in ("integer", "number")
            )
            or ((item.tag_type == "date" or item.role == "time") and kind not in ("date", "datetime"))
        )
        if expression and may_fail:
            checks.append((item, f"trim({quote(item.column)}::VARCHAR) <> '' AND ({expression}) IS NULL"))
    if not checks:
        return []
    parts = ", ".join(f"count(*) FILTER ({condition})" for _item, condition in checks)
    with lake.cursor() as handle:
        row = handle.execute(f"SELECT {parts} FROM {source}").fetchone() or ()
    return [(item, count) for (item, _condition), count in zip(checks, row, strict=True) if count]


_OUTPUT = {"identifier": "user_unique_id", "time": "at", "count": "count", "amount": "amount"}
"""The dataset's column for a role, where it is not named like the source's."""


def _invalid_warning(item: DatasetField, count: int) -> str:
    values = {"count": count, "name": item.name or item.column}
    if item.role in ("identifier", "id"):
        values["type"] = str(ID_TYPES[item.id_type].label)
        return _("%(count)d values of “%(name)s” are no valid %(type)s and count as empty.") % values
    if item.tag_type == "date" or item.role == "time":
        return _("%(count)d values of “%(name)s” could not be read as a date and count as empty.") % values
    return _("%(count)d values of “%(name)s” could not be read as a number and count as empty.") % values


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
            item.save(update_fields=["deleted"])
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
    kind = dataset.table.column_type(column) if dataset.table else None
    if kind == "date":
        return name
    if kind == "datetime":
        zone = literal(dataset.workspace.time_zone)
        described = {
            found.name: found.type for found in lake.columns(dataset.workspace, dataset.table.lake_table)
        }  # type: ignore[union-attr]
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


def _measure(dataset: Dataset, fields: list[DatasetField], lost: list[DatasetField], table: str) -> Result:
    path = lake.table_path(dataset.workspace, table)
    ids = [item.column for item in fields if item.role == "id"]
    tags = [item.column for item in fields if item.role == "tag"]
    parts = [f"count({quote(name)})" for name in [*ids, *tags]]
    parts += [f"approx_count_distinct({quote(name)})" for name in [*ids, *tags]]
    times = (
        ', min("at")::VARCHAR, max("at")::VARCHAR'
        if dataset.kind == Dataset.Kind.BEHAVIOUR
        else ", NULL, NULL"
    )
    with lake.cursor() as handle:
        row = handle.execute(
            f"SELECT count(*), count(DISTINCT {USER}){times}{''.join(', ' + part for part in parts)} FROM {path}"
        ).fetchone()
        assert row is not None and dataset.table is not None
        source_rows = handle.execute(
            f"SELECT count(*) FROM {lake.table_path(dataset.workspace, dataset.table.lake_table)}"
        ).fetchone()
    rows, users, first, last, *rest = row
    if not rows:
        lake.drop_table(dataset.workspace, table)
        raise Conflict(
            _("No row has a valid user identifier. Check the identifier's column and ID type."),
            code="no_rows",
        )
    names = [*ids, *tags]
    stats: dict[str, Any] = {
        "unique_users": dataset.kind == Dataset.Kind.USER_TAGS and rows == users,
        "first_at": first,
        "last_at": last,
        "filled": {name: rest[index] / rows for index, name in enumerate(names)},
        "distinct": {name: rest[len(names) + index] for index, name in enumerate(names)},
        "dropped": int((source_rows or (rows,))[0]) - rows,
        "lost": [item.column for item in lost],
    }
    if dataset.kind == Dataset.Kind.USER_TAGS and rows > users:
        stats["repeated"] = _repeated(dataset, fields, path)
    stats["warnings"] = _warnings(dataset, rows, users, stats)
    return Result(rows, users, stats)


def _repeated(dataset: Dataset, fields: list[DatasetField], path: str) -> list[dict[str, Any]]:
    """Identifiers that occur most often, masked: [{"value", "rows"}]."""
    identifier = next(item for item in fields if item.role == "identifier")
    with lake.cursor() as handle:
        rows = handle.execute(
            f"SELECT {USER}, count(*) AS n FROM {path} GROUP BY 1 HAVING n > 1 ORDER BY n DESC, 1 LIMIT {EXAMPLES}"
        ).fetchall()
    mask = ID_TYPES[identifier.id_type].mask
    return [{"value": mask(value), "rows": count} for value, count in rows]


def _warnings(dataset: Dataset, rows: int, users: int, stats: dict[str, Any]) -> list[str]:
    found = []
    if stats["dropped"]:
        found.append(
            _("%(count)d rows were left out: no valid user identifier or time.") % {"count": stats["dropped"]}
        )
    if dataset.kind == Dataset.Kind.USER_TAGS and rows > users:
        found.append(
            _("%(count)d rows repeat a user identifier. A user matches when any of their rows does.")
            % {"count": rows - users}
        )
    if stats["lost"]:
        found.append(
            _("Columns that the source no longer has: %(names)s.") % {"names": ", ".join(stats["lost"])}
        )
    return found
