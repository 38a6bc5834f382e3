"""`python -m cdp.demo`: tables as files, and in databases."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from cdp.demo.__main__ import main
from tests.insight.datasources.servers import Server, mysql_server, postgresql_server


def test_csv_files_hold_the_same_rows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        main(
            [
                "generate",
                "--profile",
                "test",
                "--as-of",
                "2026-11-01",
                "--to",
                str(tmp_path),
                "--format",
                "csv",
            ]
        )
        == 0
    )
    expected = json.loads((tmp_path / "expected.json").read_text(encoding="utf-8"))
    assert {path.name for path in tmp_path.iterdir()} == {f"{name}.csv" for name in expected["rows"]} | {
        "expected.json"
    }
    for name, rows in expected["rows"].items():
        with (tmp_path / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            assert sum(1 for _row in csv.DictReader(file)) == rows, name
    assert "Wrote 17 tables" in capsys.readouterr().out


def test_an_unknown_profile_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["generate", "--profile", "huge", "--to", str(tmp_path)])
    assert ended.value.code == 2
    assert "invalid choice: 'huge'" in capsys.readouterr().err


def sent_to(server: Server, *words: str) -> int:
    url = f"{server.kind}://{server.user}:{server.password}@{server.host}:{server.port}/{server.database}"
    return main(["export", "--profile", "test", "--as-of", "2026-11-01", "--into", url, *words])


@pytest.mark.slow
def test_tables_are_made_in_postgresql_and_replaced_only_when_told(
    db: None, capsys: pytest.CaptureFixture[str]
) -> None:
    with postgresql_server() as server:
        assert sent_to(server, "--schema", "shop") == 0
        assert "Made 16 tables" in capsys.readouterr().out
        assert server.run("SELECT count(*) FROM shop.ads_user_tag") == [(2000,)]
        assert server.run("SELECT max(trade_time)::date::text FROM shop.ads_trade") == [("2026-11-01",)]
        assert sent_to(server, "--schema", "shop") == 1
        assert "already exists" in capsys.readouterr().err
        assert sent_to(server, "--schema", "shop", "--replace") == 0


@pytest.mark.slow
def test_tables_are_made_in_mysql() -> None:
    with mysql_server() as server:
        assert sent_to(server) == 0
        assert server.run("SELECT count(*) FROM ads_user_tag") == [(2000,)]
        assert server.run("SELECT count(DISTINCT gender) FROM ads_user_tag") == [(2,)]


def test_other_databases_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "--profile", "test", "--into", "oracle://somewhere/db"]) == 1
    assert "postgresql://" in capsys.readouterr().err
