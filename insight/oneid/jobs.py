"""The job that finds a workspace's people."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import duckdb
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cdp import lake
from cdp.core.errors import Cancelled, Conflict, DomainError, EngineError
from cdp.jobs import JobContext, JobKind, register
from insight.datasets import rights
from insight.oneid import decisions, keeping, reading
from insight.oneid.graph import Graph
from insight.oneid.models import IdentityGraph, IdentityRun

KEPT_VERSIONS = 2
_PHASES = {
    "nodes": gettext_lazy("Collecting IDs and links"),
    "strong": gettext_lazy("Joining people"),
    "weak": gettext_lazy("Adding devices"),
    "parting": gettext_lazy("Looking for people that are too large or contradict"),
}


@register
class ResolveIdentities(JobKind):
    """Everything is worked out in temporary tables; a version becomes visible at once, and the pointer moves last."""

    kind = "oneid.resolve"
    label = gettext_lazy("Find who is who")
    queue = "compute"

    def run(self, job: JobContext) -> dict[str, Any]:
        graph = (
            IdentityGraph.objects.select_related("workspace", "owner").filter(pk=job.params["graph"]).first()
        )
        if graph is None or graph.workspace_id != job.workspace.pk:
            raise Cancelled()
        IdentityGraph.objects.filter(pk=graph.pk).update(state=IdentityGraph.State.RUNNING)
        number, started = graph.version + 1, time.monotonic()
        now = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
        lake.ensure_schema(graph.workspace)
        try:
            with lake.cursor() as handle:
                basis, stats = self._resolve(handle, graph, number, now, job)
        except duckdb.Error as error:
            raise EngineError(_("The data engine could not find the people."), reason=str(error)) from error
        job.check_cancelled()
        with transaction.atomic():
            IdentityGraph.objects.filter(pk=graph.pk).update(
                version=number,
                state=IdentityGraph.State.READY,
                error="",
                stats=stats,
                basis=basis,
                refreshed_at=timezone.now(),
            )
            IdentityRun.objects.update_or_create(
                graph=graph,
                number=number,
                defaults={"stats": stats, "seconds": round(time.monotonic() - started, 2)},
            )
        drop_version(graph, number - KEPT_VERSIONS)
        drop_version(graph, number - 1, keeping.BASIS)
        return {"people": stats["people"], "ids": stats["ids"], "version": number}

    def _resolve(
        self,
        handle: duckdb.DuckDBPyConnection,
        graph: IdentityGraph,
        number: int,
        now: datetime,
        job: JobContext,
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """What the run was worked out from, and its figures."""
        job.phase(_("Reading the sources"), progress=5)
        access = rights.access_of(graph.owner, graph.workspace)
        read = reading.read(handle, access, graph, full=bool(job.params.get("full")))
        if not handle.execute("SELECT 1 FROM seen_ids LIMIT 1").fetchone():
            raise Conflict(_("The sources have no valid IDs."), code="no_rows")
        work = Graph(
            handle,
            graph.full_limits,
            now,
            decisions.in_force(graph.workspace),
            lambda name, progress: job.phase(_PHASES[name], progress=progress),
            read.before,
        )
        work.resolve()
        job.phase(_("Writing"), progress=85)
        handle.execute("BEGIN TRANSACTION")
        try:
            keeping.write_version(handle, graph, number, now, read.basis["salt"])
        except BaseException:
            handle.execute("ROLLBACK")
            raise
        handle.execute("COMMIT")
        job.phase(_("Counting"), progress=95)
        return read.basis, {**read.stats, **keeping.measure(handle, graph, number)}

    def on_failed(self, job: JobContext, error: DomainError) -> None:
        """The last good version stays in use; nothing is left of the one that was not finished."""
        graph = IdentityGraph.objects.select_related("workspace").filter(pk=job.params["graph"]).first()
        if graph is None:
            return
        state, text = IdentityGraph.State.FAILED, str(error)
        if error.code == Cancelled.code:
            state, text = (IdentityGraph.State.READY if graph.version else IdentityGraph.State.NEW), ""
        IdentityGraph.objects.filter(pk=graph.pk).update(state=state, error=text)
        drop_version(graph, graph.version + 1)


def drop_version(
    graph: IdentityGraph, number: int, parts: Iterable[str] = (*keeping.PARTS, *keeping.BASIS)
) -> None:
    for part in parts:
        lake.drop_table(graph.workspace, graph.table(part, number))
