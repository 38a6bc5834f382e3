"""How much tags are used: counted when people use them, summed per tag, kind and day.

Uses are tags that somebody opens in an analysis, the tags of a selection that is saved, and tags that a push sends.
Periods are whole days of the workspace's calendar and end yesterday.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db import connection
from django.db.models import OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from cdp.core import timezones
from cdp.core.access import Access
from insight.datasets.models import DatasetField, TagUse

PERIODS = (7, 30, 60, 90)
"""Days that heat can be looked at over."""
DEFAULT_PERIOD = 30
KEPT_DAYS = 400


@dataclass
class Heat:
    """Uses of a tag within a period."""

    pivot: int = 0
    selection: int = 0
    push: int = 0

    @property
    def total(self) -> int:
        return self.pivot + self.selection + self.push

    def as_json(self) -> dict[str, int]:
        return {
            "total": self.total,
            "pivot": self.pivot,
            "selection": self.selection,
            "push": self.push,
        }


def record(
    access: Access, dataset_id: str, columns: Iterable[str], kind: str, *, day: date | None = None
) -> None:
    """Count one use of each of the tags, today or on another day.

    Columns that are no tags of a dataset of the workspace are left out.
    """
    known = DatasetField.objects.filter(
        dataset=dataset_id, dataset__workspace=access.workspace, role="tag", column__in=list(columns)
    )
    found = sorted(known.values_list("column", flat=True))
    if not found:
        return
    table = TagUse._meta.db_table
    with connection.cursor() as cursor:
        # In one order, so that two people who save at the same moment never wait for each other in a circle.
        cursor.execute(
            f'INSERT INTO {table} (dataset_id, "column", kind, day, person_id, times) '
            "SELECT %s, name, %s, %s, %s, 1 FROM unnest(%s::text[]) AS name "
            f'ON CONFLICT (dataset_id, "column", day, kind, person_id) DO UPDATE SET times = {table}.times + 1',
            [dataset_id, kind, day or timezones.today(access.workspace), access.user.pk, found],
        )


def period(workspace: Any, days: int) -> tuple[date, date]:
    """First and last day of the last `days` days; today is not among them."""
    today = timezones.today(workspace)
    return today - timedelta(days=days), today - timedelta(days=1)


def heat(
    workspace: Any, days: int = DEFAULT_PERIOD, *, dataset: str = "", column: str = ""
) -> dict[tuple[str, str], Heat]:
    """Heat by (dataset, column); tags that were not used are left out. May be limited to a dataset or one tag."""
    rows = TagUse.objects.filter(dataset__workspace=workspace, day__range=period(workspace, days))
    if dataset:
        rows = rows.filter(dataset=dataset)
    if column:
        rows = rows.filter(column=column)
    found: dict[tuple[str, str], Heat] = {}
    counted = rows.order_by().values_list("dataset", "column", "kind").annotate(times=Sum("times"))
    for dataset_id, name, kind, times in counted:
        setattr(found.setdefault((dataset_id, name), Heat()), kind, times)
    return found


def with_heat(workspace: Any, rows: QuerySet[DatasetField], days: int) -> QuerySet[DatasetField]:
    """The tags with `pivot_uses`, `selection_uses`, `push_uses` and their sum `uses`, to filter and sort by."""
    mine = TagUse.objects.filter(
        dataset=OuterRef("dataset"), column=OuterRef("column"), day__range=period(workspace, days)
    )

    def counted(uses: QuerySet[TagUse]) -> Any:
        summed = uses.order_by().values("dataset").annotate(sum=Sum("times")).values("sum")
        return Coalesce(Subquery(summed), 0)

    return rows.annotate(
        uses=counted(mine),
        **{f"{kind}_uses": counted(mine.filter(kind=kind)) for kind in TagUse.Kind.values},
    )


def forget_old() -> int:
    """Remove days that no period reaches any more; how many rows went."""
    limit = timezone.now().date() - timedelta(days=KEPT_DAYS)
    return TagUse.objects.filter(day__lt=limit).delete()[0]
