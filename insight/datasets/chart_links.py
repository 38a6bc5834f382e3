"""The ways from a dataset to the pages of its charts, and what these say of one that was never computed."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.translation import gettext_lazy as _

from cdp.console.generic.columns import Column
from cdp.core.access import Access
from cdp.jobs.services import active_job
from insight.datasets import rights
from insight.datasets.models import TAG_KINDS, Dataset

_TAG_CHARTS = ("analysis:perspective", "dataset", "chart-pie", _("Charts of %(name)s"))
CHARTS = {
    **dict.fromkeys(TAG_KINDS, (_TAG_CHARTS,)),
    Dataset.Kind.RFM: (("rfm:analysis", "model", "grid-dots", _("RFM analysis of %(name)s")),),
    Dataset.Kind.AIPL: (("aipl:users", "model", "stairs-up", _("AIPL users of %(name)s")),),
    Dataset.Kind.BEHAVIOUR: (
        ("behaviour:funnel", "dataset", "filter", _("Funnel of %(name)s")),
        ("behaviour:paths", "dataset", "route", _("Paths of %(name)s")),
    ),
}
"""Pages of charts per kind of dataset: the page, what its address calls the dataset, an icon, a label."""


class ChartsColumn(Column):
    """Signs that lead to the charts of a dataset."""

    def cell(self, row: Dataset) -> Any:
        if not getattr(row, "may_analyse", False) or not row.version:
            return ""
        return format_html_join(
            "",
            '<a class="btn btn-icon btn-sm btn-ghost" href="{}?{}={}" title="{}" aria-label="{}">'
            '<i class="ti ti-{}" aria-hidden="true"></i></a>',
            (
                (
                    reverse(page, args=[row.workspace.slug]),
                    key,
                    row.pk,
                    label % {"name": row.name},
                    label % {"name": row.name},
                    icon,
                )
                for page, key, icon, label in CHARTS.get(row.kind, ())
            ),
        )


def computing(access: Access, dataset: Dataset) -> dict[str, Any]:
    """Of a dataset that was never computed: the job that does it, if any, and whether the person may start one."""
    return {"computing": active_job(dataset), "may_compute": rights.may_manage(access, dataset)}
