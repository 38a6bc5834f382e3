"""B12: finding people in pairs of IDs, beside one pass over the pairs."""

from __future__ import annotations

import time
from datetime import datetime
from resource import RUSAGE_SELF, getrusage

from bench.measure import Result
from bench.world import World, world
from cdp.demo.steps import finish
from insight.oneid import services
from insight.oneid.reading import INCREMENTAL

TYPES = ("email", "union_id", "taobao_id", "alipay_id", "imei")
"""What a mobile number is seen with; each person has five pairs."""


def pairs_query(rows: int, first: int = 0, last: int | None = None) -> str:
    """Of `rows` pairs those from `first` until before `last`.

    One in two hundred leads to somebody else, as accounts that are used by two people do.
    """
    values = {
        "email": "'p' || n || '@example.com'",
        "union_id": "'u' || n",
        "taobao_id": "n::VARCHAR",
        "alipay_id": "'a' || n",
        "imei": "lpad(n::VARCHAR, 15, '3')",
    }
    cases = " ".join(f"WHEN {place} THEN {values[name]}" for place, name in enumerate(TYPES))
    kinds = ", ".join(f"'{name}'" for name in TYPES)
    return f"""SELECT 'mobile' AS id_type_a, (13000000000 + i // 5)::VARCHAR AS id_a,
                      [{kinds}][i % 5 + 1] AS id_type_b, CASE i % 5 {cases} END AS id_b,
                      TIMESTAMP '{datetime.now():%Y-%m-%d}' - INTERVAL (i % 150) DAY AS seen_at
               FROM (SELECT i, CASE WHEN hash(i) % 200 = 0 THEN (i * 7 + 35) % {rows} // 5 ELSE i // 5 END AS n
                     FROM range({first}, {rows if last is None else last}) r(i))"""


def identities(scale: float, repetitions: int) -> list[Result]:
    """Two runs, as they take minutes, through the services that the product uses; `read` is one pass over the pairs.

    `more` is the second: a small table beside the large one has gained a hundredth of all pairs, and the run goes on
    from the first.
    """
    rows = int(50_000_000 * scale)
    known = rows - rows // 100
    with world() as here:
        table = here.table("pairs", pairs_query(rows, last=known))
        small = here.table("today", pairs_query(rows, last=1))
        names = [{"kind": "table", "table": name} for name in (table.name, small.name)]
        services.update(here.access, {"sources": names})
        found = Result("B12", "find people in pairs of IDs", "tideline", {"pairs": rows})
        _run(here, found, "tideline")
        here.replace(small, pairs_query(rows, first=known))
        _run(here, found, "more")
        stats = services.get_graph(here.workspace).stats
        if stats["kind"] != INCREMENTAL:
            raise AssertionError(f"The second run was {stats['kind']}: {stats['reason']}.")
        clock, processor = time.perf_counter(), time.process_time()
        here.row(f"SELECT count(DISTINCT hash(id_a, id_b)) FROM {here.path(table.lake_table)}")
        found.seconds["read"], found.processor["read"] = (
            time.perf_counter() - clock,
            time.process_time() - processor,
        )
        found.size |= {"ids": stats["ids"], "people": stats["people"], "pairs that came later": rows - known}
        found.limits["tideline"] = 1200 * max(scale, 0.1)
        found.peak_mb["tideline"] = getrusage(RUSAGE_SELF).ru_maxrss / 1024
        return [found]


def _run(here: World, found: Result, name: str) -> None:
    clock, processor = time.perf_counter(), time.process_time()
    finish(services.run(here.access))
    found.seconds[name] = time.perf_counter() - clock
    found.processor[name] = time.process_time() - processor
