from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from cdp import lake
from insight.datasources.models import SourceTable
from insight.oneid import queries, services
from insight.oneid.models import IdentityGraph
from tests.factories import make_access

RunJobs = Callable[..., list[Any]]
Row = tuple[str, str, str, str, str]
"""A row of a table of pairs; the last is the day."""


class Pairs:
    """A workspace whose identities come from one table of pairs."""

    def __init__(self, run_jobs: RunJobs) -> None:
        self.access, self.run_jobs = make_access(), run_jobs
        self.workspace = self.access.workspace
        self.number = 0

    @property
    def graph(self) -> IdentityGraph:
        return services.get_graph(self.workspace)

    def write(self, rows: Sequence[Row]) -> None:
        """The table of pairs now has these rows."""
        self.number += 1
        name = f"pairs_{self.number}"
        listed = ", ".join("(" + ", ".join(f"'{value}'" for value in row) + ")" for row in rows)
        lake.ensure_schema(self.workspace)
        with lake.cursor() as handle:
            handle.execute(
                f"""CREATE TABLE {lake.table_path(self.workspace, name)} AS
                    SELECT * REPLACE (seen_at::TIMESTAMP AS seen_at)
                    FROM (VALUES {listed}) v(id_type_a, id_a, id_type_b, id_b, seen_at)"""
            )
        columns = [{"name": key, "type": "text"} for key in ("id_type_a", "id_a", "id_type_b", "id_b")]
        columns.append({"name": "seen_at", "type": "datetime"})
        values = {"state": "ready", "version": 1, "lake_table": name, "columns": columns, "rows": len(rows)}
        SourceTable.objects.update_or_create(workspace=self.workspace, name="pairs", defaults=values)

    def run(self, rows: Sequence[Row] | None = None, **more: Any) -> IdentityGraph:
        """Set up, run; `more` are settings."""
        if rows is not None:
            self.write(rows)
        data = {"sources": [{"kind": "table", "table": "pairs"}], **more}
        services.update(self.access, data)
        services.run(self.access)
        self.run_jobs()
        return self.graph

    def one_id(self, id_type: str, value: str) -> str | None:
        return queries.find(self.graph, id_type, value)

    def person(self, id_type: str, value: str) -> queries.Person:
        found = self.one_id(id_type, value)
        assert found is not None
        return queries.person(self.graph, found)


@pytest.fixture
def pairs(db: None, run_jobs: RunJobs) -> Pairs:
    return Pairs(run_jobs)


def seen(first: tuple[str, str], second: tuple[str, str], day: str = "2026-05-01") -> Row:
    return (*first, *second, day)
