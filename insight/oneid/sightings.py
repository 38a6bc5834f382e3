"""What the sources say, summed up per source, so that only a source that has changed is read again.

Temporary tables: `seen_ids` (source, key, t, e, id, first_seen, last_seen, undated) and `seen_pairs` (source, v, w, tv,
tw, days, last_seen, undated), `source` being the place in the list of sources. Keys are 64-bit hashes with a salt.
`days` has a bit for each day in turn; what is `undated` counts as seen at the moment of each run.
"""

from __future__ import annotations

import duckdb

TABLES = ("seen_ids", "seen_pairs")
SALTS = 8


def begin(handle: duckdb.DuckDBPyConnection) -> None:
    """No source has been read yet."""
    handle.execute(
        """CREATE OR REPLACE TEMP TABLE seen_ids (source UINTEGER, key UBIGINT, t UTINYINT, e UTINYINT, id VARCHAR,
           first_seen TIMESTAMP, last_seen TIMESTAMP, undated BOOLEAN)"""
    )
    handle.execute(
        """CREATE OR REPLACE TEMP TABLE seen_pairs (source UINTEGER, v UBIGINT, w UBIGINT, tv UTINYINT, tw UTINYINT,
           days UBIGINT, last_seen TIMESTAMP, undated BOOLEAN)"""
    )


def add(handle: duckdb.DuckDBPyConnection, source: int, salt: int = 0) -> None:
    """Sum up the temporary table `seen` (t_a, e_a, id_a, t_b, e_b, id_b, seen_at) of a source, and drop it.

    `id_b` is null where an ID was seen alone, `seen_at` where nobody knows when.
    """
    handle.execute(
        f"""CREATE OR REPLACE TEMP VIEW met AS
            SELECT {key("t_a", "e_a", "id_a", salt)} AS ka, t_a, e_a, id_a,
                   CASE WHEN id_b IS NOT NULL THEN {key("t_b", "e_b", "id_b", salt)} END AS kb,
                   t_b, e_b, id_b, seen_at FROM seen"""
    )
    handle.execute(
        f"""INSERT INTO seen_ids
            SELECT {source}, key, t, e, id, min(seen_at), max(seen_at), bool_or(seen_at IS NULL)
            FROM (SELECT ka AS key, t_a AS t, e_a AS e, id_a AS id, seen_at FROM met
                  UNION ALL SELECT kb, t_b, e_b, id_b, seen_at FROM met WHERE kb IS NOT NULL)
            GROUP BY key, t, e, id"""
    )
    handle.execute(
        f"""INSERT INTO seen_pairs
            SELECT {source}, least(ka, kb) AS v, greatest(ka, kb) AS w,
                   any_value(CASE WHEN ka < kb THEN t_a ELSE t_b END),
                   any_value(CASE WHEN ka < kb THEN t_b ELSE t_a END),
                   coalesce(bit_or({day_bit("seen_at")}), 0), max(seen_at), bool_or(seen_at IS NULL)
            FROM met WHERE ka <> kb GROUP BY v, w"""
    )
    handle.execute("DROP VIEW met")
    handle.execute("DROP TABLE seen")


def mixed(handle: duckdb.DuckDBPyConnection) -> bool:
    """Whether two IDs have the same key: another salt is to be taken then."""
    # A second hash stands for the ID: texts of many groups do not fit into memory.
    found = handle.execute(
        """SELECT 1 FROM (SELECT key, md5_number_lower(t || ' ' || e || ' ' || id) AS other FROM seen_ids)
           GROUP BY key HAVING min(other) <> max(other) LIMIT 1"""
    ).fetchone()
    return found is not None


def day_bit(moment: str) -> str:
    return f"(1::UBIGINT << (epoch_us({moment}) // 86400000000 % 64)::UBIGINT)"


def key(t: str, e: str, value: str, salt: int) -> str:
    """The key of an ID, as SQL of its type, its form and its value."""
    return f"hash({value}, {t} + 256 * {e} + 65536 * {salt})"
