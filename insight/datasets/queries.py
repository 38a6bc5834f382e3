"""Reads of datasets that more than one caller needs."""

from __future__ import annotations

import hashlib
import re
from typing import Any

import ibis
from django.db.models import Count
from django.urls import reverse

from cdp import lake
from cdp.console import navigation
from cdp.console.home import Part
from cdp.core.access import Access
from cdp.core.errors import EngineError, NotFound
from cdp.lake.names import literal, quote
from cdp.warehouse import get_engine
from insight.datasets import naming, rights
from insight.datasets.models import JSON, Dataset, DatasetField
from insight.datasources.connections.in_place import InPlaceTable
from insight.datasources.queries import looks_personal, path_of, profile

MAX_VALUES = 3000


def values(
    dataset: Dataset,
    column: str,
    search: str = "",
    limit: int = MAX_VALUES,
    *,
    rows: rights.Rows = None,
) -> list[dict[str, Any]]:
    """Values of a tag or behaviour column in the given rows, most frequent first: [{"value", "count"}].

    The values of a version are counted once and kept beside it, so that searching in very many of them is quick.
    Raises NotFound.
    """
    fields = list(dataset.fields.all())
    item = next((item for item in fields if item.column == column and item.role in ("tag", "object")), None)
    if not dataset.version or (item is None and column not in _common_columns(dataset, fields)):
        raise NotFound()
    return _counted(dataset, item, column, "", search, limit, rows)


def _common_columns(dataset: Dataset, fields: list[DatasetField]) -> set[str]:
    """Columns a version has beside those of its fields: behaviour has them, whatever its source names them."""
    if dataset.kind != Dataset.Kind.BEHAVIOUR:
        return set()
    return {"type", "channel"} | {item.role for item in fields} & {"object_key", "object_value"}


def object_values(
    dataset: Dataset,
    attribute: str,
    search: str = "",
    limit: int = MAX_VALUES,
    *,
    rows: rights.Rows = None,
) -> list[dict[str, Any]]:
    """Values of one object attribute of a behaviour dataset. Raises NotFound where there is no such attribute.

    `attribute` is a column of the wide form, or an attribute's name in the attribute-and-value form.
    """
    roles = {item.role for item in dataset.fields.all()}
    if "object_key" not in roles:
        columns = {item.column: item.column for item in dataset.fields.all() if item.role == "object"}
        names = {item.name: item.column for item in dataset.fields.all() if item.role == "object"}
        return values(dataset, columns.get(attribute) or names.get(attribute, ""), search, limit, rows=rows)
    if not dataset.version:
        raise NotFound()
    return _counted(dataset, None, "object_value", attribute, search, limit, rows)


def _counted(
    dataset: Dataset, item: Any, column: str, attribute: str, search: str, limit: int, rows: rights.Rows
) -> list[dict[str, Any]]:
    text = f"{column}/{attribute}/{rights.digest(rows)}"
    table = f"{dataset.lake_table}_values_{hashlib.sha256(text.encode()).hexdigest()[:12]}"
    try:
        found = _search(dataset, table, search, limit)
    except NotFound:
        _count(dataset, item, column, attribute, table, rows)
        found = _search(dataset, table, search, limit)
    place = naming.OBJECT if attribute else column
    called = naming.labels(dataset, place, [value for value, _count in found], attribute)
    return [
        {"value": value, "count": count, **({"label": called[value]} if value in called else {})}
        for value, count in found
    ]


def _search(dataset: Dataset, name: str, search: str, limit: int) -> list[tuple[str, int]]:
    engine = get_engine(dataset.source)
    table = engine.table(dataset.workspace, name)
    if term := search.strip().lower():
        table = table.filter(table["v"].lower().contains(term))
    found = engine.execute(table.order_by([ibis.desc("n"), "v"]).limit(int(limit)))
    return list(zip(found["v"].to_pylist(), found["n"].to_pylist(), strict=True))


def _count(
    dataset: Dataset, item: Any, column: str, attribute: str, name: str, rows: rights.Rows = None
) -> None:
    """Make the table (v, n) of a version's values, most frequent first."""
    engine = get_engine(dataset.source)
    shown = rights.only(engine.table(dataset.workspace, dataset.lake_table), rows)
    if attribute:
        shown = shown.filter(shown["object_key"] == attribute)
    is_list = item is not None and item.tag_type == "multi"
    values = shown.select(v=(shown[column].unnest() if is_list else shown[column]).cast("string"))
    values = values.filter(values["v"].notnull())
    counted = values.group_by("v").aggregate(n=values.count()).order_by([ibis.desc("n"), "v"])
    try:
        engine.create_table_as(dataset.workspace, name, counted)
    except EngineError:
        # Somebody who asked at the same time may have made it first.
        if name not in engine.tables(dataset.workspace):
            raise


_PAGES = {
    Dataset.Kind.USER_TAGS: "analysis:perspective",
    Dataset.Kind.BEHAVIOUR: "behaviour:funnel",
    Dataset.Kind.RFM: "rfm:analysis",
    Dataset.Kind.AIPL: "aipl:users",
    Dataset.Kind.CUSTOM_TAGS: "tags:list",
}
"""Where each kind of dataset is looked at, for those whose navigation has the page."""


