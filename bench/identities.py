"""B12: finding people in pairs of IDs, beside one pass over the pairs."""

from __future__ import annotations

import time
from datetime import datetime
from resource import RUSAGE_SELF, getrusage

from bench.measure import Result
from bench.world import world
from cdp.demo.steps import finish
from insight.oneid import services

TYPES = ("email", "union_id", "taobao_id", "alipay_id", "imei")
"""What a mobile number is seen with; each person has five pairs."""


def pairs_query(rows: int) -> str:
    """Pairs with one in two hundred leading to somebody else, as accounts that are used by two people do."""
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
                     FROM range({rows}) r(i))"""


def identities(scale: float, repetitions: int) -> list[Result]:
    """One run, as it takes minutes, through the services that the product uses; `read` is one pass over the pairs."""
    rows = int(50_000_000 * scale)
    with world() as here:
        table = here.table("pairs", pairs_query(rows))
        services.update(here.access, {"sources": [{"kind": "table", "table": "pairs"}]})
        clock, processor = time.perf_counter(), time.process_time()
        finish(services.run(here.access))
        ours = time.perf_counter() - clock, time.process_time() - processor
        stats = services.get_graph(here.workspace).stats
        clock, processor = time.perf_counter(), time.process_time()
        here.row(f"SELECT count(DISTINCT hash(id_a, id_b)) FROM {here.path(table.lake_table)}")
        read = time.perf_counter() - clock, time.process_time() - processor
        found = Result(
            "B12",
            "find people in pairs of IDs",
            "tideline",
            {"pairs": rows, "ids": stats["ids"], "people": stats["people"]},
            seconds={"tideline": ours[0], "read": read[0]},
            processor={"tideline": ours[1], "read": read[1]},
            limits={"tideline": 1200 * max(scale, 0.1)},
        )
        found.peak_mb["tideline"] = getrusage(RUSAGE_SELF).ru_maxrss / 1024
        return [found]
