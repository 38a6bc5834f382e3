"""The tables of the demo workspaces: generated once, and imported as files of a person would be."""

from __future__ import annotations

import tempfile
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import duckdb
from django.conf import settings
from django.utils.translation import gettext as _

from cdp.core.access import Access
from cdp.core.timezones import today
from cdp.demo.brand_b import TABLES as OF_BRAND_B
from cdp.demo.definitions import DERIVED, TABLES
from cdp.demo.retailer import Tables, generate
from cdp.demo.steps import finish
from cdp.jobs import JobContext
from insight.datasources import services as tables
from insight.datasources.models import SourceTable

SEED = 7


def load(job: JobContext, access: Access, profile: str, brand_b: Access | None = None) -> None:
    """Generate and import what is missing of the tables, in both workspaces."""
    missing = _missing(access, [*TABLES, *DERIVED])
    of_brand_b = _missing(brand_b, list(OF_BRAND_B)) if brand_b is not None else []
    if not missing and not of_brand_b:
        return
    Path(settings.LAKE_TEMP_PATH).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=settings.LAKE_TEMP_PATH) as name:
        folder = Path(name)
        job.phase(_("Inventing customers and purchases"), progress=5)
        made: Tables = generate(profile, SEED, today(job.workspace) - timedelta(days=1), folder)
        for table in missing:
            job.phase(_("Loading %(name)s") % {"name": table}, progress=25)
            path = made.parquet().get(table) or select(made, DERIVED[table].sql, folder / f"{table}.parquet")
            text = TABLES.get(table) or DERIVED[table].description
            import_table(access, table, path, text)
        for table in of_brand_b:
            assert brand_b is not None
            job.phase(_("Loading %(name)s") % {"name": table}, progress=35)
            path = select(made, OF_BRAND_B[table].sql, folder / f"brand-b-{table}.parquet")
            import_table(brand_b, table, path, OF_BRAND_B[table].description)


def import_table(access: Access, name: str, path: Path, description: str) -> None:
    finish(tables.import_parquet(access, name, path))
    table = SourceTable.objects.in_workspace(access.workspace).get(name=name)
    tables.describe(access, table, name=name, description=description)


def _missing(access: Access, names: list[str]) -> list[str]:
    ready = SourceTable.objects.in_workspace(access.workspace).filter(version__gt=0)
    known = set(ready.values_list("name", flat=True))
    return [name for name in names if name not in known]


def select(made: Tables, query: str, path: Path) -> Path:
    """A Parquet file with the rows of a query over the generated tables."""
    with closing(duckdb.connect()) as db:
        for name, file in made.parquet().items():
            db.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet('{file}')")
        db.execute(f"COPY ({query}) TO '{path}' (FORMAT parquet, COMPRESSION zstd)")
    return path