def count_by_kind(access: Access) -> list[Part]:
    """How many datasets the person sees of each kind, each with the page that shows them best."""
    counted = dict(rights.visible(access).order_by().values_list("kind").annotate(count=Count("pk")))
    slug = access.workspace.slug
    listed = reverse("datasets:list", args=[slug])
    pages = {item.url_name for item in navigation.items() if item.visible(access)}
    found = []
    for kind in Dataset.Kind:
        if kind in counted:
            page = _PAGES.get(kind, "")
            url = reverse(page, args=[slug]) if page in pages else f"{listed}?kind={kind}"
            found.append(Part(str(kind), kind.label, counted[kind], url))
    return found


def propose(table: Any) -> dict[str, Any]:
    """A first definition of a user-tag dataset from a table's columns and their profile."""
    columns = table.profile() if isinstance(table, InPlaceTable) else profile(table)
    identifier = _identifier(columns, table.rows or 1)
    tags, ids = [], []
    for column in columns:
        name, id_type = column["name"], _id_type(column["name"])
        if identifier and name == identifier["column"]:
            continue
        if id_type:
            ids.append({"column": name, "id_type": id_type})
        else:
            tags.append(
                {"column": name, "name": name.replace("_", " ").capitalize()[:64], "type": _tag_type(column)}
            )
    listed = [tag["column"] for tag in tags if tag["type"] in ("enum", "text")]
    separators = {} if isinstance(table, InPlaceTable) else _separators(table, listed)
    for tag in tags:
        if tag["column"] in separators:
            tag.update(type="multi", separator=separators[tag["column"]])
    return {"user_id": identifier, "ids": ids, "tags": tags}


def _identifier(columns: list[dict[str, Any]], rows: int) -> dict[str, Any]:
    """The column that tells people apart: (nearly) unique, best one named like an identifier that is no contact."""
    unique = [
        column
        for column in columns
        if column["distinct"] >= 0.9 * rows and column["type"] in ("text", "integer")
    ]
    if not unique:
        return {}
    best = min(
        unique, key=lambda column: (not looks_personal(column["name"]), _id_type(column["name"]) != "")
    )
    return {"column": best["name"], "id_type": _id_type(best["name"]) or "one_id"}


def _id_type(column: str) -> str:
    """The ID type that a column's name tells; "" for none."""
    return next((key for word, key in _ID_WORDS.items() if word in column.lower()), "")


def _separators(table: Any, columns: list[str]) -> dict[str, str]:
    """Text columns that look like lists, with their separator.

    A list has its separator in a tenth of the values, and fewer different parts than values; unless far fewer, the
    number of parts differs, which tells lists from pairs such as "Paris, France".
    """
    if not columns or not table.lake_table:
        return {}
    path = path_of(table)
    parts = []
    for column in columns:
        for separator in _LISTS:
            split = f"string_split({quote(column)}, {literal(separator)})"
            parts += [
                f"avg(contains({quote(column)}, {literal(separator)})::INT)",
                f"len(list_distinct(flatten(list({split}))))",
                f"max(len({split}))",
            ]
        parts.append(f"count(DISTINCT {quote(column)})")
    texts = ", ".join(f"{quote(column)}::VARCHAR AS {quote(column)}" for column in columns)
    sample = f"(SELECT {texts} FROM {path} LIMIT {SAMPLE_ROWS})"
    with lake.cursor() as handle:
        row = handle.execute(f"SELECT {', '.join(parts)} FROM {sample}").fetchone() or ()
    found, width = _arrays(sample, columns), 3 * len(_LISTS) + 1
    for index, column in enumerate(columns):
        values = row[index * width : (index + 1) * width]
        distinct = values[-1]
        for place, separator in enumerate(_LISTS if column not in found else ()):
            share, pieces, longest = values[3 * place : 3 * place + 3]
            fewer = pieces < 0.8 * distinct or (pieces <= distinct and longest > 2)
            if share and share >= 0.1 and pieces <= 200 and fewer:
                found[column] = separator
                break
    return found


def _arrays(sample: str, columns: list[str]) -> dict[str, str]:
    """Columns whose filled values are JSON arrays, all of them."""
    tests = ", ".join(
        f"bool_and(coalesce(json_type(try_cast({name} AS JSON)) = 'ARRAY', false)) FILTER ({name} <> '')"
        for name in map(quote, columns)
    )
    with lake.cursor() as handle:
        row = handle.execute(f"SELECT {tests} FROM {sample}").fetchone() or ()
    return {column: JSON for column, holds in zip(columns, row, strict=False) if holds}


_LISTS = (",", ";", "|", "、")
SAMPLE_ROWS = 10_000
_DAY = re.compile(r"(19|20)[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])")
_ID_WORDS = {"mobile": "mobile", "phone": "mobile", "email": "email", "mail": "email", "open_id": "open_id"}
_ID_WORDS |= {"taobao_nick": "taobao_nick", "taobao": "taobao_id", "alipay": "alipay_id", "weibo": "weibo_id"}
_ID_WORDS |= {"mac": "mac"}
_ID_WORDS |= {"union_id": "union_id", "imei": "imei", "idfa": "idfa", "oaid": "oaid", "imsi": "imsi"}


def _tag_type(column: dict[str, Any]) -> str:
    if column["type"] in ("date", "datetime") or looks_like_days(column):
        return "date"
    if column["type"] in ("integer", "number"):
        return "number"
    return "enum" if column["distinct"] <= 100 else "text"


def looks_like_days(column: dict[str, Any]) -> bool:
    """Whether a column of numbers, as it is profiled, holds days such as 20211023."""
    if column["type"] not in ("integer", "number") or not column["min"] or not column["max"]:
        return False
    ends = [column[name].removesuffix(".0") for name in ("min", "max")]
    return all(_DAY.fullmatch(end) for end in ends)
