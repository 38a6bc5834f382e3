"""What changes item pools: one function per use case. Permission points are checked by the caller."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from cdp.core import audit
from cdp.core.access import Access
from cdp.core.errors import Conflict, PreconditionFailed, ValidationFailed
from cdp.core.registry import Registry
from cdp.jobs.models import Job
from cdp.jobs.services import active_job, cancel_job, start_job
from insight.datasets import storage
from insight.items import checking, rights
from insight.items.models import ItemPool

COMPUTE = "item_pool.compute"
users_of: Registry[Any] = Registry("item pool user")
"""Functions (pool -> names of what cannot do without it yet), registered by modules that work on pools."""
_LOGGED = ("name", "remark", "rule")


def create(access: Access, data: Mapping[str, Any]) -> ItemPool:
    """Make an item pool and start computing it. `data`: name, remark, rule, builder.

    Raises ValidationFailed with the path of everything that is wrong.
    """
    found = checking.clean(access, data, new=True)
    pool = ItemPool(workspace=access.workspace, owner=access.user, **found.values)
    with transaction.atomic():
        _save(pool, new=True)
        audit.record(access, "item_pool.created", pool, after=_logged(pool))
        _request(access, pool)
    return pool


def update(access: Access, pool: ItemPool, data: Mapping[str, Any], *, etag: str = "") -> ItemPool:
    """Change an item pool that is not being computed. Changed conditions are computed anew; the version before stays
    meanwhile.

    Raises PermissionDenied, Conflict: pool_busy, PreconditionFailed for an outdated `etag`, ValidationFailed.
    """
    rights.check_change(access, pool)
    found = checking.clean(access, data, new=False)
    with transaction.atomic():
        pool = _claim(pool)
        if etag and etag not in ("*", pool.etag):
            raise PreconditionFailed(
                _("Load the item pool again, repeat your change on it, and save once more.")
            )
        before = _logged(pool)
        for name, value in found.values.items():
            setattr(pool, name, value)
        after = _logged(pool)
        changed = {name for name in after if before[name] != after[name]}
        pool.bump()
        _save(pool)
        if changed:
            audit.record(
                access,
                "item_pool.changed",
                pool,
                before={name: before[name] for name in changed},
                after={name: after[name] for name in changed},
            )
        if "rule" in changed:
            _request(access, pool)
    return pool


def refresh(access: Access, pool: ItemPool) -> Job:
    """Apply the conditions to the newest version of the dataset. Raises PermissionDenied, Conflict: pool_busy."""
    rights.check_change(access, pool)
    with transaction.atomic():
        pool = _claim(pool)
        job = _request(access, pool)
        audit.record(access, "item_pool.refreshed", pool, detail={"job": job.pk})
    return job


def copy(access: Access, pool: ItemPool, name: str) -> ItemPool:
    """A pool of one's own with the same conditions and another name. Raises Conflict: pool_not_ready."""
    if pool.state != ItemPool.State.SUCCEEDED:
        raise Conflict(_("Only an item pool that is ready can be copied."), code="pool_not_ready")
    given = {"name": name, "remark": pool.remark, "rule": pool.rule, "builder": pool.builder}
    with transaction.atomic():
        copied = create(access, given)
        audit.record(access, "item_pool.copied", copied, detail={"from": pool.pk})
    return copied


def delete(access: Access, pool: ItemPool) -> None:
    """Delete an item pool with its versions. Raises PermissionDenied, Conflict with what still needs it."""
    rights.check_change(access, pool)
    users = used_by(pool)
    if users:
        raise Conflict(
            _("The item pool “%(name)s” is in use: %(names)s.")
            % {"name": pool.name, "names": ", ".join(users[:20])},
            code="in_use",
            used_by=users,
        )
    workspace, prefix = pool.workspace_id, f"{pool.pk}_v"
    sources = {pool.dataset.source, *pool.versions.order_by().values_list("source", flat=True).distinct()}

    def drop_tables() -> None:
        for source in sources:
            storage.drop(workspace, source, lambda table: table.startswith(prefix))

    with transaction.atomic():
        active = active_job(pool)
        if active is not None:
            cancel_job(active, access)
        audit.record(access, "item_pool.deleted", pool, before={**_logged(pool), "count": pool.count})
        pool.delete()
        transaction.on_commit(drop_tables)


def used_by(pool: ItemPool) -> list[str]:
    """Names of what cannot do without the pool yet."""
    return [name for finder in users_of for name in finder(pool)]


def _claim(pool: ItemPool) -> ItemPool:
    """The pool, locked and at rest. Raises Conflict while it is being computed."""
    rows = ItemPool.objects.select_for_update(of=("self",)).select_related("workspace", "owner", "dataset")
    found = rows.get(pk=pool.pk)
    if found.is_busy:
        raise Conflict(
            _("The item pool is being computed. Wait until that has ended, or stop it."), code="pool_busy"
        )
    return found


def _request(access: Access, pool: ItemPool) -> Job:
    """Queue the computation, in the transaction that holds the pool."""
    ItemPool.objects.filter(pk=pool.pk).update(state=ItemPool.State.WAITING, reason="", reason_code="")
    pool.state, pool.reason, pool.reason_code = ItemPool.State.WAITING, "", ""
    return start_job(
        COMPUTE,
        workspace=pool.workspace,
        access=access,
        params={"pool": pool.pk},
        subject=pool,
        title=_("Compute item pool “%(name)s”") % {"name": pool.name},
        dedupe_key=f"{COMPUTE}:{pool.pk}",
    )


def _save(pool: ItemPool, *, new: bool = False) -> None:
    try:
        with transaction.atomic():
            pool.save(force_insert=new)
    except IntegrityError:
        message = _("There is an item pool of this name already.")
        raise ValidationFailed(message, errors={"name": [message]}) from None


def _logged(pool: ItemPool) -> dict[str, Any]:
    return {name: getattr(pool, name) for name in _LOGGED}
