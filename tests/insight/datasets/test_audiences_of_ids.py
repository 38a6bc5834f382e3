"""Audiences of files and of tables: they live where they were asked to, and take only what a person may read."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from cdp.core.errors import Conflict, PermissionDenied, ValidationFailed
from cdp.warehouse import get_engine
from insight.audiences import combining, outside, places, queries, refreshing, services
from insight.audiences.models import Audience
from insight.audiences.refused import refused_lines
from insight.datasources.connections import services as sources
from insight.datasources.models import Connection, SourceTable
from insight.datasources.organization import sharing
from tests.factories import make_access
from tests.insight.datasets.places import Place
from tests.insight.datasets.world import World
from tests.insight.datasources import servers
from tests.insight.datasources.sharing import Head

PHONES = b'user_unique_id\n10012345678\n10012345679\n10012345678\n\n8610012345670\nnon"sense\n=1+1\nx y\n'
KEPT = {"10012345678", "10012345679", "10012345670"}


def upload(place: Place, content: bytes = PHONES, **more: Any) -> Audience:
    data = {"name": "Uploaded", "id_type": "mobile", "source": place.source, **more}
    audience = outside.upload(place.world.access, io.BytesIO(content), "ids.csv", data)[0]
    place.world.run_jobs(allow_failure=True)
    audience.refresh_from_db()
    return audience


def from_table(place: Place, **more: Any) -> Audience:
    data = {"name": "Table", "table": "ids", "id_type": "one_id", "source": place.source, **more}
    audience = outside.from_table(place.world.access, data)[0]
    place.world.run_jobs()
    return audience


def table(place: Place, select: str, name: str = "ids") -> None:
    if place.server is None:
        place.world.table(name, select)
    else:
        place.server.run(f"DROP TABLE IF EXISTS {name}", f"CREATE TABLE {name} AS {select}")


def members(audience: Audience) -> set[str]:
    audience.refresh_from_db()
    assert audience.current is not None, audience.reason
    rows = get_engine(audience.source).execute(queries.members(audience.current)).to_pylist()
    return {row["user_unique_id"] for row in rows}


def refused(place: Place, audience: Audience) -> str:
    return b"".join(refused_lines(place.world.access, audience)).decode()


def test_a_file_is_stored_replaced_copied_and_deleted_where_it_was_asked_to_live(
    place: Place, django_capture_on_commit_callbacks: Any
) -> None:
    access = place.world.access
    audience = upload(place)
    assert (audience.source, members(audience)) == (place.source, KEPT)
    detail = audience.origin_detail
    assert {detail["table"], detail["refused_table"]} <= set(place.tables())
    assert (detail["lines"], detail["blank"], detail["invalid"], detail["duplicates"]) == (8, 1, 3, 1)
    lines = refused(place, audience).splitlines()
    assert lines == ["line,value", '7,"non""sense"', '8,"\'=1+1"', '9,"x y"']
    outside.replace_file(access, audience, io.BytesIO(b"10099999999\n"), "more.txt")
    place.world.run_jobs()
    assert members(audience) == {"10099999999"} and detail["table"] not in place.tables()
    copied = services.copy(access, audience, {})
    place.world.run_jobs()
    assert (copied.source, members(copied)) == (place.source, {"10099999999"})
    with django_capture_on_commit_callbacks(execute=True):
        services.delete(access, audience)
        services.delete(access, copied)
    assert place.tables() == []


def test_a_file_without_a_valid_id_leaves_the_members_as_they_were(place: Place) -> None:
    audience = upload(place)
    outside.replace_file(place.world.access, audience, io.BytesIO(b"none\n"), "none.txt")
    place.world.run_jobs(allow_failure=True)
    assert members(audience) == KEPT and audience.reason_code == "no_valid_ids"


@pytest.mark.parametrize(
    ("select", "expected"),
    [
        ("SELECT * FROM (VALUES ('0012'), ('13')) t(user_unique_id)", {"0012", "13"}),
        ("SELECT CAST(n AS bigint) AS user_unique_id FROM (VALUES (12), (13)) t(n)", {"12", "13"}),
        ("SELECT CAST(n AS double precision) AS user_unique_id FROM (VALUES (12), (13)) t(n)", {"12", "13"}),
        ("SELECT CAST(n AS numeric(20, 2)) AS user_unique_id FROM (VALUES (12), (13)) t(n)", {"12", "13"}),
    ],
)
def test_a_table_of_text_or_numbers_is_read_where_it_is(
    place: Place, select: str, expected: set[str]
) -> None:
    table(place, select)
    audience = from_table(place)
    assert (audience.source, members(audience)) == (place.source, expected)
    table(place, "SELECT * FROM (VALUES ('a'), ('b'), ('c')) t(user_unique_id)")
    refreshing.refresh(place.world.access, audience)
    place.world.run_jobs()
    assert members(audience) == {"a", "b", "c"}
    copied = services.copy(place.world.access, audience, {})
    place.world.run_jobs()
    assert (copied.source, members(copied)) == (place.source, {"a", "b", "c"})


def test_a_table_that_breaks_the_contract_is_refused_with_examples(place: Place) -> None:
    table(place, "SELECT * FROM (VALUES ('10012345678'), ('10012345678'), ('no'), (NULL)) t(user_unique_id)")
    with pytest.raises(ValidationFailed) as caught:
        from_table(place, id_type="mobile")
    extra = caught.value.extra
    assert (caught.value.code, extra["invalid"], extra["duplicates"]) == ("table_not_unique", 2, 1)
    assert (extra["examples"], extra["invalid_examples"]) == (["100****5678"], ["n***"])
    assert members(from_table(place, id_type="mobile", drop_bad=True)) == {"10012345678"}
    table(place, "SELECT 'a' AS user_unique_id, 1 AS more")
    with pytest.raises(ValidationFailed) as caught:
        from_table(place, name="More")
    assert caught.value.code == "table_columns"


def test_a_table_that_is_gone_is_said_when_the_audience_is_refreshed(place: Place) -> None:
    table(place, "SELECT * FROM (VALUES ('a'), ('b')) t(user_unique_id)")
    audience = from_table(place)
    if place.server is None:
        SourceTable.objects.filter(name="ids").delete()
    else:
        place.server.run("DROP TABLE ids")
    refreshing.refresh(place.world.access, audience)
    place.world.run_jobs(allow_failure=True)
    assert members(audience) == {"a", "b"} and audience.reason_code == "table_missing"


def test_uploads_and_tables_of_one_data_source_are_combined(place: Place) -> None:
    table(place, "SELECT * FROM (VALUES ('10012345678'), ('10077777777')) t(user_unique_id)")
    inputs = [{"audience": upload(place).pk}, {"audience": from_table(place, id_type="mobile").pk}]
    data = {"name": "Both", "inputs": inputs, "operators": ["intersect"]}
    both = combining.create(place.world.access, data)
    place.world.run_jobs()
    assert (both.source, members(both)) == (place.source, {"10012345678"})


def test_audiences_of_two_data_sources_are_not_combined(database: Place) -> None:
    here = upload(Place(database.world, "lake"), name="Here")
    there = upload(database, name="There")
    data = {
        "name": "Both",
        "inputs": [{"audience": here.pk}, {"audience": there.pk}],
        "operators": ["union"],
    }
    with pytest.raises(ValidationFailed) as caught:
        combining.create(database.world.access, data)
    assert "inputs/1" in caught.value.errors


def test_a_data_source_stays_while_an_audience_of_ids_lives_in_it(database: Place) -> None:
    upload(database)
    access, source = database.world.access, Connection.objects.get(pk=database.source)
    with pytest.raises(Conflict) as caught:
        sources.update(access, source, {"push_down": False})
    assert "Uploaded" in str(caught.value)
    with pytest.raises(Conflict):
        sources.delete(access, source)


def test_tables_are_found_by_name_page_by_page(place: Place) -> None:
    names = [f"list_{number:03}" for number in range(places.PAGE + 5)]
    for name in names:
        if place.server is None:
            values = {"state": "ready", "version": 1, "lake_table": name}
            SourceTable.objects.create(workspace=place.world.workspace, name=name, **values)
        else:
            place.server.run(f"CREATE TABLE {name} (user_unique_id text)")
    browser, base = place.world.browser()
    url = f"{base.replace('datasets', 'audiences')}from-table/tables/"

    def found(**query: Any) -> tuple[list[str], bool]:
        answer = browser.get(url, {"source": place.source, **query}).json()
        return answer["results"], answer["more"]

    assert found(q="list_") == (names[: places.PAGE], True)
    assert found(q="list_", page=2) == (names[places.PAGE :], False)
    assert found(q="LIST_00") == (names[:10], False)
    assert found(q="nothing") == ([], False)
    assert browser.get(url, {"source": "src_none"}).status_code == 400


def test_pages_and_api_put_ids_where_they_are_asked_to(database: Place) -> None:
    world = database.world
    table(database, "SELECT 'a' AS user_unique_id")
    browser, base = world.browser()
    base = base.replace("datasets", "audiences")
    page = browser.get(f"{base}from-table/?source={database.source}&table=ids").content.decode()
    assert '<option value="ids" selected>' in page and f"source={database.source}" in page
    fields = {"name": "Page", "table": "ids", "id_type": "one_id", "encryption": "plain"}
    assert browser.post(f"{base}from-table/?source={database.source}", fields).status_code == 302
    assert browser.post(f"{base}from-table/", {**fields, "name": "Here"}).status_code == 422
    file = SimpleUploadedFile("ids.txt", PHONES)
    sent = {
        "name": "File",
        "id_type": "mobile",
        "encryption": "plain",
        "source": database.source,
        "file": file,
    }
    assert browser.post(f"{base}upload/", sent).status_code == 302
    data = {"name": "Api", "table": "ids", "id_type": "one_id", "source": database.source}
    assert world.api()("post", "audiences/from-table/", data).json()["source"] == database.source
    world.run_jobs()
    assert set(Audience.objects.values_list("source", "count")) == {
        (database.source, 1),
        (database.source, 3),
    }
    wrong = world.api()("post", "audiences/from-table/", {**data, "name": "x", "source": "src_none"})
    assert wrong.status_code == 400 and wrong.json()["code"] == "source_missing"


def test_other_workspaces_sources_are_unknown_and_those_without_push_down(database: Place) -> None:
    other = World(database.world.run_jobs)
    with pytest.raises(ValidationFailed) as caught:
        upload(Place(other, database.source))
    assert caught.value.code == "source_missing"


@pytest.fixture
def analyst(world: World) -> Any:
    """Somebody who selects audiences and sees no tables."""
    return make_access(world.workspace, "analyst")


def test_people_who_may_not_see_tables_make_no_audience_of_one(world: World, analyst: Any) -> None:
    world.table("ids", "SELECT 'a' AS user_unique_id")
    data = {"name": "x", "table": "ids", "id_type": "one_id"}
    assert world.api(analyst)("post", "audiences/from-table/", data).status_code == 403
    browser, base = world.browser(analyst)
    base = base.replace("datasets", "audiences")
    for path in ("from-table/", "from-table/tables/"):
        assert browser.get(base + path).status_code == 403
    assert browser.post(f"{base}from-table/", {**data, "encryption": "plain"}).status_code == 403
    listed = browser.get(base).content.decode()
    assert "/upload/" in listed and "/from-table/" not in listed
    assert "/from-table/" in world.browser()[0].get(base).content.decode()
    assert not Audience.objects.exists()


def test_people_who_may_not_see_tables_upload_into_the_built_in_source_only(
    database: Place, analyst: Any
) -> None:
    database.world.access = analyst
    with pytest.raises(ValidationFailed):
        upload(database)
    assert upload(Place(database.world, "lake")).source == "lake"


def test_copying_an_audience_of_a_table_needs_the_right_to_see_tables(world: World, analyst: Any) -> None:
    world.table("ids", "SELECT 'a' AS user_unique_id")
    audience = from_table(Place(world, "lake"), public=True)
    with pytest.raises(PermissionDenied):
        services.copy(analyst, audience, {})


class Shared:
    """A table of an organization's source of which one workspace gets the IDs of some rows."""

    def __init__(self, server: Any, run_jobs: Any) -> None:
        self.head = head = Head(server, run_jobs)
        server.run(
            "ALTER TABLE sales ALTER id TYPE text", "ALTER TABLE sales RENAME COLUMN id TO user_unique_id"
        )
        self.shop = head.north
        head.control("brand")
        head.values("give", self.shop, "brand", ["A", "B"])
        sharing.control_columns(head.access, head.source, "sales", True)
        self.columns("user_unique_id")
        self.table = self.shop.bring(head.source, "sales")

    def columns(self, *names: str) -> None:
        sharing.give_columns(self.head.access, self.head.source, "sales", self.shop.workspace, list(names))

    def make(self, name: str) -> Any:
        data = {"name": name, "table": "sales", "id_type": "one_id"}
        return self.shop.call("post", "audiences/from-table/", data)

    def offered(self) -> list[str]:
        browser: Client = self.shop.browser
        url = f"/w/{self.shop.workspace.slug}/audiences/from-table/tables/"
        return list(browser.get(url).json()["results"])


