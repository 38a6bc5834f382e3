"""Further days of a demo workspace: new rows in its tables, then the refreshes that a night would bring."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _

from cdp import lake
from cdp.core.access import Access
from cdp.core.errors import ValidationFailed
from cdp.core.timezones import today
from cdp.demo.definitions import DERIVED
from cdp.demo.retailer import another_day
from cdp.demo.steps import finish, succeeds
from cdp.lake.names import literal
from insight.aipl import services as aipl
from insight.audiences import refreshing
from insight.audiences.models import Audience
from insight.datasets import aipl_days
from insight.datasets import services as datasets
from insight.datasets.models import Dataset
from insight.datasources import services as tables
from insight.datasources.models import SourceTable

MOST = 60
ORDER = ("user_tags", "item_tags", "behaviour", "rfm", "aipl", "custom_tags")
"""What is computed from what: earlier kinds first."""


@dataclass(frozen=True)
class Ticked:
    """The last day with data, the rows that were appended by table, and how much was refreshed well."""

    last: date
    rows: dict[str, int]
    datasets: int
    audiences: int


def tick(access: Access, days: int) -> Ticked:
    """Append days behind the last one and refresh what is made of them.

    Raises ValidationFailed where there is no demo.
    """
    if not 1 <= days <= MOST:
        raise ValidationFailed(_("Use a whole number from 1 to %(most)d.") % {"most": MOST})
    present = _tables(access)
    last = _last_day(access, present)
    wanted = [last + timedelta(days=number) for number in range(1, days + 1)]
    rows = _append(access, present, wanted)
    return Ticked(wanted[-1], rows, _refresh_datasets(access, days), _refresh_audiences(access))


def days_missing(access: Access) -> int:
    """Days between the last one with data and yesterday."""
    return max(0, (today(access.workspace) - _last_day(access, _tables(access))).days - 1)


def _tables(access: Access) -> dict[str, SourceTable]:
    names = (*another_day.APPENDED, *another_day.RENEWED)
    rows = SourceTable.objects.in_workspace(access.workspace).filter(
        name__in=(*names, *DERIVED), version__gt=0
    )
    found = {row.name: row for row in rows}
    if set(names) - found.keys():
        raise ValidationFailed(
            _("This workspace does not have the demo's tables: %(names)s.")
            % {"names": ", ".join(sorted(set(names) - found.keys()))},
            code="no_demo",
        )
    return found


def _last_day(access: Access, present: Mapping[str, SourceTable]) -> date:
    with lake.cursor() as handle:
        row = handle.execute(_over(access, present, another_day.last_day())).fetchone()
    assert row is not None
    found: date = row[0]
    return found


def _append(access: Access, present: dict[str, SourceTable], days: Iterable[date]) -> dict[str, int]:
    added: dict[str, list[str]] = {}
    last = None
    for last in days:
        for name, query in another_day.appended(last).items():
            added.setdefault(name, []).append(f"({query})")
    assert last is not None
    queries = {name: " UNION ALL ".join(parts) for name, parts in added.items()}
    # What is made of the behaviour by a filter grows by the same rows.
    derived = {
        name: f"WITH ads_behavior AS ({queries['ads_behavior']}) {item.sql}"
        for name, item in DERIVED.items()
        if name in present
    }
    rows = _import(access, present, queries | derived, append=True)
    _import(access, present, another_day.renewed(last), append=False)
    return rows


def _import(
    access: Access, present: dict[str, SourceTable], queries: Mapping[str, str], *, append: bool
) -> dict[str, int]:
    """Write what each query finds, all before the first table changes, and load it. Returns the rows by table."""
    Path(settings.LAKE_TEMP_PATH).mkdir(parents=True, exist_ok=True)
    found: dict[str, int] = {}
    with tempfile.TemporaryDirectory(dir=settings.LAKE_TEMP_PATH) as folder:
        paths = {name: Path(folder) / f"{name}.parquet" for name in queries}
        with lake.cursor() as handle:
            for name, query in queries.items():
                text = _over(access, present, query)
                copied = handle.execute(
                    f"COPY ({text}) TO {literal(str(paths[name]))} (FORMAT parquet)"
                ).fetchone()
                found[name] = copied[0] if copied else 0
        for name, path in paths.items():
            if found[name]:
                finish(tables.import_parquet(access, name, path, replace=present[name], append=append))
                present[name].refresh_from_db()
    return found


def _over(access: Access, present: Mapping[str, SourceTable], query: str) -> str:
    """The query, reading the current versions of the workspace's tables by their names."""
    parts = (
        f"{name} AS (SELECT * FROM {lake.table_path(access.workspace, table.lake_table)})"
        for name, table in present.items()
    )
    return f"WITH {', '.join(parts)} SELECT * FROM ({query})"


def _refresh_datasets(access: Access, days: int) -> int:
    rows = list(Dataset.objects.in_workspace(access.workspace).filter(version__gt=0))
    done = 0
    for dataset in sorted(rows, key=lambda row: (ORDER.index(row.kind), row.pk)):
        done += succeeds(datasets.refresh(access, dataset))
        source = Dataset.objects.filter(pk=dataset.definition.get("dataset"), kind=Dataset.Kind.BEHAVIOUR)
        if dataset.kind == "aipl" and source.exists():
            computed = aipl_days.computed_days(dataset)
            succeeds(aipl.recompute(access, dataset, min(days, len(computed) or 1)))
    return done


def _refresh_audiences(access: Access) -> int:
    """Those that are refreshed by themselves."""
    rows = Audience.objects.in_workspace(access.workspace).exclude(refresh={})
    return sum(succeeds(refreshing.refresh(access, audience)) for audience in rows)
