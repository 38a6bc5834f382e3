"""Compiling a rule into Ibis expressions: the set of people, and the counts of every part of the rule.

Two shapes of query. Where all conditions below a node are tags of one dataset with one row per person, the node is a
boolean over that table: any number of conditions costs one scan. Everything else is set algebra on
`user_unique_id`: union, semi join, anti join.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import reduce
from typing import Any

import ibis
import ibis.expr.types as ir

from insight.audiences.behaviour import people_who_did
from insight.audiences.catalog import AiplModel, BehaviourDataset, Catalog, TagDataset, resolved
from insight.audiences.leaves import AudienceLeaf, BehaviourLeaf, TagLeaf
from insight.audiences.model_leaves import NO_STAGE, STAGES, AiplLeaf, Flow, RfmLeaf, Transition
from insight.audiences.predicates import all_of, any_of, certain, tag_condition
from insight.audiences.rules import AnyLeaf, Group, Node, Operation, Rule, leaves, nodes
from insight.audiences.sequence_leaves import SequenceLeaf
from insight.audiences.sequences import people_in_order

USER = "user_unique_id"


@dataclass(frozen=True)
class CountQuery:
    """One query that counts several parts of a rule: its single row has the columns n0, n1 … in order of `paths`."""

    paths: tuple[str, ...]
    expression: ibis.Table


def compile_rule(rule: Rule, catalog: Catalog, *, today: date) -> ibis.Table:
    """The people of a rule: distinct `user_unique_id`, one column. The rule must have passed `check`."""
    return _Compiler(catalog, today).people(rule)


def compile_highest(rules: Mapping[str, Rule], catalog: Catalog, *, today: date) -> ibis.Table | None:
    """(user_unique_id, name): whoever fits one of the rules, with the name of the last one that they fit.

    None where it takes more than one scan: unless all conditions are about one table with one row per person.
    """
    compiler = _Compiler(catalog, today)
    [dataset_id, *others] = {compiler.single_table(rule) for rule in rules.values()}
    if dataset_id is None or others:
        return None
    table = compiler.table(compiler.tag_dataset(dataset_id))
    cases = [(compiler.condition(rule), name) for name, rule in reversed(list(rules.items()))]
    named = table.select(USER, name=ibis.cases(*cases, else_=None))
    return named.filter(named["name"].notnull())


def compile_counts(rule: Rule, catalog: Catalog, *, today: date) -> list[CountQuery]:
    """Queries that count every group and leaf, and the whole rule (path "").

    Parts that are booleans over the same table are counted in one scan; the queries can run side by side.
    """
    return count_nodes(nodes(rule), catalog, today=today)


def count_nodes(parts: Iterable[tuple[str, Node]], catalog: Catalog, *, today: date) -> list[CountQuery]:
    """Queries that count nodes under the names they are given."""
    compiler = _Compiler(catalog, today)
    queries: list[CountQuery] = []
    scans: dict[str, list[tuple[str, Node]]] = {}
    for path, node in parts:
        dataset_id = compiler.single_table(node)
        if dataset_id is not None:
            scans.setdefault(dataset_id, []).append((path, node))
        else:
            people = compiler.people(node)
            queries.append(CountQuery((path,), people.aggregate(n0=people.count())))
    for dataset_id, scanned in scans.items():
        queries.append(compiler.one_scan(dataset_id, scanned))
    return queries


def compile_unmatched(rule: Rule, catalog: Catalog, *, today: date) -> list[CountQuery]:
    """Queries that count, for every condition that is translated, whom it loses by that."""
    compiler = _Compiler(catalog, today)
    queries = []
    for path, leaf in leaves(rule):
        if leaf.map is not None:
            people = compiler.people(_untranslated(leaf))
            lost = catalog.translator(leaf).unmatched(people, leaf.map.to)
            queries.append(CountQuery((path,), lost.aggregate(n0=lost.count())))
    return queries


def apply_limit(people: ibis.Table, audience_id: str, size: int) -> ibis.Table:
    """At most `size` people: those with the smallest MD5 of audience and person.

    The same people stay from refresh to refresh as long as they match, on every engine.
    """
    keyed = people.mutate(_key=(ibis.literal(f"{audience_id}:") + people[USER]).hexdigest("md5"))
    return keyed.order_by(["_key", USER]).limit(size).select(USER)


class _Compiler:
    def __init__(self, catalog: Catalog, today: date) -> None:
        self.catalog = catalog
        self.today = today
        self._tables: dict[str, ibis.Table] = {}

    def tag_dataset(self, dataset_id: str) -> TagDataset:
        dataset = self.catalog.dataset(dataset_id)
        if not isinstance(dataset, TagDataset):
            raise TypeError(f"{dataset_id} is no user-tag dataset.")
        return dataset

    def table(self, dataset: TagDataset) -> ibis.Table:
        """The dataset's table, the same object each time, so that conditions on it can be combined."""
        if dataset.id not in self._tables:
            self._tables[dataset.id] = dataset.table
        return self._tables[dataset.id]

    def single_table(self, node: Node) -> str | None:
        """The ID of the one dataset with unique users that all leaves below are tags of."""
        if isinstance(node, Group):
            found = {self.single_table(item) for item in node.items}
            return found.pop() if len(found) == 1 else None
        if isinstance(node, TagLeaf) and node.map is None and self.tag_dataset(node.dataset).unique_users:
            return node.dataset
        return None

    def condition(self, node: Node) -> ir.BooleanValue:
        """A node whose leaves are tags of one table, as a boolean (NULL where unknown, which means no)."""
        if isinstance(node, Group):
            return _combined(node.op, [self.condition(item) for item in node.items])
        assert isinstance(node, TagLeaf)
        dataset = self.tag_dataset(node.dataset)
        column = dataset.columns[node.tag]
        return tag_condition(node, column, self.table(dataset)[column.name], self.today)

    def people(self, node: Node) -> ibis.Table:
        """Distinct identifiers of a node."""
        dataset_id = self.single_table(node)
        if dataset_id is not None:
            table = self.table(self.tag_dataset(dataset_id))
            return table.filter(self.condition(node)).select(USER)
        if isinstance(node, Group):
            return self._group(node)
        if node.map is not None:
            return self.catalog.translator(node).translated(self.people(_untranslated(node)), node.map.to)
        if isinstance(node, TagLeaf):
            table = self.table(self.tag_dataset(node.dataset))
            return table.filter(self.condition(node)).select(USER).distinct()
        if isinstance(node, BehaviourLeaf):
            return self._behaviour(node)
        if isinstance(node, SequenceLeaf):
            return self._sequence(node)
        if isinstance(node, RfmLeaf):
            return self._rfm(node)
        if isinstance(node, AiplLeaf):
            return self._aipl(node)
        return self._audience(node)

    def _group(self, group: Group) -> ibis.Table:
        if group.op == "subtract":
            rest = [self.people(part) for part in self._merged("union", group.items[1:])]
            return reduce(_without, rest, self.people(group.items[0]))
        sets = [self.people(part) for part in self._merged(group.op, group.items)]
        if group.op == "union":
            return sets[0] if len(sets) == 1 else ibis.union(*sets, distinct=True)
        return reduce(_in_both, sets)

    def _merged(self, op: Any, items: Sequence[Node]) -> list[Node]:
        """The items with those over the same table joined into one group, which then costs one scan."""
        together: dict[str, list[Node]] = {}
        apart: list[Node] = []
        for item in items:
            dataset_id = self.single_table(item)
            if dataset_id is None:
                apart.append(item)
            else:
                together.setdefault(dataset_id, []).append(item)
        merged: list[Node] = [
            found[0] if len(found) == 1 else Group(op, tuple(found)) for found in together.values()
        ]
        return [*merged, *apart]

    def _behaviour(self, leaf: BehaviourLeaf) -> ibis.Table:
        dataset = self.catalog.dataset(leaf.dataset)
        assert isinstance(dataset, BehaviourDataset)
        did = people_who_did(leaf, dataset, self.today)
        if leaf.did:
            return did
        base = self.catalog.dataset(leaf.base) if leaf.base else dataset
        everybody = base.table.select(USER)
        if not (isinstance(base, TagDataset) and base.unique_users):
            everybody = everybody.distinct()
        return _without(everybody, did)

    def _sequence(self, leaf: SequenceLeaf) -> ibis.Table:
        dataset = self.catalog.dataset(leaf.dataset)
        assert isinstance(dataset, BehaviourDataset)
        return people_in_order(leaf, dataset, self.today)

    def _aipl(self, leaf: AiplLeaf) -> ibis.Table:
        model = self.catalog.dataset(leaf.dataset)
        assert isinstance(model, AiplModel)
        if leaf.flow is None:
            table = model.table
            return table.filter(table["stage"].isin(list(leaf.stages or ()))).select(USER)
        return people_who_moved(leaf.flow, resolved(model.days), self.today)

    def _rfm(self, leaf: RfmLeaf) -> ibis.Table:
        table = self.catalog.dataset(leaf.dataset).table
        if leaf.types is not None:
            conditions = [table["type"].isin(list(leaf.types))]
        elif leaf.min_scores is not None:
            least = leaf.min_scores.model_dump(exclude_none=True)
            conditions = [table[f"{name}s"] >= value for name, value in least.items()]
        else:
            assert leaf.ranges is not None
            conditions = []
            for name, (low, high) in leaf.ranges.model_dump(exclude_none=True).items():
                conditions += [table[name] >= low] if low is not None else []
                conditions += [table[name] <= high] if high is not None else []
        return (table.filter(conditions) if conditions else table).select(USER)

    def _audience(self, leaf: AudienceLeaf) -> ibis.Table:
        return self.catalog.audience(leaf.audience, leaf.snapshot).table.select(USER)

    def one_scan(self, dataset_id: str, parts: list[tuple[str, Node]]) -> CountQuery:
        """Counts of several boolean nodes over one table.

        Each condition is computed once per row, below the counts: groups only combine what is computed already.
        """
        table = self.table(self.tag_dataset(dataset_id))
        found = {node: f"c{index}" for index, node in enumerate(dict.fromkeys(_tag_leaves(parts)))}
        answers = table.select(**{name: self.condition(leaf) for leaf, name in found.items()})

        def answer(node: Node) -> ir.BooleanValue:
            if isinstance(node, Group):
                return _combined(node.op, [answer(item) for item in node.items])
            return answers[found[node]]  # type: ignore[no-any-return, index]

        # Adding up booleans is quicker than counting with a filter.
        counts = {f"n{index}": answer(node).sum().fill_null(0) for index, (_path, node) in enumerate(parts)}
        return CountQuery(tuple(path for path, _node in parts), answers.aggregate(**counts))


