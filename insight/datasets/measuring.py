"""What a refresh made, in figures: users, rows, how full each column is, and what of the source did not fit."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from cdp.core.errors import Conflict
from cdp.core.identifiers import ID_TYPES
from cdp.lake.names import quote
from cdp.warehouse import Engine, get_engine
from insight.datasets.cleaning import NUMBER
from insight.datasets.joining import Source
from insight.datasets.models import ONE, Dataset, DatasetField

USER = quote("user_unique_id")
EXAMPLES = 10
TOLERANCE = 0.01
KEYS = {Dataset.Kind.ITEM_TAGS.value: quote("item_id")}
"""What a row is about, where it is not a user."""
_OUTPUT = {
    "item": "item_id",
    "item_name": "item_name",
    "identifier": "user_unique_id",
    "time": "at",
    "count": "count",
    "amount": "amount",
}
"""The dataset's column for a role, where it is not named like the source's."""


@dataclass
class Measured:
    rows: int = 0
    users: int = 0
    stats: dict[str, Any] = field(default_factory=dict)


def measure(
    dataset: Dataset,
    origin: Source,
    fields: list[DatasetField],
    lost: list[DatasetField],
    table: str,
    columns: dict[str, str],
) -> Measured:
    """Figures of the new `table`; `columns` are the expressions over the source that it was made of.

    Of stats, `filled` are shares of the table's rows (0 to 1); `invalid` counts values of the source. Raises no_rows.
    """
    key = KEYS.get(dataset.kind, USER)
    source = _source(origin, fields, columns)
    engine = get_engine(dataset.source)
    path = engine.path(dataset.workspace, table)
    times = ', min("at")::VARCHAR, max("at")::VARCHAR' if dataset.kind == Dataset.Kind.BEHAVIOUR else ""
    counted = [item for item in fields if item.role in ("id", "tag", "object")]
    filled = "".join(f", count({quote(item.column)})" for item in counted)
    rows, users, *rest = engine.rows(f"SELECT count(*), count(DISTINCT {key}){filled}{times} FROM {path}")[0]
    if not rows:
        reason = _("No row has a valid user identifier. Check the identifier's column and ID type.")
        if key != USER:
            reason = _("No row has an item ID.")
        raise Conflict(reason, code="no_rows")
    shares = {item.column: count / rows for item, count in zip(counted, rest, strict=False)}
    distinct = _distinct(engine, path, counted)
    stats = {
        "unique_users": dataset.kind == Dataset.Kind.USER_TAGS and rows == users,
        "first_at": rest[-2] if times else None,
        "last_at": rest[-1] if times else None,
        "filled": shares,
        "distinct": distinct,
        "dropped": source["rows"] - rows,
        "lost": [item.column for item in lost],
        **{name: source[name] for name in ("without_id", "without_time", "invalid", "prefixed")},
    }
    stats["ids"] = [_id_stats(item, users, source, stats, rows) for item in fields if item.id_type]
    if dataset.kind == Dataset.Kind.USER_TAGS and rows > users:
        stats["repeated"] = _repeated(engine, fields, path)
    if dataset.definition.get("rows_per_user") == ONE:
        _check_one(stats)
    if any(item.role == "object_key" for item in fields):
        stats |= _attributes(engine, path)
    stats["joins"] = origin.matches()
    stats["warnings"] = _warnings(dataset, fields, rows - users, stats)
    for item in fields:
        stats["warnings"] += _prefixed(item, origin, stats)
    return Measured(rows, users, stats)


def measure_model(origin: Source, fields: list[DatasetField], path: str, users: int) -> dict[str, Any]:
    """Figures of an RFM model's IDs, as `measure` gives them; its table at `path` has a row per user."""
    identities = [item for item in fields if item.id_type]
    columns = {_OUTPUT.get(item.role, item.column): origin.identifier(item) for item in identities}
    columns["user_unique_id"] = next(
        origin.identifier(item) for item in identities if item.role == "identifier"
    )
    source = _source(origin, identities, columns, repeated=True)
    engine, others = get_engine(origin.engine), [item for item in identities if item.role == "id"]
    filled = "".join(f", count({quote(item.column)})" for item in others)
    _rows, *counts = engine.rows(f"SELECT count(*){filled} FROM {path}")[0]
    found = {
        "unique_users": True,
        "filled": {item.column: count / users for item, count in zip(others, counts, strict=True)},
        "distinct": _distinct(engine, path, others),
        "invalid": source["invalid"],
        "prefixed": source["prefixed"],
        "joins": origin.matches(),
    }
    found["ids"] = [_id_stats(item, users, source, found, users) for item in identities]
    found["warnings"] = unmatched(found["joins"])
    for item in identities:
        # Rows without a valid identifier are counted as excluded.
        if item.role == "id" and (count := source["invalid"].get(item.column)):
            found["warnings"].append(_invalid(item, count))
        found["warnings"] += _prefixed(item, origin, source)
    return found


