"""How often omni tags are used, and what they cover: counted once a day."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import F
from django.utils.translation import gettext as _

from cdp.core import timezones
from cdp.jobs import JobContext
from cdp.warehouse import get_engine
from insight.omni import features, receiving
from insight.omni import pack as packs
from insight.omni.models import TagDay, TagUse

KEPT_DAYS = 90


def note(workspace: Any, tags: Sequence[str]) -> None:
    """Each tag was selected, or looked at, once."""
    for tag in dict.fromkeys(tags):
        _row, _created = TagUse.objects.get_or_create(workspace=workspace, tag=tag)
        TagUse.objects.filter(workspace=workspace, tag=tag).update(count=F("count") + 1)


def count_day(workspace: Any, job: JobContext | None = None) -> int:
    """Count coverage and values of every tag for today; what today had is replaced."""
    pack = packs.current(workspace.organization_id)
    if pack is None or not receiving.recognised(workspace):
        return 0
    if job is not None:
        job.phase(_("Counting omni tags"), progress=95)
    population = get_engine().table(workspace, receiving.POPULATION).select("device")
    _people, values = features.counts(pack, population, [item["tag"] for item in pack.tags])
    uses = dict(TagUse.objects.in_workspace(workspace).values_list("tag", "count"))
    today = timezones.today(workspace)
    rows = [
        TagDay(
            workspace=workspace,
            tag=tag,
            day=today,
            people=sum(found.values()),
            values=dict(list(found.items())[: packs.MOST_VALUES]),
            uses=uses.get(tag, 0),
        )
        for tag, found in values.items()
    ]
    TagDay.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["workspace", "tag", "day"],
        update_fields=["people", "values", "uses"],
    )
    old = TagDay.objects.in_workspace(workspace).values_list("day", flat=True).distinct().order_by("-day")
    kept = list(old[:KEPT_DAYS])
    TagDay.objects.in_workspace(workspace).filter(day__lt=kept[-1]).delete()
    return len(rows)


def latest(workspace: Any) -> dict[str, TagDay]:
    """The last counted day of each tag."""
    rows = TagDay.objects.in_workspace(workspace).order_by("tag", "-day").distinct("tag")
    return {row.tag: row for row in rows}


def history(workspace: Any, tag: str) -> list[TagDay]:
    """The counted days of a tag, oldest first."""
    return list(TagDay.objects.in_workspace(workspace).filter(tag=tag).order_by("day"))
