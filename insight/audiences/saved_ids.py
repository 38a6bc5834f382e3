"""The saved IDs of a rule's people: of several tables that know an ID, the first that was chosen for it wins.

Three shapes of query. Where the rule filters the one table that also holds the IDs, they are read in the same scan.
Where it combines audiences, their IDs come along with the set operation. Everything else is joined to the people.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import combinations
from typing import Any

import ibis
import ibis.expr.operations as ops

from insight.audiences.compiler import USER, compile_rule
from insight.audiences.identities import IdColumn
from insight.audiences.rules import AudienceLeaf, Group, Node, Rule
from insight.audiences.sources import WorkspaceCatalog

Chosen = Mapping[str, Sequence[IdColumn]]
"""ID type → the columns that give it, those first whose values win: in the order of the rule, unless told otherwise."""
Wanted = Mapping[str, Mapping[str, str]]
"""Dataset, audience or snapshot → its column → ID type."""


@dataclass(frozen=True)
class WithIds:
    """`members`: `user_unique_id` and a text column per ID type. `conflicts`: one row, people with differing values."""

    members: ibis.Table
    conflicts: ibis.Table | None


@dataclass(frozen=True)
class _Joined:
    """People with columns of IDs; `names` finds them by table and column."""

    table: ibis.Table
    names: dict[tuple[str, str], str]


def with_ids(
    people: ibis.Table,
    rule: Rule,
    chosen: Chosen,
    catalog: WorkspaceCatalog,
    today: date,
    first: str | None = None,
) -> WithIds:
    """The people of a rule, as `compile_rule` found them, with their saved IDs.

    `first` is the `AudienceLeaf.key` of the audience whose values win, if that is not the first; `chosen` says so too.
    """
    wanted = _wanted(rule, chosen)
    united = _united(rule, chosen, wanted, catalog, first)
    if united is not None:
        return united
    joined = _same_scan(people, wanted, catalog) or _carried(rule, wanted, catalog, today)
    return _coalesced(joined or _Joined(people, {}), chosen, wanted, catalog)


def with_ids_joined(people: ibis.Table, rule: Rule, chosen: Chosen, catalog: WorkspaceCatalog) -> WithIds:
    """The same for some of a rule's people only."""
    return _coalesced(_Joined(people, {}), chosen, _wanted(rule, chosen), catalog)


def _wanted(rule: Rule, chosen: Chosen) -> dict[str, dict[str, str]]:
    """The columns to look up; those of audiences that hold none of the people are left out."""
    strangers = set(_strangers(rule))
    wanted: dict[str, dict[str, str]] = {}
    for key, columns in chosen.items():
        for column in columns:
            if not column.identifier and column.dataset not in strangers:
                wanted.setdefault(column.dataset, {})[column.column] = key
    return wanted


def _strangers(node: Node) -> Iterator[str]:
    """Audiences of which nobody can be among the people: they have been subtracted."""
    if isinstance(node, Group) and node.op == "subtract":
        yield from _strangers(node.items[0])
        for item in node.items[1:]:
            for leaf in _alternatives(item):
                if isinstance(leaf, AudienceLeaf) and leaf.map is None:
                    yield leaf.key
    elif isinstance(node, Group) and node.op == "intersect":
        for item in node.items:
            yield from _strangers(item)


def _alternatives(node: Node) -> Iterator[Node]:
    """The parts of a union, and of unions in it; a single node otherwise."""
    if isinstance(node, Group) and node.op == "union":
        for item in node.items:
            yield from _alternatives(item)
    else:
        yield node


def _coalesced(joined: _Joined, chosen: Chosen, wanted: Wanted, catalog: WorkspaceCatalog) -> WithIds:
    """Join what has not come along, and take the first value of each ID."""
    names = dict(joined.names)
    table = joined.table
    for source, columns in wanted.items():
        if any(held == source for held, _column in names):
            continue
        ids = catalog.one_row_per_user(source, list(columns))
        given = {column: f"j{len(names) + place}" for place, column in enumerate(columns)}
        right = ids.rename({name: column for column, name in given.items()} | {"_right": USER})
        table = table.left_join(right, table[USER] == right["_right"]).drop("_right")
        names |= {(source, column): name for column, name in given.items()}
    values: dict[str, Any] = {}
    differing: dict[str, Any] = {}
    for key, providers in chosen.items():
        parts = [
            table[USER] if item.identifier else table[names[item.dataset, item.column]].cast("string")
            for item in providers
            if item.identifier or (item.dataset, item.column) in names
        ]
        values[key] = ibis.coalesce(*parts) if parts else ibis.null("string")
        if len(parts) > 1:
            # Where one of them is null, the comparison is, too.
            unequal = [one != other for one, other in combinations(parts, 2)]
            differing[key] = table.count(where=ibis.or_(*unequal))
    conflicts = table.aggregate(**differing) if differing else None
    return WithIds(table.select(table[USER].name(USER), **values), conflicts)


