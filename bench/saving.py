"""B3: computing and saving audiences with two ID columns, and set operations of three of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bench.live_counts import users
from bench.measure import Result, compare
from bench.world import World, world
from cdp import lake
from cdp.jobs import JobContext
from cdp.jobs.models import Job
from insight.audiences import combining, refreshing
from insight.audiences.membership import EXACT_ROWS
from insight.audiences.models import Audience, AudienceVersion
from insight.datasets.models import Dataset

SAVED = ["mobile", "email"]
LIMITS = {"n1": 500, "n2": 500, "n3": 500}
"""Tag → its upper end: half of all people each."""


def saving(scale: float, repetitions: int) -> list[Result]:
    """An audience of half of all people; union, intersection and difference of three."""
    rows = int(10_000_000 * scale)
    with world() as here:
        dataset = users(here, rows)
        inputs = [_selection(here, dataset, tag) for tag in LIMITS]
        results = [_compare(here, inputs[0], "save an audience", _save(here, dataset), rows, repetitions)]
        for row in inputs[1:]:
            _computed(row)
        tables = [here.path(_current(row)) for row in inputs]
        for operator, work in (
            ("union", "union of three audiences"),
            ("intersect", "intersection of three audiences"),
            ("subtract", "difference of three audiences"),
        ):
            combined = combining.create(
                here.access,
                {
                    "name": operator,
                    "inputs": [{"audience": row.pk} for row in inputs],
                    "operators": [operator, operator],
                    "save_ids": SAVED,
                },
            )
            results.append(_compare(here, combined, work, _SQL[operator](tables), rows, repetitions))
        return results


def _selection(here: World, dataset: Dataset, tag: str) -> Audience:
    condition = {"kind": "tag", "dataset": dataset.pk, "tag": tag, "operator": "<", "value": LIMITS[tag]}
    return here.audience({"name": tag, "rule": condition, "save_ids": SAVED})


@dataclass(frozen=True)
class ByHand:
    """SQL for one piece of work. `quick` writes the same people, with IDs from whichever audience is at hand.

    `conflicts` counts the people whom the audiences know by different numbers and addresses.
    """

    members: str
    conflicts: str = "SELECT 0, 0"
    quick: str = ""


def _save(here: World, dataset: Dataset) -> ByHand:
    [(tag, limit), *_others] = LIMITS.items()
    source = here.files(dataset.lake_table)
    return ByHand(f"SELECT user_unique_id, mobile, email FROM {source} WHERE {tag} < {limit}")


def _union(tables: list[str]) -> ByHand:
    every = " UNION ALL ".join(
        f"SELECT {place} AS place, user_unique_id, mobile, email FROM {table}"
        for place, table in enumerate(tables)
    )
    grouped = f"FROM ({every}) GROUP BY user_unique_id"
    differ = f"SELECT min(mobile) <> max(mobile) AS m, min(email) <> max(email) AS e {grouped}"
    return ByHand(
        f"SELECT user_unique_id, arg_min(mobile, place) AS mobile, arg_min(email, place) AS email {grouped}",
        f"SELECT count(*) FILTER (m), count(*) FILTER (e) FROM ({differ})",
        f"SELECT user_unique_id, any_value(mobile) AS mobile, any_value(email) AS email {grouped}",
    )


def _intersection(tables: list[str]) -> ByHand:
    first, *others = tables
    names = [f"t{place}" for place in range(1, len(tables))]
    joins = " ".join(
        f"JOIN {table} {name} USING (user_unique_id)" for table, name in zip(others, names, strict=True)
    )

    def first_of(column: str) -> str:
        return f"coalesce(t0.{column}, {', '.join(f'{name}.{column}' for name in names)}) AS {column}"

    def differ(column: str) -> str:
        return f"count(*) FILTER ({' OR '.join(f't0.{column} <> {name}.{column}' for name in names)})"

    semi = " ".join(f"SEMI JOIN {table} USING (user_unique_id)" for table in others)
    return ByHand(
        f"SELECT user_unique_id, {first_of('mobile')}, {first_of('email')} FROM {first} t0 {joins}",
        f"SELECT {differ('mobile')}, {differ('email')} FROM {first} t0 {joins}",
        f"SELECT user_unique_id, mobile, email FROM {first} {semi}",
    )


def _difference(tables: list[str]) -> ByHand:
    joins = " ".join(f"ANTI JOIN {table} USING (user_unique_id)" for table in tables[1:])
    return ByHand(f"SELECT user_unique_id, mobile, email FROM {tables[0]} {joins}")


_SQL: dict[str, Callable[[list[str]], ByHand]] = {
    "union": _union,
    "intersect": _intersection,
    "subtract": _difference,
}


def _compare(
    here: World, audience: Audience, work: str, by_hand: ByHand, rows: int, repetitions: int
) -> Result:
    """A refresh of the audience, against writing the same table and finding the same facts, and just writing."""
    _computed(audience)
    facts = _computed(audience)
    result = Result(
        "B3",
        work,
        "tideline",
        {"users": rows, "members": facts["count"], "ID columns": len(SAVED)},
        goals={"hand-written SQL": 1.2},
    )
    contestants: dict[str, Callable[[], Any]] = {
        "tideline": lambda: _computed(audience),
        "hand-written SQL": lambda: _written(here, by_hand, _current(audience)),
        "hand-written SQL, members only": lambda: {
            **facts,
            "count": _members(here, by_hand.quick or by_hand.members),
        },
    }
    return compare(result, contestants, repetitions=repetitions)


def _computed(audience: Audience) -> dict[str, int]:
    """Compute and publish a new version; what is known of it.

    What its job does, but for the inputs of a combined audience, which the job computes anew before.
    """
    job = Job.objects.create(
        workspace=audience.workspace,
        owner=audience.owner,
        kind=refreshing.MANUAL,
        # No worker is to take it as well.
        status=Job.Status.SUCCEEDED,
    )
    refreshing.compute(audience, JobContext(job), AudienceVersion.Kind.MANUAL)
    audience.refresh_from_db()
    version = audience.current
    assert version is not None
    facts = {"count": version.count, "joined": version.joined or 0, "left": version.left or 0}
    facts |= {name: version.id_stats[name]["filled"] for name in SAVED}
    return facts | {f"{name} conflicts": version.id_stats[name]["conflicts"] for name in SAVED}


def _current(audience: Audience) -> str:
    audience.refresh_from_db()
    assert audience.current is not None
    return audience.current.table_name


def _members(here: World, query: str) -> int:
    """Write the members into the lake."""
    lake.drop_table(here.workspace, "by_hand")
    [count] = here.row(f"CREATE TABLE {here.path('by_hand')} AS {query}")
    return int(count)


def _written(here: World, by_hand: ByHand, before: str) -> dict[str, int]:
    """Write the members; count filled, different and conflicting IDs, and who has joined or left."""
    count = _members(here, by_hand.members)
    new, old = here.path("by_hand"), here.path(before)
    distinct = "count(DISTINCT {})" if count <= EXACT_ROWS else "approx_count_distinct({})"
    parts = ["count(mobile)", "count(email)", *(distinct.format(name) for name in SAVED)]
    mobile, email, _mobiles, _emails = here.row(f"SELECT {', '.join(parts)} FROM {new}")
    mobile_conflicts, email_conflicts = here.row(by_hand.conflicts)
    [both] = here.row(f"SELECT count(*) FROM {new} SEMI JOIN {old} USING (user_unique_id)")
    [previous] = here.row(f"SELECT count(*) FROM {old}")
    return {
        "count": count,
        "joined": count - both,
        "left": previous - both,
        "mobile": mobile,
        "email": email,
        "mobile conflicts": mobile_conflicts,
        "email conflicts": email_conflicts,
    }
