"""Files that are looked at before they are imported, by API."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from insight.datasources.models import Upload
from tests.factories import make_access, make_token
from tests.insight.datasources.test_tables import Member, RunJobs

CHINESE = "城市,数量\n北京,1\n上海,2\n"


@pytest.fixture
def member(db: None) -> Member:
    return Member(make_access())


def url(member: Member, path: str = "") -> str:
    return f"/api/v1/workspaces/{member.access.workspace.slug}/uploads/{path}"


def keep(member: Member, content: bytes, name: str = "t.csv", **reading: Any) -> Any:
    data = {"file": SimpleUploadedFile(name, content), **reading}
    return member.client.post(url(member), data, format="multipart")


def test_a_kept_file_shows_its_rows_is_read_in_another_way_and_imported_once(
    member: Member, run_jobs: RunJobs
) -> None:
    found = keep(member, b"a;b\n1;x\n2;y\n").json()
    assert (found["delimiter"], found["header"], found["encoding_sure"]) == (";", True, True)
    assert found["preview"] == {"columns": ["a", "b"], "rows": [["1", "x"], ["2", "y"]]}
    again = member.client.patch(url(member, f"{found['id']}/"), {"header": False}, format="json").json()
    assert again["preview"]["columns"] == ["column_1", "column_2"] and len(again["preview"]["rows"]) == 3
    member.client.patch(url(member, f"{found['id']}/"), {"header": True}, format="json")
    assert member.api("post", "", {"name": "t", "upload": found["id"]}).status_code == 202
    run_jobs()
    assert member.api("get", "t/").json()["rows"] == 2
    assert member.client.get(url(member, f"{found['id']}/")).status_code == 404
    assert member.api("post", "", {"name": "again", "upload": found["id"]}).status_code == 404


@pytest.mark.parametrize(
    ("encoding", "sure"), [("utf-8", True), ("gb18030", True), ("big5hkscs", False), ("utf-16-le", True)]
)
def test_encodings_are_found_and_said_to_be_a_guess(member: Member, encoding: str, sure: bool) -> None:
    text = (
        "城市,說明\n臺北,這裡的數字與文字都是繁體的\n高雄,我們沒有別的說法\n"
        if encoding == "big5hkscs"
        else CHINESE
    )
    found = keep(member, text.encode(encoding)).json()
    assert (found["encoding"], found["encoding_sure"]) == (encoding, sure)
    assert found["preview"]["columns"][0] == "城市"


def test_a_guess_is_not_imported_unless_the_sender_says_the_encoding(
    member: Member, run_jobs: RunJobs
) -> None:
    content = "naam,n\ncafé au lait\x97groot,1\n".encode("latin-1")
    refused = member.send("", content, name="t")
    assert (refused.status_code, refused.json()["code"]) == (400, "unknown_encoding")
    assert not Upload.objects.exists()
    assert member.send("", content, name="t", encoding="cp1252").status_code == 202
    run_jobs()
    assert member.api("get", "t/").json()["state"] == "ready"


@pytest.mark.parametrize(
    ("field", "value"), [("encoding", "klingon"), ("delimiter", "::"), ("header", "perhaps")]
)
def test_a_way_to_read_that_does_not_exist_is_refused_at_its_field(
    member: Member, field: str, value: str
) -> None:
    answer = keep(member, b"a,b\n1,2\n", **{field: value})
    assert answer.status_code == 400 and list(answer.json()["errors"]) == [field]
    assert not Upload.objects.exists()


def test_what_cannot_be_read_says_why_and_stays_to_be_read_in_another_way(member: Member) -> None:
    found = keep(member, b"a,a\n1,2\n").json()
    assert (found["preview"], found["problem"]["code"]) == (None, "duplicate_header")
    path = Path(Upload.objects.get(pk=found["id"]).path)
    assert path.is_file()
    assert member.client.delete(url(member, f"{found['id']}/")).status_code == 204
    assert not path.exists() and not Upload.objects.exists()


def test_types_of_columns_that_the_file_lacks_are_refused(member: Member, run_jobs: RunJobs) -> None:
    assert member.send("", b"a,b\n1,2\n", name="t", types='{"c": "text"}').status_code == 202
    (job,) = run_jobs(allow_failure=True)
    assert job.error_code == "unknown_columns"


def test_two_imports_of_one_file_or_into_one_table_are_refused(member: Member) -> None:
    found = keep(member, b"a,b\n1,2\n").json()["id"]
    assert member.api("post", "", {"name": "t", "upload": found}).status_code == 202
    again = member.api("post", "", {"name": "u", "upload": found})
    assert (again.status_code, again.json()["code"]) == (409, "busy")
    other = member.send("t/replace/", b"a,b\n3,4\n")
    assert (other.status_code, other.json()["code"]) == (409, "busy")
    assert list(Upload.objects.values_list("pk", flat=True)) == [found]
    deleted = member.client.delete(url(member, f"{found}/"))
    assert (deleted.status_code, deleted.json()["code"]) == (409, "busy")


def test_files_of_others_are_not_found(member: Member) -> None:
    found = keep(member, b"a,b\n1,2\n").json()["id"]
    other = make_access()
    stranger = APIClient(HTTP_AUTHORIZATION=f"Bearer {make_token(other)}")
    path = f"/api/v1/workspaces/{other.workspace.slug}/uploads/{found}/"
    assert stranger.get(path).status_code == 404
