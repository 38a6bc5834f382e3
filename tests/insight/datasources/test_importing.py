"""Files that people upload: what is read, what is refused, with which line, and that nothing half-loaded stays."""

from __future__ import annotations

import datetime
import gzip
import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cdp import lake
from cdp.core.errors import DomainError
from cdp.jobs.models import Job
from insight.datasources import services, workbooks
from insight.datasources.models import SourceTable, Upload
from tests.factories import make_access

RunJobs = Callable[..., list[Any]]


class Tables:
    """Uploads files as one member and reads what came of them."""

    def __init__(self, run_jobs: RunJobs) -> None:
        self.access, self.run_jobs = make_access(), run_jobs

    def send(self, content: bytes | str, file_name: str = "t.csv", **more: Any) -> SourceTable:
        options = more.pop("options", {})
        raw = content.encode() if isinstance(content, str) else content
        upload = services.create_upload(self.access, io.BytesIO(raw), file_name)
        if options:
            services.reread(self.access, upload, options)
        job = services.start_import(self.access, upload, more.pop("name", "t"), **more)
        self.run_jobs(allow_failure=True)
        self.job = Job.objects.get(pk=job.pk)
        return SourceTable.objects.get(pk=job.subject_id)

    def rows(self, table: SourceTable) -> list[tuple[Any, ...]]:
        with lake.cursor() as handle:
            path = lake.table_path(table.workspace, table.lake_table)
            return handle.execute(f"SELECT * FROM {path} ORDER BY ALL").fetchall()

    def refused(self, content: bytes | str, file_name: str = "t.csv", **more: Any) -> tuple[str, list[int]]:
        """(error code, lines of the bad rows); checks that nothing stays behind."""
        try:
            table = self.send(content, file_name, **more)
        except DomainError as error:
            code, lines = error.code, []
        else:
            assert table.state == "failed" and table.version == 0
            code, lines = self.job.error_code, [row["line"] for row in table.report.get("bad", [])]
        assert not Upload.objects.exists() and lake.tables(self.access.workspace) == []
        return code, lines


@pytest.fixture
def tables(run_jobs: RunJobs) -> Tables:
    return Tables(run_jobs)


def types_of(table: SourceTable) -> dict[str, str]:
    return {column["name"]: column["type"] for column in table.columns}


@pytest.mark.parametrize(
    ("content", "file_name"),
    [
        ("名字,n\n张三,1\n".encode(), "t.csv"),
        ("\ufeff名字,n\n张三,1\n".encode(), "t.csv"),
        ("名字,n\r\n张三,1\r\n".encode("gb18030"), "t.csv"),
        ("名字\tn\n张三\t1".encode("utf-16"), "t.txt"),
        ("名字;n\n张三;1\n".encode("utf-16-be").join([b"\xfe\xff", b""]), "t.csv"),
        ("名字   n\n 张三  1\n".encode(), "t.txt"),
        (gzip.compress("名字|n\n张三|1\n".encode("gb18030"), mtime=0), "t.csv.gz"),
    ],
)
def test_encodings_and_separators(tables: Tables, content: bytes, file_name: str) -> None:
    table = tables.send(content, file_name)
    assert types_of(table) == {"名字": "text", "n": "integer"}
    assert tables.rows(table) == [("张三", 1)]


def test_types_are_found_and_identifiers_stay_text(tables: Tables) -> None:
    table = tables.send(
        "member_no,zip,qty,price,day,at,flag\n007,02134,1,1.5,2026-01-02,2026-01-02 03:04:05,true\n"
        "008,02135,-2,,2026/1/3,2026-01-03 03:04,false\n"
    )
    assert types_of(table) == {
        "member_no": "text",
        "zip": "text",
        "qty": "integer",
        "price": "number",
        "day": "date",
        "at": "datetime",
        "flag": "boolean",
    }
    assert tables.rows(table)[0][:5] == ("007", "02134", 1, 1.5, datetime.date(2026, 1, 2))


def test_types_can_be_corrected(tables: Tables) -> None:
    table = tables.send("a,b\n1,20260102\n", types={"a": "text", "b": "date"})
    assert tables.rows(table) == [("1", datetime.date(2026, 1, 2))]


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        ("a,b\n1,2\n3\n5,6,7\n8,9\n", [3, 4]),
        ('a,b\n"x\ny",2\n\n3\n4,5\n', [5]),
        ('a,b\n1,2\n3,o"pen\n4,5\n6\n', [5]),
    ],
)
def test_ragged_rows_are_named_by_line(tables: Tables, content: str, lines: list[int]) -> None:
    assert tables.refused(content) == ("bad_rows", lines)