@pytest.fixture
def shared(db: None, run_jobs: Any) -> Iterator[Shared]:
    with servers.postgresql_server() as server:
        yield Shared(server, run_jobs)


def test_only_shared_rows_and_columns_become_an_audience(shared: Shared) -> None:
    assert shared.offered() == ["sales"]
    assert shared.make("Shared").status_code == 202
    shared.shop.run_jobs()
    audience = Audience.objects.get()
    assert members(audience) == {"1", "2", "3"}

    shared.head.values("take", shared.shop, "brand", ["B"])
    assert shared.offered() == []
    refusal = shared.make("After")
    assert (refusal.status_code, refusal.json()["code"]) == (409, "grant_changed")
    shared.shop.call("post", f"audiences/{audience.pk}/refresh/")
    shared.shop.run_jobs(allow_failure=True)
    assert members(audience) == {"1", "2", "3"} and audience.reason_code == "grant_changed"

    shared.shop.again(shared.table)
    assert shared.offered() == ["sales"]
    shared.shop.call("post", f"audiences/{audience.pk}/refresh/")
    shared.shop.run_jobs()
    assert members(audience) == {"1", "3"}

    shared.head.values("take", shared.shop, "brand", ["A"])
    refusal = shared.make("Nothing")
    assert (refusal.status_code, refusal.json()["code"]) == (409, "no_grant")


def test_a_column_that_is_shared_beside_the_ids_breaks_the_contract(shared: Shared) -> None:
    shared.columns("amount")
    shared.shop.again(shared.table)
    refusal = shared.make("Two")
    assert (refusal.status_code, refusal.json()["code"]) == (400, "table_columns")
