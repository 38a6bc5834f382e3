"""Who belongs to an audience, as one expression for the engine: identifiers and the saved ID columns."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

import ibis
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cdp.core.errors import Conflict, ValidationFailed
from cdp.warehouse import Engine
from insight.audiences import identities, origins, provenance, rule_checks, rules
from insight.audiences.compiler import apply_limit, compile_rule
from insight.audiences.identities import IdColumn
from insight.audiences.models import Audience
from insight.audiences.saved_ids import with_ids, with_ids_joined
from insight.audiences.sources import WorkspaceCatalog
from insight.datasets import rights

USER = "user_unique_id"
EXACT_ROWS = 1_000_000


@dataclass(frozen=True)
class Members:
    """`expression` has `user_unique_id`, unique, then a text column per saved ID type, named by its key.

    `conflicts` counts, for ID types that several datasets hold, the people with differing values (column per type).
    """

    expression: ibis.Table
    user_id_type: str
    id_columns: dict[str, list[IdColumn]]
    dataset_versions: dict[str, int] = field(default_factory=dict)
    audience_versions: dict[str, int] = field(default_factory=dict)
    conflicts: ibis.Table | None = None
    user_id_encryption: str = "plain"


def members_of(audience: Audience, today: date) -> Members:
    """The members on the given day. Raises DomainError with the reason where they cannot be computed."""
    compute = origins.origin_of(audience).members
    if compute is None:
        raise Conflict(_("The members of this audience come from outside; there is nothing to compute."))
    return compute(audience, today)


def of_selection(audience: Audience, today: date) -> Members:
    """Members of an audience that is described by a rule."""
    workspace = audience.workspace
    # An audience is what its owner may see, whoever has it computed.
    access = rights.access_of(audience.owner, workspace)
    catalog = WorkspaceCatalog(workspace, audience.source, access=access, today=today)
    rule = _usable_rule(audience, catalog)
    people = compile_rule(rule, catalog, today=today)
    offered = identities.id_columns(rule, catalog)
    known_by = identities.identity_of_rule(rule, catalog)
    first = _winning(audience, rule)
    if first is not None:
        offered.sort(key=lambda column: column.dataset != first)
    chosen = {key: _providers(key, offered) for key in audience.save_ids}
    if audience.limit:
        some = apply_limit(people, audience.pk, audience.limit)
        found = with_ids_joined(some, rule, chosen, catalog)
    else:
        found = with_ids(people, rule, chosen, catalog, today, first)
    versions = catalog.dataset_versions, catalog.audience_versions
    return Members(
        found.members,
        known_by.id_type,
        chosen,
        *versions,
        found.conflicts,
        user_id_encryption=known_by.encryption,
    )


def _winning(audience: Audience, rule: rules.Rule) -> str | None:
    """Which input's IDs count where those of a set operation disagree; None where it is the first."""
    inputs = [leaf for _path, leaf in rules.leaves(rule) if isinstance(leaf, rules.AudienceLeaf)]
    return inputs[audience.ids_from - 1].key if 1 < audience.ids_from <= len(inputs) else None


def _usable_rule(audience: Audience, catalog: WorkspaceCatalog) -> rules.Rule:
    """The stored rule, if it still fits the data. Raises Conflict saying what has changed."""
    try:
        stored = rules.parse_rule(audience.rule)
        _check_grants(audience, stored, catalog)
        rule = rule_checks.check_data(stored, catalog)
    except rules.RuleInvalid as error:
        raise _outdated(rule_checks.invalid(error)) from None
    except ValidationFailed as error:
        raise _outdated(error) from None
    if provenance.leads_to(audience.pk, audience.pk):
        raise Conflict(
            _("The audience leads back to itself through other audiences. Change its rule or theirs."),
            code="audience_cycle",
        )
    return rule


def _check_grants(audience: Audience, rule: rules.Rule, catalog: WorkspaceCatalog) -> None:
    """Raises Conflict `no_grant` where something of the rule is there, but no longer open to the audience's owner."""
    used = rules.references(rule)
    for lost, message in (
        (
            catalog.closed(used.datasets),
            _(
                "%(owner)s has no right to use these datasets any more: %(names)s. The members stayed as they were."
            ),
        ),
        (
            catalog.closed_audiences(used.audiences),
            _("%(owner)s does not see these audiences any more: %(names)s. The members stayed as they were."),
        ),
    ):
        if lost:
            words = {"owner": audience.owner or _("The owner"), "names": ", ".join(lost)}
            raise Conflict(message % words, code="no_grant")


def _outdated(error: ValidationFailed) -> Conflict:
    messages = " ".join(dict.fromkeys(str(m) for found in error.errors.values() for m in found))
    return Conflict(
        _("The rule no longer fits the data, so the members stay as they were. %(messages)s")
        % {"messages": messages},
        code="rule_outdated",
    )


def _providers(id_type: str, offered: list[IdColumn]) -> list[IdColumn]:
    """The columns that give this ID: those of the first one's encryption, so that one column never mixes two."""
    found = [column for column in offered if column.id_type == id_type]
    if not found:
        raise Conflict(
            _(
                "No dataset of the rule has the ID type “%(type)s” any more. Edit the audience and choose others."
            )
            % {"type": id_type},
            code="id_missing",
        )
    identifier = [column for column in found if column.identifier]
    return identifier[:1] or [column for column in found if column.encryption == found[0].encryption]


def id_stats(engine: Engine, workspace: Any, table_name: str, members: Members, count: int) -> dict[str, Any]:
    """Per saved ID: how many people have one, how many different ones there are, and where it came from.

    `distinct` is exact up to a million people and an estimate (within about 2 %) beyond: counting it exactly would
    take longer than writing the members.
    """
    if not members.id_columns:
        return {}
    table = engine.table(workspace, table_name)
    exact = count <= EXACT_ROWS
    measures: dict[str, Any] = {f"f_{key}": table[key].count() for key in members.id_columns}
    for key in members.id_columns:
        measures[f"d_{key}"] = table[key].nunique() if exact else table[key].approx_nunique()
    row = engine.execute(table.aggregate(**measures)).to_pylist()[0]
    conflicts = engine.execute(members.conflicts).to_pylist()[0] if members.conflicts is not None else {}
    return {
        key: {
            "filled": row[f"f_{key}"],
            "distinct": min(row[f"d_{key}"], row[f"f_{key}"]),
            "fill_rate": round(row[f"f_{key}"] / count, 6) if count else None,
            "encryption": columns[0].encryption,
            "columns": [{"dataset": column.dataset, "column": column.column} for column in columns],
            "conflicts": conflicts.get(key, 0),
        }
        for key, columns in members.id_columns.items()
    }


def difference(
    engine: Engine, audience: Audience, table_name: str, count: int
) -> tuple[int | None, int | None]:
    """How many people joined and left since the current version; (None, None) where there is none to compare with."""
    previous = audience.current
    if previous is None or previous.dropped_at is not None:
        return None, None
    new = engine.table(audience.workspace, table_name)
    old = engine.table(audience.workspace, previous.table_name)
    both = int(engine.scalar(new.semi_join(old, USER).count()))
    return count - both, previous.count - both


origins.register(
    origins.Origin(
        key="selection",
        label=gettext_lazy("Selection"),
        actions=origins.ACTIONS,
        members=of_selection,
    )
)
