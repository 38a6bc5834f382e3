"""The items of a version with what their dataset says of them: page by page, and as a file."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any

import ibis
from django.utils.translation import gettext as _

from admin_center.audit.services import log_download
from cdp.core.access import Access
from cdp.core.csv_export import escape_formula
from cdp.core.errors import Conflict, Gone
from cdp.warehouse import get_engine
from insight.audiences import rules
from insight.audiences.catalog import TagColumn, Unknown
from insight.items.catalog import ITEM, NAME, ItemCatalog, own_columns
from insight.items.models import ItemPool, ItemPoolVersion

MOST_TAGS = 8
MOST_PER_PAGE = 1000
BATCH_ROWS = 10_000


def version_of(pool: ItemPool) -> ItemPoolVersion:
    """The latest good version, whole and readable. Raises Conflict: pool_not_ready, Gone."""
    if pool.current is None:
        raise Conflict(_("The item pool has not been computed yet."), code="pool_not_ready")
    if pool.current.dropped_at is not None:
        raise Gone(_("The items of this version have been dropped."))
    return pool.current


def items(version: ItemPoolVersion) -> ibis.Table:
    """(item_id, item_name) of a version, one row per item, in the engine of `version.source`."""
    return get_engine(version.source).table(version.workspace_id, version.table_name)


def columns_of(rule: Any, dataset_id: str, catalog: ItemCatalog) -> list[TagColumn]:
    """What is shown of items: ID and name, the tags that the conditions ask for, then the first others.

    ID and name alone where the person may not use the dataset any more.
    """
    own = list(own_columns().values())
    try:
        known = catalog.tags_of(dataset_id)
    except Unknown:
        return own
    asked = [
        leaf.tag for _path, leaf in rules.leaves(rules.parse_rule(rule)) if isinstance(leaf, rules.TagLeaf)
    ]
    present = [
        known.columns[name] for name in dict.fromkeys([*asked, *known.columns]) if name in known.columns
    ]
    return [*own, *[column for column in present if column.name not in (ITEM, NAME)][:MOST_TAGS]]


def every_column(dataset_id: str, catalog: ItemCatalog) -> list[TagColumn]:
    """ID, name and all tags; ID and name alone where the person may not use the dataset any more."""
    try:
        return list(catalog.tags_of(dataset_id).columns.values())
    except Unknown:
        return list(own_columns().values())


def described(
    found: ibis.Table, columns: Sequence[TagColumn], dataset_id: str, catalog: ItemCatalog
) -> ibis.Table:
    """The items with the values that the dataset's current version has for the columns; null for items gone from it."""
    tags = [column.name for column in columns if column.name not in (ITEM, NAME)]
    if not tags:
        return found.select(ITEM, NAME)
    values = catalog.table_of(dataset_id).select(ITEM, *tags).rename(_right=ITEM)
    return found.left_join(values, found[ITEM] == values["_right"]).select(ITEM, NAME, *tags)


def rows(
    found: ibis.Table,
    columns: Sequence[TagColumn],
    dataset_id: str,
    catalog: ItemCatalog,
    *,
    offset: int = 0,
    size: int = 50,
) -> list[dict[str, Any]]:
    """Some items in order of their ID, at most 1,000 at once."""
    part = found.order_by(ITEM).limit(max(1, min(size, MOST_PER_PAGE)), offset=max(0, offset))
    expression = described(part, columns, dataset_id, catalog).order_by(ITEM)
    return catalog.engine.execute(expression).to_pylist()


class Items:
    """The items of a pool's latest good version, as a person sees them.

    `search` keeps those whose ID or name contains it, whatever the case. Raises Conflict: pool_not_ready, Gone.
    """

    def __init__(self, access: Access, pool: ItemPool, *, search: str = "") -> None:
        self.pool, self.version = pool, version_of(pool)
        self.catalog = ItemCatalog(access.workspace, self.version.source, access=access)
        self.found = items(self.version)
        term = search.strip().lower()
        if term:
            # An item without a name is found by its ID.
            named = self.found[NAME].fill_null("")
            fits = self.found[ITEM].lower().contains(term) | named.lower().contains(term)
            self.found = self.found.filter(fits)
        self.searching = bool(term)
        self.columns = columns_of(self.version.rule, self.version.dataset_id or "", self.catalog)

    def count(self) -> int:
        return int(self.catalog.engine.scalar(self.found.count())) if self.searching else self.version.count

    def page(self, *, offset: int, size: int) -> list[dict[str, Any]]:
        dataset = self.version.dataset_id or ""
        return rows(self.found, self.columns, dataset, self.catalog, offset=offset, size=size)


def export(access: Access, pool: ItemPool) -> Iterator[bytes]:
    """All items with all of their tags as CSV in UTF-8, a piece per batch.

    The download is logged before the first byte leaves. Raises Conflict: pool_not_ready, Gone.
    """
    version = version_of(pool)
    catalog = ItemCatalog(access.workspace, version.source, access=access)
    columns = every_column(version.dataset_id or "", catalog)
    expression = described(items(version), columns, version.dataset_id or "", catalog).order_by(ITEM)
    log_download(access, pool, action="item_pool.downloaded", rows=version.count)
    return _lines([column.name for column in columns], catalog.engine.batches(expression, BATCH_ROWS))


def _lines(names: list[str], batches: Iterator[Any]) -> Iterator[bytes]:
    yield _csv([names])
    for batch in batches:
        yield _csv([[_cell(row[name]) for name in names] for row in batch.to_pylist()])


def _csv(lines: list[list[str]]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(lines)
    return out.getvalue().encode()


def _cell(value: Any) -> str:
    found = plain(value)
    if found is None:
        return ""
    return escape_formula(", ".join(found) if isinstance(found, list) else str(found))


def plain(value: Any) -> Any:
    """A value as JSON: moments and days as ISO text, whole numbers without a fraction."""
    if hasattr(value, "hour"):
        return value.isoformat(sep=" ")
    if hasattr(value, "year"):
        return value.isoformat()
    return int(value) if isinstance(value, float) and value.is_integer() else value
