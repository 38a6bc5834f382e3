"""Taking a column out of a demo table, and putting it back: what then happens to all that is made of it."""

from __future__ import annotations

import tempfile
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _

from cdp import lake
from cdp.core.access import Access
from cdp.core.errors import ValidationFailed
from cdp.demo.steps import finish, succeeds
from cdp.lake.names import literal, quote
from insight.datasets import services as datasets
from insight.datasets.models import Dataset
from insight.datasources import services as tables
from insight.datasources.models import SourceTable

TABLE, COLUMN = "ads_user_tag", "choco_pref_90d"


def break_column(access: Access, name: str = TABLE, column: str = COLUMN) -> list[Dataset]:
    """Load the table again without the column, and refresh its datasets, which are returned."""
    table = _table(access, name)
    if table.column_type(column) is None or len(table.columns) == 1:
        raise ValidationFailed(_("The table has no column “%(name)s”.") % {"name": column}, code="no_column")
    return _load(access, table, f"SELECT * EXCLUDE ({quote(column)}) FROM {_path(access, table, 0)}")


def mend_column(access: Access, name: str = TABLE, column: str = COLUMN) -> list[Dataset]:
    """Put a column back as it was in the version before."""
    table = _table(access, name)
    if table.column_type(column) is not None:
        return []
    before = table.version - 1
    if before < 1 or column not in {
        item.name for item in lake.columns(access.workspace, table.lake_table_of(before))
    }:
        message = _("The version before does not have the column “%(name)s” either.") % {"name": column}
        raise ValidationFailed(message, code="no_column")
    return _load(access, table, f"SELECT * FROM {_path(access, table, 1)}")


def _table(access: Access, name: str) -> SourceTable:
    found = SourceTable.objects.in_workspace(access.workspace).filter(name=name, version__gt=0).first()
    if found is None:
        raise ValidationFailed(_("There is no such table, or it has not been loaded."), code="no_demo")
    return found


def _path(access: Access, table: SourceTable, versions_ago: int) -> str:
    return lake.table_path(access.workspace, table.lake_table_of(table.version - versions_ago))


def _load(access: Access, table: SourceTable, query: str) -> list[Dataset]:
    Path(settings.LAKE_TEMP_PATH).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=settings.LAKE_TEMP_PATH) as folder:
        path = Path(folder) / f"{table.name}.parquet"
        with lake.cursor() as handle:
            handle.execute(f"COPY ({query}) TO {literal(str(path))} (FORMAT parquet)")
        finish(tables.import_parquet(access, table.name, path, replace=table))
    made = list(Dataset.objects.in_workspace(access.workspace).filter(table=table))
    for dataset in made:
        succeeds(datasets.refresh(access, dataset))
        dataset.refresh_from_db()
    return made
