"""Computing a version of a dataset: the source table, cleaned and typed, as a new table of the engine it lies in."""

from __future__ import annotations

from django.utils.translation import gettext as _

from cdp.core import timezones
from cdp.core.errors import Conflict, NotFound
from cdp.jobs import JobContext
from cdp.lake.names import literal, quote
from cdp.warehouse import Engine, get_engine
from insight.datasets import rfm
from insight.datasets.cleaning import NUMBER
from insight.datasets.joining import Source, is_moment, not_unique, source_of
from insight.datasets.measuring import EXAMPLES, KEYS, USER, Measured, measure, measure_model
from insight.datasets.models import Dataset, DatasetField
from insight.datasources.queries import check_readable


def compute(dataset: Dataset, table: str, job: JobContext) -> Measured:
    """Write `table` from the dataset's source.

    Raises no_grant, grant_changed, table_missing, column_missing, no_rows.
    """
    check_readable(dataset.tables)
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
    sort: tuple[str, ...] = ()
    partition: tuple[str, ...] = ()
    if dataset.kind == Dataset.Kind.USER_TAGS:
        columns = _tag_columns(source, live)
    elif dataset.kind == Dataset.Kind.ITEM_TAGS:
        columns, sort = _item_columns(source, live), ("item_id",)
    else:
        columns = _behaviour_columns(dataset, source, live)
        sort, partition = ("type", "user_unique_id"), ('year("at")', 'month("at")')
    selected = ", ".join(f"{expression} AS {quote(name)}" for name, expression in columns.items())
    query = f"SELECT * FROM (SELECT {selected} FROM {source.relation}) made WHERE {key} IS NOT NULL"
    if dataset.kind == Dataset.Kind.BEHAVIOUR:
        query += ' AND "at" IS NOT NULL'
    engine = get_engine(dataset.source)
    job.phase(_("Writing"), progress=20)
    try:
        engine.create_table_as(dataset.workspace, table, query, sort=sort, partition=partition)
    except NotFound as error:
        if error.code != "table_missing":
            raise
        raise Conflict(_("The source table is no longer there."), code="table_missing") from error
    job.phase(_("Counting"), progress=75)
    if dataset.kind == Dataset.Kind.ITEM_TAGS:
        _check_items(engine, engine.path(dataset.workspace, table))
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
    engine = get_engine(dataset.source)
    stats = rfm.compute(
        engine,
        dataset.workspace,
        rfm.Model.model_validate(dataset.definition),
        source=source.relation,
        columns=rfm_columns(source, fields),
        ids={item.column: source.identifier(item) for item in fields if item.role == "id"},
        table=table,
        today=timezones.today(dataset.workspace),
    )
    if not stats["users"]:
        engine.drop(dataset.workspace, table)
        raise Conflict(
            _("No row has a valid user identifier, a time and an amount within the period."), code="no_rows"
        )
    found = measure_model(source, fields, engine.path(dataset.workspace, table), stats["users"])
    if lost:
        found["warnings"].insert(0, {"code": "lost_columns", "names": [item.column for item in lost]})
    if stats["excluded"]:
        found["warnings"].insert(0, {"code": "excluded", "count": stats["excluded"]})
    return Measured(stats["users"], stats["users"], {**found, "rfm": stats})


def rfm_columns(source: Source, fields: list[DatasetField]) -> dict[str, str]:
    """What an RFM model reads, as expressions over its source."""
    roles = {item.role: item for item in fields}
    return {
        "key": quote(roles["identifier"].column),
        "user": source.identifier(roles["identifier"]),
        "time": _moment(source, roles["time"].column),
        "amount": _measure_column(source, roles["amount"]),
        "count": _measure_column(source, roles.get("count")),
    }


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


def _text(source: Source, column: str) -> str:
    """A column as text, in the Unicode form NFC."""
    return source.clean.composed(source.clean.text(column, source.column_type(column) or ""))


def _tag_columns(source: Source, fields: list[DatasetField]) -> dict[str, str]:
    columns: dict[str, str] = {}
    for item in fields:
        if item.role == "identifier":
            columns = {"user_unique_id": source.identifier(item), **columns}
        elif item.role == "id":
            columns[item.column] = source.identifier(item)
        else:
            columns[item.column] = _tag(source, item)
    return columns


def _item_columns(source: Source, fields: list[DatasetField]) -> dict[str, str]:
    names = {"item": "item_id", "item_name": "item_name"}
    return {
        names.get(item.role, item.column): _tag(source, item)
        if item.role == "tag"
        else f"nullif(trim({_text(source, item.column)}), '')"
        for item in sorted(fields, key=lambda item: item.role == "tag")
    }


def _check_items(engine: Engine, path: str) -> None:
    """Raises Conflict with examples where several rows describe one item."""
    rows = engine.rows(
        f"SELECT item_id, count(*) AS n FROM {path} GROUP BY 1 HAVING count(*) > 1 ORDER BY n DESC, 1 LIMIT {EXAMPLES}"
    )
    if rows:
        raise Conflict(
            _("Several rows have the same item ID: %(examples)s.")
            % {"examples": ", ".join(f"{item} ({count})" for item, count in rows)},
            code="item_not_unique",
        )


def _tag(source: Source, item: DatasetField) -> str:
    if item.tag_type in ("enum", "text"):
        return f"nullif({_text(source, item.column)}, '')"
    if item.tag_type == "multi":
        return source.clean.parts(item.column, item.separator or ",")
    if item.tag_type == "number":
        return source.clean.number(item.column, source.column_type(item.column) or "")
    return _moment(source, item.column)


def _moment(source: Source, column: str) -> str:
    """A date or local time of the workspace's zone."""
    kind, zone = source.column_type(column) or "", source.workspace.time_zone
    return source.clean.moment(column, kind, zone, zoned=is_moment(source, column))


def _behaviour_columns(dataset: Dataset, source: Source, fields: list[DatasetField]) -> dict[str, str]:
    by_role = {item.role: item for item in fields}
    clean = source.clean
    constant = dataset.definition.get("type_constant")
    columns = {
        "user_unique_id": source.identifier(by_role["identifier"]),
        "at": f"({_moment(source, by_role['time'].column)})::TIMESTAMP",
        "type": literal(constant) if constant else clean.words(by_role["type"].column),
        "channel": clean.words(by_role["channel"].column) if "channel" in by_role else "NULL::VARCHAR",
        "count": _measure_column(source, by_role.get("count")),
        "amount": _measure_column(source, by_role.get("amount")),
    }
    if "object_key" in by_role:
        columns["object_key"] = clean.words(by_role["object_key"].column)
        columns["object_value"] = clean.words(by_role["object_value"].column)
        if "object_value_id" in by_role:
            name = by_role["object_value_id"].column
            columns["object_value_id"] = f"nullif(trim({_text(source, name)}), '')"
    for item in fields:
        if item.role == "object":
            columns[item.column] = f"nullif({_text(source, item.column)}, '')"
        elif item.role == "id":
            columns[item.column] = source.identifier(item)
    return columns


def _measure_column(source: Source, item: DatasetField | None) -> str:
    return f"NULL::{NUMBER}" if item is None else source.clean.floating(item.column)
