"""The people of several audiences as one set, and who of them is also in others: one pass in the engine.

People are the same where an ID of one type is the same, whatever form it was written in; and where the audiences know
their people by one type of identifier, also where that is the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any

import ibis
import pyarrow as pa
from django.utils.translation import gettext as _

from cdp.core.errors import ValidationFailed
from cdp.core.identifiers import ID_TYPES, Encryption, form_label, hashed_form
from cdp.warehouse import get_engine
from insight.audiences import queries
from insight.audiences.identities import identity_of_version
from insight.audiences.models import AudienceVersion
from insight.audiences.tag_values import TagRef

USER = queries.USER


@dataclass(frozen=True)
class Crowd:
    """Everybody in one of `included`, with their ID of a type; those who are in one of `excluded` are marked.

    All versions live in one data source, and those of `included` know their people by one type of identifier.
    `encrypted`: the IDs are AES cipher texts, which are equal where the IDs were written in one way.
    """

    included: Sequence[AudienceVersion]
    excluded: Sequence[AudienceVersion]
    id_type: str
    encrypted: bool = False

    @property
    def form(self) -> Encryption:
        """md5 or sha256 where the first version holds its IDs as hashes, and all others must too; else plain."""
        return hashed_form(self.included[0].encryption_of(self.id_type)) or "plain"

    @property
    def at_most(self) -> int:
        """No more people than this, without asking the engine."""
        return sum(version.count for version in self.included)


@dataclass(frozen=True)
class Reach:
    """`people` of the audiences; `left_out` of them by exclusion; `reachable` different IDs among the others."""

    people: int
    left_out: int
    reachable: int


def batches(
    crowd: Crowd, size: int = 10_000, *, tags: Sequence[TagRef] = (), owner: Any = None
) -> Iterator[pa.RecordBatch]:
    """The crowd in batches of about `size`, each person once, never all in memory.

    Columns: `user_unique_id`, `target` (the ID, as it stands there), `excluded`, `parts` (a bit for each of `included`
    that the person is in: 1 for the first, 2 for the second, 4 …), then one per tag as `queries.member_batches` has
    them. Raises ValidationFailed where a version holds no IDs of the type in the crowd's form.
    """
    first = crowd.included[0]
    people = _marked(crowd).select(USER, "target", "excluded", "parts")
    with_tags = queries.joined_to_tags(first, people, tags, owner)
    yield from get_engine(first.audience.source).batches(with_tags, size)


def reach(crowd: Crowd) -> Reach:
    """How many people a message to the crowd would reach at most. Raises as `batches`."""
    people = _marked(crowd)
    left = ~people["excluded"] & people["key"].notnull()
    counted = people.aggregate(
        people=people.count(),
        left_out=people.count(where=people["excluded"]),
        reachable=people["key"].nunique(where=left),
    )
    row = get_engine(crowd.included[0].audience.source).execute(counted).to_pylist()[0]
    return Reach(int(row["people"]), int(row["left_out"]), int(row["reachable"]))


def shared(one: Crowd, other: Crowd, *, by_target: bool) -> int:
    """How many people of `one` are in `other` too, without those left out of either.

    `by_target`: they are the same where the ID is the same in one form; else where their identifier is, which both must
    know their people by.
    """
    column = "key" if by_target else USER
    sides = []
    for crowd in (one, other):
        people = _marked(crowd)
        left = people.filter(~people["excluded"] & people["key"].notnull())
        sides.append(left.select(shared_by=left[column]).distinct())
    both = sides[0].semi_join(sides[1], "shared_by")
    row = get_engine(one.included[0].audience.source).execute(both.aggregate(people=both.count()))
    return int(row.to_pylist()[0]["people"])


def _marked(crowd: Crowd) -> ibis.Table:
    """One row per person: user_unique_id, target, parts, key (the target in one form), excluded."""
    people = _people(crowd)
    people = people.mutate(key=_in_one_form(people["target"], crowd))
    if not crowd.excluded:
        return people.mutate(excluded=ibis.literal(False))
    targets = ibis.union(*[_targets(version, crowd) for version in crowd.excluded])
    banned = targets.filter(targets["banned_key"].notnull()).distinct()
    joined = people.left_join(banned, people["key"] == banned["banned_key"])
    marked = joined.select(*people.columns, excluded=joined["banned_key"].notnull())
    wanted = identity_of_version(crowd.included[0])
    same = [version for version in crowd.excluded if identity_of_version(version) == wanted]
    if not same:
        return marked
    known = ibis.union(*[queries.members(version).select(USER) for version in same]).distinct()
    known = known.rename(banned_user=USER)
    again = marked.left_join(known, marked[USER] == known["banned_user"])
    return again.select(*people.columns, excluded=again["excluded"] | again["banned_user"].notnull())


def _people(crowd: Crowd) -> ibis.Table:
    """user_unique_id, target and parts. Who is in several audiences has the target of the first that holds one."""
    sides = []
    for place, version in enumerate(crowd.included):
        table = queries.members(version)
        target = table[_column(version, crowd)].cast("string")
        sides.append(table.select(table[USER], target=target, place=ibis.literal(place, "int32")))
    if len(sides) == 1:
        return sides[0].select(USER, "target", parts=ibis.literal(1, "int32"))
    rows = ibis.union(*sides)
    whole = ibis.window(group_by=USER)
    bits = [
        (rows["place"] == place).cast("int32").max().over(whole) * (1 << place) for place in range(len(sides))
    ]
    order = ibis.window(group_by=USER, order_by=[rows["target"].isnull(), rows["place"], rows["target"]])
    rows = rows.mutate(turn=ibis.row_number().over(order), parts=reduce(add, bits))
    return rows.filter(rows["turn"] == 0).select(USER, "target", "parts")


def _targets(version: AudienceVersion, crowd: Crowd) -> ibis.Table:
    table = queries.members(version)
    target = table[_column(version, crowd)].cast("string")
    return table.select(banned_key=_in_one_form(target, crowd))


def _in_one_form(target: Any, crowd: Crowd) -> Any:
    """Equal for all ways to write one ID: blanks, prefixes, and case where the type does not tell it apart."""
    kind = ID_TYPES[crowd.id_type]
    text = target.strip()
    if crowd.encrypted:
        return text.nullif("")
    if crowd.form != "plain":
        return text.lower().nullif("")
    for rewrite in (*kind.rewrites, *([kind.prefix_fix] if kind.prefix_fix else [])):
        text = text.re_replace(rewrite.pattern, rewrite.replacement)
    text = text.lower() if kind.case else text
    return text.nullif("")


def _column(version: AudienceVersion, crowd: Crowd) -> str:
    column = queries.target_column(version, crowd.id_type, crowd.form)
    if column is None:
        raise ValidationFailed(
            _("The audience “%(name)s” holds no plain IDs of the type “%(type)s”.")
            % {"name": version.audience.name, "type": ID_TYPES[crowd.id_type].label}
            if crowd.form == "plain"
            else _("The audience “%(name)s” holds no IDs as %(form)s.")
            % {"name": version.audience.name, "form": form_label(crowd.id_type, crowd.form)},
            code="no_usable_id",
        )
    return column
