"""Audiences of files and tables: what counts as an ID, what is refused and said, and what a failure leaves."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from cdp import lake
from cdp.core.errors import ActionNotSupported, ValidationFailed
from cdp.core.identifiers import ID_TYPES
from cdp.warehouse import get_engine
from insight.audiences import id_files, outside, queries, refreshing, services
from insight.audiences.models import Audience
from insight.datasources import files
from insight.datasources.models import SourceTable, Upload
from tests.factories import make_access
from tests.insight.audiences.test_audience_api import Client
from tests.insight.audiences.test_pages import Browser
from tests.insight.audiences.world import World

RunJobs = Callable[..., list[Any]]
PHONES = b"user_unique_id\n10012345678\n10012345679\n10012345678\n\n8610012345670\nnonsense\n=1+1\n"


def upload(world: World, content: bytes = PHONES, file_name: str = "ids.csv", **more: Any) -> Audience:
    data = {"name": "Uploaded", "id_type": "mobile", **more}
    return outside.upload(world.access, io.BytesIO(content), file_name, data)[0]


def members(audience: Audience) -> set[str]:
    audience.refresh_from_db()
    assert audience.current is not None
    return {
        row["user_unique_id"] for row in get_engine().execute(queries.members(audience.current)).to_pylist()
    }


def luhn(digits: str) -> bool:
    """Whether the last digit follows from the others."""
    total = 0
    for place, digit in enumerate(map(int, reversed(digits))):
        twice = 2 * digit if place % 2 else digit
        total += twice - 9 if twice > 9 else twice
    return total % 10 == 0


def test_imeis_with_a_wrong_check_digit_are_taken_and_counted(world: World, run_jobs: RunJobs) -> None:
    given = [str(490154203237510 + 37 * number) for number in range(200)]
    others = ["49015420323751", "4901542032375199", "A0000012345678"]
    audience = upload(world, "\n".join([*given, *others]).encode(), id_type="imei")
    run_jobs()
    audience.refresh_from_db()
    wrong = sum(not luhn(number) for number in given)
    assert 0 < wrong < 200 and luhn("490154203237518")
    assert (audience.count, audience.origin_detail["wrong_check_digit"]) == (203, wrong)
    page = Browser(world.access).get(f"{audience.pk}/").content.decode()
    assert f"{wrong} valid IMEIs have a wrong check digit" in page


def test_a_file_becomes_an_audience_of_its_distinct_valid_ids(world: World, run_jobs: RunJobs) -> None:
    audience = upload(world)
    run_jobs()
    assert members(audience) == {"10012345678", "10012345679", "10012345670"}
    detail = audience.origin_detail
    assert (audience.state, audience.count, audience.user_id_type) == ("succeeded", 3, "mobile")
    assert (detail["lines"], detail["valid"], detail["duplicates"], detail["invalid"]) == (7, 3, 1, 2)
    assert detail["blank"] == 1
    assert not Upload.objects.exists()


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ("成员一\n成员二\n".encode("gb18030"), "ids.txt"),
        ("\ufeff成员一\n成员二\n".encode(), "ids.csv"),
        ("\ufeff成员一\n成员二\n".encode("utf-16-le"), "ids.txt"),
        (gzip.compress("成员一\r\n成员二".encode(), mtime=0), "ids.csv.gz"),
        ("成员一,more\n成员二,x\n".encode(), "ids.csv"),
        ('"成员一"\n"成员二"\n'.encode(), "ids.txt"),
    ],
)
def test_encodings_and_forms_of_files(world: World, run_jobs: RunJobs, content: bytes, name: str) -> None:
    audience = upload(world, content, name, id_type="one_id")
    run_jobs()
    assert members(audience) == {"成员一", "成员二"}


@pytest.mark.parametrize(
    ("content", "refused", "blank"),
    [
        (
            "user_unique_id,n\n\n10012345678,a\n\n\nnobody,b\n10012345679,c\nlonely\n",
            [(6, "nobody"), (8, "lonely")],
            3,
        ),
        ('10012345678,a\nnobody,"b\nc"\n10012345679,c\nlonely\n', [(2, "nobody"), (4, "lonely")], 0),
    ],
)
def test_refused_lines_of_files_with_several_columns_are_counted_with_the_blank_ones(
    content: str, refused: list[tuple[int, str]], blank: int, tmp_path: Path, settings: Any
) -> None:
    settings.LAKE_TEMP_PATH = str(tmp_path)
    path = tmp_path / "ids.csv"
    path.write_text(content)
    with id_files.read(path, files.Options(), "mobile", "plain") as found:
        assert duckdb.sql(f"SELECT line, value FROM '{found.refused}' ORDER BY line").fetchall() == refused
        assert (found.counts["blank"], found.counts["valid"]) == (blank, 2)


_OF_EACH_TYPE = {
    "mobile": "10012345678",
    "email": "ann@example.com",
    "imei": "00000000ABCDEF",
    "idfa": "6D92078A-8246-4BA4-AE5B-76104861E7DC",
    "imsi": "460001234567890",
    "oaid": "abcdef0123456789",
    "mac": "A1:B2:C3:D4:E5:F6",
}


def test_a_file_of_each_type_of_id(world: World, run_jobs: RunJobs) -> None:
    made = {}
    for key in ID_TYPES:
        value = _OF_EACH_TYPE.get(key, "0012")
        made[key] = upload(world, f"{value}\n{value}\n\n".encode(), "ids.txt", name=key, id_type=key)
    run_jobs()
    assert len(made) == 14
    assert {key: members(audience) for key, audience in made.items()} == {
        key: {_OF_EACH_TYPE.get(key, "0012")} for key in ID_TYPES
    }


def test_hashed_ids_are_kept_as_they_are_and_say_so(world: World, run_jobs: RunJobs) -> None:
    digest = "0cc175b9c0f1b6a831c399e269772661"
    audience = upload(world, f"{digest.upper()}\n10012345678\n".encode(), encryption="md5")
    run_jobs()
    assert members(audience) == {digest}
    assert audience.current is not None and audience.current.id_stats["mobile"]["encryption"] == "md5"


def test_a_file_without_a_valid_id_fails_and_leaves_nothing(world: World, run_jobs: RunJobs) -> None:
    audience = upload(world, b"one\ntwo\n")
    run_jobs(allow_failure=True)
    audience.refresh_from_db()
    assert (audience.state, audience.reason_code, audience.current) == ("failed", "no_valid_ids", None)
    assert not Upload.objects.exists()


def test_a_replaced_file_makes_a_new_version_and_a_broken_one_keeps_the_old(
    world: World, run_jobs: RunJobs
) -> None:
    audience = upload(world)
    run_jobs()
    outside.replace_file(world.access, audience, io.BytesIO(b"10099999999\n"), "more.txt")
    run_jobs()
    assert members(audience) == {"10099999999"} and audience.version == 2
    outside.replace_file(world.access, audience, io.BytesIO(b"broken\n"), "broken.txt")
    run_jobs(allow_failure=True)
    assert members(audience) == {"10099999999"}
    assert audience.state == "failed" and audience.origin_detail["file"] == "more.txt"


def test_uploads_are_not_refreshed_nor_edited(world: World, run_jobs: RunJobs) -> None:
    audience = upload(world)
    run_jobs()
    audience.refresh_from_db()
    with pytest.raises(ActionNotSupported):
        refreshing.refresh(world.access, audience)
    with pytest.raises(ActionNotSupported):
        services.update(world.access, audience, {"rule": world.women})
    assert services.update(world.access, audience, {"name": "Renamed"}).name == "Renamed"


def test_a_copy_has_a_table_of_its_own_and_deleting_drops_it(
    world: World, run_jobs: RunJobs, django_capture_on_commit_callbacks: Any
) -> None:
    audience = upload(world)
    run_jobs()
    audience.refresh_from_db()
    copied = services.copy(world.access, audience, {})
    run_jobs()
    table = audience.origin_detail["table"]
    with django_capture_on_commit_callbacks(execute=True):
        services.delete(world.access, audience)
    assert members(copied) == {"10012345678", "10012345679", "10012345670"}
    assert table not in lake.tables(world.workspace)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"id_type": "passport"}, "id_type"),
        ({"encryption": "rot13"}, "encryption"),
        ({"name": ""}, "name"),
        ({"rule": {}}, "rule"),
        ({"folder": "fld_none"}, "folder"),
    ],
)
def test_bad_fields_are_named_and_no_file_stays(world: World, values: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationFailed) as caught:
        upload(world, **values)
    assert field in caught.value.errors
    assert not Upload.objects.exists() and not Audience.objects.exists()


def test_other_formats_are_refused(world: World) -> None:
    with pytest.raises(ValidationFailed) as caught:
        upload(world, b"PK\x03\x04", "ids.xlsx")
    assert caught.value.code == "unknown_format"
    assert not Upload.objects.exists()


def test_upload_through_api_and_the_refused_lines(world: World, run_jobs: RunJobs) -> None:
    client = Client(world.access)
    file = SimpleUploadedFile("ids.csv", PHONES)
    answer = client.post(
        "audiences/upload/", {"name": "Api", "id_type": "mobile", "file": file}, format="multipart"
    )
    assert answer.status_code == 202, answer.json()
    run_jobs()
    found = client.get(f"audiences/{answer.json()['id']}/").json()
    assert (found["count"], found["origin"], found["origin_detail"]["invalid"]) == (3, "upload", 2)
    page = Browser(world.access).get(f"{found['id']}/refused/")
    text = b"".join(page.streaming_content).decode()
    assert text.splitlines()[0] == "line,value" and "'=1+1" in text and text.count("\n") == 3
    missing = client.post("audiences/upload/", {"name": "x", "id_type": "mobile"}, format="multipart")
    assert missing.status_code == 400 and "file" in missing.json()["errors"]


def test_upload_page_shows_errors_at_the_field_and_leads_to_the_audience(
    world: World, run_jobs: RunJobs
) -> None:
    browser = Browser(world.access)
    assert b"user_unique_id" in browser.get("upload/template/").content
    wrong = browser.post("upload/", name="A", id_type="mobile", encryption="plain")
    assert wrong.status_code == 422 and b"invalid-feedback" in wrong.content
    file = SimpleUploadedFile("ids.txt", PHONES)
    done = browser.post("upload/", name="A", id_type="mobile", encryption="plain", file=file)
    assert done.status_code == 302
    run_jobs()
    page = browser.get(f"{Audience.objects.get().pk}/").content.decode()
    assert "ids.txt" in page and "2 invalid" in page and "Replace the file" in page


def lake_table(world: World, name: str, select: str) -> SourceTable:
    """A table of the built-in source with the rows of a query."""
    lake.ensure_schema(world.workspace)
    with lake.transaction() as handle:
        handle.execute(f"CREATE OR REPLACE TABLE {lake.table_path(world.workspace, name)} AS {select}")
    kinds = {"VARCHAR": "text", "BIGINT": "integer", "DOUBLE": "number"}
    columns = [
        {"name": column.name, "type": kinds.get(column.type, "text"), "nullable": True}
        for column in lake.columns(world.workspace, name)
    ]
    values = {"state": "ready", "version": 1, "lake_table": name, "columns": columns}
    return SourceTable.objects.update_or_create(workspace=world.workspace, name=name, defaults=values)[0]


def from_table(world: World, **more: Any) -> Audience:
    data = {"name": "Table", "table": "ids", "id_type": "one_id", **more}
    return outside.from_table(world.access, data)[0]


@pytest.mark.parametrize(
    "select",
    [
        "SELECT unnest(['0012', '13']) AS user_unique_id",
        "SELECT unnest([12, 13])::BIGINT AS user_unique_id",
        "SELECT unnest([12.0, 13.0])::DOUBLE AS user_unique_id",
    ],
)
def test_a_table_of_text_or_numbers(world: World, run_jobs: RunJobs, select: str) -> None:
    lake_table(world, "ids", select)
    audience = from_table(world)
    run_jobs()
    assert members(audience) == ({"0012", "13"} if "0012" in select else {"12", "13"})


def test_a_refresh_reads_the_table_again(world: World, run_jobs: RunJobs) -> None:
    lake_table(world, "ids", "SELECT unnest(['a', 'b']) AS user_unique_id")
    audience = from_table(world)
    run_jobs()
    lake_table(world, "ids", "SELECT unnest(['b', 'c', 'd']) AS user_unique_id")
    refreshing.refresh(world.access, audience)
    run_jobs()
    assert members(audience) == {"b", "c", "d"}
    lake_table(world, "ids", "SELECT unnest(['b', 'b']) AS user_unique_id")
    refreshing.refresh(world.access, audience)
    run_jobs(allow_failure=True)
    assert members(audience) == {"b", "c", "d"} and audience.reason_code == "table_not_unique"


def test_a_table_that_breaks_the_contract_is_refused_with_examples(world: World, run_jobs: RunJobs) -> None:
    lake_table(world, "ids", "SELECT unnest(['a', 'a', 'b', NULL, '']) AS user_unique_id")
    with pytest.raises(ValidationFailed) as caught:
        from_table(world)
    extra = caught.value.extra
    assert (caught.value.code, extra["invalid"], extra["duplicates"], len(extra["examples"])) == (
        "table_not_unique",
        2,
        1,
        1,
    )
    assert any("Repeated, for example" in line for line in caught.value.errors["table"])
    audience = from_table(world, drop_bad=True)
    run_jobs()
    assert members(audience) == {"a", "b"}


def test_the_page_shows_examples_of_what_is_wrong_with_a_table(world: World) -> None:
    lake_table(world, "ids", "SELECT unnest(['10012345678', '10012345678', 'nonsense']) AS user_unique_id")
    fields = {"name": "T", "table": "ids", "id_type": "mobile", "encryption": "plain"}
    page = Browser(world.access).post("from-table/", **fields)
    assert page.status_code == 422
    text = page.content.decode()
    assert "100****5678" in text and "Not valid, for example" in text


@pytest.mark.parametrize(
    "select",
    ["SELECT 'a' AS user_unique_id, 1 AS more", "SELECT 'a' AS id", "SELECT NULL::VARCHAR AS user_unique_id"],
)
def test_tables_of_another_form_are_refused(world: World, select: str) -> None:
    lake_table(world, "ids", select)
    with pytest.raises(ValidationFailed) as caught:
        from_table(world)
    assert "table" in caught.value.errors


def test_tables_of_other_workspaces_do_not_exist(world: World) -> None:
    other = World(make_access(), world.members)
    lake_table(other, "ids", "SELECT 'a' AS user_unique_id")
    answer = Client(world.access).post(
        "audiences/from-table/", {"name": "x", "table": "ids", "id_type": "one_id"}, format="json"
    )
    assert answer.status_code == 400 and "table" in answer.json()["errors"]
