"""B5: an RFM model of transactions, a day of an AIPL model, and the flow between two days, against SQL by hand.

What is written by hand are the same tables and figures: everybody's scores and group, or stage, sorted as the product
sorts them, and the counts that are shown. The product checks IDs, moments and amounts besides.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from bench.measure import Result, compare
from bench.world import World, world
from cdp import lake
from cdp.core import timezones
from cdp.demo.steps import finish
from insight.aipl import services as aipl
from insight.datasets import aipl_days
from insight.datasets import services as datasets
from insight.datasets.aipl_days import STAGES
from insight.datasets.models import Dataset

REPETITIONS = 3
"""At most: one takes long."""
FIFTHS = "[0.2, 0.4, 0.6, 0.8]"
GOALS = {"hand-written SQL": 1.2}
RULES = {"A": ("seen", 1), "I": ("liked", 1), "P": ("bought", 1), "L": ("bought", 3)}
"""Stage → a number that people have, and what it is at least."""


def models(scale: float, repetitions: int) -> list[Result]:
    """All three, on as many people."""
    people = int(10_000_000 * scale)
    with world() as here:
        today = timezones.today(here.workspace)
        repetitions = min(repetitions, REPETITIONS)
        return [
            _rfm(here, people, today, repetitions),
            *_stages(here, people, today, repetitions),
        ]


def _rfm(here: World, people: int, today: date, repetitions: int) -> Result:
    rows = people * 10
    source = here.table(
        "sales",
        f"""SELECT 'user' || (hash(i, 1) % {people}) AS member, (40 + hash(i, 2) % 1960) / 4 AS amount,
                   TIMESTAMP '{today}' - INTERVAL (1 + hash(i, 3) % 730) DAY AS bought_at FROM range({rows}) t(i)""",
    )
    definition = {"name": "RFM", "kind": "rfm", "table": "sales", "input": "transactions"}
    user = {"column": "member", "id_type": "one_id"}
    model = here.dataset({**definition, "user_id": user, "time": "bought_at", "amount": "amount"})
    files = here.files(source.lake_table)

    def ours() -> dict[str, int]:
        _refresh(here, model)
        return {item["type"]: item["users"] for item in model.stats["rfm"]["groups"]}

    contestants: dict[str, Callable[[], Any]] = {
        "tideline": ours,
        "hand-written SQL": lambda: _rfm_by_hand(here, files, today),
    }
    result = Result(
        "B5", "RFM model", "tideline", {"transactions": rows, "customers": people}, goals={**GOALS}
    )
    return compare(result, contestants, repetitions=repetitions)


def _rfm_by_hand(here: World, source: str, today: date) -> dict[str, int]:
    target = here.path("rfm_by_hand")
    lake.drop_table(here.workspace, "rfm_by_hand")
    with lake.cursor() as handle:
        run = handle.execute
        run(
            f"""CREATE OR REPLACE TEMP TABLE totals AS
                SELECT member, DATE '{today}' - max(bought_at)::DATE AS r, count(*) AS f, sum(amount) AS m
                FROM {source} GROUP BY member"""
        )
        found = run(
            f"SELECT {', '.join(f'quantile_cont({name}, {FIFTHS})' for name in 'rfm')} FROM totals"
        ).fetchone()
        assert found is not None
        scores = [_score(name, sorted(set(bounds))) for name, bounds in zip("rfm", found, strict=True)]
        scored = f"(SELECT *, {', '.join(scores)} FROM totals)"
        means = run(f"SELECT avg(rs), avg(fs), avg(ms) FROM {scored}").fetchone()
        assert means is not None
        recent, often, much = (f"{name}s >= {mean!r}" for name, mean in zip("rfm", means, strict=True))
        run(
            f"""CREATE TABLE {target} AS SELECT member, r, f, m, rs, fs, ms,
                    CASE WHEN {much} AND {often} AND {recent} THEN 'high_value' WHEN {much} AND {often} THEN 'key_keep'
                         WHEN {much} AND {recent} THEN 'key_develop' WHEN {much} THEN 'key_win_back'
                         WHEN {often} AND {recent} THEN 'general_value' WHEN {often} THEN 'general_keep'
                         WHEN {recent} THEN 'general_develop' ELSE 'potential' END AS type
                FROM {scored} ORDER BY member"""
        )
        groups = run(
            f"SELECT type, count(*), sum(m), sum(f), avg(r), avg(rs) FROM {target} GROUP BY 1"
        ).fetchall()
    return {name: users for name, users, *_figures in groups}


def _score(name: str, bounds: list[float]) -> str:
    scores = list(range(1, len(bounds) + 2))
    if name == "r":
        scores.reverse()
    cases = " ".join(
        f"WHEN {name} < {bound!r} THEN {score}" for bound, score in zip(bounds, scores, strict=False)
    )
    return f"CASE {cases} ELSE {scores[-1]} END AS {name}s"


def _stages(here: World, people: int, today: date, repetitions: int) -> list[Result]:
    """A tenth has none of the stages."""
    numbers = ", ".join(
        f"CASE WHEN hash(i) % 10 > 0 THEN hash(i, {place}) % 5 ELSE 0 END AS {name}"
        for place, name in enumerate(("seen", "liked", "bought"))
    )
    here.table("people", f"SELECT 'user' || i AS member, {numbers} FROM range({people}) t(i)")
    source = here.dataset(
        {
            "name": "people",
            "kind": "user_tags",
            "table": "people",
            "user_id": {"column": "member", "id_type": "one_id"},
            "tags": [
                {"column": name, "name": name, "type": "number"} for name in ("seen", "liked", "bought")
            ],
        }
    )
    stages = {
        stage: {
            "channels": None,
            "rule": {"kind": "tag", "dataset": source.pk, "tag": tag, "operator": ">=", "value": least},
        }
        for stage, (tag, least) in RULES.items()
    }
    model = here.dataset({"name": "AIPL", "kind": "aipl", "dataset": source.pk, "stages": stages})
    files = here.files(source.lake_table)

    def ours() -> dict[str, int]:
        _refresh(here, model)
        return dict(aipl.overview(model)["stages"])

    day = compare(
        Result("B5", "day of an AIPL model", "tideline", {"people": people}, goals={**GOALS}),
        {"tideline": ours, "hand-written SQL": lambda: _day_by_hand(here, files, today)},
        repetitions=repetitions,
    )
    yesterday = today - timedelta(days=1)
    moved = f"""(SELECT user_unique_id, {list(STAGES)}[1 + (hash(user_unique_id) % 4)::INT] AS stage
                 FROM {here.path(model.lake_table)} WHERE hash(user_unique_id, 1) % 10 > 0)"""
    with aipl_days.writing(model) as work:
        aipl_days.replace_day(work, model.pk, yesterday, moved)
    days = here.files(aipl_days.days_table(model.pk))
    flow = compare(
        Result("B5", "flow between two days", "tideline", {"people": people}, goals={**GOALS}),
        {
            "tideline": lambda: sorted(
                (str(before), str(after), users)
                for (before, after), users in aipl_days.flow(model, yesterday, today).matrix.items()
            ),
            "hand-written SQL": lambda: _flow_by_hand(here, days, yesterday, today),
        },
        repetitions=repetitions,
    )
    return [day, flow]


def _day_by_hand(here: World, source: str, today: date) -> dict[str, int]:
    """Today's table of the model, the same once more in place of what the days hold of it, and the counts."""
    best = " ".join(
        f"WHEN {tag} >= {least} THEN '{stage}'" for stage, (tag, least) in reversed(RULES.items())
    )
    staged = f"(SELECT user_unique_id, CASE {best} END AS stage FROM {source})"
    kept = "WHERE stage IS NOT NULL ORDER BY stage, user_unique_id"
    lake.drop_table(here.workspace, "stages_by_hand")
    table, days = here.path("stages_by_hand"), here.path("days_by_hand")
    with lake.transaction() as handle:
        handle.execute(f"CREATE TABLE {table} AS SELECT user_unique_id, stage FROM {staged} {kept}")
        handle.execute(f"CREATE TABLE IF NOT EXISTS {days} (day DATE, user_unique_id VARCHAR, stage VARCHAR)")
        handle.execute(f"DELETE FROM {days} WHERE day = DATE '{today}'")
        of_day = f"SELECT DATE '{today}', user_unique_id, stage FROM {table} ORDER BY stage, user_unique_id"
        handle.execute(f"INSERT INTO {days} {of_day}")
        counts = handle.execute(f"SELECT stage, count(*) FROM {days} GROUP BY 1").fetchall()
    return {stage: dict(counts).get(stage, 0) for stage in STAGES}


def _flow_by_hand(here: World, days: str, first: date, last: date) -> list[tuple[str, str, int]]:
    one, other = (f"(SELECT user_unique_id, stage FROM {days} WHERE day = '{day}')" for day in (first, last))
    counted = here.rows(
        f"SELECT b.stage, a.stage, count(*) FROM {one} b FULL JOIN {other} a USING (user_unique_id) GROUP BY 1, 2"
    )
    return sorted((str(before), str(after), users) for before, after, users in counted)


def _refresh(here: World, dataset: Dataset) -> None:
    finish(datasets.refresh(here.access, dataset))
    dataset.refresh_from_db()
