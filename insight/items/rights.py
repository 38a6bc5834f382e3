"""Which item pools a person sees, and which of them they may change."""

from __future__ import annotations

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from cdp.core.access import Access
from cdp.core.errors import NotFound, PermissionDenied
from insight.datasets import rights as dataset_rights
from insight.items.models import ItemPool

USE = "lab.recommend.recommend"
"""The permission point: makes item pools and manages one's own."""


def visible(access: Access) -> QuerySet[ItemPool]:
    """All pools for administrators; one's own, and those of the datasets that one may use, for others."""
    rows: QuerySet[ItemPool] = ItemPool.objects.in_workspace(access.workspace)
    if access.is_admin:
        return rows
    datasets = dataset_rights.visible(access).order_by().values("pk")
    return rows.filter(Q(owner=access.user) | Q(dataset__in=datasets))


def get_visible(access: Access, pool_id: str) -> ItemPool:
    """Raises NotFound for pools of other workspaces and those of datasets without a grant alike."""
    rows = visible(access).select_related("owner", "dataset", "current", "workspace")
    found = rows.filter(pk=pool_id).first()
    if found is None:
        raise NotFound(_("There is no such item pool here."))
    return found


def may_change(access: Access, pool: ItemPool) -> bool:
    owns = pool.owner_id is not None and pool.owner_id == access.user.pk
    return access.is_admin or (owns and access.can(USE))


def check_change(access: Access, pool: ItemPool) -> None:
    """Raises PermissionDenied where the pool is somebody else's."""
    if not may_change(access, pool):
        raise PermissionDenied(
            _("Only the person who made the item pool, or an administrator, can change it.")
        )
