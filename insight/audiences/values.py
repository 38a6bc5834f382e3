"""Value lists for pickers: searched in the engine, counted in users or records."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import ibis
from django.core.cache import cache
from django.utils.translation import gettext as _

from cdp.core.access import Access
from cdp.core.errors import NotFound
from insight.audiences.catalog import AiplModel, BehaviourDataset, RfmModel, TagDataset, Unknown
from insight.audiences.limits import MAX_VALUES
from insight.audiences.sources import Known, WorkspaceCatalog

MOST = 3000
FOUND = 200
MOST_KEYS = 50
CACHE_SECONDS = 3600


def values_of(
    access: Access,
    dataset_id: str,
    column: str,
    *,
    search: str = "",
    object_name: str = "",
    offset: int = 0,
    size: int = 0,
    known: Known | None = None,
    catalog: WorkspaceCatalog | None = None,
) -> dict[str, Any]:
    """`{"results": [{"value", "count", "label"?}], "more": bool, "total"}`, by frequency, then value; `label` where it
    has one, `total` the number of all values that there are, or that the search finds.

    `column` is a tag, or for behaviour `type`, `channel` or `object` (then `object_name` says which). `size` values
    beginning at `offset`; unless it is given, the 3,000 most frequent, with a search 200. At most as many as a
    condition can hold. A search finds what contains it, whatever the case. `known` as of a catalog, unless a `catalog`
    of the person's is given.
    """
    page = max(0, offset), min(size, MAX_VALUES) if size > 0 else FOUND if search.strip() else MOST
    catalog = catalog or WorkspaceCatalog(access.workspace, access=access, known=known)
    try:
        dataset = catalog.dataset(dataset_id)
    except Unknown as error:
        raise NotFound(str(error)) from None
    # The versions of the dataset and of the items that it names.
    version = json.dumps(catalog.dataset_versions, sort_keys=True)
    parts = (access.workspace.pk, dataset_id, version, column, object_name, search.casefold(), str(page))
    text = "\n".join((*parts, catalog.rows_digest()))
    name = f"values:{hashlib.sha256(text.encode()).hexdigest()}"
    found: dict[str, Any] | None = cache.get(name)
    if found is None:
        every = catalog.rows_of(catalog.row(dataset_id)[0]) is None
        named = _names(catalog, dataset, column, object_name)
        if isinstance(dataset, TagDataset):
            found = _search(catalog, _tag_values(dataset, column), search, named, page, every=every)
        elif isinstance(dataset, RfmModel | AiplModel):
            raise NotFound(_("A model has no list of values."))
        else:
            rows = _behaviour_values(dataset, column, object_name)
            found = _search(catalog, rows, search, named, page, every=every)
        cache.set(name, found, CACHE_SECONDS)
    return found


def object_keys(access: Access, dataset_id: str) -> list[str]:
    """The object attributes of a behaviour dataset in key/value form, most frequent first."""
    found = values_of(access, dataset_id, "object_key")["results"]
    return [row["value"] for row in found[:MOST_KEYS]]


def _tag_values(dataset: TagDataset, column: str) -> ibis.Table:
    tag = dataset.columns.get(column)
    if tag is None or tag.type not in ("enum", "text", "multi"):
        raise NotFound(_("The dataset has no list of values for “%(tag)s”.") % {"tag": column})
    values = dataset.table[column]
    return dataset.table.select(value=values.unnest() if tag.type == "multi" else values)


def _behaviour_values(dataset: BehaviourDataset, column: str, object_name: str) -> ibis.Table:
    table = dataset.table
    if column == "object_key" and dataset.form == "key_value":
        return table.select(value=table["object_key"])
    if column == "type" or (column == "channel" and dataset.has_channel):
        return table.select(value=table[column])
    found = dataset.object_column(object_name) if column == "object" else None
    if found is not None and dataset.items is not None and dataset.is_item_tag(object_name):
        return dataset.items.table.select(value=dataset.items.values(object_name).cast("string"))
    if found is None:
        raise NotFound(
            _("The dataset has no list of values for “%(name)s”.") % {"name": object_name or column}
        )
    if dataset.form == "key_value":
        rows = table.filter(table["object_key"] == found)
        return rows.select(value=rows["object_value"])
    return table.select(value=table[found].cast("string"))


def _names(catalog: WorkspaceCatalog, dataset: Any, column: str, object_name: str) -> ibis.Table | None:
    """What a dimension table calls the values, (value, label)."""
    if not isinstance(dataset, BehaviourDataset) or column != "object":
        return catalog.value_names(dataset.id, column)
    return catalog.value_names(*dataset.named_at(object_name))


def _search(
    catalog: WorkspaceCatalog,
    values: ibis.Table,
    search: str,
    names: ibis.Table | None,
    page: tuple[int, int],
    *,
    every: bool,
) -> dict[str, Any]:
    """`every`: values that only the names know are listed as well, with a count of 0."""
    offset, size = page
    term = search.strip().lower()
    rows = values.filter(values["value"].notnull() & (values["value"] != ""))
    if term and names is None:
        rows = rows.filter(rows["value"].lower().contains(term))
    counted = rows.group_by("value").aggregate(count=rows.count())
    if names is not None:
        right = names.rename(key="value")
        how: Any = "outer" if every else "left"
        both = counted.join(right, counted["value"] == right["key"], how=how)
        value = ibis.coalesce(both["value"], both["key"])
        counted = both.select(value=value, count=both["count"].fill_null(0), label=both["label"])
        if term:
            fits = counted["value"].lower().contains(term) | counted["label"].lower().contains(
                term
            ).fill_null(False)
            counted = counted.filter(fits)
    shown = counted.order_by([ibis.desc("count"), "value"]).limit(size + 1, offset=offset)
    found = [
        {key: value for key, value in row.items() if value is not None}
        for row in catalog.engine.execute(shown).to_pylist()
    ]
    more = len(found) > size
    counted_all = offset + len(found) if found and not more else int(catalog.engine.scalar(counted.count()))
    return {"results": found[:size], "more": more, "total": counted_all}
