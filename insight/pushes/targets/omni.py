"""Omni-domain insight: IDs of four types, counted against the organization's quota."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from insight.omni import quota, receiving
from insight.pushes.models import Push
from insight.pushes.targets.base import Head, Row, Target, Writer, register

_FORMS = {"none": "plain", "md5": "md5", "sha256": "sha256"}


@register
class Omni(Target):
    key = "omni"
    label = gettext_lazy("Omni-domain insight")
    icon = "world"
    id_types = frozenset({"mac", "imei", "idfa", "alipay_id"})
    aes = False
    tags = False
    models = False
    cycles = ("day", "week", "month")
    fixed_time = "03:00"
    concurrency = 1

    def test(self, config: Mapping[str, Any]) -> str:
        return ""

    def open(self, config: Mapping[str, Any], head: Head, workspace: Any) -> Writer:
        quota.check(workspace)
        return _OmniWriter(head, workspace)


class _OmniWriter(Writer):
    """Collects beside what earlier pushes brought; `finish` lets it take their place."""

    def __init__(self, head: Head, workspace: Any) -> None:
        self.head, self.workspace = head, workspace
        receiving.begin(workspace, head.push_id)

    def write(self, rows: Sequence[Row]) -> None:
        kinds = self.head.options["ids"]
        given = [
            (kinds[name]["id_type"], _FORMS[kinds[name]["encryption"]], value)
            for row in rows
            for name, value in row.fields.items()
            if value is not None
        ]
        receiving.take(self.workspace, self.head.push_id, given)

    def finish(self, users: int, ids: int) -> str:
        push = Push.objects.in_workspace(self.workspace).select_related("audience").get(pk=self.head.push_id)
        receiving.finish(self.workspace, push.pk, push.audience, ids)
        return _("%(count)s IDs were handed over to be recognised") % {"count": f"{ids:,}"}

    def abort(self) -> None:
        receiving.drop(self.workspace, self.head.push_id)
