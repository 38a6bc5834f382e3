"""What the editor of conditions shows of item-tag datasets: their tags by category."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from cdp.core.access import Access
from cdp.core.errors import NotFound
from insight.audiences.catalog import Unknown
from insight.datasets import rights
from insight.datasets.models import Dataset
from insight.datasources.connections import in_place
from insight.items.catalog import ItemCatalog, own_columns


def datasets_of(access: Access) -> list[dict[str, Any]]:
    """The item-tag datasets that conditions can use, the default one first."""
    computed = rights.visible(access).filter(kind=Dataset.Kind.ITEM_TAGS, version__gt=0)
    return [
        {
            "id": row.pk,
            "name": row.name,
            "kind": row.kind,
            "users": row.rows,
            **({"source": row.source_name} if row.source_name else {}),
        }
        for row in in_place.with_names(computed.order_by("-is_default", "name"))
    ]


def fields_of(access: Access, dataset_id: str) -> dict[str, Any]:
    """A dataset with the tags of its items; ID and name stand before them. Raises NotFound."""
    catalog = ItemCatalog(access.workspace, access=access)
    try:
        row, fields = catalog.row(dataset_id)
        known = catalog.tags_of(dataset_id)
    except Unknown as error:
        raise NotFound(str(error)) from None
    head = {
        "id": row.pk,
        "name": row.name,
        "kind": row.kind,
        "users": row.rows,
        "version": row.version,
        "refreshed_at": row.refreshed_at.isoformat() if row.refreshed_at else None,
        "may_refresh": rights.may_manage(access, row),
    }
    own = [
        {
            "column": column.name,
            "name": column.label,
            "description": "",
            "type": "text",
            "category": _("Item"),
        }
        for column in own_columns().values()
    ]
    tags = [
        {
            "column": item.column,
            "name": item.name or item.column,
            "description": item.description,
            "type": item.tag_type,
            "category": item.category.path if item.category else "",
        }
        for item in fields
        if item.role == "tag" and item.column in known.columns
    ]
    return {"dataset": head, "tags": [*own, *tags]}