@pytest.mark.parametrize("before", [0, 1000, 500_000])
@pytest.mark.parametrize("after", ["4,5\n", '4,5\n6,"more\n7,8\n', "4,5\n" * 1_500_000])
@pytest.mark.parametrize("on_bad_rows", ["fail", "skip"])
def test_an_open_quote_is_refused_since_nobody_can_tell_what_it_swallows(
    tables: Tables, before: int, after: str, on_bad_rows: str
) -> None:
    text = "a,b\n" + "1,2\n" * before + '3,"open\n' + after
    assert tables.refused(text, on_bad_rows=on_bad_rows) == ("open_quote", [])
    assert f" {before + 2} " in tables.job.error


def test_an_open_quote_is_refused_where_the_reader_would_go_on_behind_it(tables: Tables) -> None:
    row = "abcdefgh,12345678\n"
    text = "a,b\n" + row * 100 + '3,"open\n' + row * 2_000_000 + 'x,"y"\n' + row
    assert tables.refused(text, on_bad_rows="skip") == ("open_quote", [])
    assert " 102 " in tables.job.error


def test_a_value_behind_a_closed_quote_breaks_one_row(tables: Tables) -> None:
    table = tables.send('a,b\n1,"x"y\n\n2,"two\nlines"\n3,z\n', on_bad_rows="skip")
    assert tables.rows(table) == [(2, "two\nlines"), (3, "z")]
    assert [row["line"] for row in table.report["bad"]] == [2]


@pytest.mark.parametrize(
    ("content", "options", "lines"),
    [
        ("a,n\nx,1\ny,two\nz,3\n", {}, [3]),
        ("x,1\ny,two\nz,3\n", {"header": False}, [2]),
        ('a,n\n"x\nx",1\n\n\ny,two\n', {}, [6]),
        ("a,n\r\nx,1\r\ny,two\r\n", {}, [3]),
        ("a n\nx 1\n\ny two\n", {"delimiter": "spaces"}, [4]),
    ],
)
def test_values_of_another_type_are_named_by_line(
    tables: Tables, content: str, options: dict[str, Any], lines: list[int]
) -> None:
    chosen = {"encoding": "utf-8", "delimiter": ",", "header": True, **options}
    name = "n" if chosen["header"] else "column_2"
    found = tables.refused(content, "t.txt", options=chosen, types={name: "integer"})
    assert found == ("bad_rows", lines)


def test_lines_after_skipped_rows_are_right_and_all_of_them_can_be_downloaded(tables: Tables) -> None:
    table = tables.send(
        "a,n\nx,1\nragged\ny,two\nw,4,5\nz,=three\n", types={"n": "integer"}, on_bad_rows="skip"
    )
    assert [row["line"] for row in table.report["bad"]] == [3, 4, 5, 6]
    assert (table.rows, table.report["bad_rows"], tables.rows(table)) == (1, 4, [("x", 1)])
    kept = table.bad_rows_path.read_text("utf-8-sig").splitlines()
    assert len(kept) == 5 and kept[2].startswith("4,n,") and kept[4].endswith("'=three")


@pytest.mark.parametrize(
    ("content", "file_name", "code"),
    [
        (b"", "t.csv", "empty_file"),
        (b"\n \n", "t.csv", "empty_file"),
        (b"a,b\n", "t.csv", "no_rows"),
        (b"a,a\n1,2\n", "t.csv", "duplicate_header"),
        (b"a,A\n1,2\n", "t.csv", "duplicate_header"),
        (b"a,,c\nx,y,z\n", "t.csv", "empty_header"),
        (b"a,b\n1,\x002\n", "t.csv", "not_text"),
        (b"a,b\n1,\xff\xff\n", "t.csv", "unknown_encoding"),
        (gzip.compress(b"a,b\n1,2\n" * 5000, mtime=0)[:-40], "t.csv.gz", "broken_gzip"),
        (b"not gzip", "t.csv.gz", "broken_gzip"),
        (b"PK\x03\x04 no workbook", "t.xlsx", "broken_xlsx"),
        (b"PAR1 no parquet", "t.parquet", "broken_parquet"),
        (b"anything", "t.pdf", "unknown_format"),
    ],
)
def test_broken_files_have_codes_of_their_own(
    tables: Tables, content: bytes, file_name: str, code: str
) -> None:
    assert tables.refused(content, file_name) == (code, [])


@pytest.mark.parametrize(
    ("tail", "encoding"), [("é".encode()[:1], "utf-8"), ("好".encode("gb18030")[:1], "gb18030")]
)
def test_a_cut_last_character_is_found_with_its_line(tables: Tables, tail: bytes, encoding: str) -> None:
    # The cut lies behind the first megabyte, which alone decides about the encoding.
    text = ("名,n\n" + "好,1\n" * 300_000).encode(encoding) + tail
    assert tables.refused(text)[0] == "wrong_encoding"
    assert "300002" in tables.job.error


def test_a_nul_behind_the_first_megabyte_is_found(tables: Tables) -> None:
    assert tables.refused(b"a,b\n" + b"x,1\n" * 300_000 + b"\x00,1\n")[0] == "not_text"


