"""Giving people their OneIDs, the same from run to run, and writing a version's tables.

A person is recognised by their former IDs. Where a former person's IDs are now in several parts, the part with most of
them keeps the OneID. Where several former people are now one, the oldest survives (the larger of two of the same run),
and the OneIDs of the others lead to it from then on.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import duckdb

from cdp import lake
from cdp.lake.names import literal
from insight.oneid import sightings
from insight.oneid.graph import FORMS, KEPT, TYPES
from insight.oneid.models import IdentityGraph

PARTS = ("map", "people", "links", "review", "aliases", "changes")
BASIS = {name: name for name in sightings.TABLES} | {name: f"kept_{name}" for name in KEPT}
"""What only the next run reads, with the temporary table that it is written from."""
SIZES = ((1, 1), (2, 2), (3, 5), (6, 10), (11, 20), (21, 50), (51, None))


def write_version(
    handle: duckdb.DuckDBPyConnection, graph: IdentityGraph, number: int, now: datetime, salt: int
) -> None:
    """Write all tables of version `number` from what `Graph.resolve` left; the caller's transaction commits them.

    `salt` is the one of the run's keys.
    """
    _recognise(handle, graph, number, salt)
    former = graph.version
    target = {part: lake.table_path(graph.workspace, graph.table(part, number)) for part in PARTS}
    before = {part: lake.table_path(graph.workspace, graph.table(part, former)) for part in PARTS}
    for path in target.values():
        handle.execute(f"DROP TABLE IF EXISTS {path}")
    types, forms = _listed(TYPES), _listed(FORMS)
    handle.execute(
        f"""CREATE TABLE {target["map"]} AS
            SELECT g.one_id, {types}[n.t + 1] AS id_type, {forms}[n.e + 1] AS encryption, n.id AS id_value,
                   coalesce(c.confidence, 1)::FLOAT AS confidence, n.first_seen, n.last_seen, n.key
            FROM people p JOIN named g USING (root) JOIN nodes n USING (key) LEFT JOIN certainty c USING (key)
            ORDER BY n.t, n.id"""
    )
    handle.execute(
        f"""INSERT INTO {target["map"]}
            SELECT one_id, 'one_id', 'plain', one_id, 1, first_seen, last_seen, 0 FROM named WHERE NOT has_one_id"""
    )
    handle.execute(f"CREATE TABLE {target['people']} AS SELECT one_id, ids, since FROM named")
    handle.execute(f"CREATE TABLE {target['links']} AS FROM inside ORDER BY v")
    _write_review(handle, target["review"], types, forms)
    _write_history(handle, target, before if former else None, number, now)
    for part, table in BASIS.items():
        path = lake.table_path(graph.workspace, graph.table(part, number))
        handle.execute(f"DROP TABLE IF EXISTS {path}")
        handle.execute(f"CREATE TABLE {path} AS FROM {table}")


def _recognise(handle: duckdb.DuckDBPyConnection, graph: IdentityGraph, number: int, salt: int) -> None:
    """The temporary tables from which a version is written.

    `former` (former, one_id, ids, since) are the people of the last version, each with a number; `overlap` (root,
    former, ids) and `claims` (former, root) say where their IDs are now. `named` (root, one_id, since, and what is
    known of the person's IDs), `inside` (the used links whose two IDs are one person's), `certainty` (key, confidence).
    """
    handle.execute(
        """CREATE OR REPLACE TEMP TABLE former (former UHUGEINT, one_id VARCHAR, ids BIGINT, since INTEGER);
           CREATE OR REPLACE TEMP TABLE met (root UBIGINT, former UHUGEINT)"""
    )
    if graph.version:
        people = lake.table_path(graph.workspace, graph.table("people"))
        handle.execute(f"INSERT INTO former SELECT md5_number(one_id), one_id, ids, since FROM {people}")
        handle.execute(
            f"""INSERT INTO met SELECT p.root, m.former FROM people p JOIN (
                    SELECT {sightings.key(_place("id_type", TYPES), _place("encryption", FORMS), "id_value", salt)}
                               AS key, md5_number(one_id) AS former
                    FROM {lake.table_path(graph.workspace, graph.table("map"))}) m USING (key)"""
        )
    handle.execute(
        """CREATE OR REPLACE TEMP TABLE overlap AS SELECT root, former, count(*) AS ids FROM met GROUP BY root, former;
           DROP TABLE met"""
    )
    # Texts and what an aggregate sorts do not spill to disk: people go by numbers, and only the contested are sorted.
    handle.execute(
        """CREATE OR REPLACE TEMP TABLE claims AS
           SELECT former, min(root) AS root FROM overlap
           JOIN (SELECT former, max(ids) AS ids FROM overlap GROUP BY former) USING (former, ids) GROUP BY former"""
    )
    handle.execute(
        """CREATE OR REPLACE TEMP TABLE contested AS SELECT root FROM claims GROUP BY root HAVING count(*) > 1"""
    )
    handle.execute(
        """CREATE OR REPLACE TEMP TABLE keepers AS
           SELECT c.root, f.one_id, f.since FROM claims c JOIN former f USING (former)
           WHERE c.root NOT IN (SELECT root FROM contested)
           UNION ALL
           SELECT c.root, first(f.one_id ORDER BY f.since, f.ids DESC, f.one_id), min(f.since)
           FROM claims c JOIN former f USING (former) JOIN contested USING (root) GROUP BY c.root"""
    )
    handle.execute(
        f"""CREATE OR REPLACE TEMP TABLE named AS
            SELECT r.root, coalesce(k.one_id, {_new_id("r.least", graph, number)}) AS one_id,
                   coalesce(k.since, {number})::INTEGER AS since, r.ids, r.first_seen, r.last_seen, r.has_one_id
            FROM (SELECT p.root, min(key) AS least, count(*) AS ids, min(n.first_seen) AS first_seen,
                         max(n.last_seen) AS last_seen, bool_or(n.t = {TYPES.index("one_id")}) AS has_one_id
                  FROM people p JOIN nodes n USING (key) GROUP BY p.root) r
            LEFT JOIN keepers k USING (root)"""
    )
    handle.execute(
        """CREATE OR REPLACE TEMP TABLE inside AS
           SELECT u.v, u.w, u.days, u.last_seen, u.strength FROM used u
           JOIN people a ON a.key = u.v JOIN people b ON b.key = u.w WHERE a.root = b.root"""
    )
    handle.execute(
        """CREATE OR REPLACE TEMP TABLE certainty AS
           SELECT key, max(strength) AS confidence FROM (
               SELECT v AS key, strength FROM inside UNION ALL SELECT w, strength FROM inside) GROUP BY key"""
    )


def _listed(names: list[str]) -> str:
    return f"[{', '.join(map(literal, names))}]"


def _place(column: str, names: list[str]) -> str:
    """A name's place in a list, as SQL of the type in which places are stored."""
    return f"(list_position({_listed(names)}, {column}) - 1)::UTINYINT"


