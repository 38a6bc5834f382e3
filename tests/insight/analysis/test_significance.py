"""Significance: worked examples, a slow reference in plain Python, chance, and what the engine counts."""

from __future__ import annotations

import csv
import io
import math
import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from admin_center.permissions.models import Role
from cdp.core.errors import Conflict, NotFound, ValidationFailed
from insight.analysis.significance import Spread, findings, significance
from insight.audiences import services
from insight.datasets.models import DatasetField
from tests.factories import make_access
from tests.insight.audiences.world import World, make_tag_dataset, make_world, people_table

RunJobs = Callable[[], list[Any]]


@pytest.fixture
def world(db: None) -> World:
    return make_world()


def spread(
    name: str, pairs: Sequence[tuple[int, int]], *, multi: bool = False, n: int = 0, total: int = 0
) -> Spread:
    values = [(f"v{place:02d}", here, there) for place, (here, there) in enumerate(pairs)]
    return Spread(
        name, name, multi, n or sum(a for a, _b in pairs), total or sum(b for _a, b in pairs), values
    )


EXAMPLES = [
    spread("flag", [(310, 3000), (690, 7000)]),
    spread("gender", [(900, 5000), (100, 5000)]),
    spread("fifty", [(22, 200), (18, 200)] * 25),
    spread("region", [(400, 5000), (600, 5000)]),
]


def test_worked_examples() -> None:
    found = {item.spread.name: item for item in findings(EXAMPLES)}
    gender, region, flag, fifty = (found[name] for name in ("gender", "region", "flag", "fifty"))
    assert gender.difference == pytest.approx(0.4) and gender.noise == pytest.approx(0.01197, abs=5e-6)
    assert gender.adjusted == pytest.approx(0.38803, abs=5e-6)
    assert gender.test.statistic == pytest.approx(711.111, abs=5e-4)
    assert gender.test.p == pytest.approx(1.15e-156, rel=5e-3)
    assert region.adjusted == pytest.approx(0.08803, abs=5e-6)
    assert region.test.statistic == pytest.approx(44.444, abs=5e-4)
    assert region.test.p == pytest.approx(2.62e-11, rel=5e-3)
    assert (flag.difference, flag.adjusted) == (pytest.approx(0.01), 0)
    assert flag.noise == pytest.approx(0.01097, abs=5e-6)
    assert flag.test.statistic == pytest.approx(0.529, abs=5e-4)
    assert flag.test.p == pytest.approx(0.467, abs=5e-4)
    assert (fifty.difference, fifty.adjusted) == (pytest.approx(0.05), 0)
    assert fifty.noise == pytest.approx(0.08378, abs=5e-6)
    assert (fifty.test.statistic, fifty.test.df) == (pytest.approx(11.111, abs=5e-4), 49)
    assert fifty.test.p > 0.9999


def test_the_most_different_tag_comes_first_and_chance_is_not_significant() -> None:
    ranked = findings(EXAMPLES)
    assert [item.spread.name for item in ranked][:2] == ["gender", "region"]
    assert [item.significant for item in ranked] == [True, True, False, False]


def test_equal_differences_are_ordered_by_q_and_then_by_name() -> None:
    same = [(30, 300), (70, 700)]
    assert [item.spread.name for item in findings([spread("b", same), spread("a", same)])] == ["a", "b"]


def reference_d(one: Spread) -> float:
    ours, every = sum(row[1] for row in one.values), sum(row[2] for row in one.values)
    if not ours or not every:
        return 0.0
    return sum(max(0.0, row[1] / ours - row[2] / every) for row in one.values)


cells = st.lists(
    st.integers(1, 400).flatmap(lambda there: st.tuples(st.integers(0, there), st.just(there))),
    min_size=1,
    max_size=20,
)


@given(cells)
def test_the_difference_is_the_share_that_is_elsewhere(pairs: list[tuple[int, int]]) -> None:
    one = spread("tag", pairs)
    found = findings([one])[0]
    assert found.difference == pytest.approx(reference_d(one), abs=1e-12)
    assert 0 <= found.adjusted <= found.difference <= 1 and 0 <= found.test.p <= 1


