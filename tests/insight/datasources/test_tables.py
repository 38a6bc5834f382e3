"""Tables in the console and the API: upload with another reading, append, replace, rename, refused lines, clean-up."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client as Browser
from django.utils import timezone
from rest_framework.test import APIClient

from admin_center.audit.models import AuditEntry
from cdp import lake
from insight.datasources import services
from insight.datasources.models import SourceTable, Upload
from insight.datasources.tasks import clean_up
from tests.factories import make_access, make_token

RunJobs = Callable[..., list[Any]]


class Member:
    """The console and the API as one member sees them."""

    def __init__(self, access: Any) -> None:
        self.access = access
        self.browser = Browser()
        self.browser.force_login(access.user, backend="admin_center.members.backends.NameOrEmailBackend")
        self.client = APIClient(HTTP_AUTHORIZATION=f"Bearer {make_token(access)}")
        self.base = f"/w/{access.workspace.slug}/sources/"

    def api(self, method: str, path: str, data: Any = None, form: bool = False) -> Any:
        url = f"/api/v1/workspaces/{self.access.workspace.slug}/tables/{path}"
        kind = "multipart" if form else "json"
        return getattr(self.client, method)(url, data, **({} if method == "get" else {"format": kind}))

    def send(self, path: str, content: bytes, **more: Any) -> Any:
        return self.api("post", path, {"file": SimpleUploadedFile("t.csv", content), **more}, form=True)


@pytest.fixture
def member(db: None) -> Member:
    return Member(make_access())


def test_replacing_and_appending_by_api(member: Member, run_jobs: RunJobs) -> None:
    assert member.send("", b"a,n\nx,1\n", name="t").status_code == 202
    run_jobs()
    assert member.send("t/append/", b"a,n\ny,2\nz,3\n").status_code == 202
    run_jobs()
    assert member.api("get", "t/").json()["rows"] == 3
    assert member.send("t/replace/", b"b\nq\n").status_code == 202
    run_jobs()
    found = member.api("get", "t/").json()
    assert (found["rows"], [column["name"] for column in found["columns"]]) == (1, ["b"])
    events = set(AuditEntry.objects.filter(action__startswith="table.").values_list("action", flat=True))
    assert events == {"table.uploaded", "table.appended", "table.replaced"}


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"name": "t"}, "file"),
        ({"name": "", "file": b"a\n1\n"}, "name"),
        ({"name": "a/b", "file": b"a\n1\n"}, "name"),
        ({"name": "t", "file": b"a\n1\n", "types": "[]"}, "types"),
        ({"name": "t", "file": b"a\n1\n", "types": '{"a": "colour"}'}, "types"),
        ({"name": "t", "file": b"a\n1\n", "on_bad_rows": "maybe"}, "on_bad_rows"),
        ({"name": "t", "file": b""}, "file"),
    ],
)
def test_bad_uploads_name_the_field(member: Member, data: dict[str, Any], field: str) -> None:
    sent = dict(data)
    if isinstance(sent.get("file"), bytes):
        sent["file"] = SimpleUploadedFile("t.csv", sent["file"])
    answer = member.api("post", "", sent, form=True)
    assert answer.status_code == 400 and field in answer.json()["errors"]
    assert not SourceTable.objects.exists()


def test_names_are_taken_once_and_can_be_changed(member: Member, run_jobs: RunJobs) -> None:
    for name in ("one", "two"):
        member.send("", b"a\n1\n", name=name)
    run_jobs()
    assert member.send("", b"a\n1\n", name="one").json()["code"] == "name_taken"
    changed = member.api("patch", "one/", {"name": "first", "description": "All of them"})
    assert changed.json()["description"] == "All of them"
    assert member.api("get", "one/").status_code == 404
    assert member.api("patch", "first/", {"name": "two"}).json()["code"] == "name_taken"


def test_refused_lines_are_downloaded_by_those_who_manage_tables(member: Member, run_jobs: RunJobs) -> None:
    member.send("", b"a,n\nx,1\ny,two\n", name="t", types='{"n": "integer"}')
    run_jobs(allow_failure=True)
    table = SourceTable.objects.get()
    answer = member.api("get", "t/bad-rows/")
    assert answer.status_code == 200 and b"3,n," in answer.content
    assert member.browser.get(f"{member.base}tables/{table.pk}/bad-rows/").content == answer.content
    analyst = Member(make_access(member.access.workspace, "analyst"))
    assert analyst.api("get", "t/bad-rows/").status_code == 403
    table.bad_rows_path.unlink()
    assert member.api("get", "t/bad-rows/").status_code == 404


def test_a_wrong_guess_is_corrected_before_the_import(member: Member, run_jobs: RunJobs) -> None:
    file = SimpleUploadedFile("t.csv", "1;あい\n2;うえ\n".encode("shift_jis"))
    step = member.browser.post(f"{member.base}upload/", {"file": file})
    assert step.status_code == 302
    again = member.browser.post(
        step.url, {"action": "reread", "encoding": "shift_jis", "delimiter": ";", "header": ""}
    )
    page = again.content.decode()
    assert "column_1" in page and "あい" in page and "うえ" in page
    wrong = member.browser.post(step.url, {"action": "reread", "encoding": "klingon", "delimiter": ";"})
    assert wrong.status_code == 422
    done = member.browser.post(
        step.url, {"name": "t", "columns": '["column_1", "column_2"]', "type-0": "text"}
    )
    assert done.status_code == 302
    run_jobs()
    table = SourceTable.objects.get()
    assert [column["type"] for column in table.columns] == ["text", "text"] and table.rows == 2


def test_pages_append_and_describe(member: Member, run_jobs: RunJobs) -> None:
    member.send("", b"a,n\nx,1\n", name="t")
    run_jobs()
    table = SourceTable.objects.get()
    page = member.browser.get(f"{member.base}tables/{table.pk}/").content.decode()
    assert "Append rows" in page and "Replace the rows" in page
    query = f"?table={table.pk}&mode=append"
    file = SimpleUploadedFile("more.csv", b"a,n\ny,2\n")
    step = member.browser.post(f"{member.base}upload/{query}", {"file": file})
    assert "Append rows to t" in member.browser.get(step.url).content.decode()
    member.browser.post(step.url, {"columns": '["a", "n"]'})
    run_jobs()
    table.refresh_from_db()
    assert table.rows == 2
    described = member.browser.post(
        f"{member.base}tables/{table.pk}/describe/", {"name": "renamed", "description": "Two rows"}
    )
    assert described.status_code == 302
    assert "Two rows" in member.browser.get(f"{member.base}tables/{table.pk}/").content.decode()


def test_clean_up_drops_what_nobody_needs(member: Member, run_jobs: RunJobs) -> None:
    member.send("", b"a\n1\n", name="t")
    run_jobs()
    member.send("t/replace/", b"a\n2\n")
    run_jobs()
    left = services.create_upload(member.access, BytesIO(b"a\n1\n"), "left.csv")
    fresh = services.create_upload(member.access, BytesIO(b"a\n1\n"), "fresh.csv")
    assert clean_up() == {"uploads": 0, "versions": 0, "bad_rows": 0, "left": 0}
    past = timezone.now() - timedelta(hours=30)
    Upload.objects.filter(pk=left.pk).update(created_at=past)
    SourceTable.objects.update(loaded_at=past)
    assert clean_up() == {"uploads": 1, "versions": 1, "bad_rows": 0, "left": 0}
    assert not Path(left.path).exists() and Path(fresh.path).exists()
    assert lake.tables(member.access.workspace) == [SourceTable.objects.get().lake_table]
