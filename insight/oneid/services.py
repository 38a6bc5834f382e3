"""Use cases of identities: setting them up, running them, looking somebody up."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from cdp.core import audit, schedules
from cdp.core.access import Access
from cdp.core.errors import Conflict, NotFound, PreconditionFailed, ValidationFailed
from cdp.core.identifiers import ID_TYPES
from cdp.jobs import start_job
from cdp.jobs.models import Job
from insight.oneid import limits, queries, sources
from insight.oneid.models import IdentityGraph
from insight.oneid.queries import Person

log = logging.getLogger(__name__)
VIEW, MANAGE, SEARCH = "insight.oneid.view", "insight.oneid.manage", "insight.oneid.person"
FIELDS = frozenset({"sources", "limits", "refresh"})
RETRY = timedelta(hours=1)


def get_graph(workspace: Any) -> IdentityGraph:
    """The workspace's identities; made empty where nobody has set them up yet."""
    rows = IdentityGraph.objects.select_related("workspace", "owner")
    return rows.get_or_create(workspace=workspace)[0]


@transaction.atomic
def update(
    access: Access, data: dict[str, Any], *, etag: str = "", edit_version: int | None = None
) -> IdentityGraph:
    """Change sources, limits and schedule; sources that the person cannot see stay as they are.

    Raises ValidationFailed, PreconditionFailed, PermissionDenied.
    """
    access.require(MANAGE)
    get_graph(access.workspace)
    graph = IdentityGraph.objects.select_for_update().get(workspace=access.workspace)
    if (etag and etag != graph.etag) or (edit_version is not None and edit_version != graph.edit_version):
        raise PreconditionFailed()
    if unknown := sorted(set(data) - FIELDS):
        raise ValidationFailed(errors={name: [_("There is no such field.")] for name in unknown})
    before = {name: getattr(graph, name) for name in data}
    if "sources" in data:
        kept, given = sources.unseen(access, graph.sources), data["sources"]
        if isinstance(given, list):
            given = [item for item in given if item not in kept]
        graph.sources = sources.check(access, given) + kept
    if "limits" in data:
        graph.limits = limits.check(data["limits"])
    if "refresh" in data:
        graph.refresh = schedules.check(data["refresh"])
        graph.next_run_at = schedules.next_time(graph.refresh, graph.workspace, timezone.now())
    graph.owner = access.user
    graph.bump()
    graph.save()
    audit.record(
        access, "oneid.changed", graph, before=before, after={name: getattr(graph, name) for name in data}
    )
    return graph


def run(access: Access, *, full: bool = False) -> Job:
    """Find the people in a job: bring them up to date, or work out everybody anew where `full` or where it must be.

    Raises Conflict: no_sources; PermissionDenied.
    """
    access.require(MANAGE)
    graph = get_graph(access.workspace)
    if not graph.sources:
        raise Conflict(_("Choose first where pairs of IDs come from."), code="no_sources")
    audit.record(access, "oneid.run_started", graph, detail={"full": full})
    return queue(graph, owner=access.user, full=full)


def queue(graph: IdentityGraph, *, owner: Any, full: bool = False) -> Job:
    """A run; where one is waiting or running already, that one."""
    return start_job(
        "oneid.resolve",
        workspace=graph.workspace,
        owner=owner,
        params={"graph": graph.pk, "full": full},
        subject=graph,
        dedupe_key=f"oneid.resolve:{graph.pk}",
    )


def start_due() -> int:
    """Start every run that is due; one that cannot be started is tried again in an hour."""
    started, now = 0, timezone.now()
    for key in IdentityGraph.objects.filter(next_run_at__lte=now).values_list("pk", flat=True):
        try:
            with transaction.atomic():
                rows = IdentityGraph.objects.select_for_update(skip_locked=True, of=("self",))
                graph = rows.filter(pk=key, next_run_at__lte=now).select_related("workspace", "owner").first()
                if graph is None:
                    continue
                due = schedules.next_time(graph.refresh, graph.workspace, now)
                IdentityGraph.objects.filter(pk=key).update(next_run_at=due)
                if graph.sources:
                    queue(graph, owner=graph.owner)
                    started += 1
        except Exception:
            log.exception("The run of %s could not be started.", key)
            IdentityGraph.objects.filter(pk=key).update(next_run_at=now + RETRY)
    return started


def computed(workspace: Any) -> IdentityGraph:
    """The identities of a workspace where a run has succeeded. Raises Conflict: no_identities."""
    graph = queries.current_graph(workspace)
    if graph is None:
        raise Conflict(
            _("The identities have not been computed yet: set them up and start a run."), code="no_identities"
        )
    return graph


def look_up(access: Access, id_type: str, value: str) -> str:
    """The OneID of whoever has this ID; looking somebody up is written to the audit log.

    Raises ValidationFailed for something that is no such ID, NotFound, Conflict, PermissionDenied.
    """
    access.require(SEARCH)
    if id_type not in ID_TYPES:
        raise ValidationFailed(errors={"id_type": [_("There is no such ID type.")]})
    if not value.strip():
        raise ValidationFailed(errors={"value": [_("This is needed.")]})
    graph = computed(access.workspace)
    audit.record(access, "oneid.person_looked_up", graph, detail={"id_type": id_type})
    found = queries.find(graph, id_type, value)
    if found is None:
        raise NotFound(_("Nobody is known by this ID."))
    return found


def person_of(workspace: Any, one_id: str) -> tuple[IdentityGraph, Person]:
    """The identities, and somebody of them. Raises NotFound, also where there are no identities yet."""
    graph = queries.current_graph(workspace)
    if graph is None:
        raise NotFound(_("There is no such person here."))
    return graph, queries.person(graph, one_id)


def open_person(access: Access, one_id: str) -> Person:
    """Somebody with all of their IDs. Raises NotFound, PermissionDenied."""
    access.require(SEARCH)
    graph, found = person_of(access.workspace, one_id)
    unmasked = access.can("privacy.unmask")
    audit.record(access, "oneid.person_opened", graph, detail={"person": found.one_id, "unmasked": unmasked})
    return found