def test_the_noise_is_what_random_samples_differ_on_average() -> None:
    draw, sizes = random.Random(5), [500, 300, 150, 50]
    people = [value for value, size in enumerate(sizes) for _ in range(size)]
    measured = []
    for _ in range(400):
        sample = draw.sample(people, 100)
        measured.append(
            sum(abs(sample.count(value) / 100 - size / 1000) for value, size in enumerate(sizes)) / 2
        )
    one = spread("tag", [(size // 10, size) for size in sizes])
    assert findings([one])[0].noise == pytest.approx(sum(measured) / 400, rel=0.08)


def test_a_random_audience_has_no_significant_tag_in_at_least_95_of_100_draws() -> None:
    """Ten tags as datasets have them: few and many values, rare ones, one value only, several values at once."""
    draw = np.random.default_rng(0)
    people, size = 3000, 400
    one_value = [
        draw.integers(0, 2, people),
        np.minimum(49, draw.exponential(7, people).astype(int)),
        draw.integers(0, 50, people),
        (draw.random(people) < 0.03).astype(int),
        np.zeros(people, int),
        *(draw.integers(0, 7, people) for _ in range(3)),
    ]
    several = [draw.random((people, 12)) < 0.2, draw.random((people, 30)) < 0.1]
    clean = 0
    for _ in range(200):
        chosen = draw.choice(people, size, replace=False)
        pairs = [
            (np.bincount(tag[chosen], minlength=tag.max() + 1), np.bincount(tag), size, people)
            for tag in one_value
        ]
        pairs += [
            (tag[chosen].sum(0), tag.sum(0), int(tag[chosen].any(1).sum()), int(tag.any(1).sum()))
            for tag in several
        ]
        spreads = [
            spread(str(place), list(zip(*map(list, both), strict=True)), multi=place >= 8, n=n, total=total)
            for place, (*both, n, total) in enumerate(pairs)
        ]
        clean += not any(item.significant for item in findings(spreads))
    assert clean >= 190


def test_a_multi_value_tag_is_tested_value_by_value() -> None:
    # 200 of 1,000; value v00 with 150 of 200 against 400 of 1,000, the other two as everywhere.
    found = findings([spread("multi", [(150, 400), (40, 200), (20, 100)], multi=True, n=200, total=1000)])[0]
    ours, rest = (150, 50), (250, 550)
    expected = [(400 * 0.2, 600 * 0.2), (400 * 0.8, 600 * 0.8)]
    statistic = sum(
        (seen - wanted) ** 2 / wanted
        for row, wants in zip((ours, rest), expected, strict=True)
        for seen, wanted in zip(row, wants, strict=True)
    )
    assert found.test.statistic == pytest.approx(statistic)
    assert found.test.p == pytest.approx(min(1, 3 * math.erfc(math.sqrt(statistic / 2))), rel=1e-9)
    assert found.difference == pytest.approx(150 / 210 - 4 / 7)


@pytest.mark.parametrize(
    "one",
    [
        spread("nobody known", []),
        spread("one value", [(10, 500)]),
        spread("audience unknown", [(0, 300), (0, 200)]),
        spread("everybody", [(300, 300), (200, 200)]),
        spread("nothing in several", [(0, 0)], multi=True),
    ],
    ids=lambda one: one.name,
)
def test_what_tells_nothing_is_not_significant(one: Spread) -> None:
    found = findings([one])[0]
    assert not found.significant and found.q == 1 and found.adjusted == 0


def people_of(rng: random.Random, number: int) -> list[tuple[Any, ...]]:
    """People of whom women like `a` more; `city` is text, which charts do not show."""
    found = []
    for place in range(number):
        woman = place % 2 == 0
        likes = [part for part in "abc" if rng.random() < (0.8 if woman and part == "a" else 0.3)]
        gender = None if place % 17 == 0 else "f" if woman else "m"
        found.append((f"u{place:04d}", None, gender, None, likes or None, None))
    return found


def test_an_audience_against_a_count_in_plain_python(world: World, run_jobs: RunJobs) -> None:
    people = people_of(random.Random(3), 600)
    dataset = make_tag_dataset(world.workspace, "Many", people_table(people))
    rule = {"kind": "tag", "dataset": dataset.pk, "tag": "gender", "operator": "in", "value": ["f"]}
    audience = services.create(world.access, {"name": "Women", "rule": rule})
    run_jobs()
    found = significance(world.access, audience.pk, dataset.pk, show_all=True)
    women = [person for person in people if person[2] == "f"]
    assert found["coverage"] == {"found": len(women), "members": len(women)}
    gender = next(row for row in [*found["tags"], *found["others"]] if row["tag"] == "gender")
    known = [person for person in people if person[2]]
    assert gender["difference"] == pytest.approx(100 * (1 - len(women) / len(known)), abs=5e-4)
    interests = next(row for row in found["tags"] if row["tag"] == "interests")
    n = sum(1 for person in women if person[4])
    total = sum(1 for person in people if person[4])
    values = [
        (
            part,
            sum(1 for person in women if part in (person[4] or [])),
            sum(1 for person in people if part in (person[4] or [])),
        )
        for part in "abc"
    ]
    assert interests["difference"] == pytest.approx(
        100 * reference_d(Spread("", "", True, n, total, values)), abs=5e-4
    )
    assert interests["top"][0]["value"] == "a" and interests["top"][0]["tgi"] > 100
    assert found["tags_examined"] == 2 and found["tags"][0]["tag"] == "gender"


def test_one_statement_counts_all_tags(
    world: World, run_jobs: RunJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    audience = services.create(world.access, {"name": "Women", "rule": world.women})
    run_jobs()
    from cdp.warehouse import LakeEngine

    ran: list[Any] = []
    execute = LakeEngine.execute
    monkeypatch.setattr(
        LakeEngine, "execute", lambda self, *query: ran.append(query) or execute(self, *query)
    )
    significance(world.access, audience.pk, world.members.pk)
    [(expression, shared)] = ran
    engine = LakeEngine()
    assert "SEMI JOIN" not in engine.sql(expression)
    assert [engine.sql(part).count("SEMI JOIN") for part in shared.values()] == [1]


def test_few_members_are_shown_with_a_warning_and_without_stars(world: World, run_jobs: RunJobs) -> None:
    audience = services.create(world.access, {"name": "Women", "rule": world.women})
    run_jobs()
    found = significance(world.access, audience.pk, world.members.pk, show_all=True)
    assert found["few"] and found["notice"]
    assert not any(row["stars"] for row in [*found["tags"], *found["others"]])


def test_the_whole_dataset_has_nothing_to_be_compared_with(world: World, run_jobs: RunJobs) -> None:
    rule = {"op": "union", "items": [world.tag("gender", "not_empty"), world.tag("gender", "empty")]}
    audience = services.create(world.access, {"name": "All", "rule": rule})
    run_jobs()
    with pytest.raises(ValidationFailed) as failure:
        significance(world.access, audience.pk, world.members.pk)
    assert failure.value.code == "nothing_to_compare"


def wide(world: World, columns: dict[str, list[Any]], rows: int) -> Any:
    """A dataset with enum and multi tags of these values."""
    table = people_table([(f"u{place:05d}", None, None, None, None, None) for place in range(rows)])
    for name, values in columns.items():
        kind = pa.list_(pa.string()) if any(isinstance(value, list) for value in values) else pa.string()
        table = table.append_column(name, pa.array(values, kind))
    dataset = make_tag_dataset(world.workspace, "Wide", table)
    DatasetField.objects.bulk_create(
        DatasetField(
            dataset=dataset,
            column=name,
            role="tag",
            tag_type="multi" if any(isinstance(value, list) for value in values) else "enum",
            name=name,
        )
        for name, values in columns.items()
    )
    return dataset


def test_tags_without_values_with_one_and_with_fifty_thousand(world: World, run_jobs: RunJobs) -> None:
    rows = 50_000
    columns = {
        "nothing": [None] * rows,
        "one": ["same"] * rows,
        "each": [f"x{place}" for place in range(rows)],
        "half": ["a" if place % 2 else "b" for place in range(rows)],
        "third": ["a" if place % 3 else "b" for place in range(rows)],
    }
    dataset = wide(world, columns, rows)
    rule = {"kind": "tag", "dataset": dataset.pk, "tag": "half", "operator": "in", "value": ["a"]}
    audience = services.create(world.access, {"name": "Half", "rule": rule})
    run_jobs()
    found = significance(world.access, audience.pk, dataset.pk, show_all=True)
    assert [row["tag"] for row in found["tags"]] == ["half"]
    others = {row["tag"]: row for row in found["others"]}
    assert {"nothing", "one", "each", "third"} <= set(others)
    assert not any(row["significant"] for row in others.values())


def test_at_most_ten_tags_are_shown(world: World, run_jobs: RunJobs) -> None:
    rows = 400
    columns = {f"t{n:02d}": ["a" if place % 2 else "b" for place in range(rows)] for n in range(12)}
    dataset = wide(world, columns, rows)
    rule = {"kind": "tag", "dataset": dataset.pk, "tag": "t00", "operator": "in", "value": ["a"]}
    audience = services.create(world.access, {"name": "Half", "rule": rule})
    run_jobs()
    found = significance(world.access, audience.pk, dataset.pk, show_all=True)
    assert [row["tag"] for row in found["tags"]] == [f"t{n:02d}" for n in range(10)]
    assert [row["tag"] for row in found["others"]][:2] == ["t10", "t11"]


def test_an_audience_without_members_yet_or_of_another_workspace(world: World) -> None:
    audience = services.create(world.access, {"name": "Women", "rule": world.women})
    with pytest.raises(Conflict):
        significance(world.access, audience.pk, world.members.pk)
    with pytest.raises(NotFound):
        significance(make_access(), audience.pk, world.members.pk)


def test_the_file_has_the_tags_of_the_page_and_of_the_api(world: World, run_jobs: RunJobs) -> None:
    dataset = make_tag_dataset(world.workspace, "Many", people_table(people_of(random.Random(3), 600)))
    rule = {"kind": "tag", "dataset": dataset.pk, "tag": "gender", "operator": "in", "value": ["f"]}
    audience = services.create(world.access, {"name": "Women", "rule": rule})
    run_jobs()
    client = Client()
    client.force_login(world.access.user)
    path = f"/w/{world.workspace.slug}/analysis/audience/significance.csv"
    asked = f"?audience={audience.pk}&dataset={dataset.pk}"
    for show_all in (False, True):
        found = significance(world.access, audience.pk, dataset.pk, show_all=show_all)
        text = client.get(f"{path}{asked}{'&all=1' if show_all else ''}").content.decode("utf-8-sig")
        rows = list(csv.DictReader(io.StringIO(text)))
        expected = [*found["tags"], *found.get("others", [])]
        assert [row["Tag"] for row in rows] == [row["name"] for row in expected]
        assert [float(row["q"]) for row in rows] == [row["q"] for row in expected]
        assert [float(row["Chi-square"]) for row in rows] == [row["chi_square"] for row in expected]
        points = [f"{row['adjusted']:.1f}" for row in expected]
        assert [row["Difference in points"] for row in rows] == points
        assert all(
            f"TGI {row['top'][0]['tgi']}" in line["Where it differs most"]
            for row, line in zip(found["tags"], rows, strict=False)
        )
    assert client.get(path).status_code == 404
    stranger = make_access(world.workspace, "analyst")
    Role.objects.filter(workspace=world.workspace, code="analyst").update(permissions=["workspace.view"])
    client.force_login(stranger.user)
    assert client.get(path + asked).status_code == 403
