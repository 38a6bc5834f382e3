"""Putting components together anew that break a rule: the strongest edges first, as far as they break none.

Like Kruskal's algorithm with two conditions on the clusters that grow: none gets larger than a person may be, and none
holds two things that belong to two people. In a round every cluster chooses its strongest edge that is allowed, and
those that have chosen each other become one; the strongest edge of all is always among them, so each round brings the
end nearer. What is not allowed once never is again, because clusters only grow.
"""

from __future__ import annotations

from typing import Any

import duckdb

from insight.oneid.components import write_components


def part(handle: duckdb.DuckDBPyConnection, limits: dict[str, Any], only_one: list[int]) -> None:
    """Give each part of the components that break a rule a root of its own in `people`; list them in `troubled`."""
    run = handle.execute
    _labels(handle, only_one)
    run(
        f"""CREATE OR REPLACE TEMP TABLE troubled AS
            SELECT root, ids, ids > {limits["max_ids"]} AS too_many FROM (
                SELECT root, count(*) AS ids FROM people GROUP BY root)
            WHERE ids > {limits["max_ids"]} OR root IN (
                SELECT p.root FROM labels l JOIN people p USING (key)
                GROUP BY p.root, l.kind HAVING count(DISTINCT l.value) > 1)"""
    )
    run(
        """CREATE OR REPLACE TEMP TABLE clusters AS
           SELECT key, key AS cluster, root FROM people WHERE root IN (SELECT root FROM troubled)"""
    )
    _join_decided(handle)
    run(
        """CREATE OR REPLACE TEMP TABLE bonds AS
           SELECT a.cluster AS v, b.cluster AS w,
                  (u.strength * 1000000)::UBIGINT * 1000000000000 + hash(u.v, u.w) % 1000000000000 AS rank
           FROM used u JOIN clusters a ON a.key = u.v JOIN clusters b ON b.key = u.w WHERE a.cluster <> b.cluster"""
    )
    while _round(handle, limits["max_ids"]):
        pass
    run("""UPDATE people SET root = c.cluster FROM clusters c WHERE c.key = people.key""")
    run(
        """CREATE OR REPLACE TEMP TABLE parts AS
           SELECT root, count(DISTINCT cluster) AS parts FROM clusters GROUP BY root"""
    )
    run(
        """CREATE OR REPLACE TEMP TABLE troubled AS
           SELECT t.*, p.parts FROM troubled t JOIN parts p USING (root)"""
    )


def _labels(handle: duckdb.DuckDBPyConnection, only_one: list[int]) -> None:
    """(key, kind, value): of each kind a person has one value."""
    types = ", ".join(map(str, only_one)) or "255"
    handle.execute(
        f"""CREATE OR REPLACE TEMP TABLE labels AS
            SELECT key, 'type ' || t AS kind, e || ' ' || id AS value FROM nodes WHERE t IN ({types})
            UNION ALL FROM told_apart"""
    )


def _join_decided(handle: duckdb.DuckDBPyConnection) -> None:
    """IDs that were joined by hand are one cluster from the beginning."""
    write_components(
        handle,
        "(SELECT v, w FROM joined WHERE v IN (SELECT key FROM clusters))",
        "bound",
    )
    handle.execute("UPDATE clusters SET cluster = b.root FROM bound b WHERE b.v = clusters.key")


def _round(handle: duckdb.DuckDBPyConnection, max_ids: int) -> bool:
    """One round; False when no edge is left that is allowed."""
    run = handle.execute
    run(
        "CREATE OR REPLACE TEMP TABLE sizes AS SELECT cluster, count(*) AS ids FROM clusters GROUP BY cluster"
    )
    run(
        """CREATE OR REPLACE TEMP TABLE held AS
           SELECT DISTINCT c.cluster, l.kind, l.value FROM labels l JOIN clusters c USING (key)"""
    )
    run(
        f"""CREATE OR REPLACE TEMP TABLE bonds AS
            SELECT least(b.v, b.w) AS v, greatest(b.v, b.w) AS w, max(b.rank) AS rank
            FROM bonds b JOIN sizes a ON a.cluster = b.v JOIN sizes c ON c.cluster = b.w
            WHERE b.v <> b.w AND a.ids + c.ids <= {max_ids}
            GROUP BY 1, 2"""
    )
    run(
        """DELETE FROM bonds WHERE EXISTS (
               SELECT 1 FROM held a JOIN held b ON a.kind = b.kind AND a.value <> b.value
               WHERE a.cluster = bonds.v AND b.cluster = bonds.w)"""
    )
    run(
        """CREATE OR REPLACE TEMP TABLE chosen AS
           SELECT cluster, arg_max(other, rank) AS other
           FROM (SELECT v AS cluster, w AS other, rank FROM bonds UNION ALL SELECT w, v, rank FROM bonds)
           GROUP BY cluster"""
    )
    run(
        """CREATE OR REPLACE TEMP TABLE meeting AS
           SELECT b.cluster, a.cluster AS into FROM chosen a JOIN chosen b
           ON a.other = b.cluster AND b.other = a.cluster AND a.cluster < b.cluster"""
    )
    run("UPDATE clusters SET cluster = m.into FROM meeting m WHERE m.cluster = clusters.cluster")
    run(
        """CREATE OR REPLACE TEMP TABLE bonds AS
           SELECT coalesce(a.into, b.v) AS v, coalesce(c.into, b.w) AS w, b.rank FROM bonds b
           LEFT JOIN meeting a ON a.cluster = b.v LEFT JOIN meeting c ON c.cluster = b.w"""
    )
    found = run("SELECT count(*) FROM meeting").fetchone()
    return bool(found and found[0])
