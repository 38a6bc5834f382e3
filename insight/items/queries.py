"""Reads of item pools for modules that work on their items."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ibis
from django.db.models import QuerySet

from cdp.core.access import Access
from insight.items import reading, rights
from insight.items.models import ItemPool, ItemPoolVersion


def usable(access: Access) -> QuerySet[ItemPool]:
    """The pools with a good version that the person may work with, by name."""
    return rights.visible(access).filter(current__isnull=False).select_related("current").order_by("name")


def frozen(access: Access, pool_id: str) -> ItemPoolVersion:
    """The version that work on a pool starts from; later updates of the pool do not change its items.

    Raises NotFound, Conflict: pool_not_ready, Gone.
    """
    return reading.version_of(rights.get_visible(access, pool_id))


def items(version: ItemPoolVersion) -> ibis.Table:
    """(item_id, item_name) of a version, one row per item, in the engine of `version.source`."""
    return reading.items(version)


def pools_of_dataset(dataset: Any) -> Sequence[str]:
    """Names of the pools that ask a dataset."""
    rows = ItemPool.objects.in_workspace(dataset.workspace_id).filter(dataset=dataset)
    return list(rows.order_by("name").values_list("name", flat=True))
