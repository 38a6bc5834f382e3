"""`python -m cdp.demo`: the demo retailer's tables as files, or in a database."""

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

from cdp.demo.export import export
from cdp.demo.retailer import PROFILES, Tables, generate


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m cdp.demo", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="command")
    make = commands.add_parser("generate", help="write all tables and expected.json into a folder")
    make.add_argument("--to", type=Path, required=True, help="the folder, which is created")
    make.add_argument("--format", choices=("parquet", "csv"), default="parquet")
    make.set_defaults(run=_generate)
    send = commands.add_parser("export", help="make all tables in a PostgreSQL or MySQL database")
    send.add_argument(
        "--into", required=True, help="postgresql:// or mysql://user:password@host:port/database"
    )
    send.add_argument(
        "--schema", default="", help="PostgreSQL's schema, made where it is missing (default: public)"
    )
    send.add_argument("--replace", action="store_true", help="drop tables of these names first")
    send.set_defaults(run=_export)
    for command in (make, send):
        command.add_argument(
            "--profile", choices=list(PROFILES), default="demo", help="how much (default: demo)"
        )
        command.add_argument("--seed", type=int, default=7, help="equal seeds give equal tables (default: 7)")
        command.add_argument(
            "--as-of", type=date.fromisoformat, help="the last day of data (default: yesterday)"
        )
    options = parser.parse_args(arguments)
    result: int = options.run(options)
    return result


def _generate(options: argparse.Namespace) -> int:
    as_of = _as_of(options)
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


def _export(options: argparse.Namespace) -> int:
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="retailer-") as folder:
        tables = generate(options.profile, options.seed, _as_of(options), Path(folder))
        try:
            rows = export(tables, options.into, schema=options.schema, replace=options.replace)
        except (ValueError, duckdb.Error) as error:
            print(error, file=sys.stderr)
            return 1
    print(f"Made {len(rows)} tables with {sum(rows.values())} rows in {time.monotonic() - started:.1f} s.")
    return 0


def _as_of(options: argparse.Namespace) -> date:
    found: date = options.as_of or date.today() - timedelta(days=1)
    return found


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
