"""The rule tree, version 1: groups of conditions nested anywhere.

`parse_rule` turns JSON into a tree of frozen models or raises `RuleInvalid` with the path of everything wrong, such as
`items/0/value`. What a dataset has or lacks is checked apart from this, in `checking`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, cast

from django.utils.translation import gettext as _
from pydantic import ValidationError

from cdp.core.shapes import problem_text
from insight.audiences.leaves import LEAVES, AudienceLeaf, BehaviourLeaf, Leaf, TagLeaf
from insight.audiences.limits import MAX_BYTES, MAX_DEPTH, MAX_LEAVES
from insight.audiences.model_leaves import MODEL_LEAVES, AiplLeaf, RfmLeaf
from insight.audiences.schema import rule_schema
from insight.audiences.sequence_leaves import SequenceLeaf
from insight.audiences.windows import WINDOW_KINDS, Strict

RULE_VERSION = 1
Operation = Literal["union", "intersect", "subtract"]
OPERATIONS = ("union", "intersect", "subtract")


class RuleInvalid(Exception):
    """A rule that cannot be used. `errors` maps paths to messages; the path "" is the whole rule."""

    code = "validation_failed"

    def __init__(self, errors: dict[str, list[str]]) -> None:
        self.errors = errors
        super().__init__("; ".join(f"{path or 'rule'}: {' '.join(found)}" for path, found in errors.items()))


@dataclass(frozen=True)
class Group:
    """Union of all items, intersection of all, or the first without every following one."""

    op: Operation
    items: tuple[Node, ...]


AnyLeaf = Leaf | SequenceLeaf | RfmLeaf | AiplLeaf
Node = Group | AnyLeaf
Rule = Node
KINDS: dict[str, type[Strict]] = {**LEAVES, "sequence": SequenceLeaf, **MODEL_LEAVES}


def parse_rule(data: Any) -> Rule:
    """The rule of a JSON value; raises RuleInvalid with all errors at once."""
    errors: dict[str, list[str]] = {}
    try:
        size = len(json.dumps(data, ensure_ascii=False).encode())
    except (TypeError, ValueError, RecursionError):
        raise RuleInvalid({"": [_("The rule is not JSON.")]}) from None
    if size > MAX_BYTES:
        raise RuleInvalid({"": [_("The rule is larger than %(size)d KB.") % {"size": MAX_BYTES // 1024}]})
    if isinstance(data, dict) and "version" in data:
        if data["version"] != RULE_VERSION:
            raise RuleInvalid(
                {"version": [_("Only version %(version)d is known.") % {"version": RULE_VERSION}]}
            )
        data = {key: value for key, value in data.items() if key != "version"}
    node = _parse(data, "", 1, errors)
    if not errors and node is not None and sum(1 for _found in leaves(node)) > MAX_LEAVES:
        errors[""] = [_("A rule has at most %(most)d conditions.") % {"most": MAX_LEAVES}]
    if errors or node is None:
        raise RuleInvalid(errors)
    return node


def _parse(data: Any, path: str, depth: int, errors: dict[str, list[str]]) -> Node | None:
    if not isinstance(data, dict):
        errors.setdefault(path, []).append(_("A group or a condition is an object."))
        return None
    if "op" in data:
        return _parse_group(data, path, depth, errors)
    kind = data.get("kind")
    model = KINDS.get(kind) if isinstance(kind, str) else None
    if model is None:
        message = _("Give “op” for a group, or a kind of condition: %(kinds)s.") % {"kinds": ", ".join(KINDS)}
        errors.setdefault(join(path, "kind"), []).append(message)
        return None
    try:
        leaf = model.model_validate(data)
    except ValidationError as error:
        for where, message in _problems(error):
            errors.setdefault(join(path, where), []).append(message)
        return None
    return cast(AnyLeaf, leaf)


def _parse_group(data: dict[str, Any], path: str, depth: int, errors: dict[str, list[str]]) -> Group | None:
    before = len(errors)

    def wrong(where: str, message: str) -> None:
        errors.setdefault(join(path, where), []).append(message)

    for key in data:
        if key not in ("op", "items"):
            wrong(key, _("Unknown field."))
    if data["op"] not in OPERATIONS:
        wrong("op", _("Choose one of %(values)s.") % {"values": ", ".join(OPERATIONS)})
    items = data.get("items")
    if not isinstance(items, list) or not items:
        wrong("items", _("A group needs at least one item."))
        return None
    if depth > MAX_DEPTH:
        wrong("", _("Groups are nested at most %(most)d deep.") % {"most": MAX_DEPTH})
        return None
    parsed = [
        _parse(item, join(path, f"items/{index}"), depth + 1, errors) for index, item in enumerate(items)
    ]
    if len(errors) > before:
        return None
    return Group(data["op"], tuple(item for item in parsed if item is not None))


def join(path: str, part: str) -> str:
    return f"{path}/{part}" if path and part else path or part


_TAGS = WINDOW_KINDS | {"group", "comparison"}


def _problems(error: ValidationError) -> Iterator[tuple[str, str]]:
    """Path below the leaf and message of each problem."""
    found_errors = error.errors()
    for found in found_errors:
        where = "/".join(str(part) for part in found["loc"] if part not in _TAGS)
        cause = found.get("ctx", {}).get("error")
        if isinstance(cause, ValidationError):
            # A value whose shape depends on the operator is validated on its own.
            yield from ((join(where, inner), message) for inner, message in _problems(cause))
        elif found["type"] != "too_short" or not any(
            _inside(other["loc"], found["loc"]) for other in found_errors
        ):
            # A list is also called too short when what it holds is wrong, which is reported by itself.
            yield where, _message(found)


def _inside(inner: tuple[int | str, ...], outer: tuple[int | str, ...]) -> bool:
    return len(inner) > len(outer) and inner[: len(outer)] == outer


def _message(found: Any) -> str:
    if found["type"] == "union_tag_not_found":
        return _("Give a “kind”: %(kinds)s.") % {"kinds": ", ".join(sorted(WINDOW_KINDS))}
    return problem_text(found)


def leaves(rule: Rule, path: str = "") -> Iterator[tuple[str, AnyLeaf]]:
    """All leaves with their paths; the path of a rule that is a single leaf is ""."""
    if isinstance(rule, Group):
        for index, item in enumerate(rule.items):
            yield from leaves(item, join(path, f"items/{index}"))
    else:
        yield path, rule


def nodes(rule: Rule, path: str = "") -> Iterator[tuple[str, Node]]:
    """All groups and leaves with their paths, a group before its items."""
    yield path, rule
    if isinstance(rule, Group):
        for index, item in enumerate(rule.items):
            yield from nodes(item, join(path, f"items/{index}"))


@dataclass(frozen=True)
class References:
    """IDs of what a rule reads."""

    datasets: frozenset[str]
    audiences: frozenset[str]


def references(rule: Rule) -> References:
    datasets: set[str] = set()
    audiences: set[str] = set()
    for _path, leaf in leaves(rule):
        if isinstance(leaf, AudienceLeaf):
            audiences.add(leaf.audience)
            continue
        datasets.add(leaf.dataset)
        if isinstance(leaf, BehaviourLeaf) and leaf.base:
            datasets.add(leaf.base)
    return References(frozenset(datasets), frozenset(audiences))


def to_json(rule: Rule) -> Any:
    """The rule as JSON again, without fields at their defaults."""
    if isinstance(rule, Group):
        return {"op": rule.op, "items": [to_json(item) for item in rule.items]}
    return {"kind": rule.kind, **rule.model_dump(mode="json", by_alias=True, exclude_defaults=True)}


def canonical_hash(rule: Rule) -> str:
    """A hash that is equal for rules with the same meaning as written (key order and defaults do not matter)."""
    text = json.dumps(to_json(rule), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def json_schema() -> dict[str, Any]:
    """The published JSON Schema of rules."""
    return rule_schema(RULE_VERSION, OPERATIONS, KINDS)


__all__ = [
    "AiplLeaf",
    "AnyLeaf",
    "AudienceLeaf",
    "BehaviourLeaf",
    "Group",
    "Leaf",
    "Node",
    "References",
    "RfmLeaf",
    "Rule",
    "RuleInvalid",
    "SequenceLeaf",
    "TagLeaf",
    "canonical_hash",
    "json_schema",
    "leaves",
    "nodes",
    "parse_rule",
    "references",
    "to_json",
]
