"""`python -m cdp.demo`: the demo retailer's tables as files."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path

import duckdb

from cdp.demo.retailer import PROFILES, Tables, generate


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m cdp.demo", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="command")
    make = commands.add_parser("generate", help="write all tables and expected.json into a folder")
    make.add_argument("--profile", choices=list(PROFILES), default="demo", help="how much (default: demo)")
    make.add_argument("--seed", type=int, default=7, help="equal seeds give equal tables (default: 7)")
    make.add_argument("--as-of", type=date.fromisoformat, help="the last day of data (default: yesterday)")
    make.add_argument("--to", type=Path, required=True, help="the folder, which is created")
    make.add_argument("--format", choices=("parquet", "csv"), default="parquet")
    make.set_defaults(run=_generate)
    options = parser.parse_args(arguments)
    result: int = options.run(options)
    return result


def _generate(options: argparse.Namespace) -> int:
    as_of = options.as_of or date.today() - timedelta(days=1)
    started = time.monotonic()
    options.to.mkdir(parents=True, exist_ok=True)
    if options.format == "parquet":
        tables = generate(options.profile, options.seed, as_of, options.to)
    else:
        with tempfile.TemporaryDirectory(dir=options.to, prefix=".parquet-") as folder:
            tables = generate(options.profile, options.seed, as_of, Path(folder))
            _as_csv(tables, options.to)
    print(f"Wrote {len(tables.parquet())} tables into {options.to} in {time.monotonic() - started:.1f} s.")
    return 0


def _as_csv(tables: Tables, folder: Path) -> None:
    """UTF-8 with a header row; a missing value is an empty field."""
    with closing(duckdb.connect()) as db:
        for name, path in tables.parquet().items():
            db.execute(
                f"COPY (SELECT * FROM read_parquet('{path}')) TO '{folder / name}.csv' (FORMAT csv, HEADER)"
            )
    (folder / tables.expected.name).write_bytes(tables.expected.read_bytes())


if __name__ == "__main__":
    sys.exit(main())
