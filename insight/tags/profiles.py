"""How the values of a tag lie: the most frequent ones, and the ends and the middle of numbers and dates."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.db.models import Case, F, FloatField, Func, IntegerField, QuerySet, TextField, Value, When
from django.db.models.functions import Cast

from cdp.core.access import Access
from cdp.core.errors import DomainError
from cdp.warehouse import get_engine
from insight.datasets import queries, rights, tag_uses
from insight.datasets.models import DatasetField
from insight.tags import rights as tag_rights

SHOWN = 20
ORDERED = (DatasetField.TagType.NUMBER, DatasetField.TagType.DATE)


@dataclass(frozen=True)
class Profile:
    """`filled`: share of people with a value, None where it is not known. `spread`: smallest, middle and largest.

    `unread`: why the values could not be read.
    """

    users: int | None = None
    filled: float | None = None
    distinct: int | None = None
    values: list[dict[str, Any]] = field(default_factory=list)
    spread: dict[str, Any] | None = None
    unread: str = ""

    def as_json(self) -> dict[str, Any]:
        return {
            "users": self.users,
            "filled": self.filled,
            "distinct": self.distinct,
            "values": self.values,
            "spread": self.spread,
        }


def listed(access: Access, days: int) -> QuerySet[DatasetField]:
    """The tags that the person sees, with their heat to filter and sort by, `filled` and `distinct_values`.

    As in a profile, the last two are not told of a dataset of which the person sees some rows only.
    """
    limited = [
        row.pk
        for row in tag_rights.datasets(access).exclude(row_columns=[])
        if rights.rows_of(access, row) is not None
    ]

    def measured(kind: str, output: Any) -> Any:
        path = (F("dataset__stats"), Value(kind), F("column"))
        text = Func(*path, function="jsonb_extract_path_text", output_field=TextField())
        return Case(When(dataset__in=limited, then=None), default=Cast(text, output), output_field=output)

    rows = tag_uses.with_heat(access.workspace, tag_rights.tags(access), days)
    return rows.annotate(
        filled=measured("filled", FloatField()), distinct_values=measured("distinct", IntegerField())
    )


def of(access: Access, item: DatasetField) -> Profile:
    """The profile over the rows that the person sees; empty before the first refresh."""
    dataset = item.dataset
    if not dataset.version or item.deleted:
        return Profile()
    rows = rights.rows_of(access, dataset)
    stats = dataset.stats if rows is None else {}
    if item.tag_type in ORDERED:
        values, spread = [], _spread(item, rows)
    else:
        values, spread = queries.values(dataset, item.column, limit=SHOWN, rows=rows), None
    distinct = stats.get("distinct", {}).get(item.column)
    if distinct is None and 0 < len(values) < SHOWN:
        distinct = len(values)
    return Profile(
        users=rights.figures(access, dataset)[1],
        filled=stats.get("filled", {}).get(item.column),
        distinct=distinct,
        values=values,
        spread=spread,
    )


def shown(access: Access, item: DatasetField) -> Profile:
    """The profile for the tag's page, which has more to say where the values' database does not answer."""
    try:
        return of(access, item)
    except DomainError as error:
        if error.status < 500:
            raise
        return Profile(unread=str(error))


def _spread(item: DatasetField, rows: rights.Rows) -> dict[str, Any] | None:
    engine = get_engine(item.dataset.source)
    table = rights.only(engine.table(item.dataset.workspace, item.dataset.lake_table), rows)
    column = table[item.column]
    middle = column.median() if item.tag_type == DatasetField.TagType.NUMBER else column.quantile(0.5)
    bounds = table.aggregate(smallest=column.min(), middle=middle, largest=column.max())
    found = engine.execute(bounds).to_pylist()[0]
    if found["smallest"] is None:
        return None
    return {name: _plain(value) for name, value in found.items()}


def _plain(value: Any) -> Any:
    if hasattr(value, "isoformat"):
        return value.isoformat(" ") if hasattr(value, "hour") else value.isoformat()
    return value
