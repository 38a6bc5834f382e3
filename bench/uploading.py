"""B13: an audience of a file of IDs, of N lines and of ten times as many: how time and memory grow with the lines."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.measure import Result, compare
from bench.world import World, world
from cdp import lake
from cdp.demo.steps import finish
from cdp.lake.names import literal
from insight.audiences import outside, services
from insight.audiences.id_files import MAX_LINES
from insight.audiences.models import Audience

TIMES = 10
MEMORY = 1.5
"""The most memory that ten times the lines may need, as a multiple."""


def uploading(scale: float, repetitions: int) -> list[Result]:
    """At scale 1 the larger file has as many lines as a file may have; at scales beyond no more."""
    few = max(1000, int(MAX_LINES / TIMES * min(scale, 1)))
    sizes = {"ten times the lines": TIMES * few, "the lines": few}
    result = Result(
        "B13",
        "upload a file of IDs",
        "ten times the lines",
        {"lines": few, "lines, ten times as many": TIMES * few},
        goals={"the lines": TIMES * 1.2},
        memory_goals={"the lines": MEMORY},
    )
    with world() as here, TemporaryDirectory() as folder:
        contestants: dict[str, Callable[[], Any]] = {}
        for name, lines in sizes.items():
            path = Path(folder) / f"{lines}.csv"
            _write(path, lines)
            result.notes.append(f"{name}: a file of {path.stat().st_size / 2**20:,.0f} MB")
            contestants[name] = _upload(here, path, lines)
        # The smaller one first: what a process has once taken, it keeps.
        compare(result, dict(reversed(contestants.items())), repetitions=repetitions)
    return [result]


def _write(path: Path, lines: int) -> None:
    """Mobile numbers in no order; in a hundred lines one is no number and nine repeat another."""
    number = f"(n * 7919) % {max(1, lines * 9 // 10)} + 13000000000"
    with lake.apart() as handle:
        handle.execute(
            f"COPY (SELECT CASE WHEN n % 100 = 0 THEN 'none' ELSE ({number})::VARCHAR END FROM range({lines}) t(n)) "
            f"TO {literal(str(path))} (FORMAT csv, HEADER false)"
        )


def _upload(here: World, path: Path, lines: int) -> Callable[[], Any]:
    def work() -> dict[str, Any]:
        data = {"name": f"{lines} lines", "id_type": "mobile"}
        with path.open("rb") as file:
            audience, job = outside.upload(here.access, file, path.name, data)
        finish(job)
        audience = Audience.objects.get(pk=audience.pk)
        detail = audience.origin_detail
        assert audience.count == detail["valid"]
        services.delete(here.access, audience)
        return {"invalid": detail["invalid"] / lines, "lines": detail["lines"] == lines}

    return work
