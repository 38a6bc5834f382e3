"""What funnels, retention and paths ask about: behaviour in a period, of everybody or of an audience."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

import ibis
import ibis.expr.types as ir
from django.utils.translation import gettext as _

from cdp.core import timezones
from cdp.core.access import Access
from cdp.core.errors import Conflict, NotFound, ValidationFailed
from insight.audiences import origins, queries, rule_checks, rules, visibility
from insight.audiences.behaviour import record_conditions
from insight.audiences.catalog import BehaviourDataset, Unknown
from insight.audiences.identities import identity_of_fields
from insight.audiences.leaves import BehaviourLeaf
from insight.audiences.predicates import all_of
from insight.audiences.sources import WorkspaceCatalog
from insight.audiences.translated import Members, is_asked, members_by
from insight.datasets.models import Dataset, DatasetField

USER = "user_unique_id"
OF_AUDIENCES = "insight.audience.analysis"
FIRST_DAY, LAST_DAY = date(1970, 1, 1), date(2200, 12, 31)
"""Days beyond are typing errors, and their neighbours may be no days any more."""
PARTS = ("type", "channel", "objects")


@dataclass(frozen=True)
class Ground:
    """The records of a dataset that a person may see, of an audience where one is given. Days are the workspace's."""

    access: Access
    catalog: WorkspaceCatalog
    dataset: Dataset
    behaviour: BehaviourDataset
    members: Members | None
    translate: bool
    first: date
    last: date

    @property
    def rows(self) -> ibis.Table:
        """All records of the people in question, of any time."""
        table = self.behaviour.table
        return table.semi_join(self.members.people, USER) if self.members else table

    @property
    def start(self) -> datetime:
        return datetime.combine(self.first, time())

    @property
    def end(self) -> datetime:
        """The moment after the period."""
        return datetime.combine(self.last + timedelta(days=1), time())

    def in_period(self, at: Any) -> ir.BooleanValue:
        return (at >= ibis.literal(self.start)) & (at < ibis.literal(self.end))

    def run(self, expression: ibis.Table) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.catalog.engine.execute(expression).to_pylist()
        return found

    def type_label(self, value: str) -> str:
        return self.type_labels([value])[value]

    def type_labels(self, values: list[str]) -> dict[str, str]:
        """What types of behaviour are called; the value itself where nothing names it."""
        found = self.catalog.value_labels(self.dataset.pk, "type", values)
        return {value: found.get(value) or value for value in values}


def ground_of(access: Access, given: Mapping[str, Any]) -> Ground:
    """The ground that `dataset`, `audience`, `translate`, `from` and `to` name.

    Raises NotFound, PermissionDenied, Conflict `action_not_supported` or `audience_empty`, ValidationFailed.
    """
    catalog = WorkspaceCatalog(access.workspace, access=access)
    try:
        dataset, fields = catalog.row(str(given.get("dataset") or ""))
        behaviour = catalog.dataset(dataset.pk)
    except Unknown as error:
        raise NotFound(str(error)) from None
    if not isinstance(behaviour, BehaviourDataset):
        message = _("Choose a behaviour dataset.")
        raise ValidationFailed(message, errors={"dataset": [message]})
    first, last = _period(given)
    translate = is_asked(given)
    members = members_of(access, str(given.get("audience") or ""), dataset, fields, translate=translate)
    return Ground(access, catalog, dataset, behaviour, members, translate, first, last)


def _period(given: Mapping[str, Any]) -> tuple[date, date]:
    found: dict[str, date] = {}
    errors: dict[str, list[str]] = {}
    for name in ("from", "to"):
        try:
            found[name] = date.fromisoformat(str(given.get(name)))
        except ValueError:
            errors[name] = [_("Give a day such as 2026-01-31.") if given.get(name) else _("This is needed.")]
            continue
        if not FIRST_DAY <= found[name] <= LAST_DAY:
            between = {"first": FIRST_DAY, "last": LAST_DAY}
            errors[name] = [_("Give a day from %(first)s to %(last)s.") % between]
    if not errors and found["from"] > found["to"]:
        errors["to"] = [_("The period ends before it begins.")]
    if errors:
        raise ValidationFailed(_("Some fields need another value."), errors=errors)
    return found["from"], found["to"]


