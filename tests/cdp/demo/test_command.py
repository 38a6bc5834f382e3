"""`python -m cdp.demo generate`."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from cdp.demo.__main__ import main


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