def _id_stats(
    item: DatasetField, users: int, source: dict[str, Any], stats: dict[str, Any], rows: int
) -> dict[str, Any]:
    """Counts of one ID column: values that are valid, different ones, and invalid ones of the source."""
    invalid = source["invalid"].get(item.column, 0)
    if item.role == "identifier":
        filled, distinct = source["rows"] - source["without_id"] - invalid, users
    else:
        filled, distinct = round(stats["filled"][item.column] * rows), stats["distinct"][item.column]
    return {
        "column": item.column,
        "id_type": item.id_type,
        "filled": filled,
        "distinct": distinct,
        "invalid": invalid,
        "prefixed": source["prefixed"].get(item.column, 0),
    }


def _source(
    origin: Source, fields: list[DatasetField], columns: dict[str, str], *, repeated: bool = False
) -> dict[str, Any]:
    """What the source held: rows, rows without identifier or time, and per column values that did not fit.

    Where the fields' values are `repeated` in many rows, the different ones are looked at, and their rows counted.
    """
    identifier = next(item for item in fields if item.role in ("identifier", "item"))
    time = columns.get("at")
    no_time = f"({columns['user_unique_id']}) IS NOT NULL AND ({time}) IS NULL" if time else "false"
    conditions = ["true", _blank(identifier.column), no_time]
    checked = [item for item in fields if _may_not_fit(origin, item)]
    for item in checked:
        expression = columns[_OUTPUT.get(item.role, item.column)]
        conditions.append(f"NOT {_blank(item.column)} AND ({expression}) IS NULL")
    mobiles = [item for item in fields if _may_have_prefix(item)]
    for item in mobiles:
        strict, fixed = (origin.identifier(item, fix_prefix=fix) for fix in (False, True))
        conditions.append(f"({strict}) IS NULL AND ({fixed}) IS NOT NULL")
    rows, tally = origin.relation, "count(*)"
    if repeated:
        names = ", ".join(quote(name) for name in dict.fromkeys(item.column for item in fields))
        rows, tally = (
            f'(SELECT {names}, count(*) AS "=rows" FROM {rows} GROUP BY {names}) found',
            'sum("=rows")',
        )
    parts = ", ".join(f"{tally} FILTER (WHERE {condition})" for condition in conditions)
    counts = [int(count or 0) for count in get_engine(origin.engine).rows(f"SELECT {parts} FROM {rows}")[0]]
    first = 3 + len(checked)
    invalid = {item.column: count for item, count in zip(checked, counts[3:first], strict=True) if count}
    prefixed = {item.column: count for item, count in zip(mobiles, counts[first:], strict=True) if count}
    return {
        "rows": counts[0],
        "without_id": counts[1],
        "without_time": counts[2],
        "invalid": invalid,
        "prefixed": prefixed,
    }


def _may_have_prefix(item: DatasetField) -> bool:
    """Whether values may have the country in front, as mobile numbers that are stored as they are."""
    return (
        item.id_type in ID_TYPES
        and ID_TYPES[item.id_type].prefix_fix is not None
        and item.encryption == "plain"
    )


def _prefixed(item: DatasetField, origin: Source, counts: dict[str, Any]) -> list[dict[str, Any]]:
    """A warning where numbers are invalid for their country in front alone."""
    count = counts["prefixed"].get(item.column, 0)
    if origin.fix_prefix or not count:
        return []
    return [{"code": "prefixed_id", "count": count, "column": item.column, "name": item.name or item.column}]


def _blank(column: str) -> str:
    return f"(coalesce(trim({quote(column)}::VARCHAR), '') = '')"


def _may_not_fit(origin: Source, item: DatasetField) -> bool:
    """Whether values of the column are converted, so that some may be lost."""
    kind = origin.column_type(item.column)
    if item.id_type:
        return True
    if item.tag_type == "number" or item.role in ("count", "amount"):
        return kind not in ("integer", "number")
    return (item.tag_type == "date" or item.role == "time") and kind not in ("date", "datetime")


def _distinct(engine: Engine, path: str, fields: list[DatasetField]) -> dict[str, int]:
    """Different values per column, of lists their parts. One column at a time: that bounds the memory."""
    found = {}
    for item in fields:
        name = quote(item.column)
        rows = f"(SELECT unnest({name}) AS v FROM {path}) parts" if item.tag_type == "multi" else path
        value = "v" if item.tag_type == "multi" else name
        found[item.column] = engine.rows(f"SELECT count(DISTINCT {value}) FROM {rows}")[0][0]
    return found


