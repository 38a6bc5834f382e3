"""Why a person is in an audience, or is not: every condition true or false, with the very rows that counted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import ibis
from django.utils.translation import gettext as _

from cdp.core import audit, timezones
from cdp.core.access import Access
from cdp.core.errors import Conflict, ValidationFailed
from cdp.core.identifiers import ID_TYPES
from cdp.warehouse import Engine
from insight.audiences import comparing, origins, rules
from insight.audiences.behaviour import matching_rows
from insight.audiences.catalog import BehaviourDataset, TagDataset, Unknown
from insight.audiences.compiler import compile_rule
from insight.audiences.models import Audience
from insight.audiences.rule_checks import check_data, invalid
from insight.audiences.sequences import sequence_rows
from insight.audiences.sources import WorkspaceCatalog
from insight.audiences.summary import summarise

USER = "user_unique_id"
MOST_ROWS = 50


@dataclass
class Step:
    """One node of the rule for one person. `rows` are the records that a condition looked at, at most 50."""

    path: str
    text: str
    holds: bool
    op: str = ""
    columns: list[str] = field(default_factory=list)
    rows: list[list[Any]] = field(default_factory=list)
    more: int = 0
    children: list[Step] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        shown: dict[str, Any] = {"path": self.path, "text": self.text, "holds": self.holds}
        if self.children:
            return {**shown, "op": self.op, "items": [child.as_json() for child in self.children]}
        return {**shown, "columns": self.columns, "rows": self.rows, "more": self.more}


@dataclass
class Explanation:
    """`inside`: belongs to the present members. `matches`: the rule holds by the data as it is now."""

    person: str
    known: bool
    inside: bool
    matches: bool | None
    step: Step | None
    history: list[dict[str, Any]]

    def as_json(self) -> dict[str, Any]:
        return {
            "inside": self.inside,
            "matches": self.matches,
            "known": self.known,
            "rule": self.step.as_json() if self.step else None,
            "history": [
                {**row, "as_of": str(row["as_of"] or ""), "created_at": row["created_at"].isoformat()}
                for row in self.history
            ],
        }


def explain(access: Access, audience: Audience, given: str) -> Explanation:
    """The audience's rule for one person, by their identifier; looking somebody up is written to the audit log.

    Raises ValidationFailed for something that is no such identifier, Conflict where the rule no longer fits the data.
    """
    origins.require(audience, "analyse")
    kind = ID_TYPES.get(audience.user_id_type)
    person = (kind.normalise(given) if kind else given.strip()) or ""
    if not person:
        message = _("Give the person's %(type)s.") % {"type": kind.label if kind else USER}
        raise ValidationFailed(message, errors={"id": [message]})
    audit.record(access, "audience.person_explained", audience)
    history = comparing.history(audience, person)
    inside = bool(history) and any(row["inside"] for row in history if row["version"] == audience.version)
    if not audience.rule:
        return Explanation(person, bool(history), inside, None, None, history)
    catalog = WorkspaceCatalog(audience.workspace, audience.source, access=access)
    try:
        rule = check_data(rules.parse_rule(audience.rule), catalog)
    except rules.RuleInvalid as error:
        raise Conflict(str(invalid(error)), code="rule_outdated") from None
    except ValidationFailed as error:
        raise Conflict(str(error), code="rule_outdated", errors=error.errors) from None
    person_of = _Person(person, catalog, timezones.today(audience.workspace), catalog.engine)
    try:
        step = person_of.step("", rule)
    except Unknown as error:
        raise Conflict(str(error), code="rule_outdated") from None
    return Explanation(person, person_of.known, inside, step.holds, step, history)


class _Person:
    """Evaluates a rule for one identifier, from the leaves upwards."""

    def __init__(self, person: str, catalog: WorkspaceCatalog, today: Any, engine: Engine) -> None:
        self.person, self.catalog, self.today, self.engine = person, catalog, today, engine
        self.known = False

    def step(self, path: str, node: Any) -> Step:
        if isinstance(node, rules.Group):
            children = [
                self.step(f"{path}/items/{place}" if path else f"items/{place}", item)
                for place, item in enumerate(node.items)
            ]
            first, *others = [child.holds for child in children]
            holds = {
                "union": first or any(others),
                "intersect": first and all(others),
                "subtract": first and not any(others),
            }[str(node.op)]
            return Step(path, _OPS[str(node.op)](), holds, str(node.op), children=children)
        people = compile_rule(node, self.catalog, today=self.today)
        holds = bool(self.engine.scalar(people.filter(people[USER] == self.person).count()))
        found = Step(path, summarise(node, self.catalog), holds)
        self._add_rows(found, node)
        self.known = self.known or holds or bool(found.rows)
        return found

    def _add_rows(self, step: Step, leaf: Any) -> None:
        """The person's own records that the condition looks at; none where it knows them by another ID."""
        if leaf.map is not None:
            return
        if isinstance(leaf, rules.TagLeaf):
            dataset = self.catalog.dataset(leaf.dataset)
            if isinstance(dataset, TagDataset):
                column = dataset.columns[leaf.tag]
                table = dataset.table
                self._read(step, table.filter(table[USER] == self.person), {column.name: column.label})
        elif isinstance(leaf, rules.BehaviourLeaf):
            behaviour = self.catalog.dataset(leaf.dataset)
            if isinstance(behaviour, BehaviourDataset):
                self._read_records(step, matching_rows(leaf, behaviour, self.today), behaviour)
        elif isinstance(leaf, rules.SequenceLeaf):
            behaviour = self.catalog.dataset(leaf.dataset)
            if isinstance(behaviour, BehaviourDataset):
                self._read_records(step, sequence_rows(leaf, behaviour, self.today), behaviour)

    def _read_records(self, step: Step, rows: ibis.Table, dataset: BehaviourDataset) -> None:
        self._read(step, rows.filter(rows[USER] == self.person), _behaviour_columns(dataset), "at")

    def _read(self, step: Step, rows: ibis.Table, columns: dict[str, str], newest: str = "") -> None:
        ordered = rows.order_by(ibis.desc(rows[newest])) if newest else rows
        found = self.engine.execute(ordered.select(*columns).limit(MOST_ROWS)).to_pylist()
        step.columns = list(columns.values())
        step.rows = [[_plain(value) for value in row.values()] for row in found]
        if len(found) == MOST_ROWS:
            step.more = int(self.engine.scalar(rows.count())) - MOST_ROWS


_OPS = {
    "union": lambda: _("At least one of these holds"),
    "intersect": lambda: _("All of these hold"),
    "subtract": lambda: _("The first holds, and none of the others"),
}


def _behaviour_columns(dataset: BehaviourDataset) -> dict[str, str]:
    columns = {"at": _("Time"), "type": _("Type")}
    if dataset.has_channel:
        columns["channel"] = _("Channel")
    if dataset.has_count:
        columns["count"] = _("Times")
    if dataset.has_amount:
        columns["amount"] = _("Amount")
    if dataset.form == "key_value":
        return {**columns, "object_key": _("Object"), "object_value": _("Value")}
    objects = {column: name for name, column in dataset.objects.items()}
    return {**columns, **objects}


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if hasattr(value, "isoformat"):
        return value.isoformat(sep=" ") if hasattr(value, "hour") else value.isoformat()
    return value
