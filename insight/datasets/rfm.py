"""RFM models: how recently, how often and for how much each customer bought, scored and put into eight groups.

Recency R is the number of whole days since the last purchase, frequency F the number of purchases, money M the sum of
amounts. Each is scored by bands; a customer's group says which scores reach the comparison values (Hughes' RFM method
with the usual eight groups).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Literal

from django.utils.translation import gettext as _
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, model_validator

from cdp.lake.names import literal, quote
from cdp.warehouse import Engine
from insight.datasets.cleaning import NUMBER

TYPES = (
    "high_value",
    "key_keep",
    "key_develop",
    "key_win_back",
    "general_value",
    "general_keep",
    "general_develop",
    "potential",
)
DIMENSIONS = ("r", "f", "m")
COLUMNS = ("user_unique_id", "r_days", "f", "m", "rs", "fs", "ms", "type", "last_day")
"""What a model calls its own columns; no other ID can be called so."""
USER = "user_unique_id"


class Bands(BaseModel):
    """Scores by value: `scores[i]` from `bounds[i - 1]`, inclusive, to `bounds[i]`, exclusive."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    bounds: Annotated[list[FiniteFloat], Field(min_length=1, max_length=19)]
    scores: Annotated[list[FiniteFloat], Field(min_length=2, max_length=20)]

    @model_validator(mode="after")
    def _fits(self) -> Bands:
        if len(self.scores) != len(self.bounds) + 1:
            raise ValueError(_("Give one score more than bounds."))
        if any(low >= high for low, high in zip(self.bounds, self.bounds[1:], strict=False)):
            raise ValueError(_("Each bound must be larger than the one before."))
        return self

    def sql(self, value: str) -> str:
        cases = " ".join(
            f"WHEN {value} < {bound!r} THEN {score!r}"
            for bound, score in zip(self.bounds, self.scores, strict=False)
        )
        return f"CASE {cases} ELSE {self.scores[-1]!r} END::{NUMBER}"


