"""How audiences overlap, exactly: for every combination of two to eight of them, who is in just these."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Any

import ibis
from django.utils.translation import gettext as _

from cdp.core.access import Access
from cdp.core.errors import Conflict, ValidationFailed
from cdp.core.percentages import parts_in_percent
from cdp.warehouse import get_engine
from insight.audiences import origins, services, visibility
from insight.audiences.models import Audience

USER = "user_unique_id"
LEAST, MOST = 2, 8


@dataclass(frozen=True)
class Part:
    """The people who are in all audiences of `inside` and in none of the others that were asked about."""

    inside: tuple[str, ...]
    people: int


@dataclass(frozen=True)
class Pair:
    """Two audiences: their people, those in both (whoever else has these), and what share of each that is."""

    first: str
    second: str
    both: int
    either: int
    share_of_first: float | None
    share_of_second: float | None

    @property
    def jaccard(self) -> float | None:
        """Those in both per one in either: 0 of strangers, 1 of the same people (Jaccard, 1901)."""
        return self.both / self.either if self.either else None

    def as_json(self) -> dict[str, Any]:
        return {
            "audiences": [self.first, self.second],
            "both": self.both,
            "either": self.either,
            "share_of_first": self.share_of_first,
            "share_of_second": self.share_of_second,
            "jaccard": self.jaccard,
        }


@dataclass(frozen=True)
class Overlap:
    """`parts` are exclusive and come largest first; together they are everybody (`people`) of any of the audiences."""

    audiences: list[Audience]
    parts: list[Part]

    @property
    def people(self) -> int:
        return sum(part.people for part in self.parts)

    @cached_property
    def percents(self) -> list[float]:
        """Of everybody, for each part: with one decimal, adding up to 100."""
        return parts_in_percent([part.people for part in self.parts])

    @cached_property
    def sizes(self) -> dict[str, int]:
        return {row.pk: self.within({row.pk}) for row in self.audiences}

    def within(self, keys: set[str]) -> int:
        """The people who are in all audiences of `keys`, whatever else they are in."""
        return sum(part.people for part in self.parts if keys <= set(part.inside))

    @property
    def pairs(self) -> list[Pair]:
        """Every two of the audiences, in their order."""
        found = []
        for first, second in combinations([row.pk for row in self.audiences], 2):
            both, mine, theirs = self.within({first, second}), self.sizes[first], self.sizes[second]
            shares = both / mine if mine else None, both / theirs if theirs else None
            found.append(Pair(first, second, both, mine + theirs - both, *shares))
        return found

    def as_json(self) -> dict[str, Any]:
        return {
            "audiences": [
                {"id": row.pk, "name": row.name, "count": row.count, "version": row.version}
                for row in self.audiences
            ],
            "people": self.people,
            "parts": [
                {"audiences": list(part.inside), "people": part.people, "percent": percent}
                for part, percent in zip(self.parts, self.percents, strict=True)
            ],
            "pairs": [pair.as_json() for pair in self.pairs],
        }


def chosen(access: Access, keys: Any) -> list[Audience]:
    """Two to eight computed audiences with one type of identifier.

    Raises ValidationFailed, ActionNotSupported, Conflict.
    """
    wanted = list(dict.fromkeys(str(key) for key in keys)) if isinstance(keys, list | tuple) else []
    if not LEAST <= len(wanted) <= MOST:
        message = _("Choose %(least)d to %(most)d audiences.") % {"least": LEAST, "most": MOST}
        raise ValidationFailed(message, errors={"audiences": [message]})
    rows = [visibility.get_visible(access, key) for key in wanted]
    for row in rows:
        origins.require(row, "combine")
    empty = [row.name for row in rows if row.current is None]
    if empty:
        raise Conflict(
            _("These audiences have not been computed yet: %(names)s.") % {"names": ", ".join(empty)},
            code="audience_empty",
        )
    if len({row.source for row in rows}) > 1:
        message = _("Only audiences that live in one data source can be combined.")
        raise ValidationFailed(message, errors={"audiences": [message]})
    if len({row.known_by for row in rows}) > 1:
        known = "; ".join(f"{row.name}: {row.known_by_label}" for row in rows)
        message = _(
            "The audiences must know their people by the same identifier in the same form. %(known)s"
        ) % {"known": known}
        raise ValidationFailed(message, errors={"audiences": [message]})
    return rows


def measure(access: Access, keys: Any) -> Overlap:
    """One pass over the members of all audiences. Raises ValidationFailed, Conflict, NotFound."""
    rows = chosen(access, keys)
    engine = get_engine(rows[0].source)
    sides = []
    for place, row in enumerate(rows):
        assert row.current is not None
        table = engine.table(row.workspace, row.current.table_name)
        sides.append(table.select(USER, bit=ibis.literal(1 << place, "int64")))
    each = ibis.union(*sides).group_by(USER).aggregate(mask=lambda table: table["bit"].sum())
    counted = each.group_by("mask").aggregate(people=each.count())
    parts = [
        Part(
            tuple(row.pk for place, row in enumerate(rows) if int(found["mask"]) >> place & 1),
            int(found["people"]),
        )
        for found in engine.execute(counted).to_pylist()
    ]
    return Overlap(rows, sorted(parts, key=lambda part: (-part.people, part.inside)))


def rule_of(inside: Sequence[str], outside: Sequence[str]) -> dict[str, Any]:
    """The people of all audiences in `inside` and of none in `outside`, as a rule."""
    leaves = [{"kind": "audience", "audience": key} for key in inside]
    rule: dict[str, Any] = leaves[0] if len(leaves) == 1 else {"op": "intersect", "items": leaves}
    if not outside:
        return rule
    rest = [{"kind": "audience", "audience": key} for key in outside]
    return {"op": "subtract", "items": [rule, *rest]}


def save_part(access: Access, keys: Any, inside: Any, name: str, campaigns: Any = None) -> Audience:
    """Make an audience of one part: it follows the audiences that it was cut from. `campaigns`: a list of IDs."""
    rows = chosen(access, keys)
    known = [row.pk for row in rows]
    wanted = [key for key in known if isinstance(inside, list) and key in inside]
    if not wanted:
        message = _("Choose one of the parts.")
        raise ValidationFailed(message, errors={"inside": [message]})
    rule = rule_of(wanted, [key for key in known if key not in wanted])
    return services.create(access, {"name": name, "rule": rule, "campaigns": campaigns or []})


def split(access: Access, keys: Any, prefix: str = "", campaigns: Any = None) -> list[Audience]:
    """Exclusive audiences by priority: the first as it is, each next one without all before it. All or none are made.

    The names are those of the audiences, behind `prefix` and their place; all belong to the `campaigns`.
    """
    from django.db import transaction

    rows = chosen(access, keys)
    made = []
    with transaction.atomic():
        for place, row in enumerate(rows):
            before = [earlier.pk for earlier in rows[:place]]
            name = f"{prefix}{place + 1} {row.name}"[:64]
            common = {"name": name, "campaigns": campaigns or []}
            made.append(services.create(access, {**common, "rule": rule_of([row.pk], before)}))
    return made
