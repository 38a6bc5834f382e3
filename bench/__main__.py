"""`script/bench [--scale 0.1|1|10] [B1 …]`: runs the suite, prints a table, writes it to bench/results."""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bench.measure import Result

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cdp.settings")
RESULTS = Path(__file__).parent / "results"


def main() -> None:
    parser = argparse.ArgumentParser(prog="script/bench")
    parser.add_argument("--scale", type=float, default=0.1, help="1 = 10 M users, 100 M events")
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the JSON files")
    parser.add_argument("ids", nargs="*", help="only these, such as B1 B3")
    arguments = parser.parse_args()

    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    from bench import measure
    from bench.suite import SUITE

    chosen = {name.upper() for name in arguments.ids} or set(SUITE)
    if unknown := chosen - set(SUITE):
        parser.error(f"There is no {', '.join(sorted(unknown))}; there are {', '.join(SUITE)}.")
    results: list[Result] = []
    path = arguments.results / f"{datetime.now(UTC):%Y-%m-%d}-scale-{arguments.scale:g}.json"
    for name, run in SUITE.items():
        if name in chosen:
            print(f"{name} …", flush=True)
            found = run(arguments.scale, arguments.repetitions)
            print(measure.table(found), flush=True)
            results += found
            write(path, arguments.scale, measure.machine(), found)
    print(f"\n{measure.table(results)}\n\nWritten to {path}")


def write(path: Path, scale: float, machine: dict[str, Any], results: list[Result]) -> None:
    """Write the results; those of other benchmarks that the file holds already stay."""
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = json.loads(path.read_text())["results"] if path.exists() else []
    at = datetime.now(UTC).isoformat(timespec="seconds")
    new = [asdict(result) | {"ratios": result.ratios(), "at": at, "machine": machine} for result in results]
    ids = {result.id for result in results}
    every = [result for result in kept if result["id"] not in ids] + new
    path.write_text(json.dumps({"scale": scale, "results": every}, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
