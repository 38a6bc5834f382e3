"""An organization with a source and two workspaces, for the tests of what is shared with whom."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.test import Client
from rest_framework.test import APIClient

from admin_center.organizations.outside import PersonAccess
from admin_center.permissions.access import access_for
from cdp import lake
from cdp.jobs.models import Job
from insight.datasources.connections import services
from insight.datasources.models import SourceTable
from tests.factories import make_access, make_manager, make_organization, make_token, make_workspace
from tests.insight.datasources.servers import Server

RunJobs = Callable[..., list[Any]]
BACKEND = "admin_center.members.backends.NameOrEmailBackend"
SALES = {"postgresql": "text", "mysql": "varchar(20)"}
ROWS = [(1, "A", "north", 10), (2, "B", "north", 20), (3, "A", "south", 30), (4, None, "south", 40)]


SALES_DATASET: dict[str, Any] = {
    "name": "Sales",
    "kind": "user_tags",
    "table": "sales",
    "user_id": {"column": "id", "id_type": "one_id"},
    "tags": [{"column": "brand", "name": "Brand", "type": "enum"}],
}


class Shop:
    """A workspace of the organization, its administrator and their API token."""

    def __init__(self, organization: Any, name: str, run_jobs: RunJobs) -> None:
        self.access = make_access(make_workspace(organization, name=name))
        self.workspace, self.run_jobs = self.access.workspace, run_jobs
        self.client = APIClient(HTTP_AUTHORIZATION=f"Bearer {make_token(self.access)}")
        self.browser = Client()
        self.browser.force_login(self.access.user, backend=BACKEND)

    def call(self, method: str, path: str, data: Any = None) -> Any:
        url = f"/api/v1/workspaces/{self.workspace.slug}/{path}"
        return getattr(self.client, method)(url, data, **({} if method == "get" else {"format": "json"}))

    def sources(self) -> list[str]:
        return [row["name"] for row in self.call("get", "sources/").json()["results"]]

    def bring(self, source: Any, table: str, **more: Any) -> SourceTable:
        answer = self.call("post", f"sources/{source.pk}/bring-in/", {"table": table, **more})
        assert answer.status_code == 202, answer.content
        self.run_jobs()
        return SourceTable.objects.get(workspace=self.workspace, name=answer.json()["table"]["name"])

    def again(self, table: SourceTable, **more: Any) -> Job:
        """Copy once more; the ended job. The table is read again."""
        answer = self.call("post", f"tables/{table.name}/copy/", more)
        assert answer.status_code == 202, answer.content
        self.run_jobs(allow_failure=True)
        table.refresh_from_db()
        return Job.objects.get(pk=answer.json()["job"]["id"])

    def ids(self, table: SourceTable) -> list[int]:
        with lake.cursor() as handle:
            path = lake.table_path(table.workspace, table.lake_table)
            return [row[0] for row in handle.execute(f"SELECT id FROM {path} ORDER BY 1").fetchall()]


class Head:
    """A manager of an organization with a source `Warehouse`, whose table `sales` has ROWS, and two workspaces."""

    def __init__(self, server: Server, run_jobs: RunJobs) -> None:
        text = SALES[server.kind]
        server.run(
            f"CREATE TABLE sales (id integer, brand {text}, region {text}, amount integer, sold date)",
            *(
                "INSERT INTO sales VALUES "
                f"({key}, {'NULL' if brand is None else repr(brand)}, '{region}', {amount}, '2026-01-02')"
                for key, brand, region, amount in ROWS
            ),
        )
        self.server, self.organization = server, make_organization()
        self.manager = make_manager(self.organization)
        self.access = PersonAccess(self.manager)
        self.north = Shop(self.organization, "North", run_jobs)
        self.south = Shop(self.organization, "South", run_jobs)
        settings = server.settings(name="Warehouse")
        self.source = services.create(self.access, settings, organization=self.organization)
        own = access_for(self.manager, self.north.workspace)
        self.client = APIClient(HTTP_AUTHORIZATION=f"Bearer {make_token(own)}")
        self.browser = Client()
        self.browser.force_login(self.manager, backend=BACKEND)

    def call(self, method: str, path: str = "", data: Any = None) -> Any:
        url = f"/api/v1/organization/sources/{self.source.pk}/{path}"
        return getattr(self.client, method)(url, data, **({} if method == "get" else {"format": "json"}))

    def share(self, tables: Any, *shops: Shop, **more: Any) -> Any:
        slugs = [shop.workspace.slug for shop in shops]
        answer = self.call("post", "grants/", {"tables": tables, "workspaces": slugs, **more})
        assert answer.status_code == 200, answer.content
        return answer

    def control(self, *fields: str, **more: Any) -> Any:
        return self.call("put", "rows/?table=sales", {"fields": list(fields), **more})

    def values(self, change: str, shop: Shop, field: str, values: Any) -> Any:
        data = {"workspace": shop.workspace.slug, "field": field, "values": values}
        return self.call("post", f"rows/{change}/?table=sales", data)

    def columns(self, change: str, shop: Shop, columns: Any) -> Any:
        data = {"workspace": shop.workspace.slug, "columns": columns}
        return self.call("post", f"columns/{change}/?table=sales", data)

    def sampled(self, shop: Shop) -> dict[str, list[str]] | int:
        """What a workspace sees of the table's values, by column; the status where it sees nothing."""
        answer = shop.call("get", f"sources/{self.source.pk}/tables/sales/?sample=1")
        if answer.status_code != 200:
            return int(answer.status_code)
        return {column["name"]: sorted(column["values"]) for column in answer.json()["columns"]}
