"""Sections of a person's page that come from datasets: their tags, and what they did."""

from __future__ import annotations

from typing import Any

from cdp import lake
from cdp.core.access import Access
from cdp.lake.names import literal, quote
from insight.datasets import rights
from insight.datasets.models import TAG_KINDS, Dataset, DatasetField
from insight.datasources.models import LAKE
from insight.oneid.queries import Person

PAGE = 100
MOST_PAGES = 20


def _known_by(
    access: Access, person: Person, kinds: tuple[str, ...]
) -> list[tuple[Dataset, list[DatasetField], str]]:
    """Datasets of the lake that may hold something of the person: their fields, and the rows as a relation in SQL."""
    if not access.can("insight.dataset.view"):
        return []
    found = []
    there = set(lake.tables(access.workspace))
    rows = rights.visible(access).filter(source=LAKE, kind__in=kinds, version__gt=0).order_by("name")
    for dataset in rows.select_related("workspace").prefetch_related("fields"):
        fields = [item for item in dataset.fields.all() if not item.deleted]
        identifier = next((item for item in fields if item.role == "identifier"), None)
        values = person.values(identifier.id_type, identifier.encryption) if identifier else []
        if values and dataset.lake_table in there:
            listed = ", ".join(literal(value) for value in values)
            seen = rights.lake_rows(access, dataset)
            found.append((dataset, fields, f"(FROM {seen} WHERE user_unique_id IN ({listed}))"))
    return found


def tags(access: Access, person: Person, page: int) -> dict[str, Any] | None:
    """The person's tags by dataset; where the data has several rows for the person, those of each row."""
    found = []
    for dataset, fields, seen in _known_by(access, person, TAG_KINDS):
        columns = [item for item in fields if item.role == "tag"]
        if not columns:
            continue
        listed = ", ".join(quote(item.column) for item in columns)
        with lake.cursor() as handle:
            rows = handle.execute(f"SELECT {listed} FROM {seen} LIMIT 5").fetchall()
        for row in rows:
            values = [
                {"tag": item.column, "name": item.name, "value": plain(value)}
                for item, value in zip(columns, row, strict=True)
                if value is not None
            ]
            found.append({"dataset": dataset.pk, "name": dataset.name, "tags": values})
    return {"datasets": found}


def timeline(access: Access, person: Person, page: int) -> dict[str, Any] | None:
    """What the person did according to all behaviour datasets, the latest first, a hundred records a page."""
    page = min(max(1, page), MOST_PAGES)
    parts = []
    for dataset, fields, seen in _known_by(access, person, ("behaviour",)):
        shown = ", ".join(f"{quote(name)}::VARCHAR" for name in _about(fields))
        words = f"concat_ws(' · ', {shown})" if shown else "NULL::VARCHAR"
        parts.append(
            f"""SELECT "at", {literal(dataset.name)} AS dataset, "type", channel, "count", amount, {words} AS about
                FROM {seen}"""
        )
    if not parts:
        return {"records": [], "page": 1, "more": False}
    query = " UNION ALL ".join(parts)
    with lake.cursor() as handle:
        rows = handle.execute(
            f"""SELECT * FROM ({query}) ORDER BY "at" DESC, dataset, "type", about
                LIMIT {PAGE + 1} OFFSET {(page - 1) * PAGE}"""
        ).fetchall()
    names = ("at", "dataset", "type", "channel", "count", "amount", "about")
    records = [{name: plain(value) for name, value in zip(names, row, strict=True)} for row in rows[:PAGE]]
    return {"records": records, "page": page, "more": len(rows) > PAGE and page < MOST_PAGES}


def _about(fields: list[DatasetField]) -> list[str]:
    """The lake columns that say what a record is about."""
    pairs = ("object_key", "object_value")
    return [
        item.role if item.role in pairs else item.column for item in fields if item.role in ("object", *pairs)
    ]


def plain(value: Any) -> Any:
    """A value as JSON."""
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if hasattr(value, "isoformat"):
        return value.isoformat(sep=" ", timespec="seconds") if hasattr(value, "hour") else value.isoformat()
    return value
