"""From IDs that were seen together to people, inside the engine.

IDs are vertices, sightings of two IDs together are edges. The steps, each a few statements over whole tables:

1. Vertices and edges. An edge's strength, 0 to 1, grows with the number of days on which the two were seen together
   (each halves the doubt) and shrinks with the time since the last of them (by half of its half in a year).
2. A strong ID seen with more values of one other type than its type allows is *shared* (a shop's telephone): it joins
   nobody and is no person's.
3. People are the connected components of the edges between strong IDs (see `components`).
4. A weak ID (a device) belongs to the people whose strong IDs it was seen with lately. Where these are more than its
   type allows, it is shared; otherwise it joins them. Weak IDs among each other join where their group stays within
   one person.
5. A component with too many IDs, two values of a type of which a person has one, or IDs that somebody has told apart
   is put together anew, strongest edges first, as far as it breaks no rule (see `parting`).

Decisions of people come first: IDs that were joined by hand are joined whatever the data says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import duckdb

from cdp.core.identifiers import ENCRYPTIONS, ID_TYPES
from insight.oneid.components import update_components
from insight.oneid.limits import STRONG, WEAK
from insight.oneid.parting import part
from insight.oneid.sightings import day_bit

TYPES = list(ID_TYPES)
"""An ID type is stored as its place in this list."""
FORMS = [form for form in ENCRYPTIONS if form != "aes"]
HALF_LIFE_DAYS = 365
Id = tuple[str, str, str]
"""ID type, encryption, value."""
Phase = Callable[[str, int], None]
KEPT = ("strong", "weak", "joint")
"""The graphs whose components are kept from run to run."""


@dataclass(frozen=True)
class Decisions:
    """What people have decided: pairs of IDs of one person, and groups of IDs of two different people."""

    joined: list[tuple[Id, Id]] = field(default_factory=list)
    parted: list[tuple[list[Id], list[Id]]] = field(default_factory=list)


class Graph:
    """Works on the temporary tables of `sightings`; the people are the same with or without `before`.

    `before` names a relation for each of KEPT: the components of the last run, which are then only brought up to date.
    Afterwards there are the temporary tables `nodes` (key, t, e, id, first_seen, last_seen), `people` (key, root),
    `used` (v, w, days, last_seen, strength), `shared` (key, linked), `troubled` (root, ids, parts, too_many), and for
    the next run `kept_strong`, `kept_weak` and `kept_joint` (v, w, root).
    """

    def __init__(
        self,
        handle: duckdb.DuckDBPyConnection,
        limits: dict[str, Any],
        now: datetime,
        decisions: Decisions | None = None,
        phase: Phase = lambda text, progress: None,
        before: Mapping[str, str] | None = None,
    ) -> None:
        self.before = before or {}
        self.handle, self.limits, self.now = handle, limits, now
        self.decisions = decisions or Decisions()
        self.phase = phase
        self.strong = self._codes(STRONG)
        self.weak = self._codes(WEAK)

    def resolve(self) -> None:
        self.phase("nodes", 30)
        self._nodes()
        self._edges()
        self._decided()
        self.phase("strong", 50)
        self._shared_strong()
        self._strong_people()
        self.phase("weak", 65)
        self._weak()
        self._people()
        self.phase("parting", 75)
        part(self.handle, self.limits, [TYPES.index(key) for key in self._only_one()])

    def _codes(self, use: str) -> str:
        found = [str(TYPES.index(key)) for key, value in self.limits["types"].items() if value["use"] == use]
        return ", ".join(found) or "255"

    def _only_one(self) -> list[str]:
        return [key for key, value in self.limits["types"].items() if value["only_one"]]

    def _most(self, column: str) -> str:
        cases = " ".join(
            f"WHEN {TYPES.index(key)} THEN {value['most']}" for key, value in self.limits["types"].items()
        )
        return f"CASE {column} {cases} END"

    def run(self, sql: str) -> None:
        self.handle.execute(sql)

    def _nodes(self) -> None:
        now = f"CASE WHEN bool_or(undated) THEN TIMESTAMP '{self.now}' END"
        self.run(
            f"""CREATE OR REPLACE TEMP TABLE nodes AS
                SELECT key, any_value(t) AS t, any_value(e) AS e, any_value(id) AS id,
                       least(min(first_seen), {now}) AS first_seen, greatest(max(last_seen), {now}) AS last_seen
                FROM seen_ids GROUP BY key"""
        )

    def _edges(self) -> None:
        """Days are counted in 64 bits, one per day in turn: enough, as the strength is near its limit long before."""
        now = f"TIMESTAMP '{self.now}'"
        strength = (
            f"(1 - pow(0.5, days)) * (0.5 + 0.5 * pow(0.5, greatest(0, "
            f"date_diff('day', last_seen, {now})) / {HALF_LIFE_DAYS}))"
        )
        undated = "bool_or(undated)"
        self.run(
            f"""CREATE OR REPLACE TEMP TABLE edges AS
                SELECT v, w, tv, tw, days::UTINYINT AS days, last_seen, ({strength})::FLOAT AS strength FROM (
                    SELECT v, w, any_value(tv) AS tv, any_value(tw) AS tw,
                           bit_count(bit_or(days) | CASE WHEN {undated} THEN {day_bit(now)} ELSE 0::UBIGINT END)
                               AS days,
                           greatest(max(last_seen), CASE WHEN {undated} THEN {now} END) AS last_seen
                    FROM seen_pairs GROUP BY v, w)"""
        )

    def _decided(self) -> None:
        """Tables `joined` (v, w) and `told_apart` (key, kind, value) of the IDs in decisions that are there."""
        self.run("CREATE OR REPLACE TEMP TABLE joined (v UBIGINT, w UBIGINT)")
        self.run("CREATE OR REPLACE TEMP TABLE told_apart (key UBIGINT, kind VARCHAR, value VARCHAR)")
        find = "SELECT key FROM nodes WHERE t = ? AND e = ? AND id = ?"
        for first, second in self.decisions.joined:
            self.handle.execute(
                f"INSERT INTO joined SELECT a.key, b.key FROM ({find}) a, ({find}) b",
                [*_coded(first), *_coded(second)],
            )
        for number, groups in enumerate(self.decisions.parted):
            for side, ids in enumerate(groups):
                for item in ids:
                    self.handle.execute(
                        f"INSERT INTO told_apart SELECT key, ?, ? FROM ({find})",
                        [f"decision {number}", str(side), *_coded(item)],
                    )

    def _shared_strong(self) -> None:
        both = f"tv IN ({self.strong}) AND tw IN ({self.strong})"
        self.run(
            f"""CREATE OR REPLACE TEMP TABLE shared AS
                SELECT key, max(linked) AS linked FROM (
                    SELECT key, any_value(t) AS t, count(*) AS linked FROM (
                        SELECT v AS key, tv AS t, tw AS other FROM edges WHERE {both}
                        UNION ALL SELECT w, tw, tv FROM edges WHERE {both})
                    GROUP BY key, other HAVING count(*) > {self._most("any_value(t)")})
                GROUP BY key"""
        )

    def _strong_people(self) -> None:
        self.run(
            f"""CREATE OR REPLACE TEMP TABLE used AS
                SELECT v, w, days, last_seen, strength FROM edges
                WHERE tv IN ({self.strong}) AND tw IN ({self.strong})
                  AND v NOT IN (SELECT key FROM shared) AND w NOT IN (SELECT key FROM shared)"""
        )
        self._components(
            "strong", "(SELECT v, w FROM used UNION ALL SELECT v, w FROM joined)", "strong_people"
        )

    def _weak(self) -> None:
        """`ties` joins weak IDs with people, and with each other; shared ones are added to `shared`."""
        since = f"last_seen >= TIMESTAMP '{self.now}' - INTERVAL {self.limits['weak_days']} DAY"
        self.run(
            f"""CREATE OR REPLACE TEMP TABLE leads AS
                SELECT l.*, coalesce(p.root, l.strong) AS root FROM (
                    SELECT CASE WHEN tv IN ({self.weak}) THEN v ELSE w END AS weak,
                           CASE WHEN tv IN ({self.weak}) THEN tv ELSE tw END AS t,
                           CASE WHEN tv IN ({self.weak}) THEN w ELSE v END AS strong,
                           days, last_seen, strength
                    FROM edges WHERE {since}
                      AND ((tv IN ({self.weak}) AND tw IN ({self.strong}))
                        OR (tv IN ({self.strong}) AND tw IN ({self.weak})))) l
                LEFT JOIN strong_people p ON p.v = l.strong
                WHERE l.strong NOT IN (SELECT key FROM shared)"""
        )
        self.run(
            f"""INSERT INTO shared SELECT weak, count(DISTINCT root) AS linked FROM leads
                GROUP BY weak HAVING count(DISTINCT root) > {self._most("any_value(t)")}"""
        )
        self.run("DELETE FROM leads WHERE weak IN (SELECT key FROM shared)")
        self.run(
            f"""CREATE OR REPLACE TEMP TABLE among AS SELECT v, w, days, last_seen, strength FROM edges
                WHERE tv IN ({self.weak}) AND tw IN ({self.weak}) AND {since}
                  AND v NOT IN (SELECT key FROM shared) AND w NOT IN (SELECT key FROM shared)"""
        )
        self.run("DROP TABLE edges")
        self._components("weak", "among", "weak_groups")
        self.run(
            """DELETE FROM among WHERE v IN (
                   SELECT v FROM weak_groups WHERE root IN (
                       SELECT g.root FROM weak_groups g JOIN leads l ON l.weak = g.v
                       GROUP BY g.root HAVING count(DISTINCT l.root) > 1))"""
        )
        self.run("DROP TABLE weak_groups")
        self.run(
            """INSERT INTO used SELECT least(weak, strong), greatest(weak, strong), days, last_seen, strength FROM leads
               UNION ALL FROM among"""
        )

    def _components(self, name: str, edges: str, target: str) -> None:
        update_components(self.handle, edges, target, f"kept_{name}", self.before.get(name))

    def _people(self) -> None:
        # A weak ID that was joined by hand goes by the name of the person it was joined with.
        self._components(
            "joint",
            """(SELECT e.v, coalesce(b.root, e.w) AS w FROM (
                    SELECT coalesce(a.root, e.v) AS v, e.w FROM (
                        SELECT root AS v, weak AS w FROM leads UNION ALL SELECT v, w FROM among) e
                    LEFT JOIN strong_people a ON a.v = e.v) e
                LEFT JOIN strong_people b ON b.v = e.w)""",
            "joint",
        )
        for table in ("leads", "among"):
            self.run(f"DROP TABLE {table}")
        known = f"t IN ({self.strong}, {self.weak})"
        self.run(
            f"""CREATE OR REPLACE TEMP TABLE people AS
                SELECT n.key, coalesce(j.root, s.root, n.key) AS root
                FROM (SELECT key FROM nodes WHERE {known} AND (key NOT IN (SELECT key FROM shared)
                        OR key IN (SELECT v FROM joined UNION ALL SELECT w FROM joined))) n
                LEFT JOIN strong_people s ON s.v = n.key
                LEFT JOIN joint j ON j.v = coalesce(s.root, n.key)"""
        )
        for table in ("strong_people", "joint"):
            self.run(f"DROP TABLE {table}")


def _coded(item: Id) -> tuple[int, int, str]:
    return TYPES.index(item[0]), FORMS.index(item[1]), item[2]  # type: ignore[arg-type]