class Model(BaseModel):
    """What an RFM model computes. A band that is left out is cut at the quintiles of the data, with scores 1 to 5.

    `compare` holds typed comparison values; a dimension that is left out is compared with the mean score.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    input: Literal["customers", "transactions"] = "transactions"
    days: Annotated[int, Field(ge=1, le=3650)] | None = None
    bands: dict[Literal["r", "f", "m"], Bands] = Field(default_factory=dict)
    compare: dict[Literal["r", "f", "m"], FiniteFloat] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _period(self) -> Model:
        if self.days is not None and self.input == "customers":
            raise ValueError(_("A table of customers is totalled already; it takes no days."))
        return self


def compute(
    engine: Engine,
    workspace: Any,
    model: Model,
    *,
    source: str,
    columns: Mapping[str, str],
    ids: Mapping[str, str],
    table: str,
    today: date,
) -> dict[str, Any]:
    """Write the table `table` of the engine and return its figures.

    `source` is a relation in SQL; `columns` are expressions over it for user, time, amount and (customers) count, and
    `key`, the column that the user is made of; `ids` are those of the ID columns by name. The table has
    user_unique_id, r_days, f, m, rs, fs, ms, type and the IDs, one row per customer. Rows without user, time or amount
    are left out and counted as `excluded`; an empty count is 0. Refunds (negative amounts) lower M and are no purchase.
    """
    values = f"{table}_values"
    try:
        engine.create_table_as(workspace, values, _totals(model, source, columns, today, ids))
        path = engine.path(workspace, values)
        found = engine.rows(
            f"SELECT sum(given) - coalesce(sum(usable) FILTER (WHERE {USER} IS NOT NULL), 0) FROM {path}"
        )
        return {
            **_score(engine, workspace, model, f"({_customers(path, today, ids)})", ids, table),
            "excluded": int(found[0][0] or 0),
            "as_of": str(today),
        }
    finally:
        engine.drop(workspace, values)


def _score(
    engine: Engine, workspace: Any, model: Model, values: str, ids: Mapping[str, str], table: str
) -> dict[str, Any]:
    bands = {name: model.bands.get(name) or _quintiles(engine, values, name) for name in DIMENSIONS}  # type: ignore[call-overload]
    scores = ", ".join(f"{bands[name].sql(_VALUE[name])} AS {name}s" for name in DIMENSIONS)
    scored = f"(SELECT v.*, {scores} FROM {values} v) scored"
    means = engine.rows(f"SELECT avg(rs), avg(fs), avg(ms) FROM {scored}")[0]
    against = {
        name: model.compare.get(name, mean or 0.0)  # type: ignore[call-overload]
        for name, mean in zip(DIMENSIONS, means, strict=True)
    }
    shown = "".join(f", {quote(name)}" for name in ids)
    query = f"SELECT {USER}, r_days, f, m, rs, fs, ms, {_type(against)} AS type{shown} FROM {scored}"
    engine.create_table_as(workspace, table, query, sort=(USER,))
    groups = engine.rows(
        f"SELECT type, count(*), sum(m), sum(f), avg(r_days::{NUMBER}), avg(rs) "
        f"FROM {engine.path(workspace, table)} GROUP BY type"
    )
    found = {name: rest for name, *rest in groups}
    return {
        "users": sum(rest[0] for rest in found.values()),
        "amount": sum(rest[1] for rest in found.values()),
        "count": sum(rest[2] for rest in found.values()),
        "means": dict(zip(DIMENSIONS, means, strict=True)),
        "compare": against,
        "bands": {name: band.model_dump() for name, band in bands.items()},
        "groups": [
            {"type": name, "users": users, "amount": amount, "count": count, "r_days": days, "rs": score}
            for name in TYPES
            if name in found
            for users, amount, count, days, score in [found[name]]
        ],
    }


def transactions(model: Model, *, source: str, columns: Mapping[str, str], as_of: date) -> str:
    """The purchases and refunds of the period that ends with `as_of`: SQL with user_unique_id, day and amount."""
    day, amount = _day(columns), _amount(columns)
    return (
        f"SELECT {columns['user']} AS user_unique_id, {day} AS day, {amount} AS amount FROM {source} "
        f"WHERE ({columns['user']}) IS NOT NULL AND {day} IS NOT NULL AND {_finite(amount)} "
        f"AND {_period(model, day, as_of)}"
    )


def groups_on(
    model: Model,
    *,
    source: str,
    columns: Mapping[str, str],
    as_of: date,
    bands: Mapping[str, Bands],
    against: Mapping[str, float],
) -> str:
    """Everybody's group on a day, by given bands and comparison values: SQL with user_unique_id and type."""
    scores = ", ".join(f"{bands[name].sql(_VALUE[name])} AS {name}s" for name in DIMENSIONS)
    totals = _totals(model, source, columns, as_of, where=_period(model, _day(columns), as_of))
    values = _customers(f"({totals}) totals", as_of)
    return f"SELECT {USER}, {_type(against)} AS type FROM (SELECT v.*, {scores} FROM ({values}) v) scored"


def _day(columns: Mapping[str, str]) -> str:
    return f"({columns['time']})::DATE"


def _amount(columns: Mapping[str, str]) -> str:
    return f"({columns['amount']})::{NUMBER}"


def _finite(number: str) -> str:
    """NaN is larger than any number in both engines."""
    return f"({number} > '-Infinity'::{NUMBER} AND {number} < 'Infinity'::{NUMBER})"


_DAY, _AMOUNT = quote("=day"), quote("=amount")
_READABLE = f"({_DAY} IS NOT NULL AND {_finite(_AMOUNT)})"
"""The amount neither NULL nor NaN nor infinite: one such amount would spoil every total."""


def _period(model: Model, day: str, as_of: date) -> str:
    if model.input == "customers":
        return "true"
    period = f"{day} <= {literal(str(as_of))}::DATE"
    if model.days is not None:
        period += f" AND {day} > {literal(str(as_of))}::DATE - {model.days}"
    return period