def _repeated(engine: Engine, fields: list[DatasetField], path: str) -> list[dict[str, Any]]:
    """Identifiers that occur most often, masked: [{"value", "rows"}]."""
    identifier = next(item for item in fields if item.role == "identifier")
    rows = engine.rows(
        f"SELECT {USER}, count(*) AS n FROM {path} GROUP BY 1 HAVING count(*) > 1 ORDER BY n DESC, 1 LIMIT {EXAMPLES}"
    )
    mask = ID_TYPES[identifier.id_type].mask
    return [{"value": mask(value), "rows": count} for value, count in rows]


def _check_one(stats: dict[str, Any]) -> None:
    """Raises Conflict with examples where identifiers are repeated or missing and each row shall be one user."""
    problems = []
    if repeated := stats.get("repeated"):
        examples = ", ".join(f"{item['value']} ({item['rows']})" for item in repeated)
        problems.append(
            _("Several rows have the same user identifier: %(examples)s.") % {"examples": examples}
        )
    if count := stats["without_id"]:
        problems.append(
            ngettext(
                "%(count)d row has no user identifier.", "%(count)d rows have no user identifier.", count
            )
            % {"count": count}
        )
    if problems:
        problems.append(_("Mend the table, or edit the dataset so that a user may have several rows."))
        raise Conflict(" ".join(problems), code="user_not_unique")


def _attributes(engine: Engine, path: str) -> dict[str, Any]:
    """What the object attributes of behaviour say: the one with most values, and types that they count differently.

    An event has a row per attribute, so within a type every attribute should come to the same times and amount.
    """
    totals: dict[str, list[tuple[str, float, float]]] = {}
    widest = engine.rows(
        f"SELECT object_key FROM {path} WHERE object_key IS NOT NULL GROUP BY 1 "
        "ORDER BY count(DISTINCT object_value) DESC, 1 LIMIT 1"
    )
    for kind, name, times, amount in engine.rows(
        f"""SELECT "type", object_key, sum(coalesce("count", 1))::{NUMBER}, coalesce(sum(amount), 0)::{NUMBER}
            FROM {path} WHERE object_key IS NOT NULL GROUP BY 1, 2 ORDER BY 1, 2"""
    ):
        totals.setdefault(kind, []).append((name, times, amount))
    differing = {
        kind: [name for name, *_figures in rows]
        for kind, rows in totals.items()
        if any(_differ([row[place] for row in rows]) for place in (1, 2))
    }
    return {"base_object": widest[0][0] if widest else "", "attributes_differ": differing}


def _differ(figures: list[float]) -> bool:
    """Whether figures that should be equal are further apart than a hundredth."""
    return max(figures) - min(figures) > TOLERANCE * max(map(abs, figures))


def _warnings(
    dataset: Dataset, fields: list[DatasetField], repeats: int, stats: dict[str, Any]
) -> list[dict[str, Any]]:
    found = []
    for code in ("without_id", "without_time"):
        if stats[code]:
            item = dataset.kind == Dataset.Kind.ITEM_TAGS and code == "without_id"
            found.append({"code": "without_item" if item else code, "count": stats[code]})
    if dataset.kind == Dataset.Kind.USER_TAGS and repeats:
        found.append({"code": "repeated_id", "count": repeats})
    found += [
        {"code": "attributes_differ", "type": kind, "names": names}
        for kind, names in stats.get("attributes_differ", {}).items()
    ]
    found += unmatched(stats["joins"])
    if stats["lost"]:
        found.append({"code": "lost_columns", "names": stats["lost"]})
    for item in fields:
        count = stats["invalid"].get(item.column, 0)
        # Rows without a readable time are counted above.
        if count and item.role != "time":
            found.append(_invalid(item, count))
    return found


def unmatched(joins: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Warnings of joined tables in which rows found no match."""
    codes = {"left": "join_unmatched", "inner": "join_left_out"}
    return [
        {"code": codes[item["type"]], "count": item["unmatched"], "table": item["table"]}
        for item in joins
        if item["unmatched"]
    ]


def _invalid(item: DatasetField, count: int) -> dict[str, Any]:
    warning = {"count": count, "column": item.column, "name": item.name or item.column}
    if item.id_type:
        code = "invalid_user_id" if item.role == "identifier" else "invalid_id"
        return {"code": code, "id_type": item.id_type, **warning}
    return {"code": "unreadable_date" if item.tag_type == "date" else "unreadable_number", **warning}
