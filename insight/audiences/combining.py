"""Set operations: audiences made from two or three others, which they follow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cdp.core.access import Access
from cdp.core.errors import ValidationFailed
from insight.audiences import membership, origins, services, visibility
from insight.audiences.catalog import Unknown
from insight.audiences.models import Audience
from insight.audiences.sources import WorkspaceCatalog

COMBINED = "combination"
OPERATORS = ("union", "intersect", "subtract")
LEAST, MOST = 2, 3
MAX_LAYERS = 3
_OWN = ("inputs", "operators", "ids_from")


def create(access: Access, data: Mapping[str, Any]) -> Audience:
    """Make an audience from others and start computing it.

    `data`: inputs ([{"audience", "snapshot"?}], two or three), operators (one fewer: union, intersect, subtract,
    applied from left to right), ids_from (the place of the input whose saved IDs count where inputs disagree, 1 unless
    told), and the fields of every audience. Raises ValidationFailed.
    """
    rule = checked_rule(access, data)
    common = {key: value for key, value in data.items() if key not in _OWN}
    return services.create(
        access,
        {"save_ids": common_ids(access, rule), **common, "rule": rule},
        origin=COMBINED,
        ids_from=_ids_from(data.get("ids_from", 1), rule),
    )


def common_ids(access: Access, rule: Any) -> list[str]:
    """The ID types that all inputs hold, in the order of the first; snapshots hold what was saved then."""
    items = parts(rule)["inputs"]
    rows = {
        row.pk: row for row in visibility.visible(access).filter(pk__in=[item["audience"] for item in items])
    }
    catalog = WorkspaceCatalog(access.workspace, access=access)
    found = [
        rows[item["audience"]]
        if "snapshot" not in item
        else catalog.version(item["audience"], item["snapshot"])
        for item in items
    ]
    held = [[row.user_id_type, *row.save_ids] for row in found]
    return [key for key in dict.fromkeys(held[0]) if all(key in others for others in held[1:])]


def _ids_from(given: Any, rule: Any) -> int:
    """The place of an input, from 1. Raises ValidationFailed."""
    most = len(parts(rule)["inputs"])
    if isinstance(given, bool) or not isinstance(given, int) or not 1 <= given <= most:
        raise _wrong("ids_from", _("Give the place of one of the audiences, 1 to %(most)d.") % {"most": most})
    return given


def update(access: Access, audience: Audience, data: Mapping[str, Any], *, etag: str = "") -> Audience:
    """Change what an audience is made from, or its other fields. Its rule follows from the inputs."""
    if "rule" in data:
        raise _wrong("rule", _("Give inputs and operators: the rule of a set operation is made of these."))
    changed = {key: value for key, value in data.items() if key not in _OWN}
    if not any(key in data for key in _OWN):
        return services.update(access, audience, changed, etag=etag)
    rule = audience.rule
    if "inputs" in data or "operators" in data:
        rule = changed["rule"] = checked_rule(access, {**parts(audience.rule), **data}, audience)
        changed.setdefault("save_ids", common_ids(access, rule))
    # Who put in other audiences and said nothing of it, may have taken the winning one away.
    kept = audience.ids_from if "inputs" not in data else 1
    place = _ids_from(data.get("ids_from", kept), rule)
    return services.update(access, audience, changed, etag=etag, ids_from=place)


def checked_rule(access: Access, data: Mapping[str, Any], changing: Audience | None = None) -> dict[str, Any]:
    """The inputs as a rule, evaluated from left to right. Raises ValidationFailed for whatever cannot be combined."""
    inputs, operators = data.get("inputs"), data.get("operators")
    if not isinstance(inputs, list) or not LEAST <= len(inputs) <= MOST:
        raise _wrong("inputs", _("Choose two or three audiences."))
    if (
        not isinstance(operators, list)
        or len(operators) != len(inputs) - 1
        or any(operator not in OPERATORS for operator in operators)
    ):
        raise _wrong("operators", _("Give one of union, intersect, subtract between each two audiences."))
    leaves, rows = [], []
    for index, item in enumerate(inputs):
        leaf, row = _input(access, item, f"inputs/{index}")
        leaves.append(leaf)
        rows.append(row)
    for index, row in enumerate(rows):
        if "combine" not in origins.origin_of(row).actions:
            raise origins.uncombinable(f"inputs/{index}")
        if row.source != rows[0].source:
            raise _wrong(f"inputs/{index}", _("Only audiences that live in one data source can be combined."))
        if row.known_by != rows[0].known_by:
            raise _wrong(
                f"inputs/{index}",
                _(
                    "“%(name)s” knows its people by %(found)s, “%(first)s” by %(wanted)s: they cannot be combined."
                )
                % {
                    "name": row.name,
                    "found": row.known_by_label,
                    "first": rows[0].name,
                    "wanted": rows[0].known_by_label,
                },
            )
        if changing is not None and row.pk == changing.pk:
            raise _wrong(f"inputs/{index}", _("An audience cannot be made from itself."))
    if 1 + max(layers(row) for row in rows) > MAX_LAYERS:
        raise _wrong(
            "inputs",
            _("Audiences can be combined in at most %(limit)d layers.") % {"limit": MAX_LAYERS},
            code="too_many_layers",
        )
    rule: dict[str, Any] = leaves[0]
    for operator, leaf in zip(operators, leaves[1:], strict=True):
        rule = {"op": operator, "items": [rule, leaf]}
    return rule


def _input(access: Access, item: Any, path: str) -> tuple[dict[str, Any], Audience]:
    if not isinstance(item, dict) or set(item) - {"audience", "snapshot"}:
        raise _wrong(path, _("Give an audience, and where wanted one of its snapshots."))
    row = visibility.visible(access).filter(pk=str(item.get("audience") or "")).first()
    if row is None:
        raise _wrong(f"{path}/audience", _("There is no such audience here."))
    leaf = {"kind": "audience", "audience": row.pk}
    if item.get("snapshot"):
        leaf["snapshot"] = item["snapshot"]
        try:
            WorkspaceCatalog(access.workspace, access=access).version(row.pk, item["snapshot"])
        except Unknown as error:
            raise _wrong(f"{path}/snapshot", str(error)) from None
    return leaf, row


def _wrong(path: str, message: str, code: str = "invalid") -> ValidationFailed:
    return ValidationFailed(message, code=code, errors={path: [message]})


def parts(rule: Any) -> dict[str, Any]:
    """The inputs and operators of a stored rule: the opposite of `checked_rule`."""
    if not isinstance(rule, dict) or "op" not in rule:
        leaf = rule if isinstance(rule, dict) else {}
        return {
            "inputs": [{key: leaf[key] for key in ("audience", "snapshot") if leaf.get(key)}],
            "operators": [],
        }
    first, second = rule["items"]
    left, right = parts(first), parts(second)
    return {
        "inputs": [*left["inputs"], *right["inputs"]],
        "operators": [*left["operators"], rule["op"]],
    }


def layers(audience: Audience) -> int:
    """How many set operations lie on top of each other in an audience; 0 for one that is not combined."""
    if audience.origin != COMBINED:
        return 0
    return 1 + max((layers(row) for row in inputs(audience)), default=0)


def inputs(audience: Audience, *, followed: bool = False) -> list[Audience]:
    """The audiences that a combined one is made from; only those it follows, without snapshots, where `followed`."""
    items = parts(audience.rule)["inputs"]
    wanted = [item["audience"] for item in items if not (followed and "snapshot" in item)]
    rows = {
        row.pk: row
        for row in Audience.objects.in_workspace(audience.workspace_id)
        .filter(pk__in=wanted)
        .select_related("workspace", "current")
    }
    return [rows[key] for key in dict.fromkeys(wanted) if key in rows]


def compared(audience: Audience) -> list[str]:
    """IDs of the computed inputs of a combined audience, where there are two or more to lay side by side."""
    keys = [row.pk for row in inputs(audience) if row.current_id] if audience.origin == COMBINED else []
    return keys if len(keys) > 1 else []


def refreshable(audience: Audience) -> bool:
    """Whether a refresh can change anything: a combined audience needs an input that can be refreshed."""
    if audience.origin != COMBINED:
        return "refresh" in origins.origin_of(audience).actions
    return any(refreshable(row) for row in inputs(audience, followed=True))


def sources_first(audience: Audience) -> list[Audience]:
    """What is to be refreshed before the audience, in order: inputs of inputs before inputs."""
    if audience.origin != COMBINED:
        return []
    found: dict[str, Audience] = {}
    for row in inputs(audience, followed=True):
        for source in [*sources_first(row), row]:
            if refreshable(source):
                found.setdefault(source.pk, source)
    return list(found.values())


origins.register(
    origins.Origin(
        key=COMBINED,
        label=gettext_lazy("Set operation"),
        actions=origins.ACTIONS,
        members=membership.of_selection,
        refreshable=refreshable,
    )
)
