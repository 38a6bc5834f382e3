"""Splitting people by the values of a tag, or by whether they are in an audience."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import ibis
from django.utils.translation import gettext as _

from cdp.core.errors import ValidationFailed
from insight.audiences import tag_values
from insight.audiences.identities import identity_of_fields
from insight.audiences.translated import Members
from insight.behaviour_analysis.asking import USER, Ground, members_of

MOST_VALUES = 8
INSIDE, OUTSIDE = "in", "out"
UNKNOWN = ""
"""How the people without a value are asked for; no tag has this one."""


@dataclass(frozen=True)
class Split:
    """By a tag of a dataset, or by an audience: `in` and `out`."""

    dataset: str = ""
    tag: str = ""
    members: Members | None = None

    def of(self, people: ibis.Table, ground: Ground) -> ibis.Table:
        """The people's columns and `value`, null where they have none."""
        if self.members is None:
            tagged = tag_values.with_tags(people, [(self.dataset, self.tag)], ground.catalog)
            return tagged.mutate(value=tagged["tag_0"].nullif("")).drop("tag_0")
        inside = self.members.people.rename(_inside=USER)
        joined = people.left_join(inside, people[USER] == inside["_inside"])
        marked = joined.mutate(value=ibis.ifelse(joined["_inside"].notnull(), INSIDE, OUTSIDE))
        return marked.drop("_inside")

    def shown(self, sizes: Mapping[str | None, int]) -> list[str | None]:
        """The values with most people, then that of those who have none."""
        known = sorted(
            (value for value in sizes if value is not None), key=lambda value: (-sizes[value], value)
        )
        found: list[str | None] = [*known[:MOST_VALUES]]
        return [*found, None] if None in sizes else found

    def labels(self, ground: Ground, values: list[str | None]) -> dict[str | None, str]:
        """What the values are called."""
        if self.members is not None:
            name = {"name": self.members.version.audience.name}
            return {INSIDE: _("In “%(name)s”") % name, OUTSIDE: _("Not in “%(name)s”") % name}
        known = [value for value in values if value]
        named = ground.catalog.value_labels(self.dataset, self.tag, known)
        return {**{value: named.get(value) or value for value in known}, None: _("Unknown")}

    def condition(self, rule: dict[str, Any], value: str) -> dict[str, Any]:
        """A rule, limited to the people with a value."""
        leaf: dict[str, Any] = {"kind": "tag", "dataset": self.dataset, "tag": self.tag}
        if self.members is not None:
            leaf, without = self.members.condition(), value == OUTSIDE
        else:
            without = value == UNKNOWN
            leaf |= {"operator": "not_empty"} if without else {"operator": "in", "value": [value]}
        if without:
            return {"op": "subtract", "items": [rule, leaf]}
        items = rule["items"] if rule.get("op") == "intersect" else [rule]
        return {"op": "intersect", "items": [*items, leaf]}


def split_of(ground: Ground, given: Any) -> Split | None:
    """What `{"dataset", "tag"}` or `{"audience"}` asks for. Raises ValidationFailed, and what the audience raises."""
    if not given:
        return None
    message = _("Choose a tag with a choice of values, of a user-tag dataset, or an audience.")
    wrong = ValidationFailed(_("Some fields need another value."), errors={"split": [message]})
    if not isinstance(given, Mapping):
        raise wrong
    own = ground.catalog.row(ground.dataset.pk)[1]
    if given.get("audience"):
        wanted = str(given["audience"])
        return Split(
            members=members_of(
                ground.access, wanted, ground.dataset, own, translate=ground.translate, field="split"
            )
        )
    dataset, tag = (str(given.get(name, "")) for name in ("dataset", "tag"))
    if not tag_values.has_tag(ground.access, dataset, tag):
        raise wrong
    row, fields = ground.catalog.row(dataset)
    has_choices = any(item.column == tag and item.tag_type == "enum" for item in fields)
    if not has_choices or identity_of_fields(fields) != identity_of_fields(own):
        raise wrong
    return Split(row.pk, tag)


def value_of(split: Split | None, given: Any) -> str | None:
    """The value that is asked for, UNKNOWN for people without one; None for everybody. Raises ValidationFailed."""
    if given is None:
        return None
    allowed = split is not None and (split.members is None or given in (INSIDE, OUTSIDE))
    if not isinstance(given, str) or not allowed:
        message = _("Give a value of what is split by.")
        raise ValidationFailed(_("Some fields need another value."), errors={"value": [message]})
    return given


def part_value(part: Mapping[str, Any]) -> Any:
    """The value of a part of the API, where null are the people without one."""
    if "value" not in part:
        return None
    return UNKNOWN if part["value"] is None else part["value"]
