"""Connected components of a graph, inside the engine.

Randomised contraction (Bögeholz, Brand and Todor, "In-database connected component analysis", ICDE 2020): in every
round each vertex moves to the smallest of its neighbours and itself in an order that is drawn anew, vertices that
meet become one, and what is left is a smaller graph. A round keeps two thirds of the vertices at most on average,
whatever the graph looks like, so the number of rounds grows with the logarithm of its size, and all rounds together
cost a small multiple of the first. Following the moves backwards names everybody's component.
"""

from __future__ import annotations

from collections.abc import Callable

import duckdb


def write_components(
    handle: duckdb.DuckDBPyConnection,
    edges: str,
    target: str,
    each_round: Callable[[int, int], None] = lambda number, left: None,
) -> int:
    """Write the temporary table `target` (v, root) for the vertices of the relation `edges` (v, w: UBIGINT).

    `root` is one of the component's vertices, the same whenever the same edges are given. `each_round` hears of the
    rounds and the edges that are left; returns the number of rounds.
    """
    handle.execute(f"CREATE OR REPLACE TEMP TABLE cc_edges AS SELECT v, w FROM {edges} WHERE v <> w")
    moves: list[str] = []
    while left := _count(handle, "cc_edges"):
        number = len(moves)
        each_round(number, left)
        move = f"cc_move_{number}"
        # The order is drawn by hashing each vertex with a number of the round.
        order = f"hash(xor({{}}, {(number + 1) * 0x9E3779B97F4A7C15 % 2**64}::UBIGINT))"
        handle.execute(
            f"""CREATE OR REPLACE TEMP TABLE {move} AS
                SELECT v, CASE WHEN {order.format("v")} < min({order.format("w")}) THEN v
                               ELSE arg_min(w, {order.format("w")}) END AS root
                FROM (SELECT v, w FROM cc_edges UNION ALL SELECT w, v FROM cc_edges) GROUP BY v"""
        )
        moves.append(move)
        handle.execute(
            f"""CREATE OR REPLACE TEMP TABLE cc_next AS
                SELECT DISTINCT least(a.root, b.root) AS v, greatest(a.root, b.root) AS w
                FROM cc_edges e JOIN {move} a ON a.v = e.v JOIN {move} b ON b.v = e.w WHERE a.root <> b.root"""
        )
        handle.execute("DROP TABLE cc_edges")
        handle.execute("ALTER TABLE cc_next RENAME TO cc_edges")
    handle.execute("DROP TABLE cc_edges")
    _follow(handle, moves, target)
    return len(moves)


def update_components(
    handle: duckdb.DuckDBPyConnection, edges: str, target: str, kept: str, before: str | None
) -> None:
    """Write the temporary table `target` as `write_components` does, and `kept` (v, w, root) for the next time.

    `before` is what was kept the last time: only the components that gained or lost an edge are worked out again. The
    result is the same as without it, `root` included, because a component depends on nothing but its own edges.
    """
    links = f"{kept}_links"
    handle.execute(
        f"""CREATE OR REPLACE TEMP TABLE {links} AS
            SELECT DISTINCT least(v, w) AS v, greatest(v, w) AS w FROM {edges} WHERE v <> w"""
    )
    if before is None:
        write_components(handle, links, target)
    else:
        _update(handle, links, target, before)
    handle.execute(
        f"""CREATE OR REPLACE TEMP TABLE {kept} AS
            SELECT l.v, l.w, t.root FROM {links} l JOIN {target} t USING (v)"""
    )
    handle.execute(f"DROP TABLE {links}")


def _update(handle: duckdb.DuckDBPyConnection, links: str, target: str, before: str) -> None:
    handle.execute(
        f"""CREATE OR REPLACE TEMP TABLE cc_former AS
            SELECT DISTINCT v, root FROM (SELECT v, root FROM {before} UNION ALL SELECT w, root FROM {before})"""
    )
    handle.execute(
        f"""CREATE OR REPLACE TEMP TABLE cc_touched AS
            SELECT DISTINCT unnest([v, w]) AS v FROM (
                (SELECT v, w FROM {links} EXCEPT SELECT v, w FROM {before})
                UNION ALL (SELECT v, w FROM {before} EXCEPT SELECT v, w FROM {links}))"""
    )
    handle.execute(
        """CREATE OR REPLACE TEMP TABLE cc_anew AS
           SELECT v FROM cc_touched UNION
           SELECT v FROM cc_former WHERE root IN (SELECT root FROM cc_former SEMI JOIN cc_touched USING (v))"""
    )
    write_components(handle, f"(SELECT l.v, l.w FROM {links} l SEMI JOIN cc_anew USING (v))", target)
    handle.execute(f"INSERT INTO {target} SELECT v, root FROM cc_former ANTI JOIN cc_anew USING (v)")
    for table in ("cc_former", "cc_touched", "cc_anew"):
        handle.execute(f"DROP TABLE {table}")


def _follow(handle: duckdb.DuckDBPyConnection, moves: list[str], target: str) -> None:
    """Where each vertex has come to after all moves."""
    handle.execute(f"CREATE OR REPLACE TEMP TABLE {target} (v UBIGINT, root UBIGINT)")
    for move in reversed(moves):
        handle.execute(
            f"""CREATE OR REPLACE TEMP TABLE cc_found AS
                SELECT m.v, coalesce(t.root, m.root) AS root FROM {move} m LEFT JOIN {target} t ON t.v = m.root"""
        )
        handle.execute(f"DROP TABLE {target}")
        handle.execute(f"DROP TABLE {move}")
        handle.execute(f"ALTER TABLE cc_found RENAME TO {target}")


def _count(handle: duckdb.DuckDBPyConnection, table: str) -> int:
    found = handle.execute(f"SELECT count(*) FROM {table}").fetchone()
    return int(found[0]) if found else 0
