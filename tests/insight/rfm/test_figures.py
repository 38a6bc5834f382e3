"""Figures of RFM models: the printed example, transactions, audiences, real purchases."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest
from django.utils import timezone

from cdp.core.errors import Conflict, NotFound, ValidationFailed
from insight.audiences import queries
from insight.audiences import services as audiences
from insight.datasets import granting
from insight.datasets.models import Dataset
from insight.rfm import buyers, figures
from tests.factories import make_access
from tests.insight.datasets.world import World
from tests.insight.rfm.models import of_orders, printed, scores, types
from tests.insight.test_main_path import cdnow


def on(monkeypatch: pytest.MonkeyPatch, day: str) -> None:
    moment = datetime.fromisoformat(f"{day}T10:00").replace(tzinfo=UTC)
    monkeypatch.setattr(timezone, "now", lambda: moment)


def test_the_printed_example(world: World) -> None:
    found = figures.figures(figures.open_model(world.access, printed(world).pk))
    assert found["users"] == 8 and found["amount"] == pytest.approx(6319.98)
    assert found["amount_per_user"] == pytest.approx(789.9975) and found["count_per_user"] == 3.625
    groups = {group["type"]: group for group in found["groups"]}
    assert len(groups) == 8 and all(group["users"] == 1 for group in groups.values())
    keep = groups["key_keep"]
    assert (keep["r_days"], keep["f"], keep["m"], keep["rs"], keep["fs"], keep["ms"]) == (
        200,
        6,
        1500,
        1,
        4,
        5,
    )
    assert keep["shares"] == {"users": 1 / 8, "amount": pytest.approx(1500 / 6319.98), "count": 6 / 29}


def test_the_printed_transactions(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    on(monkeypatch, "2019-08-31")
    orders = [
        ("13800000001", date(2019, 6, 24), 124.0),
        ("13800000002", date(2019, 8, 23), 222.55),
        ("13800000003", date(2018, 7, 12), 356.1),
    ]
    scope = figures.open_model(world.access, of_orders(world, orders).pk)
    found = figures.figures(scope)
    assert found["users"] == 3 and found["amount_per_user"] == pytest.approx(234.2166, abs=1e-3)
    days = sorted(row["r_days"] for group in found["groups"] for row in figures.samples(scope, group["type"]))
    assert days == [8, 68, 415]


def test_trends_are_for_transactions_by_day_week_and_month(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    on(monkeypatch, "2026-03-04")
    orders = [
        ("13800000001", date(2026, 3, 2), 10.0),
        ("13800000001", date(2026, 3, 4), 30.0),
        ("13800000002", date(2026, 3, 4), 5.0),
        ("13800000002", date(2026, 3, 4), -2.0),
    ]
    model = of_orders(world, orders, days=7)
    scope = figures.open_model(world.access, model.pk)
    by_day = figures.trend(scope)
    assert by_day["unit"] == "day"
    assert [(row["start"], row["users"], row["amount"], row["count"]) for row in by_day["buckets"]] == [
        ("2026-03-02", 1, 10.0, 1),
        ("2026-03-03", 0, 0.0, 0),
        ("2026-03-04", 2, 33.0, 2),
    ]
    Dataset.objects.filter(pk=model.pk).update(definition={**model.definition, "days": 90})
    by_week = figures.trend(figures.open_model(world.access, model.pk))
    assert (by_week["unit"], [row["start"] for row in by_week["buckets"]]) == ("week", ["2026-03-02"])
    Dataset.objects.filter(pk=model.pk).update(definition={**model.definition, "days": 500})
    by_month = figures.trend(figures.open_model(world.access, model.pk))
    assert (by_month["unit"], [row["start"] for row in by_month["buckets"]]) == ("month", ["2026-03-01"])
    assert by_month["buckets"][0]["amount"] == figures.figures(scope)["amount"]
    with pytest.raises(Conflict) as caught:
        figures.trend(figures.open_model(world.access, printed(world).pk))
    assert caught.value.code == "trend_not_possible"


def test_the_buyers_of_a_bucket_become_an_audience(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    on(monkeypatch, "2026-03-04")
    orders = [
        ("13800000001", date(2026, 2, 24), 10.0),
        ("13800000001", date(2026, 3, 1), 10.0),
        ("13800000002", date(2026, 3, 2), 30.0),
        ("13800000003", date(2026, 3, 4), 5.0),
        ("13800000003", date(2026, 3, 4), 6.0),
        ("13800000004", date(2026, 3, 3), -2.0),
        ("13800000004", date(2026, 2, 27), 9.0),
    ]
    model = of_orders(world, orders, days=90)
    scope = figures.open_model(world.access, model.pk)
    for place, bucket in enumerate(figures.trend(scope)["buckets"]):
        start = date.fromisoformat(bucket["start"])
        bought = {who for who, day, money in orders if money >= 0 and 0 <= (day - start).days < 7}
        made = buyers.keep(scope, bucket["start"], {"name": f"Buyers {place}"})
        world.run_jobs()
        made.refresh_from_db()
        assert made.count == bucket["users"] == len(bought)
        people = queries.members(made.current)
        assert {row["user_unique_id"] for row in scope.engine.execute(people).to_pylist()} == bought
        assert str(start) in made.origin_detail["words"]
    for wrong in ("2026-03-03", "", "soon", None):
        with pytest.raises(ValidationFailed):
            buyers.keep(scope, wrong, {"name": "Nobody"})


def test_an_audiences_customers_keep_the_group_they_have_in_the_model(world: World) -> None:
    model = printed(world)
    rule = {"kind": "rfm", "dataset": model.pk, "ranges": {"m": [700, None]}}
    audience = audiences.create(world.access, {"name": "Big", "rule": rule})
    with pytest.raises(Conflict):
        figures.audience_version(world.access, audience.pk)
    world.run_jobs()
    version = figures.audience_version(world.access, audience.pk)[1]
    scope = figures.open_model(world.access, model.pk, version)
    found = figures.figures(scope)
    assert {group["type"] for group in found["groups"]} == {
        "high_value",
        "key_keep",
        "key_develop",
        "key_win_back",
    }
    assert found["users"] == 4 and found["amount"] == 2400 + 1500 + 1000 + 800
    assert len(figures.samples(scope, "key_keep")) == 1 and figures.samples(scope, "potential") == []


def test_an_audience_known_by_another_id_is_refused(world: World) -> None:
    model = printed(world)
    other = world.dataset(
        {
            "name": "Others",
            "kind": "rfm",
            "table": "customers",
            "user_id": {"column": "who", "id_type": "one_id"},
            "input": "customers",
            "time": "day",
            "amount": "money",
            "count": "n",
        }
    )
    rule = {"kind": "rfm", "dataset": other.pk, "ranges": {"m": [0, None]}}
    audience = audiences.create(world.access, {"name": "Known otherwise", "rule": rule})
    world.run_jobs()
    version = figures.audience_version(world.access, audience.pk)[1]
    with pytest.raises(Conflict, match="different IDs"):
        figures.open_model(world.access, model.pk, version)
    assert figures.models(world.access, version) == [other]


def test_five_samples_with_masked_ids(world: World) -> None:
    today = date.today() - timedelta(days=3)
    orders = [(f"1380000{number:04d}", today, 10.0) for number in range(20)]
    model = of_orders(world, orders)
    analyst = make_access(world.workspace, "analyst")
    granting.share(world.access, model, public=True, row_columns=[])
    scope = figures.open_model(analyst, model.pk)
    rows = figures.samples(scope, "high_value")
    assert len(rows) == 5 and all("****" in row["user"] for row in rows)
    assert rows == figures.samples(scope, "high_value") and rows[0]["last"] == str(today)
    with pytest.raises(ValidationFailed):
        figures.samples(scope, "best")


def test_only_the_rows_that_a_person_may_see_count(world: World) -> None:
    model = printed(world)
    granting.share(world.access, model, public=False, row_columns=["type"])
    analyst = make_access(world.workspace, "analyst")
    with pytest.raises(NotFound):
        figures.open_model(analyst, model.pk)
    given = {"user": analyst.user.username, "rows": {"type": ["key_keep", "potential"]}}
    granting.grant(world.access, model, given)
    found = figures.figures(figures.open_model(analyst, model.pk))
    assert found["users"] == 2 and {group["type"] for group in found["groups"]} == {"key_keep", "potential"}


def test_groups_of_real_purchases_equal_a_plain_computation(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    on(monkeypatch, "1998-06-30")
    lines = [line.split() for line in cdnow().read_text().splitlines()[1:] if line.strip()]
    orders = [
        (f"138{int(who):08d}", datetime.strptime(day, "%Y%m%d").date(), float(amount))
        for who, day, _count, amount in lines
        if int(who) % 10 == 0
    ]
    model = of_orders(world, orders)
    found = figures.figures(figures.open_model(world.access, model.pk))
    expected = scores(orders, date(1998, 6, 30))
    means = {
        name: sum(row[place] for row in expected.values()) / len(expected)
        for name, place in (("r", 3), ("f", 4), ("m", 5))
    }
    counts = Counter(types(expected, means).values())
    assert {group["type"]: group["users"] for group in found["groups"]} == dict(counts)
    assert found["users"] == len(expected) and found["count"] == sum(row[1] for row in expected.values())
    assert found["amount"] == pytest.approx(sum(row[2] for row in expected.values()))


def test_a_model_that_was_never_computed_says_so(world: World) -> None:
    model = printed(world)
    Dataset.objects.filter(pk=model.pk).update(version=0)
    with pytest.raises(Conflict):
        figures.open_model(world.access, model.pk)
    with pytest.raises(NotFound):
        figures.open_model(world.access, world.dataset().pk)
    assert figures.next_start(date(2026, 12, 1), "month") == date(2027, 1, 1)
