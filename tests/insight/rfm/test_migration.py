"""Migration between RFM groups, against scoring each day by hand."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cdp.core.errors import Conflict, ValidationFailed
from insight.audiences import origins
from insight.datasets import granting
from insight.rfm import figures, migration, services
from tests.factories import make_access
from tests.insight.datasets.world import World
from tests.insight.rfm.models import Order, of_orders, printed, put, scores, types

TODAY = date.today() - timedelta(days=2)
ORDERS = st.lists(
    st.tuples(
        st.integers(1, 6).map(lambda number: f"1380000000{number}"),
        st.integers(0, 240).map(lambda days: TODAY - timedelta(days=days)),
        st.sampled_from([-50.0, 0.0, 99.99, 100.0, 300.0, 1000.0]),
    ),
    min_size=1,
    max_size=25,
)
SOME: list[Order] = [
    ("13800000001", TODAY, 500.0),
    ("13800000001", TODAY - timedelta(days=100), 100.0),
    ("13800000002", TODAY - timedelta(days=100), 20.0),
    ("13800000003", TODAY, 20.0),
]


def expected_matrix(
    orders: list[Order], days: tuple[date, date], compare: dict[str, float], period: int | None
) -> Counter[tuple[str, str]]:
    before, after = (types(scores(orders, day, period), compare) for day in days)
    return Counter(
        (before.get(who, migration.OUTSIDE), after.get(who, migration.OUTSIDE)) for who in {*before, *after}
    )


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(orders=ORDERS, ends=st.lists(st.integers(0, 200), min_size=2, max_size=2, unique=True))
@pytest.mark.parametrize("period", [None, 90])
def test_the_matrix(world: World, period: int | None, orders: list[Order], ends: list[int]) -> None:
    model = getattr(world, "made", None) or of_orders(world, SOME, days=period)
    world.made = model  # type: ignore[attr-defined]
    put(world, orders)
    first, last = (TODAY - timedelta(days=days) for days in sorted(ends, reverse=True))
    found = migration.migration(figures.open_model(world.access, model.pk), first, last)
    compare = model.stats["rfm"]["compare"]
    assert found.matrix == expected_matrix(orders, (first, last), compare, period)


def test_a_cell_becomes_an_audience_of_exactly_its_customers(world: World) -> None:
    model = of_orders(world, SOME)
    scope = figures.open_model(world.access, model.pk)
    days = TODAY - timedelta(days=30), TODAY
    found = migration.migration(scope, *days)
    cell = next((before, after) for before, after in found.matrix if before == migration.OUTSIDE)
    made = services.keep_cell(scope, *days, *cell, {"name": "New ones"})
    world.run_jobs()
    made.refresh_from_db()
    assert (made.count, made.origin, made.user_id_type) == (found.matrix[cell], "analysis", "mobile")
    assert made.current is not None and made.current.count == 1
    assert "refresh" not in origins.actions_of(made) and "Outside" in made.origin_detail["words"]


def test_days_and_groups_that_cannot_be(world: World) -> None:
    scope = figures.open_model(world.access, of_orders(world, SOME).pk)
    for days in ((TODAY, TODAY), (TODAY, TODAY + timedelta(days=9))):
        with pytest.raises(ValidationFailed) as caught:
            migration.migration(scope, *days)
        assert "to" in caught.value.errors
    with pytest.raises(ValidationFailed):
        services.cell_words(scope, TODAY, TODAY, "best", "outside")
    with pytest.raises(Conflict):
        migration.migration(
            figures.open_model(world.access, printed(world).pk), TODAY - timedelta(days=1), TODAY
        )


def test_customers_that_a_person_may_not_see_are_left_out(world: World) -> None:
    model = of_orders(world, SOME)
    granting.share(world.access, model, public=False, row_columns=["type"])
    analyst = make_access(world.workspace, "analyst")
    kept = model.stats["rfm"]["groups"][0]
    granting.grant(world.access, model, {"user": analyst.user.username, "rows": {"type": [kept["type"]]}})
    scope = figures.open_model(analyst, model.pk)
    found = migration.migration(scope, TODAY - timedelta(days=1), TODAY)
    assert sum(found.matrix.values()) == kept["users"] < 3
