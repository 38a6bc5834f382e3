"""How an audience has changed from version to version: its size, who joined and left, and how a tag spreads in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import ibis
from django.utils.translation import gettext as _

from cdp.core.access import Access
from cdp.core.errors import NotFound, ValidationFailed
from cdp.warehouse import get_engine
from insight.audiences import comparing, origins, queries, tag_values, visibility
from insight.audiences.catalog import Unknown
from insight.audiences.identities import identity_of_fields
from insight.audiences.models import Audience
from insight.audiences.sources import WorkspaceCatalog
from insight.behaviour_analysis.splitting import UNKNOWN as WITHOUT
from insight.behaviour_analysis.splitting import Split
from insight.datasets.models import TAG_KINDS

MOST_VERSIONS = 30
MOST_VALUES = 8
VALUE, OTHER, UNKNOWN = "value", "other", "unknown"


def get(access: Access, audience_id: str) -> Audience:
    """An audience that may be analysed. Raises NotFound, ActionNotSupported."""
    audience = visibility.get_visible(access, audience_id)
    origins.require(audience, "analyse")
    return audience


def sizes(audience: Audience) -> list[dict[str, Any]]:
    """The last 30 versions, earliest first: number, time, people, joined and left since the version before."""
    versions = list(audience.versions.order_by("-number")[:MOST_VERSIONS])
    return [
        {
            "number": version.number,
            "at": version.created_at.isoformat(),
            "count": version.count,
            "joined": version.joined,
            "left": version.left,
            "kept": version.dropped_at is None,
            "snapshot": version.snapshot_name if version.is_snapshot else None,
        }
        for version in reversed(versions)
    ]


def composition(access: Access, audience: Audience, dataset_id: str, tag: str) -> dict[str, Any]:
    """People per value of a tag in each of the last 30 versions whose members are still kept, in one statement.

    `{"values": [{"value", "label", "kind"}], "versions": [{"number", "counts": [...]}]}`: the eight most frequent
    values, then the others (`kind` other), then those without one (unknown), as far as there are such. Values are those
    that the tag has today. Raises NotFound, ValidationFailed.
    """
    catalog = WorkspaceCatalog(access.workspace, audience.source, access=access)
    try:
        dataset, fields = catalog.row(dataset_id)
    except Unknown as error:
        raise NotFound(str(error)) from None
    if dataset.kind not in TAG_KINDS or not any(
        item.column == tag and item.tag_type == "enum" and not item.deleted for item in fields
    ):
        message = _("Choose a tag with a choice of values, of a user-tag dataset.")
        raise ValidationFailed(message, errors={"tag": [message]})
    known_by = identity_of_fields(fields)
    kept = audience.versions.filter(
        dropped_at__isnull=True,
        user_id_type=known_by.id_type,
        user_id_encryption=known_by.encryption,
    )
    versions = sorted(kept.order_by("-number")[:MOST_VERSIONS], key=lambda version: version.number)
    if not versions:
        return {"values": [], "versions": []}
    people = [
        queries.members(version).select(user_unique_id="user_unique_id", number=ibis.literal(version.number))
        for version in versions
    ]
    together = ibis.union(*people) if len(people) > 1 else people[0]
    tagged = tag_values.with_tags(together, [(dataset_id, tag)], catalog)
    tagged = tagged.mutate(value=tagged["tag_0"].nullif(""))
    counted = tagged.group_by(["number", "value"]).aggregate(users=tagged.count())
    found = {
        (row["number"], row["value"]): row["users"]
        for row in get_engine(audience.source).execute(counted).to_pylist()
    }
    totals: dict[str, int] = {}
    for (_number, value), users in found.items():
        if value is not None:
            totals[value] = totals.get(value, 0) + users
    top = sorted(totals, key=lambda value: (-totals[value], value))[:MOST_VALUES]
    labels = catalog.value_labels(dataset_id, tag, top)
    values: list[dict[str, Any]] = [
        {"value": value, "label": labels.get(value) or value, "kind": VALUE} for value in top
    ]
    has_other, has_unknown = len(totals) > len(top), any(value is None for _number, value in found)
    values += [{"value": None, "label": _("Other"), "kind": OTHER}] if has_other else []
    values += [{"value": None, "label": _("Unknown"), "kind": UNKNOWN}] if has_unknown else []
    rows = []
    for version in versions:
        counts = [found.get((version.number, value), 0) for value in top]
        unknown = found.get((version.number, None), 0)
        rest = version.count - sum(counts) - unknown
        counts += ([rest] if has_other else []) + ([unknown] if has_unknown else [])
        rows.append({"number": version.number, "counts": counts})
    return {"values": values, "versions": rows}


@dataclass(frozen=True)
class Part:
    """The people with one value of a tag, within a version; None are those without one."""

    dataset: str
    tag: str
    value: str | None

    def rule(self, members: dict[str, Any]) -> dict[str, Any]:
        """Of those whom the condition `members` holds for."""
        return Split(self.dataset, self.tag).condition(members, WITHOUT if self.value is None else self.value)


def part_of(given: Any) -> Part | None:
    """What `{"dataset", "tag", "value"}` asks for; None of nothing. Raises ValidationFailed."""
    if given is None:
        return None
    texts = [given.get(name) for name in ("dataset", "tag")] if isinstance(given, Mapping) else []
    value = given.get("value") if isinstance(given, Mapping) else 0
    if len(texts) != 2 or not all(isinstance(text, str) and text for text in texts):
        message = _("Give the dataset, the tag and one of its values.")
        raise ValidationFailed(message, errors={"part": [message]})
    if value is not None and not (isinstance(value, str) and value):
        message = _("Give a value of the tag, or null for the people without one.")
        raise ValidationFailed(message, errors={"part/value": [message]})
    return Part(*texts, value)


def keep(
    access: Access, audience: Audience, number: Any, data: Mapping[str, Any], part: Part | None = None
) -> Audience:
    """Make an audience of those who were in at a version, or of a part of them. `data` as in the API.

    The version is kept as a snapshot for it. Raises Conflict (members not kept any more), ValidationFailed.
    """
    return comparing.save_version(access, audience, number, data, part.rule if part else None)