def _same_scan(people: ibis.Table, wanted: Wanted, catalog: WorkspaceCatalog) -> _Joined | None:
    """The filtered table itself, where the rule is a filter of the one table that also holds the IDs.

    Joining the people back to their own table would scan it twice.
    """
    if len(wanted) != 1:
        return None
    node = people.op()
    if not isinstance(node, ops.Project) or not isinstance(node.parent, ops.Filter):
        return None
    [(source, columns)] = wanted.items()
    if not catalog.has_unique_users(source) or node.parent.parent != catalog.table_of(source).op():
        return None
    return _Joined(node.parent.to_expr(), {(source, column): column for column in columns})


def _carried(node: Node, wanted: Wanted, catalog: WorkspaceCatalog, today: date) -> _Joined | None:
    """The people of a node together with the IDs of audiences that all of them belong to; None where there are none."""
    if isinstance(node, AudienceLeaf):
        columns = wanted.get(node.key, {}) if node.map is None else {}
        return _audience(node, columns, catalog) if columns else None
    if not isinstance(node, Group) or node.op == "union":
        return None
    if node.op == "subtract":
        base = _carried(node.items[0], wanted, catalog, today)
        if base is None:
            return None
        table = base.table
        for item in node.items[1:]:
            table = table.anti_join(compile_rule(item, catalog, today=today), USER)
        return _Joined(table, base.names)
    found: _Joined | None = None
    rest: list[Node] = []
    for item in node.items:
        carried = _carried(item, wanted, catalog, today)
        if carried is None or (found is not None and found.names.keys() & carried.names.keys()):
            rest.append(item)
        else:
            found = carried if found is None else _in_both(found, carried)
    if found is None or not rest:
        return found
    others = compile_rule(Group("intersect", tuple(rest)), catalog, today=today)
    return _Joined(found.table.semi_join(others, USER), found.names)


def _audience(leaf: AudienceLeaf, columns: Mapping[str, str], catalog: WorkspaceCatalog) -> _Joined:
    names = {(leaf.key, column): f"{leaf.key}.{column}" for column in columns}
    table = catalog.audience(leaf.audience, leaf.snapshot).table
    given = {name: table[column] for (_key, column), name in names.items()}
    return _Joined(table.select(USER, **given), names)


def _in_both(left: _Joined, right: _Joined) -> _Joined:
    other = right.table.rename(_right=USER)
    table = left.table.inner_join(other, left.table[USER] == other["_right"]).drop("_right")
    return _Joined(table, left.names | right.names)


def _united(
    rule: Rule, chosen: Chosen, wanted: Wanted, catalog: WorkspaceCatalog, first: str | None
) -> WithIds | None:
    """A union of audiences in one pass over all their rows; None for other rules."""
    leaves = list(dict.fromkeys(_alternatives(rule)))
    if len(leaves) < 2 or not wanted:
        return None
    looked_up = list(dict.fromkeys(key for columns in wanted.values() for key in columns.values()))
    parts = []
    for place, leaf in enumerate(leaves):
        if not isinstance(leaf, AudienceLeaf) or leaf.map is not None:
            return None
        table = catalog.audience(leaf.audience, leaf.snapshot).table
        columns = wanted.get(leaf.key, {})
        given = {key: table[column].cast("string") for column, key in columns.items()}
        missing = {key: ibis.null("string") for key in looked_up if key not in given}
        # The one whose values win stands before all others.
        turn = ibis.literal(-1 if leaf.key == first else place)
        parts.append(table.select(USER, _place=turn, **given, **missing))
    rows = ibis.union(*parts, distinct=False).select(USER, "_place", *looked_up)
    several = [key for key in looked_up if len(chosen[key]) > 1]
    # Left to itself, it would take the first place, whether anything is known there or not.
    firsts = {key: rows[key].argmin(rows["_place"], where=rows[key].notnull()) for key in looked_up}
    differing = {f"_differs_{key}": rows[key].min() != rows[key].max() for key in several}
    people = rows.group_by(USER).aggregate(**firsts)
    judged = rows.group_by(USER).aggregate(**differing)
    counts = {key: judged.count(where=judged[f"_differs_{key}"]) for key in several}
    values = {key: people[key] if key in looked_up else people[USER] for key in chosen}
    return WithIds(
        people.select(people[USER].name(USER), **values), judged.aggregate(**counts) if counts else None
    )
