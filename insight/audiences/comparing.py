"""Two versions of an audience side by side: who joined, who left, who stayed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from cdp.core.access import Access
from cdp.core.errors import ValidationFailed
from cdp.warehouse import get_engine
from insight.audiences import origins, services, snapshots, visibility
from insight.audiences.masking import Masker
from insight.audiences.models import Audience
from insight.audiences.snapshots import kept_version

USER = "user_unique_id"
EXAMPLES = 20
SIDES = ("joined", "left")


def compare(access: Access, audience: Audience, older: Any, newer: Any) -> dict[str, Any]:
    """`{"from", "to", "stayed", "joined", "left", "examples": {"joined": [...], "left": [...]}}`, IDs masked."""
    origins.require(audience, "analyse")
    first, second = kept_version(audience, older), kept_version(audience, newer)
    if first.pk == second.pk:
        raise ValidationFailed(_("Choose two different versions."), errors={"to": [_("The same version.")]})
    engine = get_engine(audience.source)
    before = engine.table(audience.workspace, first.table_name)
    after = engine.table(audience.workspace, second.table_name)
    stayed = int(engine.scalar(after.semi_join(before, USER).count()))
    masker = Masker(access)
    mask = masker.for_type(second.user_id_type)
    differing = {"joined": after.anti_join(before, USER), "left": before.anti_join(after, USER)}
    examples = {
        side: [
            mask(row[USER])
            for row in engine.execute(people.select(USER).order_by(USER).limit(EXAMPLES)).to_pylist()
        ]
        for side, people in differing.items()
    }
    masker.note(audience, place="compared versions", rows=sum(len(shown) for shown in examples.values()))
    return {
        "from": first.number,
        "to": second.number,
        "stayed": stayed,
        "joined": second.count - stayed,
        "left": first.count - stayed,
        "examples": examples,
    }


def save_side(
    access: Access, audience: Audience, older: Any, newer: Any, side: str, name: str, campaigns: Any = None
) -> Audience:
    """Make an audience of those who joined or left between two versions, which are kept as snapshots for it."""
    if side not in SIDES:
        raise ValidationFailed(
            _("Use one of %(values)s.") % {"values": ", ".join(SIDES)}, errors={"side": [_("joined or left")]}
        )
    visibility.check_change(access, audience)
    origins.require(audience, "combine")
    first, second = kept_version(audience, older), kept_version(audience, newer)
    wanted, other = (second, first) if side == "joined" else (first, second)
    with transaction.atomic():
        for kept in (first, second):
            snapshots.keep(kept, audience)
        leaves = [
            {"kind": "audience", "audience": audience.pk, "snapshot": kept.pk} for kept in (wanted, other)
        ]
        rule = {"op": "subtract", "items": leaves}
        return services.create(access, {"name": name, "rule": rule, "campaigns": campaigns or []})


def save_version(
    access: Access,
    audience: Audience,
    number: Any,
    data: Mapping[str, Any],
    narrowed: Callable[[dict[str, Any]], dict[str, Any]] | None = None,
) -> Audience:
    """Make an audience of those who were in at a version, which is kept as a snapshot for it; `data` as in the API.

    `narrowed` makes of the condition that somebody was in a rule about some of them.
    """
    visibility.check_change(access, audience)
    origins.require(audience, "combine")
    version = kept_version(audience, number)
    with transaction.atomic():
        snapshots.keep(version, audience)
        leaf = {"kind": "audience", "audience": audience.pk, "snapshot": version.pk}
        return services.create(access, {**data, "rule": narrowed(leaf) if narrowed else leaf})


def history(audience: Audience, person: str) -> list[dict[str, Any]]:
    """Per kept version, newest first, whether the person belongs to it.

    [{"version", "as_of", "created_at", "snapshot", "inside"}], at most a hundred.
    """
    engine = get_engine(audience.source)
    found = []
    for row in audience.versions.filter(dropped_at__isnull=True)[:100]:
        table = engine.table(audience.workspace, row.table_name)
        inside = bool(engine.scalar(table.filter(table[USER] == person).count()))
        found.append(
            {
                "version": row.number,
                "as_of": row.as_of,
                "created_at": row.created_at,
                "snapshot": row.snapshot_name,
                "inside": inside,
            }
        )
    return found