def _new_id(least: str, graph: IdentityGraph, number: int) -> str:
    """`o_` and 26 digits of base 32, from the person's least key and the run: the same where a run is repeated."""
    text = f"'{graph.pk} {number} ' || {least}"
    halves = [f"to_base((md5_number_{half}({text}) >> 1)::BIGINT, 32, 13)" for half in ("upper", "lower")]
    return f"'o_' || lower({' || '.join(halves)})"


def _write_review(handle: duckdb.DuckDBPyConnection, path: str, types: str, forms: str) -> None:
    """What a person should look at: shared IDs, and people that were cut because they broke a rule."""
    handle.execute(
        f"""CREATE TABLE {path} AS
            SELECT 'shared' AS kind, {types}[n.t + 1] AS id_type, {forms}[n.e + 1] AS encryption,
                   n.id AS id_value, s.linked::BIGINT AS size, NULL::BIGINT AS parts, NULL::VARCHAR[] AS one_ids
            FROM shared s JOIN nodes n USING (key)
            UNION ALL
            SELECT CASE WHEN t.too_many THEN 'oversized' ELSE 'conflict' END, NULL, NULL, NULL, t.ids, t.parts,
                   list_slice(list_sort(list(DISTINCT g.one_id)), 1, 20)
            FROM troubled t JOIN clusters c USING (root) JOIN named g ON g.root = c.cluster
            GROUP BY t.root, t.ids, t.parts, t.too_many
            ORDER BY size DESC"""
    )


