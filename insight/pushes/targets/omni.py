"""Omni-domain insight: IDs of four types, counted against the workspace's resource."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings
from django.db.models import Sum
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from insight.pushes.models import OmniReceipt
from insight.pushes.targets.base import Head, PushError, Row, Target, Writer, register

LEAST = 10_000
"""With fewer resource IDs left, nothing is pushed."""


def remaining(workspace: Any) -> int:
    """Resource IDs that are left."""
    used = OmniReceipt.objects.in_workspace(workspace).aggregate(ids=Sum("ids"))["ids"] or 0
    return max(0, int(settings.OMNI_RESOURCE_IDS) - int(used))


def check_resource(workspace: Any) -> None:
    """Raises PushError where too little is left."""
    left = remaining(workspace)
    if left < LEAST:
        raise PushError(
            _("Only %(left)d resource IDs are left; at least %(least)d are needed.")
            % {"left": left, "least": LEAST},
            code="omni_resource_short",
            status=409,
        )


@register
class Omni(Target):
    key = "omni"
    label = gettext_lazy("Omni-domain insight")
    icon = "world"
    id_types = frozenset({"mac", "imei", "idfa", "alipay_id"})
    aes = False
    tags = False
    cycles = ("day", "week", "month")
    fixed_time = "03:00"
    concurrency = 1

    def test(self, config: Mapping[str, Any]) -> str:
        return ""

    def open(self, config: Mapping[str, Any], head: Head, workspace: Any) -> Writer:
        check_resource(workspace)
        return _OmniWriter(head, workspace)


class _OmniWriter(Writer):
    def __init__(self, head: Head, workspace: Any) -> None:
        self.head, self.workspace = head, workspace
        self.counts: Counter[str] = Counter()

    def write(self, rows: Sequence[Row]) -> None:
        for row in rows:
            self.counts.update(name for name, value in row.fields.items() if value is not None)

    def finish(self, users: int, ids: int) -> str:
        kinds = self.head.options["ids"]
        OmniReceipt.objects.filter(push=self.head.push_id).delete()
        OmniReceipt.objects.bulk_create(
            OmniReceipt(
                workspace=self.workspace,
                push_id=self.head.push_id,
                id_type=kinds[name]["id_type"],
                encryption=kinds[name]["encryption"],
                ids=count,
            )
            for name, count in self.counts.items()
        )
        return _("%(left)d resource IDs left") % {"left": remaining(self.workspace)}
