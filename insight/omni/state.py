"""How far the module has got in a workspace."""

from __future__ import annotations

from typing import Any

from cdp.core import timezones
from cdp.core.access import Access
from cdp.jobs.models import Job
from cdp.warehouse import get_engine
from insight.omni import audiences, quota, receiving, reports
from insight.omni import pack as packs
from insight.omni.models import Intake, TagPack

DISABLED, EMPTY, INITIALISING, READY = "disabled", "empty", "initialising", "ready"


def of(workspace: Any) -> str:
    """`disabled`: no tag pack. `empty`: nothing pushed. `initialising`: IDs are being recognised. `ready`."""
    if packs.current(workspace.organization_id) is None:
        return DISABLED
    rows = Intake.objects.in_workspace(workspace).filter(current=True)
    states = set(rows.values_list("state", flat=True))
    if Intake.State.RECOGNISED in states:
        return READY
    return INITIALISING if Intake.State.WAITING in states else EMPTY


def recognition(workspace: Any) -> Job | None:
    """The job that recognises what was pushed, while it waits or runs."""
    return Job.objects.filter(workspace=workspace, kind="omni.recognise", status__in=Job.ACTIVE).first()


def figures(access: Access) -> dict[str, Any]:
    """`{"state", "progress", "connected", "tags", "audiences", "reports", "pack", "quota"}`."""
    workspace = access.workspace
    state, pack = of(workspace), packs.current(workspace.organization_id)
    return {
        "state": state,
        "progress": shown_progress(workspace) if state == INITIALISING else None,
        "connected": connected(workspace) if state == READY else 0,
        "tags": len(pack.tags) if pack else 0,
        "audiences": audiences.visible(access).count(),
        "reports": reports.visible(access).count(),
        "pack": shown_pack(pack) if pack else None,
        "quota": shown_quota(access),
    }


def shown_progress(workspace: Any) -> dict[str, Any]:
    """How far the recognition is: `{"job", "percent", "phase"}`."""
    job = recognition(workspace)
    return {
        "job": job.pk if job else None,
        "percent": job.progress if job else 0,
        "phase": job.phase if job else "",
    }


def connected(workspace: Any) -> int:
    """People of the population, each once."""
    return int(get_engine().scalar(get_engine().table(workspace, receiving.POPULATION).count()))


def shown_pack(pack: TagPack) -> dict[str, Any]:
    return {
        "name": pack.name,
        "version": pack.number,
        "licence": pack.licence,
        "devices": pack.devices,
        "id_columns": pack.id_columns,
        "installed_at": pack.created_at,
    }


def shown_quota(access: Access) -> dict[str, Any]:
    return told_quota(quota.of_organization(access.workspace.organization, timezones.today(access.workspace)))


def told_quota(found: quota.Standing) -> dict[str, Any]:
    return {"used": found.used, "owed": found.owed, "left": found.left}