def workbook(rows: list[list[Any]]) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)  # type: ignore[union-attr]
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def test_workbooks_with_dates_times_and_gaps(tables: Tables) -> None:
    table = tables.send(
        workbook(
            [
                ["member", "day", "clock", "n"],
                ["0012", datetime.datetime(2026, 1, 2), datetime.time(9, 30), 1],
                [None, None, None, None],
                ["0013", datetime.date(2026, 1, 3), None, 2],
            ]
        ),
        "t.xlsx",
    )
    assert types_of(table) == {"member": "text", "day": "date", "clock": "text", "n": "integer"}
    assert tables.rows(table)[0] == ("0012", datetime.date(2026, 1, 2), "09:30:00", 1)


def test_a_workbook_names_the_row_of_the_sheet(tables: Tables) -> None:
    rows = [["a", "n"], ["x", 1], [], ["y", "two"]]
    assert tables.refused(workbook(rows), "t.xlsx", types={"n": "integer"}) == ("bad_rows", [4])


def test_formulas_of_a_workbook_are_refused_and_those_of_a_csv_kept_as_text(tables: Tables) -> None:
    assert tables.refused(workbook([["a"], ["=1+1"]]), "t.xlsx") == ("formula", [])
    table = tables.send("a,b\n=1+1,x\n@cmd,y\n")
    assert tables.rows(table) == [("=1+1", "x"), ("@cmd", "y")]
    assert "2" in table.report["notes"][0] and "“a”" in table.report["notes"][0]


def test_a_workbook_that_unpacks_to_gigabytes_is_refused(
    tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = io.BytesIO(workbook([["a"], ["x"]]))
    with zipfile.ZipFile(out, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/big.xml", b"0" * 3_000_000)
    monkeypatch.setattr(workbooks, "MAX_UNPACKED", 2_000_000)
    assert tables.refused(out.getvalue(), "t.xlsx") == ("too_large", [])


def test_parquet_keeps_its_types_and_nested_columns_are_refused(tables: Tables) -> None:
    def parquet(**columns: Any) -> bytes:
        out = io.BytesIO()
        pq.write_table(pa.table(columns), out)
        return out.getvalue()

    table = tables.send(parquet(a=["x"], n=[1], at=[datetime.datetime(2026, 1, 2)]), "t.parquet")
    assert types_of(table) == {"a": "text", "n": "integer", "at": "datetime"}
    nested = tables.send(parquet(a=[{"x": 1}]), "n.parquet", name="nested")
    assert nested.state == "failed" and tables.job.error_code == "nested_columns"


def test_a_failed_replacement_leaves_the_old_rows_and_the_next_one_keeps_readers_safe(tables: Tables) -> None:
    table = tables.send("a,n\nx,1\n")
    first = table.lake_table
    table = tables.send("a,n\nbroken\n", replace=table)
    assert (table.state, table.lake_table, tables.rows(table)) == ("ready", first, [("x", 1)])
    assert table.error and table.report["bad"][0]["line"] == 2
    table = tables.send("a,n\ny,2\n", replace=table)
    assert tables.rows(table) == [("y", 2)] and not table.error
    assert first in lake.tables(table.workspace)
    table = tables.send("a,n\nz,3\n", replace=table)
    assert first not in lake.tables(table.workspace)


def test_appended_rows_come_behind_the_old_ones_or_not_at_all(tables: Tables) -> None:
    table = tables.send("a,n\nx,1\n")
    table = tables.send("n,a\n2,y\n", replace=table, append=True)
    assert (table.rows, tables.rows(table)) == (2, [("x", 1), ("y", 2)])
    table = tables.send("a,n\nz,three\n", replace=table, append=True)
    assert table.rows == 2 and "line 2" in table.error
    table = tables.send("a,b\nz,3\n", replace=table, append=True)
    assert table.rows == 2 and tables.job.error_code == "columns_differ"


def test_a_job_repeated_after_its_version_was_published_adds_nothing(tables: Tables) -> None:
    from insight.datasources.jobs import ImportTable

    table = tables.send("a,n\nx,1\n")
    table = tables.send("a,n\ny,2\n", replace=table, append=True)

    class Repeated:
        workspace, params, row = table.workspace, tables.job.params, tables.job

    ImportTable().run(Repeated())  # type: ignore[arg-type]
    table.refresh_from_db()
    assert (table.version, table.rows) == (2, 2)


def test_a_large_file_loads_with_progress_and_a_bad_row_near_its_end_is_named(
    tables: Tables, tmp_path: Path
) -> None:
    rows = 200_000
    lines = ["user,day,amount", *(f"u{n:08d},2026-01-{1 + n % 28:02d},{n % 1000}" for n in range(rows))]
    table = tables.send("\n".join(lines))
    assert table.rows == rows and tables.job.progress == 100
    lines[rows - 10] = "u,2026-13-01,1"
    table = tables.send("\n".join(lines), name="second", types={"day": "date"})
    assert table.state == "failed" and [row["line"] for row in table.report["bad"]] == [rows - 9]
    assert len(lake.tables(table.workspace)) == 1
