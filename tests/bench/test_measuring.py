from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.__main__ import write
from bench.measure import Result, compare, table
from bench.pages import percentile


def result(**values: object) -> Result:
    return Result("B0", "work", "ours", {"rows": 1000}, **values)  # type: ignore[arg-type]


def test_contestants_that_disagree_are_no_result() -> None:
    with pytest.raises(AssertionError, match="disagree"):
        compare(result(), {"ours": lambda: 1, "theirs": lambda: 2}, repetitions=1)


def test_work_is_interleaved_and_warmed_up_and_slow_work_is_done_twice() -> None:
    done: list[str] = []
    found = compare(
        result(),
        {name: lambda name=name: done.append(name) for name in ("ours", "slow")},  # type: ignore[misc]
        repetitions=3,
        once=("slow",),
        outside=("slow",),
    )
    assert done == ["ours", "slow", "ours", "slow", "ours", "ours"]
    assert set(found.seconds) == {"ours", "slow"} and set(found.peak_mb) == {"ours"}


def test_the_table_shows_ratios_goals_limits_and_notes() -> None:
    found = result(
        seconds={"ours": 2.0, "quick": 1.0, "slow": 4.0},
        goals={"quick": 1.15, "slow": 0.5},
        limits={"ours": 1.0},
        notes=["as measured"],
    )
    lines = table([found]).splitlines()
    assert "| ours | 2.000 |  | ≤ 1 s ✗ |" in lines[2]
    assert "| quick | 1.000 | 2.00 | ≤ 1.15 ✗ |" in lines[3]
    assert "| slow | 4.000 | 0.50 | ≤ 0.5 ✓ |" in lines[4]
    assert lines[-2:] == ["B0, work: 1,000 rows.", "- as measured"]


def test_results_of_other_benchmarks_stay_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "results" / "today.json"
    for name, seconds in (("B1", 1.0), ("B2", 2.0), ("B1", 3.0)):
        write(path, 0.1, {"cores": 2}, [Result(name, "work", "ours", {}, seconds={"ours": seconds})])
    found = {item["id"]: item["seconds"]["ours"] for item in json.loads(path.read_text())["results"]}
    assert found == {"B2": 2.0, "B1": 3.0}


def test_the_percentile_is_a_measured_value() -> None:
    assert percentile([float(value) for value in range(1, 101)], 95) == 95.0
    assert percentile([5.0], 95) == 5.0