def _totals(
    model: Model,
    source: str,
    columns: Mapping[str, str],
    as_of: date,
    ids: Mapping[str, str] | None = None,
    where: str = "true",
) -> str:
    """A row per identifier: user_unique_id (NULL for all that are not valid), last_day, f, m and the IDs, and how many
    rows were given and how many are usable.

    The rows are totalled by the column as it is first, because cleaning identifiers costs the most: it is done once
    for each, not for each row. Names in between begin with a sign that no column's name begins with.
    """
    key = columns["key"]
    read = {"=day": _day(columns), "=amount": _amount(columns)}
    totals = {"=given": "count(*)", "=usable": f"count(*) FILTER (WHERE {_READABLE})"}
    counts = f"{_READABLE} AND {_period(model, _DAY, as_of)}"
    if model.input == "customers":
        read["=count"] = f"({columns['count']})::{NUMBER}"
        bought = counts
        totals["=f"] = f'sum("=count") FILTER (WHERE {counts} AND {_finite(quote("=count"))})'
    else:
        bought = f"{counts} AND {_AMOUNT} >= 0"
        totals["=f"] = f"count(*) FILTER (WHERE {bought})"
    totals["=last"] = f"max({_DAY}) FILTER (WHERE {bought})"
    totals["=m"] = f"sum({_AMOUNT}) FILTER (WHERE {counts})"
    for place, value in enumerate((ids or {}).values()):
        read[f"=id{place}"] = value
        totals[f"=id{place}"] = f"min({quote(f'=id{place}')}) FILTER (WHERE {counts})"
    rows = f"(SELECT {key}, {_named(read)} FROM {source} WHERE {where}) rows_read"
    kept = "".join(f", min({quote(f'=id{place}')}) AS {quote(name)}" for place, name in enumerate(ids or {}))
    return (
        f'SELECT {columns["user"]} AS {USER}, max("=last") AS last_day, coalesce(sum("=f"), 0)::{NUMBER} AS f, '
        f'sum("=m") AS m, sum("=given") AS given, sum("=usable") AS usable{kept} '
        f"FROM (SELECT {key}, {_named(totals)} FROM {rows} GROUP BY {key}) totals GROUP BY 1"
    )


def _named(expressions: Mapping[str, str]) -> str:
    return ", ".join(f"{expression} AS {quote(name)}" for name, expression in expressions.items())


def _customers(totals: str, as_of: date, ids: Mapping[str, str] | None = None) -> str:
    """Those who bought, of `totals`: user_unique_id, r_days, f, m and the IDs."""
    kept = "".join(f", {quote(name)}" for name in ids or {})
    return (
        f"SELECT {USER}, greatest(0, {literal(str(as_of))}::DATE - last_day)::BIGINT AS r_days, f, m{kept} "
        f"FROM {totals} WHERE last_day IS NOT NULL AND {USER} IS NOT NULL"
    )


_VALUE = {"r": "r_days", "f": "f", "m": "m"}


def _quintiles(engine: Engine, values: str, name: str) -> Bands:
    """Five bands of equally many customers, fewer where values repeat; for recency a smaller value scores higher.

    Bounds lie between neighbours in order (linear interpolation), worked out here so that engines agree to the digit.
    """
    value = f"{_VALUE[name]}::{NUMBER}"
    customers = engine.rows(f"SELECT count(*) FROM {values} v")[0][0]
    cuts = [divmod((customers - 1) * fifth, 5) for fifth in range(1, 5)] if customers else []
    wanted = ", ".join(str(place) for cut, _rest in cuts for place in (cut, cut + 1)) or "-1"
    numbered = f"SELECT row_number() OVER (ORDER BY {value}) - 1 AS place, {value} AS value FROM {values} v"
    found = dict(engine.rows(f"SELECT place, value FROM ({numbered}) numbered WHERE place IN ({wanted})"))
    bounds = sorted({_between(found[cut], found.get(cut + 1), rest) for cut, rest in cuts}) or [0.0]
    scores = [float(score) for score in range(1, len(bounds) + 2)]
    return Bands(bounds=bounds, scores=scores[::-1] if name == "r" else scores)


def _between(lower: float, upper: float | None, fifths: int) -> float:
    return lower if not fifths or upper is None else lower + (upper - lower) * fifths / 5


def _type(against: Mapping[str, float]) -> str:
    """The group as a SQL expression over the scores: at least the comparison value is high."""
    recent, often, much = (f"{name}s >= {against[name]!r}" for name in DIMENSIONS)
    return (
        f"CASE WHEN {much} THEN CASE WHEN {recent} AND {often} THEN 'high_value' WHEN {often} THEN 'key_keep' "
        f"WHEN {recent} THEN 'key_develop' ELSE 'key_win_back' END "
        f"ELSE CASE WHEN {recent} AND {often} THEN 'general_value' WHEN {often} THEN 'general_keep' "
        f"WHEN {recent} THEN 'general_develop' ELSE 'potential' END END"
    )
