"""`script/bench [--scale 0.1|1|10] [B1 …]`: runs the suite, prints one table, writes bench/results/<date>.json."""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cdp.settings")


def main() -> None:
    parser = argparse.ArgumentParser(prog="script/bench")
    parser.add_argument("--scale", type=float, default=0.1, help="1 = 10 M users, 100 M events")
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("ids", nargs="*", help="only these, such as B1 B3")
    arguments = parser.parse_args()

    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    from bench import measure
    from bench.suite import SUITE

    chosen = {name.upper() for name in arguments.ids} or set(SUITE)
    results = []
    for name, run in SUITE.items():
        if name in chosen:
            print(f"{name} …", flush=True)
            found = run(arguments.scale, arguments.repetitions)
            print(measure.table(found), flush=True)
            results += found
    now = datetime.now(UTC)
    report = {
        "at": now.isoformat(timespec="seconds"),
        "scale": arguments.scale,
        "machine": measure.machine(),
        "results": [asdict(result) | {"ratios": result.ratios()} for result in results],
    }
    folder = Path(__file__).parent / "results"
    folder.mkdir(exist_ok=True)
    path = folder / f"{now:%Y-%m-%d}-scale-{arguments.scale:g}.json"
    path.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n")
    print(f"\n{measure.table(results)}\n\nWritten to {path.relative_to(Path.cwd())}")


if __name__ == "__main__":
    main()
