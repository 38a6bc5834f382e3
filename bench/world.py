"""A workspace for one run: tables, datasets and audiences made through the product's own services."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from admin_center.members.services import create_user
from admin_center.organizations.services import create_organization, create_workspace
from admin_center.permissions.access import MemberAccess, access_for
from admin_center.permissions.services import add_member
from cdp import lake
from cdp.demo.steps import finish
from cdp.jobs.models import Job
from cdp.lake.names import CATALOG, literal
from insight.audiences import services as audiences
from insight.audiences.models import Audience
from insight.datasets import services as datasets
from insight.datasets.models import Dataset
from insight.datasources.importing import type_name
from insight.datasources.models import SourceTable


@dataclass(frozen=True)
class World:
    """A workspace and somebody who may do everything in it."""

    access: MemberAccess

    @property
    def workspace(self) -> Any:
        return self.access.workspace

    def table(self, name: str, query: str) -> SourceTable:
        """A source table with the rows of a DuckDB query."""
        row = SourceTable.objects.create(workspace=self.workspace, name=name, created_by=self.access.user)
        lake.ensure_schema(self.workspace)
        self.replace(row, query)
        return row

    def replace(self, row: SourceTable, query: str) -> None:
        """Give a source table the rows of another query."""
        row.version, former = row.version + 1, row.lake_table
        row.lake_table = row.lake_table_of(row.version)
        with lake.cursor() as handle:
            handle.execute(f"CREATE TABLE {self.path(row.lake_table)} AS {query}")
        row.columns = [
            {"name": column.name, "type": type_name(column.type), "nullable": column.nullable}
            for column in lake.columns(self.workspace, row.lake_table)
        ]
        row.rows = lake.row_count(self.workspace, row.lake_table)
        row.state = SourceTable.State.READY
        row.save()
        if former:
            lake.drop_table(self.workspace, former)

    def dataset(self, definition: Mapping[str, Any]) -> Dataset:
        """A dataset, refreshed once."""
        row = datasets.create(self.access, dict(definition))
        finish(datasets.refresh(self.access, row))
        row.refresh_from_db()
        return row

    def audience(self, definition: Mapping[str, Any]) -> Audience:
        """An audience that has not been computed."""
        return audiences.create(self.access, definition, compute=False)

    def path(self, table: str) -> str:
        """The SQL name of a table of the workspace."""
        return lake.table_path(self.workspace, table)

    def paths(self, table: str) -> list[str]:
        """The Parquet files of a lake table."""
        schema = literal(lake.workspace_schema(self.workspace))
        with lake.cursor() as handle:
            found = handle.execute(
                f"SELECT data_file FROM ducklake_list_files({literal(CATALOG)}, {literal(table)}, schema => {schema})"
            ).fetchall()
        return [row[0] for row in found]

    def files(self, table: str) -> str:
        """The Parquet files of a lake table, to write after FROM."""
        listed = ", ".join(literal(path) for path in self.paths(table))
        return f"read_parquet([{listed}], hive_partitioning = false)"

    def megabytes(self, table: str) -> int:
        """The size of a lake table's files."""
        return round(sum(Path(path).stat().st_size for path in self.paths(table)) / 2**20)

    def row(self, query: str) -> tuple[Any, ...]:
        """The first row of a DuckDB query."""
        with lake.cursor() as handle:
            return handle.execute(query).fetchone() or ()

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """All rows of a DuckDB query."""
        with lake.cursor() as handle:
            return handle.execute(query).fetchall()


@contextmanager
def world() -> Iterator[World]:
    """A new workspace; its tables leave the lake at the end."""
    key = secrets.token_hex(4)
    workspace = create_workspace(create_organization(f"Benchmark {key}"), f"Benchmark {key}")
    user = create_user(f"bench{key}", password=secrets.token_urlsafe(16))
    add_member(workspace, user, ("administrator",))
    try:
        yield World(access_for(user, workspace))
    finally:
        Job.objects.filter(workspace=workspace).delete()
        for name in lake.tables(workspace):
            lake.drop_table(workspace, name)
        with lake.cursor() as handle:
            handle.execute(f"CALL ducklake_expire_snapshots({literal(CATALOG)}, older_than => now())")
            handle.execute(f"CALL ducklake_cleanup_old_files({literal(CATALOG)}, cleanup_all => true)")
