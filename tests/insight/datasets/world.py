"""A workspace with two small tables: members, some of them broken, and events."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from django.test import Client as Browser
from rest_framework.test import APIClient

from cdp import lake
from insight.datasets import services
from insight.datasets.models import Dataset
from insight.datasources.models import SourceTable
from tests.factories import make_access, make_token

RunJobs = Callable[..., list[Any]]
MEMBERS = """
    SELECT * FROM (VALUES
        ('0001', '13800000001', 'a,b', '1.5', '2026-01-02', 20211023.0, 'f'),
        ('0002', 'nonsense', 'b', 'many', '2026-02-30', 20211024.0, 'm'),
        ('0003', '8613800000003', '', '', NULL, NULL, 'f'),
        ('0003', NULL, ' a , ,a', '7', 'soon', 5.0, NULL),
        (NULL, '13800000005', 'c', '1', '2026-01-05', 20211025.0, 'f')
    ) t(member, phone, interests, spend, joined, day, gender)
"""
DEFINITION: dict[str, Any] = {
    "name": "Members",
    "kind": "user_tags",
    "rows_per_user": "many",
    "table": "members",
    "user_id": {"column": "member", "id_type": "one_id"},
    "ids": [{"column": "phone", "id_type": "mobile"}],
    "fix_prefix": True,
    "tags": [
        {"column": "interests", "name": "Interests", "type": "multi", "separator": ",", "category": "Taste"},
        {"column": "spend", "name": "Spend", "type": "number"},
        {"column": "joined", "name": "Joined", "type": "date"},
        {"column": "day", "name": "Day", "type": "date"},
        {"column": "gender", "name": "Gender", "type": "enum", "description": "As given"},
    ],
}
EVENTS = """
    SELECT * FROM (VALUES
        ('u1', TIMESTAMP '2026-01-01 10:00:00', 'buy', 1, 10.0, 'app', 'item', 'x'),
        ('u1', TIMESTAMP '2026-01-01 10:00:00', 'buy', 1, 10.0, 'app', 'category', 'coats'),
        ('u2', TIMESTAMP '2026-01-02 10:00:00', 'look', 3, NULL, 'web', 'item', 'y')
    ) t(who, at_time, what, n, money, channel, attribute, value)
"""
BEHAVIOUR: dict[str, Any] = {
    "name": "Events",
    "kind": "behaviour",
    "table": "events",
    "user_id": {"column": "who", "id_type": "one_id"},
    "time": "at_time",
    "type": {"column": "what"},
    "count": "n",
    "amount": "money",
    "channel": "channel",
    "object_key": "attribute",
    "object_value": "value",
    "base_object": "item",
}
_TYPES = {
    "VARCHAR": "text",
    "TIMESTAMP": "datetime",
    "INTEGER": "integer",
    "BIGINT": "integer",
    "BOOLEAN": "boolean",
    "DATE": "date",
}


class World:
    def __init__(self, run_jobs: RunJobs) -> None:
        self.access, self.run_jobs = make_access(), run_jobs
        self.workspace = self.access.workspace
        self.table("members", MEMBERS)
        self.table("events", EVENTS)

    def table(self, name: str, select: str) -> SourceTable:
        """A loaded table of the built-in source with the rows of a query."""
        lake.ensure_schema(self.workspace)
        with lake.transaction() as handle:
            handle.execute(f"CREATE OR REPLACE TABLE {lake.table_path(self.workspace, name)} AS {select}")
        columns = [
            {"name": column.name, "type": _TYPES.get(column.type, "number"), "nullable": True}
            for column in lake.columns(self.workspace, name)
        ]
        values = {"state": "ready", "version": 1, "lake_table": name, "columns": columns, "rows": 5}
        return SourceTable.objects.update_or_create(workspace=self.workspace, name=name, defaults=values)[0]

    def dataset(self, data: dict[str, Any] | None = None, **more: Any) -> Dataset:
        return self.compute(services.create(self.access, {**(data or DEFINITION), **more}))

    def compute(self, dataset: Dataset) -> Dataset:
        services.refresh(self.access, dataset)
        self.run_jobs(allow_failure=True)
        dataset.refresh_from_db()
        return dataset

    def rows(self, dataset: Dataset) -> list[dict[str, Any]]:
        with lake.cursor() as handle:
            path = lake.table_path(self.workspace, dataset.lake_table)
            table = handle.execute(f"SELECT * FROM {path} ORDER BY ALL").to_arrow_table()
        return table.to_pylist()

    def api(self, access: Any = None) -> Callable[..., Any]:
        access = access or self.access
        client = APIClient(HTTP_AUTHORIZATION=f"Bearer {make_token(access)}")

        def call(method: str, path: str, data: Any = None, **headers: Any) -> Any:
            url = f"/api/v1/workspaces/{self.workspace.slug}/{path}"
            return getattr(client, method)(
                url, data, **({"format": "json"} if method != "get" else {}), **headers
            )

        return call

    def post(self, path: str, data: dict[str, Any] | None = None) -> Any:
        """A form sent from the console."""
        browser, base = self.browser()
        return browser.post(base + path, data or {})

    def wizard(self, path: str, **changes: Any) -> dict[str, Any]:
        """What the wizard at the path would send if nothing but `changes` were touched.

        A change is a field such as `name`, or `{column: {part: value}}` in `columns`.
        """
        browser, base = self.browser()
        context = browser.get(base + path).context
        posted: dict[str, Any] = {
            **context["values"],
            "table": context["table"].name,
            "kind": context["kind"],
        }
        if posted.pop("fix_prefix"):
            posted["fix_prefix"] = "on"
        columns = changes.pop("columns", {})
        for row in context["rows"]:
            values = {**row, **columns.get(row["column"], {})}
            for part in ("role", "alias", "tag_type", "id_type", "separator", "encryption", "category"):
                posted[f"{part}-{row['index']}"] = values.get(part, "")
            posted[f"description-{row['index']}"] = values.get("description", "")
            if values["pivot"]:
                posted[f"pivot-{row['index']}"] = "on"
        return {**posted, "columns": json.dumps(context["column_names"]), **changes}

    def browser(self, access: Any = None) -> tuple[Browser, str]:
        browser = Browser()
        user = (access or self.access).user
        browser.force_login(user, backend="admin_center.members.backends.NameOrEmailBackend")
        return browser, f"/w/{self.workspace.slug}/datasets/"
