"""Tables of the built-in source that the product itself writes, in place: people read them and load nothing in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from cdp import lake
from cdp.core.errors import Conflict
from cdp.core.registry import Registry
from insight.datasources import importing, queries
from insight.datasources.models import SourceTable

MOST_FILES = 50
keepers: Registry[Callable[[SourceTable], bool]] = Registry("keeper of tables")
"""Functions that say whether a table is theirs, registered by higher layers."""


def create(workspace: Any, name: str, columns: Sequence[tuple[str, str]]) -> SourceTable:
    """An empty table with columns of these names and DuckDB types. A name that is taken gets a number."""
    table = SourceTable(
        workspace=workspace,
        name=_free(workspace, name),
        state=SourceTable.State.READY,
        columns=[
            {"name": column, "type": importing.type_name(kind), "nullable": True} for column, kind in columns
        ],
        rows=0,
        version=1,
        loaded_at=timezone.now(),
    )
    table.lake_table = table.lake_table_of(1)
    lake.ensure_schema(workspace)
    listed = ", ".join(f"{lake.quote(column)} {kind}" for column, kind in columns)
    with lake.cursor() as handle:
        handle.execute(f"CREATE TABLE {lake.table_path(workspace, table.lake_table)} ({listed})")
    table.save(force_insert=True)
    return table


def _free(workspace: Any, name: str) -> str:
    taken = set(
        SourceTable.objects.in_workspace(workspace)
        .filter(name__startswith=name)
        .values_list("name", flat=True)
    )
    return next(
        given for given in (name, *(f"{name}_{n}" for n in range(2, len(taken) + 3))) if given not in taken
    )


def written(table: SourceTable) -> None:
    """Call after rows were written: figures that were kept of the older ones go, and files do not become too many."""
    lake.compact(table.workspace_id, table.lake_table, most=MOST_FILES)
    rows = lake.row_count(table.workspace_id, table.lake_table)
    SourceTable.objects.filter(pk=table.pk).update(
        rows=rows, loaded_at=timezone.now(), updated_at=timezone.now()
    )
    queries.forget_profile(table)


def is_kept(table: SourceTable) -> bool:
    return any(keeps(table) for keeps in keepers)


def check_not_kept(table: SourceTable) -> None:
    """Raises Conflict for a table that the product writes."""
    if is_kept(table):
        raise Conflict(
            _("Tideline writes this table itself: it can be used, but neither replaced nor removed."),
            code="table_kept",
        )
