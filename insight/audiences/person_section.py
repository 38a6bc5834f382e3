"""The audiences that somebody is in, on their page."""

from __future__ import annotations

from typing import Any

from cdp import lake
from cdp.core.access import Access
from cdp.core.identifiers import ID_TYPES
from cdp.lake.names import literal
from insight.audiences import visibility
from insight.oneid.queries import Person

MOST_AUDIENCES = 300
"""So many of the newest are looked into."""


def build(access: Access, person: Person, page: int) -> dict[str, Any] | None:
    """Audiences of the built-in source, as the reader sees them, whose latest good version holds the person."""
    if not access.can("insight.audience.list"):
        return None
    rows = visibility.visible(access).filter(current__isnull=False, source="lake").select_related("current")
    asked: dict[str, Any] = {}
    there = set(lake.tables(access.workspace))
    parts = []
    for row in rows.order_by("-refreshed_at")[:MOST_AUDIENCES]:
        version = row.current
        assert version is not None
        values = person.values(version.user_id_type, version.encryption_of(version.user_id_type))
        if values and version.dropped_at is None and version.table_name in there:
            asked[row.pk] = row
            listed = ", ".join(map(literal, values))
            path = lake.table_path(row.workspace_id, version.table_name)
            parts.append(
                f"SELECT {literal(row.pk)} AS id FROM {path} WHERE user_unique_id IN ({listed}) GROUP BY ALL"
            )
    if not parts:
        return {"audiences": []}
    with lake.cursor() as handle:
        inside = {found[0] for found in handle.execute(" UNION ALL ".join(parts)).fetchall()}
    return {
        "audiences": [
            {
                "id": key,
                "name": row.name,
                "id_type": row.current.user_id_type,
                "label": str(ID_TYPES[row.current.user_id_type].label),
                "version": row.current.number,
                "computed_at": row.refreshed_at.isoformat(sep=" ", timespec="minutes")
                if row.refreshed_at
                else None,
            }
            for key, row in asked.items()
            if key in inside
        ]
    }
