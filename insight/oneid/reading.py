"""Reading the sources of a run, and whether it may go on from the last one or has to begin anew.

A run is *incremental* where only something was added: sources that have not changed are taken as they were read
before, and only people with new links are worked out again. It finds the same people as a *full* run, which reads and
works out everything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import duckdb
from django.utils.translation import gettext_lazy

from cdp import lake
from cdp.core.access import Access
from insight.oneid import keeping, sightings, sources
from insight.oneid.graph import KEPT
from insight.oneid.models import IdentityGraph

FULL, INCREMENTAL = "full", "incremental"
FIRST, ASKED, SETTINGS, SHRUNK, ENGINE = "first", "asked", "settings", "shrunk", "engine"
KINDS = {FULL: gettext_lazy("Full"), INCREMENTAL: gettext_lazy("Incremental")}
REASONS = {
    FIRST: gettext_lazy("There was nothing to go on from."),
    ASKED: gettext_lazy("Somebody asked for a full run."),
    SETTINGS: gettext_lazy("The settings had changed."),
    SHRUNK: gettext_lazy("Sources no longer said something that they had said before."),
    ENGINE: gettext_lazy("The data engine had changed."),
}


@dataclass(frozen=True)
class Reading:
    """What a run works with, besides the temporary tables of `sightings`.

    `before`: the relations of `graph.KEPT` where the run goes on from the last one. `stats`: `kind`, `reason` (of a
    full run), `pairs`, `dropped`, `sources_read`. `basis` is what the next run compares with.
    """

    before: Mapping[str, str] | None
    stats: dict[str, Any]
    basis: dict[str, Any]


def read(handle: duckdb.DuckDBPyConnection, access: Access, graph: IdentityGraph, *, full: bool) -> Reading:
    """Fill the tables of `sightings`. Raises Conflict: source_missing."""
    marks = [sources.mark(access, source) for source in graph.sources]
    reason = ASKED if full and graph.version else _why_anew(graph)
    former = {} if reason else graph.basis
    for salt in range(former.get("salt", 0), sightings.SALTS):
        counted, fresh = _gather(handle, access, graph, marks, former, salt)
        if not sightings.mixed(handle):
            break
        reason, former = reason or ENGINE, {}
    else:
        raise RuntimeError("Eight salts in a row gave two IDs the same key.")
    if not reason and _shrunk(handle, graph, fresh):
        reason = SHRUNK
    basis = {
        "engine": duckdb.__version__,
        "salt": salt,
        "limits": graph.full_limits,
        "sources": [
            {"source": source, "mark": mark, **found}
            for source, mark, found in zip(graph.sources, marks, counted, strict=True)
        ],
    }
    stats = {
        "kind": FULL if reason else INCREMENTAL,
        "reason": reason,
        "pairs": sum(found["pairs"] for found in counted),
        "dropped": sum(found["dropped"] for found in counted),
        "sources_read": len(fresh),
    }
    return Reading(None if reason else {part: _path(graph, part) for part in KEPT}, stats, basis)


def _why_anew(graph: IdentityGraph) -> str:
    basis = graph.basis
    there = set(lake.tables(graph.workspace)) if basis else set()
    if not basis or any(graph.table(part) not in there for part in keeping.BASIS):
        return FIRST
    if basis["engine"] != duckdb.__version__:
        return ENGINE
    if basis["limits"] != graph.full_limits or [row["source"] for row in basis["sources"]] != graph.sources:
        return SETTINGS
    return ""


def _gather(
    handle: duckdb.DuckDBPyConnection,
    access: Access,
    graph: IdentityGraph,
    marks: list[str],
    former: dict[str, Any],
    salt: int,
) -> tuple[list[dict[str, int]], list[int]]:
    """The counts of all sources, and the places of those that were read; the others are as they were."""
    sightings.begin(handle)
    counted, fresh, same = [], [], []
    for place, source in enumerate(graph.sources):
        known = former["sources"][place] if former else None
        if known and known["mark"] == marks[place]:
            same.append(place)
            counted.append({"pairs": known["pairs"], "dropped": known["dropped"]})
            continue
        counted.append(sources.write_seen(handle, access, source, graph.full_limits))
        sightings.add(handle, place, salt)
        fresh.append(place)
    if same:
        listed = ", ".join(map(str, same))
        for table in sightings.TABLES:
            handle.execute(f"INSERT INTO {table} FROM {_path(graph, table)} WHERE source IN ({listed})")
    return counted, fresh


def _shrunk(handle: duckdb.DuckDBPyConnection, graph: IdentityGraph, fresh: list[int]) -> bool:
    """Whether an ID or a pair is gone that one of the sources that were read had before."""
    if not fresh:
        return False
    listed = ", ".join(map(str, fresh))
    for table, columns in (("seen_ids", "key"), ("seen_pairs", "v, w")):
        before = f"(FROM {_path(graph, table)} WHERE source IN ({listed}))"
        gone = f"SELECT 1 FROM {before} ANTI JOIN {table} USING ({columns}) LIMIT 1"
        if handle.execute(gone).fetchone():
            return True
    return False


def _path(graph: IdentityGraph, part: str) -> str:
    return lake.table_path(graph.workspace, graph.table(part))
