"""The job that fills the demo workspace."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy

from cdp.jobs import JobContext, JobKind, register


@register
class LoadDemo(JobKind):
    kind = "demo.load"
    label = gettext_lazy("Load the demo retailer")
    queue = "compute"

    def run(self, job: JobContext) -> dict[str, Any]:
        from cdp.demo.load import load

        return load(job, job.params["profile"], job.params.get("second", ""))
