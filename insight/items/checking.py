"""Checking what somebody wants an item pool to be, and whether a stored one still fits its dataset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from cdp.core.access import Access
from cdp.core.errors import Conflict, ValidationFailed
from insight.audiences import rule_checks, rules
from insight.audiences.checking import check as check_rule
from insight.audiences.renewing import renewed
from insight.items.catalog import ItemCatalog

NAME_LENGTH = 64
REMARK_LENGTH = 500
FIELDS = frozenset({"name", "remark", "rule", "builder"})
OPERATIONS = ("union", "intersect")


@dataclass
class Definition:
    """Cleaned values, ready to be set on a pool. `rule`: None where nothing was said of it."""

    values: dict[str, Any] = field(default_factory=dict)
    rule: rules.Rule | None = None


def clean(access: Access, data: Mapping[str, Any], *, new: bool) -> Definition:
    """The cleaned definition. Raises ValidationFailed with everything that is wrong, at its path."""
    errors = {name: [_("There is no such field.")] for name in sorted(set(data) - FIELDS)}
    found = Definition()
    if new or "name" in data:
        name = data.get("name")
        found.values["name"] = name.strip() if isinstance(name, str) else ""
        if not 1 <= len(found.values["name"]) <= NAME_LENGTH:
            errors["name"] = [_("Give a name of 1 to %(length)d characters.") % {"length": NAME_LENGTH}]
    if "remark" in data:
        remark = data["remark"] or ""
        found.values["remark"] = remark.strip() if isinstance(remark, str) else ""
        if not isinstance(remark, str) or len(found.values["remark"]) > REMARK_LENGTH:
            errors["remark"] = [_("Use at most %(length)d characters.") % {"length": REMARK_LENGTH}]
    if new or "rule" in data:
        try:
            found.rule = checked_rule(data.get("rule"), ItemCatalog(access.workspace, access=access))
        except ValidationFailed as error:
            errors |= {path: [str(text) for text in texts] for path, texts in error.errors.items()}
        else:
            found.values["rule"] = rules.to_json(found.rule)
            found.values["dataset_id"] = dataset_of(found.rule)
            found.values["builder"] = _builder(data.get("builder"))
    if errors:
        raise ValidationFailed(
            _("The item pool was not saved: some fields need another value."), errors=errors
        )
    return found


def _builder(given: Any) -> Any:
    """What the editor wants to find again: only what has the form of a rule's tree is kept."""
    return given if isinstance(given, dict) and isinstance(given.get("items"), list) else None


def checked_rule(data: Any, catalog: ItemCatalog) -> rules.Rule:
    """The parsed rule, made of conditions on tags of one item-tag dataset that the catalog knows.

    Raises ValidationFailed with paths below `rule`.
    """
    try:
        rule = rules.parse_rule(data)
        errors = dict(_shape(rule))
        if errors:
            raise rules.RuleInvalid(errors)
        rule = renewed(rule, catalog)
        check_rule(rule, catalog, today=catalog.today)
    except rules.RuleInvalid as error:
        raise rule_checks.invalid(error) from None
    return rule


def _shape(rule: rules.Rule) -> list[tuple[str, list[str]]]:
    """What a pool's rule may not be made of, (path, messages)."""
    found, first = [], ""
    for path, node in rules.nodes(rule):
        if isinstance(node, rules.Group):
            if node.op not in OPERATIONS:
                message = _("Conditions of an item pool are joined by union or intersection.")
                found.append((rules.join(path, "op"), [message]))
        elif not isinstance(node, rules.TagLeaf):
            found.append(
                (rules.join(path, "kind"), [_("An item pool has conditions on tags of items only.")])
            )
        elif node.map is not None:
            found.append((rules.join(path, "map"), [_("Items are not translated.")]))
        else:
            first = first or node.dataset
            if node.dataset != first:
                message = _("All conditions of an item pool ask for tags of one dataset.")
                found.append((rules.join(path, "dataset"), [message]))
    return found


def dataset_of(rule: rules.Rule) -> str:
    """The one dataset that a checked rule asks."""
    [found] = rules.references(rule).datasets
    return found


def usable_rule(stored: Any, owner: Any, catalog: ItemCatalog) -> rules.Rule:
    """A pool's stored rule, if its owner may still use the dataset and it still fits. Raises Conflict otherwise."""
    try:
        parsed = rules.parse_rule(stored)
        lost = catalog.closed(rules.references(parsed).datasets)
        if lost:
            words = {"owner": owner or _("The owner"), "names": ", ".join(lost)}
            raise Conflict(
                _(
                    "%(owner)s has no right to use these datasets any more: %(names)s. The items stayed as they were."
                )
                % words,
                code="no_grant",
            )
        return checked_rule(stored, catalog)
    except (rules.RuleInvalid, ValidationFailed) as error:
        text = " ".join(dict.fromkeys(str(message) for found in error.errors.values() for message in found))
    raise Conflict(
        _("The conditions no longer fit the dataset, so the items stay as they were. %(messages)s")
        % {"messages": text},
        code="rule_outdated",
    )
