"""Making all tables of the retailer and writing them."""

from __future__ import annotations

import tempfile
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from cdp.demo.retailer import derived, identity, omni
from cdp.demo.retailer.behaviour import Behaviour
from cdp.demo.retailer.catalogue import Catalogue
from cdp.demo.retailer.dice import Dice
from cdp.demo.retailer.expected import write_expected
from cdp.demo.retailer.identifiers import make_identifiers
from cdp.demo.retailer.orders import make_lines, make_orders, make_sales
from cdp.demo.retailer.people import add_registration, make_people
from cdp.demo.retailer.profiles import PROFILES

MEMORY = "6GB"


@dataclass(frozen=True)
class Tables:
    """Paths of the generated files; every attribute but `expected` is a Parquet file named after its table."""

    ads_user_tag: Path
    ads_item_tag: Path
    ads_trade: Path
    ads_rfm_customer: Path
    ads_aipl_customer: Path
    ads_behavior: Path
    dim_behavior_type: Path
    dim_channel: Path
    dim_object: Path
    dim_cat1: Path
    dim_cat2: Path
    dim_brand: Path
    id_pairs: Path
    omni_tag_pack: Path
    omni_tags: Path
    omni_baseline: Path
    truth_people: Path
    expected: Path

    @classmethod
    def inside(cls, folder: Path) -> Tables:
        names = [name for name in cls.__dataclass_fields__ if name != "expected"]
        return cls(**{name: folder / f"{name}.parquet" for name in names}, expected=folder / "expected.json")

    def parquet(self) -> dict[str, Path]:
        """Table names and their files."""
        return {name: path for name, path in vars(self).items() if name != "expected"}


def generate(profile: str, seed: int, as_of: date, folder: Path, threads: int = 2) -> Tables:
    """Write the retailer's tables with `as_of` as the last day of data; equal arguments give equal files.

    Profiles: test (2,000 users), demo (60,000), train (800,000), bench (10,000,000). The last two need disk space for
    intermediate data in `folder`, and at most 8 GB of memory.
    """
    size = PROFILES[profile]
    folder.mkdir(parents=True, exist_ok=True)
    tables = Tables.inside(folder)
    dice = Dice(seed)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".making-") as scratch:
        place = ":memory:" if size.in_memory else str(Path(scratch) / "retailer.duckdb")
        with closing(duckdb.connect(place)) as db:
            db.execute(
                f"SET threads = {int(threads)}; SET memory_limit = '{MEMORY}'; SET temp_directory = '{scratch}'"
            )
            catalogue = Catalogue(size, seed)
            catalogue.load(db)
            make_people(db, size, dice, as_of)
            make_identifiers(db, size, dice)
            make_orders(db, dice, as_of)
            make_lines(db, dice, catalogue.slots, as_of)
            make_sales(db, dice)
            add_registration(db, dice)
            Behaviour(db, size, dice, catalogue.slots, as_of).write(tables.ads_behavior)
            identity.make_pairs(db, size, dice)
            queries = {
                "ads_user_tag": derived.user_tags(size, dice, as_of),
                "ads_item_tag": derived.item_tags(as_of),
                "ads_trade": derived.trade(as_of),
                "ads_rfm_customer": derived.rfm_customers(as_of),
                "ads_aipl_customer": derived.aipl_customers(as_of),
                **derived.dimensions(),
                "id_pairs": identity.id_pairs(as_of),
                "truth_people": identity.truth(),
                "omni_tag_pack": omni.tag_pack(size, dice, as_of),
                "omni_tags": omni.tag_list(),
                "omni_baseline": omni.baseline(),
            }
            for name, query in queries.items():
                db.execute(f"COPY ({query}) TO '{getattr(tables, name)}' (FORMAT parquet, COMPRESSION zstd)")
    write_expected(tables, profile, seed, as_of)
    return tables
