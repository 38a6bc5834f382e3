"""What can be chosen for a set operation: audiences and their snapshots, found by name, owner and folder."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import BooleanField, Case, Prefetch, Q, QuerySet, Value, When
from django.utils.translation import gettext as _

from cdp.core.access import Access
from insight.audiences import queries, visibility
from insight.audiences.models import Audience, AudienceVersion

PAGE = 50
_SNAPSHOTS = Prefetch("versions", AudienceVersion.objects.filter(is_snapshot=True), to_attr="kept")


@dataclass(frozen=True)
class Wanted:
    """What is looked for. `owner`: "mine", "public" (of others) or ""; `beside`: keys of what is chosen already."""

    search: str = ""
    owner: str = ""
    folder: str = ""
    beside: Sequence[str] = ()
    without: str = ""


def found(access: Access, wanted: Wanted) -> dict[str, Any]:
    """`{"results": [{"value", "name", "count", "hint", "reason"}], "total"}`: the first audiences that fit, by name,
    each followed by its snapshots; then those that do not fit beside what is chosen, with the reason.

    A value is `aud_…`, or `aud_…/audv_…` for a snapshot; `total` counts all audiences that are found.
    """
    rows = _matching(access, wanted)
    first = _first(access, wanted.beside)
    if first is not None:
        id_type, form = first.known_by
        fits = When(
            user_id_type=id_type, current__user_id_encryption=form, source=first.source, then=Value(False)
        )
        rows = rows.annotate(misfit=Case(fits, default=Value(True), output_field=BooleanField()))
        rows = rows.order_by("misfit", "name", "pk")
    results = []
    for row in rows.select_related("current").prefetch_related(_SNAPSHOTS)[:PAGE]:
        results += _choices(row, _reason(row, first))
    return {"results": results, "total": rows.count()}


def named(access: Access, keys: Iterable[str]) -> list[dict[str, Any]]:
    """The choices of some keys, as far as the person sees them."""
    wanted = [key for key in keys if key]
    rows = visibility.visible(access).filter(pk__in={key.partition("/")[0] for key in wanted})
    rows = rows.select_related("current")
    every = [choice for row in rows.prefetch_related(_SNAPSHOTS) for choice in _choices(row, "")]
    return [choice for choice in every if choice["value"] in wanted]


def _matching(access: Access, wanted: Wanted) -> QuerySet[Audience]:
    rows = queries.usable_audiences(access, action="combine").exclude(pk=wanted.without)
    if wanted.owner == "mine":
        rows = rows.filter(owner=access.user)
    elif wanted.owner == "public":
        rows = rows.filter(public=True).exclude(owner=access.user)
    if wanted.folder:
        rows = rows.filter(folder=wanted.folder)
    if wanted.search.strip():
        term = wanted.search.strip()
        snapshots = AudienceVersion.objects.filter(is_snapshot=True, snapshot_name__icontains=term)
        rows = rows.filter(Q(name__icontains=term) | Q(pk__in=snapshots.values("audience")))
    return rows.order_by("name", "pk")


def _first(access: Access, beside: Sequence[str]) -> Audience | None:
    """The audience that the others have to fit."""
    keys = [key.partition("/")[0] for key in beside if key]
    return visibility.visible(access).filter(pk=keys[0]).first() if keys else None


def _reason(row: Audience, first: Audience | None) -> str:
    """Why an audience cannot be combined with the one that is chosen; "" where it can."""
    if first is None:
        return ""
    if row.known_by != first.known_by:
        return _("Knows its people by %(found)s, not by %(wanted)s.") % {
            "found": row.known_by_label,
            "wanted": first.known_by_label,
        }
    return _("Lives in another data source.") if row.source != first.source else ""


def _choices(row: Audience, reason: str) -> list[dict[str, Any]]:
    kept: list[AudienceVersion] = row.kept  # type: ignore[attr-defined]
    shared = {"hint": row.known_by_label, "reason": reason}
    return [
        {"value": row.pk, "name": row.name, "count": row.count, **shared},
        *(
            {
                "value": f"{row.pk}/{version.pk}",
                "name": f"{row.name} · {version.snapshot_name}",
                "count": version.count,
                **shared,
            }
            for version in kept
        ),
    ]
