"""Where an audience's data comes from, how fresh each stop is, and what uses it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from insight.audiences import usage
from insight.audiences.models import Audience, Dependency
from insight.datasets.models import Dataset
from insight.datasources.queries import failed_copies


@dataclass(frozen=True)
class Stop:
    """Something the audience is made from. `newer`: it has changed since the audience was computed.

    `table_newer`: the newest of a dataset's tables, loaded at `table_at`, is newer than the dataset itself.
    `failures` are tables of a dataset that could not be copied from their database: {"table", "code", "detail"}.
    """

    kind: str
    id: str
    name: str
    url: str
    refreshed_at: datetime | None = None
    version: int | None = None
    used_version: int | None = None
    table: str = ""
    table_at: datetime | None = None
    failures: tuple[dict[str, str], ...] = ()
    missing: bool = False

    @property
    def newer(self) -> bool:
        return self.version is not None and self.used_version is not None and self.version > self.used_version

    @property
    def table_newer(self) -> bool:
        return bool(self.table_at and self.refreshed_at and self.table_at > self.refreshed_at)


@dataclass(frozen=True)
class Lineage:
    made_from: list[Stop] = field(default_factory=list)
    used_by: list[usage.Use] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return {
            "made_from": [
                {
                    "kind": stop.kind,
                    "id": stop.id,
                    "name": stop.name,
                    "version": stop.version,
                    "used_version": stop.used_version,
                    "refreshed_at": stop.refreshed_at.isoformat() if stop.refreshed_at else None,
                    "newer": stop.newer,
                    "table": stop.table or None,
                    "table_at": stop.table_at.isoformat() if stop.table_at else None,
                    "table_newer": stop.table_newer,
                    "missing": stop.missing,
                    "failures": [
                        {key: failure[key] for key in ("table", "code", "detail")}
                        for failure in stop.failures
                    ],
                }
                for stop in self.made_from
            ],
            "used_by": [
                {"kind": str(use.kind), "name": use.name, "url": use.url, "blocks": use.blocks}
                for use in self.used_by
            ],
        }


def of(audience: Audience) -> Lineage:
    """Made from (datasets, then audiences) and used by."""
    return Lineage(made_from(audience), usage.used_by(audience))


def first_dataset(audience: Audience) -> str:
    """The dataset that an analysis of the audience opens with; empty where it reads none."""
    rows = audience.dependencies.filter(kind=Dependency.Kind.DATASET).order_by("id")
    return rows.values_list("target", flat=True).first() or ""


def made_from(audience: Audience) -> list[Stop]:
    """The datasets, then the audiences."""
    dependencies = list(audience.dependencies.order_by("id"))
    datasets = [row.target for row in dependencies if row.kind == Dependency.Kind.DATASET]
    audiences = [row.target for row in dependencies if row.kind == Dependency.Kind.AUDIENCE]
    return [*_dataset_stops(audience, datasets), *_audience_stops(audience, audiences)]


def _dataset_stops(audience: Audience, wanted: list[str]) -> list[Stop]:
    used = audience.current.dataset_versions if audience.current else {}
    found = Dataset.objects.in_workspace(audience.workspace_id).filter(pk__in=wanted).select_related("table")
    found = found.prefetch_related("joins__table", "dimensions__table")
    rows = {row.pk: row for row in found}
    failed = {copy["id"]: copy for copy in failed_copies(table for row in found for table in row.tables)}
    stops = []
    for key in wanted:
        row = rows.get(key)
        if row is None:
            stops.append(Stop("dataset", key, _("A dataset that is gone"), "", missing=True))
            continue
        url = reverse("datasets:detail", args=[audience.workspace.slug, key])
        table, loaded = row.table_name, row.loaded_at
        failures = tuple(failed[pk] for pk in dict.fromkeys(item.pk for item in row.tables) if pk in failed)
        stops.append(
            Stop(
                *("dataset", key, row.name, url, row.refreshed_at, row.version, used.get(key), table, loaded),
                failures=failures,
            )
        )
    return stops


def _audience_stops(audience: Audience, wanted: list[str]) -> list[Stop]:
    used = audience.current.audience_versions if audience.current else {}
    rows = {row.pk: row for row in Audience.objects.in_workspace(audience.workspace_id).filter(pk__in=wanted)}
    stops = []
    for key in wanted:
        row = rows.get(key)
        if row is None:
            stops.append(Stop("audience", key, _("An audience that is gone"), "", missing=True))
            continue
        url = reverse("audiences:detail", args=[audience.workspace.slug, key])
        stops.append(Stop("audience", key, row.name, url, row.refreshed_at, row.version, used.get(key)))
    return stops
