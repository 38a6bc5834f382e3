"""Every form that makes or edits audiences links them to several campaigns, and so does the API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from cdp import lake
from insight.audiences import services as audiences
from insight.audiences.models import Audience
from insight.campaigns import links
from insight.datasources.models import SourceTable
from tests.insight.audiences.test_audience_api import Client
from tests.insight.audiences.test_pages import Browser
from tests.insight.audiences.world import World, make_world
from tests.insight.campaigns.test_campaigns import made

RunJobs = Callable[..., list[Any]]


@pytest.fixture
def world(admin: Any) -> World:
    return make_world(admin)


@pytest.fixture
def two(admin: Any) -> list[str]:
    """One below a main campaign, and one that is independent."""
    main = made(admin, "main", is_main=True)
    return sorted([made(admin, "below", parent=main.pk).pk, made(admin, "alone").pk])


@pytest.fixture
def women(world: World, run_jobs: RunJobs) -> list[Audience]:
    rows = [
        audiences.create(world.access, {"name": name, "rule": world.women, "save_ids": ["one_id"]})
        for name in ("First", "Second")
    ]
    run_jobs()
    return rows


@pytest.fixture
def ids(world: World) -> str:
    """A table with the one column that audiences of tables are made of."""
    lake.ensure_schema(world.workspace)
    with lake.transaction() as handle:
        handle.execute(
            f"CREATE TABLE {lake.table_path(world.workspace, 'ids')} AS SELECT 'u1' AS user_unique_id"
        )
    columns = [{"name": "user_unique_id", "type": "text", "nullable": True}]
    values = {"state": "ready", "version": 1, "lake_table": "ids", "columns": columns, "rows": 1}
    return SourceTable.objects.create(workspace=world.workspace, name="ids", **values).name


def linked(name: str) -> list[str]:
    return sorted(links.ids_of("audience", Audience.objects.get(name=name).pk))


def test_the_forms_of_new_audiences_offer_campaigns_and_link_them(
    world: World, two: list[str], women: list[Audience], ids: str
) -> None:
    console, file = Browser(world.access), SimpleUploadedFile("ids.csv", b"u1\nu2\n")
    known = {"id_type": "one_id", "encryption": "plain"}
    first, second = (row.pk for row in women)
    forms: dict[str, dict[str, Any]] = {
        "upload/": {**known, "file": file},
        "from-table/": {**known, "table": ids},
        "combine/": {"first": first, "second": second, "operator_1": "union", "operator_2": "union"},
        f"{first}/copy/": {},
    }
    for path, fields in forms.items():
        page = console.get(path).content.decode()
        below, alone = page.index('<optgroup label="main">'), page.index('<optgroup label="–">')
        assert below < alone, path
        saved = console.post(path, **fields, name=f"Of {path}", campaigns=two)
        assert saved.status_code == 302, (path, saved.content)
        assert linked(f"Of {path}") == two, path


def test_the_forms_that_edit_audiences_link_them_anew(
    world: World, two: list[str], women: list[Audience], run_jobs: RunJobs
) -> None:
    console, client = Browser(world.access), Client(world.access)
    first, second = (row.pk for row in women)
    inputs = [{"audience": first}, {"audience": second}]
    union = {"name": "Both", "inputs": inputs, "operators": ["union"], "campaigns": two}
    both = client.post("audiences/combine/", union, format="json").json()
    assert sorted(both["campaigns"]) == two
    run_jobs()
    fields = {"name": "Both", "first": first, "second": second, "operator_1": "intersect"}
    saved = console.post(f"{both['id']}/combination/", **fields, operator_2="union", campaigns=two[:1])
    assert saved.status_code == 302 and linked("Both") == two[:1]
    file = {"file": SimpleUploadedFile("ids.csv", b"u1\n"), "name": "Listed", "id_type": "one_id"}
    listed = client.post("audiences/upload/", {**file, "campaigns": two}, format="multipart")
    assert listed.status_code == 202 and linked("Listed") == two
    run_jobs()
    page = f"{listed.json()['id']}/details/"
    assert console.post(page, name="Listed", campaigns=two[1:]).status_code == 302
    assert linked("Listed") == two[1:]
    edited = client.patch(f"audiences/{first}/", {"campaigns": two}, format="json")
    assert sorted(edited.json()["campaigns"]) == two and linked("First") == two


def test_the_builder_offers_the_campaigns_that_an_audience_is_saved_with(
    world: World, two: list[str], women: list[Audience]
) -> None:
    page = Browser(world.access).get("new/").content.decode()
    assert all(f'<option value="{key}"' in page for key in two)
    assert page.index('<optgroup label="main">') < page.index('<optgroup label="–">')
    given = {"name": "Third", "rule": world.women, "save_ids": ["one_id"], "campaigns": two}
    answer = Client(world.access).post("audiences/", given, format="json")
    assert answer.status_code == 201 and linked("Third") == two
