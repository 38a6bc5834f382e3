"""Equal arguments give equal files, in whatever process and with however many threads."""

from __future__ import annotations

import subprocess
import sys
from hashlib import sha256
from pathlib import Path

from cdp.demo.retailer import Tables, generate
from cdp.demo.retailer.build import Tables as Paths
from tests.cdp.demo.conftest import AS_OF


def digests(tables: Paths) -> dict[str, str]:
    paths = {**tables.parquet(), "expected": tables.expected}
    return {name: sha256(path.read_bytes()).hexdigest() for name, path in paths.items()}


def test_another_process_writes_the_same_bytes(retailer: Tables, tmp_path: Path) -> None:
    command = [
        "generate",
        "--profile",
        "test",
        "--seed",
        "7",
        "--as-of",
        AS_OF.isoformat(),
        "--to",
        str(tmp_path),
    ]
    subprocess.run([sys.executable, "-m", "cdp.demo", *command], check=True, capture_output=True, timeout=120)
    assert digests(Tables.inside(tmp_path)) == digests(retailer)


def test_the_number_of_threads_does_not_matter(retailer: Tables, tmp_path: Path) -> None:
    assert digests(generate("test", 7, AS_OF, tmp_path, threads=5)) == digests(retailer)


def test_another_seed_gives_other_people(retailer: Tables, tmp_path: Path) -> None:
    other, same = digests(generate("test", 8, AS_OF, tmp_path)), digests(retailer)
    assert {name for name in same if same[name] == other[name]} == {
        "dim_behavior_type", "dim_channel", "dim_cat1", "dim_cat2", "dim_brand", "omni_tags", "omni_baseline"
    }  # fmt: skip


def test_nothing_but_the_tables_is_left_in_the_folder(retailer: Tables) -> None:
    left = {path.name for path in retailer.expected.parent.iterdir()}
    assert left == {path.name for path in retailer.parquet().values()} | {"expected.json"}
