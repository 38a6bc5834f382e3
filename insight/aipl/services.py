"""Use cases of AIPL models that datasets do not have: figures of days, and days gone by."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cdp.core import audit, timezones
from cdp.core.access import Access
from cdp.core.errors import Cancelled, Conflict, NotFound, ValidationFailed
from cdp.core.percentages import percentages
from cdp.jobs import JobContext, JobKind, register, start_job
from cdp.jobs.models import Job
from insight.aipl import computing
from insight.aipl.definition import KIND
from insight.datasets import aipl_days, rights
from insight.datasets.models import Dataset

MOST_DAYS = 62


def get(access: Access, dataset_id: str) -> Dataset:
    """A model that the person may use. Raises NotFound, also for datasets of other kinds."""
    found = rights.get_visible(access, dataset_id, "owner")
    if found.kind != KIND:
        raise NotFound(_("This dataset is no AIPL model."))
    return found


def models(access: Access) -> list[Dataset]:
    """The models that the person may use, the default one first."""
    return list(rights.visible(access).filter(kind=KIND).order_by("-is_default", "name"))


def overview(dataset: Dataset, day: date | None = None) -> dict[str, Any]:
    """`{"date", "users", "stages": {"A": …}, "percents": {"A": …}, "latest", "today", "from", "to"}` of a computed day.

    Unless told, it is the latest. The percentages have one decimal and add up to 100; all are nought without users.

    Raises Conflict: model_day_missing.
    """
    computed = aipl_days.computed_days(dataset)
    wanted = day or (computed[-1] if computed else timezones.today(dataset.workspace))
    if wanted not in computed:
        raise aipl_days.day_missing(computed, wanted)
    stages = dict(aipl_days.trend(dataset, wanted, 1))[wanted]
    return {
        "date": str(wanted),
        "users": sum(stages.values()),
        "stages": stages,
        "percents": dict(zip(stages, percentages(list(stages.values())), strict=True)),
        "latest": wanted == computed[-1],
        "today": wanted == timezones.today(dataset.workspace),
        "from": str(computed[0]),
        "to": str(computed[-1]),
    }


def trend(dataset: Dataset, last: date) -> list[dict[str, Any]]:
    """Users per stage on each of the 30 days that end with `last`; `stages` is None where nothing was computed."""
    found = dict(aipl_days.trend(dataset, last))
    first = last - timedelta(days=aipl_days.TREND_DAYS - 1)
    days = [first + timedelta(days=number) for number in range(aipl_days.TREND_DAYS)]
    return [{"date": str(day), "stages": found.get(day)} for day in days]


def recompute(access: Access, dataset: Dataset, days: Any) -> Job:
    """Compute the stages of the last `days` days before today in a job. Raises ValidationFailed, Conflict."""
    rights.check_manage(dataset, access)
    if type(days) is not int or not 1 <= days <= MOST_DAYS:
        message = _("Use a whole number from 1 to %(most)d.") % {"most": MOST_DAYS}
        raise ValidationFailed(message, errors={"days": [message]})
    source = Dataset.objects.in_workspace(access.workspace).filter(pk=dataset.definition["dataset"]).first()
    if source is None or source.kind != Dataset.Kind.BEHAVIOUR:
        raise Conflict(
            _("Only behaviour tells what was so on an earlier day; other models are computed day by day."),
            code="days_not_computable",
        )
    audit.record(access, "dataset.days_recomputed", dataset, detail={"days": days})
    return start_job(
        "aipl.days",
        workspace=dataset.workspace,
        owner=access.user,
        params={"dataset": dataset.pk, "days": days},
        subject=dataset,
        title=_("Compute earlier days of %(name)s") % {"name": dataset.name},
        dedupe_key=f"aipl.days:{dataset.pk}",
    )


@register
class ComputeDays(JobKind):
    """Each day is written by itself, so what was done before an end stays."""

    kind = "aipl.days"
    label = gettext_lazy("Compute earlier days of an AIPL model")
    queue = "compute"

    def run(self, job: JobContext) -> dict[str, Any]:
        rows = Dataset.objects.select_related("workspace", "owner")
        dataset = rows.filter(pk=job.params["dataset"], workspace=job.workspace).first()
        if dataset is None:
            raise Cancelled()
        today, count = timezones.today(dataset.workspace), job.params["days"]
        for number in range(count):
            job.check_cancelled()
            day = today - timedelta(days=count - number)
            job.phase(_("Finding everybody's stage on %(day)s") % {"day": day}, progress=100 * number / count)
            computing.recompute(dataset, day)
        return {"days": count}