def _write_history(
    handle: duckdb.DuckDBPyConnection,
    target: dict[str, str],
    before: dict[str, str] | None,
    number: int,
    now: datetime,
) -> None:
    # Conditions other than equality come in steps of their own: joined in one, they may be taken before equality is.
    handle.execute(
        """CREATE OR REPLACE TEMP TABLE merged AS
           SELECT f.one_id AS former, k.one_id, f.ids
           FROM claims c JOIN contested USING (root) JOIN former f USING (former) JOIN keepers k USING (root);
           DELETE FROM merged WHERE former = one_id"""
    )
    handle.execute(
        """CREATE OR REPLACE TEMP TABLE moved AS
           SELECT o.root, o.former, o.ids FROM overlap o JOIN claims c USING (former) WHERE c.root <> o.root"""
    )
    kept = f"UNION ALL FROM {before['changes']}" if before else ""
    handle.execute(
        f"""CREATE TABLE {target["changes"]} AS
            SELECT {number}::INTEGER AS run, TIMESTAMP '{now}' AS moment, 'merged' AS kind, former AS from_id,
                   one_id AS to_id, ids FROM merged
            UNION ALL
            SELECT {number}, TIMESTAMP '{now}', 'split', f.one_id, g.one_id, m.ids
            FROM moved m JOIN former f USING (former) JOIN named g USING (root)
            {kept}"""
    )
    if before is None:
        handle.execute(f"CREATE TABLE {target['aliases']} (former VARCHAR, one_id VARCHAR)")
        return
    handle.execute(
        f"""CREATE TABLE {target["aliases"]} AS
            SELECT a.former, coalesce(m.one_id, a.one_id) AS one_id FROM {before["aliases"]} a
            LEFT JOIN merged m ON m.former = a.one_id
            WHERE a.former NOT IN (SELECT former FROM merged)
            UNION ALL SELECT former, one_id FROM merged"""
    )


def measure(handle: duckdb.DuckDBPyConnection, graph: IdentityGraph, number: int) -> dict[str, Any]:
    """The figures of a version."""

    def rows(sql: str) -> list[Any]:
        return handle.execute(sql).fetchall()

    path = {part: lake.table_path(graph.workspace, graph.table(part, number)) for part in PARTS}
    sizes = []
    for least, most in SIZES:
        upper = f"AND ids <= {most}" if most else ""
        sizes.append(
            (least, most, rows(f"SELECT count(*) FROM {path['people']} WHERE ids >= {least} {upper}")[0][0])
        )
    review = dict(rows(f"SELECT kind, count(*) FROM {path['review']} GROUP BY 1"))
    return {
        "people": rows(f"SELECT count(*) FROM {path['people']}")[0][0],
        "ids": rows(f"SELECT count(*) FROM {path['map']} WHERE key <> 0")[0][0],
        "types": dict(
            rows(f"SELECT id_type, count(*) FROM {path['map']} WHERE key <> 0 GROUP BY 1 ORDER BY 2 DESC")
        ),
        "shared_types": dict(
            rows(
                f"SELECT id_type, count(*) FROM {path['review']} WHERE kind = 'shared' GROUP BY 1 ORDER BY 2 DESC"
            )
        ),
        "sizes": [{"from": least, "to": most, "people": count} for least, most, count in sizes],
        "shared": review.get("shared", 0),
        "oversized": review.get("oversized", 0),
        "conflicts": review.get("conflict", 0),
        "merged": rows(f"SELECT count(*) FROM {path['changes']} WHERE run = {number} AND kind = 'merged'")[0][
            0
        ],
        "split": rows(f"SELECT count(*) FROM {path['changes']} WHERE run = {number} AND kind = 'split'")[0][
            0
        ],
    }
