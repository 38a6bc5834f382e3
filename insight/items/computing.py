"""Computing an item pool: a new table beside the dataset's, then one transaction that moves the pointer.

Until that transaction the version before is the pool. Each attempt writes a table of its own number, so a worker that
was taken for dead and its successor never touch each other's.
"""

from __future__ import annotations

import time
from typing import NoReturn

import ibis
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from cdp.core.errors import Cancelled, Conflict, DomainError, NotFound
from cdp.jobs import JobContext
from cdp.jobs.models import Job
from insight.audiences.compiler import compile_rule
from insight.audiences.rules import Rule
from insight.audiences.sources import USER
from insight.datasets import rights as dataset_rights
from insight.datasets import storage
from insight.items import checking
from insight.items.catalog import ITEM, NAME, ItemCatalog
from insight.items.models import ItemPool, ItemPoolVersion


def compute(pool_id: str, job: JobContext) -> ItemPoolVersion:
    """Compute and publish a new version; the version that is current afterwards.

    Raises DomainError with a reason for the person: no_grant, rule_outdated, pool_empty.
    """
    started = time.monotonic()
    pool = _begin(pool_id, job)
    job.phase(_("Reading the conditions"), progress=5)
    # What the owner may use counts, whoever asked for it.
    catalog = ItemCatalog(pool.workspace, access=dataset_rights.access_of(pool.owner, pool.workspace))
    rule = checking.usable_rule(pool.rule, pool.owner, catalog)
    number = _next_number(pool)
    table = f"{pool.pk}_v{number}"
    job.phase(_("Writing the items"), progress=20)
    dataset, _fields = catalog.row(checking.dataset_of(rule))
    count = catalog.engine.create_table_as(pool.workspace, table, items_of(rule, catalog), sort=(ITEM,))
    if not count:
        storage.drop_named(pool.workspace_id, catalog.source, [table])
        raise Conflict(
            _("No item fits the conditions. Change them, or refresh the dataset and update the item pool."),
            code="pool_empty",
        )
    job.phase(_("Publishing"), progress=95)
    version = ItemPoolVersion(
        workspace=pool.workspace,
        pool=pool,
        number=number,
        source=catalog.source,
        table_name=table,
        count=count,
        rule=pool.rule,
        dataset=dataset,
        dataset_version=dataset.version,
        as_of=catalog.today,
        seconds=round(time.monotonic() - started, 3),
        created_by=job.row.owner,
    )
    current = _publish(pool, version, job)
    _drop_unpublished(pool, version, current)
    return current


def items_of(rule: Rule, catalog: ItemCatalog) -> ibis.Table:
    """(item_id, item_name) of the items that a checked rule finds, one row per item."""
    found = compile_rule(rule, catalog, today=catalog.today)
    return catalog.table_of(checking.dataset_of(rule)).semi_join(found, USER).select(ITEM, NAME)


def failed(pool_id: str, job: Job, error: DomainError) -> None:
    """Note on the pool why its computation ended without success; its last good version stays usable."""
    active = Job.objects.filter(
        subject_type=ItemPool._meta.label_lower, subject_id=pool_id, status__in=Job.ACTIVE
    )
    pool = ItemPool.objects.filter(pk=pool_id).first()
    if pool is None or active.exclude(pk=job.pk).exists():
        return
    stopped = error.code == Cancelled.code and pool.current_id is not None
    busy = (ItemPool.State.WAITING, ItemPool.State.RUNNING)
    ItemPool.objects.filter(pk=pool.pk, state__in=busy).update(
        state=ItemPool.State.SUCCEEDED if stopped else ItemPool.State.FAILED,
        reason="" if stopped else str(error),
        reason_code="" if stopped else error.code,
    )


def _begin(pool_id: str, job: JobContext) -> ItemPool:
    """The pool as it is to be computed. From here on nobody edits it."""
    with transaction.atomic():
        rows = ItemPool.objects.in_workspace(job.workspace).select_for_update(of=("self",))
        pool = rows.select_related("workspace", "owner").filter(pk=pool_id).first() or _gone()
        ItemPool.objects.filter(pk=pool.pk).update(state=ItemPool.State.RUNNING, reason="", reason_code="")
    return pool


def _publish(pool: ItemPool, version: ItemPoolVersion, job: JobContext) -> ItemPoolVersion:
    """Move the pointer; the version that is current then: another one where a later attempt was quicker."""
    with transaction.atomic():
        rows = ItemPool.objects.select_for_update(of=("self",)).select_related("current")
        row = rows.filter(pk=pool.pk).first()
        # Asked inside the transaction: a worker that lost its lease must not publish after its successor.
        job.check_cancelled()
        if row is None:
            _gone()
        if row.current is not None and row.version > version.number:
            return row.current
        version.save(force_insert=True)
        now = timezone.now()
        ItemPool.objects.filter(pk=row.pk).update(
            current=version,
            version=version.number,
            count=version.count,
            state=ItemPool.State.SUCCEEDED,
            reason="",
            reason_code="",
            refreshed_at=now,
            updated_at=now,
        )
    return version


def _drop_unpublished(pool: ItemPool, version: ItemPoolVersion, current: ItemPoolVersion) -> None:
    """Drop the tables of attempts that were written and never published."""
    numbers = range(pool.version + 1, version.number) if current == version else [version.number]
    published = set(pool.versions.filter(number__in=list(numbers)).values_list("number", flat=True))
    tables = [f"{pool.pk}_v{number}" for number in numbers if number not in published]
    storage.drop_named(pool.workspace_id, version.source, tables)


def _next_number(pool: ItemPool) -> int:
    ItemPool.objects.filter(pk=pool.pk).update(numbers_used=F("numbers_used") + 1)
    return int(ItemPool.objects.values_list("numbers_used", flat=True).get(pk=pool.pk))


def _gone() -> NoReturn:
    raise NotFound(_("The item pool has been deleted meanwhile."))
