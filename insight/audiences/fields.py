"""What the rule builder shows of datasets: their tags by category, the parts of their behaviour."""

from __future__ import annotations

from typing import Any

from cdp.core.access import Access
from cdp.core.errors import NotFound
from insight.audiences.catalog import AiplModel, BehaviourDataset, TagDataset, Unknown
from insight.audiences.sources import WorkspaceCatalog
from insight.audiences.values import object_keys
from insight.datasets import rights, tag_uses
from insight.datasets.models import TAG_KINDS, Dataset, DatasetField
from insight.datasources.connections import in_place


def datasets_of(access: Access) -> list[dict[str, Any]]:
    """The datasets that conditions can use, the default ones first."""
    rows = in_place.with_names(
        rights.visible(access)
        .filter(kind__in=(*TAG_KINDS, "behaviour", "rfm", "aipl"), version__gt=0)
        .order_by("-is_default", "name")
    )
    identifiers = {
        item.dataset_id: item
        for item in DatasetField.objects.filter(dataset__in=[row.pk for row in rows], role="identifier")
    }
    return [
        {
            "id": row.pk,
            "name": row.name,
            "kind": _kind(row),
            **_known_by(identifiers.get(row.pk)),
            "users": rights.figures(access, row)[1],
            "default": row.is_default,
            **({"source": row.source_name} if row.source_name else {}),
        }
        for row in rows
    ]


def _known_by(identifier: DatasetField | None) -> dict[str, str]:
    """By which ID a dataset knows its users, and in which form, where anything tells."""
    if identifier is None:
        return {}
    return {"user_id_type": identifier.id_type, "user_id_encryption": identifier.encryption}


def fields_of(access: Access, dataset_id: str) -> dict[str, Any]:
    """The tags of a user-tag dataset, or what can be asked of behaviour. Raises NotFound."""
    catalog = WorkspaceCatalog(access.workspace, access=access)
    try:
        row, fields = catalog.row(dataset_id)
        dataset = catalog.dataset(dataset_id)
    except Unknown as error:
        raise NotFound(str(error)) from None
    users = rights.figures(access, row)[1]
    # How full a tag is, is known for all rows only.
    filled = row.stats.get("filled", {}) if catalog.rows_of(row) is None else {}
    head = {
        "id": row.pk,
        "name": row.name,
        "kind": _kind(row),
        "users": users,
        "version": row.version,
        "refreshed_at": row.refreshed_at.isoformat() if row.refreshed_at else None,
        # Custom tags are refreshed one by one, on their own page.
        "may_refresh": row.kind != Dataset.Kind.CUSTOM_TAGS and rights.may_manage(access, row),
    }
    if row.kind == "behaviour":
        assert isinstance(dataset, BehaviourDataset)
        return {"dataset": head, "tags": [], "behaviour": _behaviour(access, row, fields, dataset)}
    if isinstance(dataset, AiplModel):
        return {"dataset": head, "tags": [], "days": [str(day) for day in dataset.computed()]}
    if not isinstance(dataset, TagDataset):
        return {"dataset": head, "tags": []}
    heat = tag_uses.heat(access.workspace, dataset=row.pk)
    tags = [
        {
            "column": item.column,
            "name": item.name or item.column,
            "description": item.description,
            "type": item.tag_type,
            "category": item.category.path if item.category else "",
            "filled": filled.get(item.column),
            "heat": heat.get((row.pk, item.column), tag_uses.Heat()).as_json(),
            **_state(item, dataset),
        }
        for item in fields
        # A custom tag without a column is one that has not been computed yet.
        if item.role == "tag" and not (item.column in dataset.lost and row.kind == Dataset.Kind.CUSTOM_TAGS)
    ]
    return {"dataset": head, "tags": tags}


def _state(item: DatasetField, dataset: TagDataset) -> dict[str, Any]:
    """`time` where a date has a time of day; `lost`, the reason, where the tag's column is gone."""
    if item.column in dataset.lost:
        return {"lost": item.lost_reason}
    return {"time": True} if dataset.columns[item.column].is_timestamp else {}


def _behaviour(access: Access, row: Dataset, fields: list[Any], dataset: BehaviourDataset) -> dict[str, Any]:
    live = [item for item in fields if not item.deleted]
    roles = {item.role for item in live}
    key_value = "object_key" in roles
    if key_value:
        objects = [{"name": key, "label": key} for key in object_keys(access, row.pk)]
    else:
        objects = [
            {"name": item.name or item.column, "label": item.name or item.column}
            for item in live
            if item.role == "object"
        ]
        objects += [
            {"name": item.name or item.column, "label": item.name or item.column, "lost": item.lost_reason}
            for item in fields
            if item.role == "object" and item.deleted
        ]
    if dataset.items is not None:
        objects += [{"name": name, "label": dataset.items.label(name)} for name in dataset.items.labels]
    lost_channel = next((item.lost_reason for item in fields if item.role == "channel" and item.deleted), "")
    return {
        "has_channel": "channel" in roles,
        "lost_channel": lost_channel,
        "has_amount": "amount" in roles,
        "has_count": "count" in roles,
        "object_form": "keyvalue" if key_value else "wide",
        "base_object": row.base_object if key_value else "",
        "objects": objects,
    }


def _kind(row: Dataset) -> str:
    """The kind as the builder knows it: custom tags are asked for like all tags."""
    return "user_tags" if row.kind in TAG_KINDS else row.kind