def members_of(
    access: Access,
    audience_id: str,
    dataset: Dataset,
    fields: list[DatasetField],
    *,
    translate: bool,
    field: str = "audience",
) -> Members | None:
    """Those in an audience that the person may look at, by the ID of the dataset; None of none."""
    if not audience_id:
        return None
    audience = visibility.get_visible(access, audience_id)
    access.require(OF_AUDIENCES)
    origins.require(audience, "analyse")
    version = queries.latest_version(audience)
    if version is None:
        raise Conflict(_("The audience has not been computed yet."), code="audience_empty")
    queries.check_source(audience, dataset.source, field)
    return members_by(version, identity_of_fields(fields), translate=translate, field=field)


@dataclass(frozen=True)
class Records:
    """Which records are meant, as a condition of rules has it."""

    leaf: BehaviourLeaf

    def match(self, ground: Ground, table: ibis.Table) -> ir.BooleanValue:
        conditions = list(record_conditions(self.leaf, ground.behaviour, table))
        return all_of(conditions) if conditions else ibis.literal(True)

    def condition(self, **more: Any) -> dict[str, Any]:
        """A condition of a rule on the people who have such records."""
        return {**rules.to_json(self.leaf), **more}

    def label(self, ground: Ground) -> str:
        types = self.leaf.type or ()
        named = ground.type_labels(list(types))
        parts = [" / ".join(named[value] for value in types) or _("Any behaviour")]
        if self.leaf.channel:
            parts.append(" / ".join(self.leaf.channel))
        for item in self.leaf.objects or ():
            values = item.value if isinstance(item.value, tuple) else ()
            parts.append(f"{item.name.removeprefix('item:')}: {', '.join(map(str, values[:3]))}".rstrip(": "))
        return " · ".join(parts)


def records_of(ground: Ground, given: Any, path: str) -> Records:
    """Records by `type`, `channel` and `objects`, checked against the dataset. Raises ValidationFailed below `path`."""
    if not isinstance(given, Mapping):
        raise ValidationFailed(_("Some fields need another value."), errors={path: [_("Give an object.")]})
    unknown = [name for name in given if name not in PARTS]
    if unknown:
        raise ValidationFailed(
            _("Some fields need another value."),
            errors={f"{path}/{name}": [_("Unknown field.")] for name in unknown},
        )
    try:
        rule = rules.parse_rule({"kind": "behaviour", "dataset": ground.dataset.pk, **given})
        leaf = rule_checks.check_data(rule, ground.catalog)
    except rules.RuleInvalid as error:
        raise ValidationFailed(
            _("Some fields need another value."),
            errors={rules.join(path, where): found for where, found in error.errors.items()},
        ) from None
    except ValidationFailed as error:
        error.errors = {
            rules.join(path, where.removeprefix("rule").removeprefix("/")): found
            for where, found in error.errors.items()
        }
        raise
    assert isinstance(leaf, BehaviourLeaf)
    return Records(leaf)


def whole(given: Any, name: str, least: int, most: int) -> int:
    """A whole number of the request, also as text. Raises ValidationFailed."""
    text = str(given)
    is_number = text.isdecimal() and len(text) <= len(str(most)) and not isinstance(given, bool)
    if not is_number or not least <= int(text) <= most:
        message = _("Use a whole number from %(least)d to %(most)d.") % {"least": least, "most": most}
        raise ValidationFailed(_("Some fields need another value."), errors={name: [message]})
    return int(text)


def choice(given: Any, name: str, allowed: tuple[str, ...]) -> str:
    """One of the allowed texts. Raises ValidationFailed."""
    if given not in allowed:
        message = _("Choose one of %(values)s.") % {"values": ", ".join(allowed)}
        raise ValidationFailed(_("Some fields need another value."), errors={name: [message]})
    return str(given)


def with_audience(ground: Ground, rule: dict[str, Any]) -> dict[str, Any]:
    """A rule, limited to the audience that is looked at."""
    if ground.members is None:
        return rule
    inside = ground.members.condition()
    items = rule["items"] if rule.get("op") == "intersect" else [rule]
    return {"op": "intersect", "items": [*items, inside]}


def usual_period(workspace: Any, days: int) -> tuple[date, date]:
    """The last whole days before today."""
    last = timezones.today(workspace) - timedelta(days=1)
    return last - timedelta(days=days - 1), last