def _untranslated(leaf: AnyLeaf) -> AnyLeaf:
    return leaf.model_copy(update={"map": None})


def people_who_moved(flow: Flow, days: ibis.Table, today: date) -> ibis.Table:
    """The users of a flow's transitions: in one stage or none on the first day, in another or none on the last."""
    first, last = flow.days(today)
    before = days.filter(days["day"] == ibis.literal(first, type="date")).select(USER, "stage")
    after = days.filter(days["day"] == ibis.literal(last, type="date"))
    after = after.select(_user=after[USER], after=after["stage"])
    both = before.outer_join(after, before[USER] == after["_user"])
    both = both.select(USER, "_user", "after", stage=both["stage"].fill_null(NO_STAGE))
    moved = both.filter(any_of([_moved(item, both) for item in flow.transitions]))
    return moved.select(**{USER: ibis.coalesce(moved[USER], moved["_user"])})


def _moved(transition: Transition, both: ibis.Table) -> ir.BooleanValue:
    before, after = both["stage"], both["after"]
    ways: list[Any] = [after.isin([target for target in transition.to if target in STAGES])]
    if "lost" in transition.to:
        ways.append(after.isnull())
    if "converted" in transition.to:
        ways.append(after != before)
    return (before == transition.from_) & any_of([certain(way) for way in ways])  # type: ignore[no-any-return]


def _combined(op: Operation, parts: list[ir.BooleanValue]) -> ir.BooleanValue:
    if op == "union":
        return any_of(parts)
    if op == "intersect":
        return all_of(parts)
    return all_of([parts[0], *(~certain(part) for part in parts[1:])])


def _tag_leaves(parts: list[tuple[str, Node]]) -> Iterator[TagLeaf]:
    for _path, part in parts:
        for _below, node in nodes(part):
            if isinstance(node, TagLeaf):
                yield node


def _in_both(left: ibis.Table, right: ibis.Table) -> ibis.Table:
    return left.semi_join(right, USER)


def _without(left: ibis.Table, right: ibis.Table) -> ibis.Table:
    return left.anti_join(right, USER)
