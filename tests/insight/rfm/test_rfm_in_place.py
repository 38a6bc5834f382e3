"""RFM models mean the same wherever they live."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from django.test import Client

from insight.audiences.models import Audience
from insight.datasets import services
from insight.datasets.models import Dataset
from insight.rfm import figures, migration
from tests.insight.datasets import places
from tests.insight.datasets.places import RFM, Place
from tests.insight.datasets.world import World
from tests.insight.datasources import servers

DAYS = date(2026, 1, 31), date(2026, 2, 28)


@pytest.fixture
def database(world: World) -> Iterator[Place]:
    with servers.postgresql_server() as server:
        place = places.postgres_place(world, server)
        yield place
        places.close(place)


@pytest.fixture
def models(world: World, database: Place) -> tuple[Dataset, Dataset]:
    """The same model in the lake and in the database."""
    return places.lake_place(world).dataset(RFM), database.dataset(RFM, name="There")


def rounded(found: Any) -> Any:
    """Sums of the engines may differ in the last digit."""
    if isinstance(found, dict):
        return {key: rounded(value) for key, value in found.items()}
    if isinstance(found, list):
        return [rounded(value) for value in found]
    return round(found, 9) if isinstance(found, float) else found


def test_figures_trends_samples_and_migration_are_the_same(
    world: World, models: tuple[Dataset, Dataset]
) -> None:
    here, there = (figures.open_model(world.access, model.pk) for model in models)
    assert rounded(figures.figures(here)) == rounded(figures.figures(there))
    assert figures.figures(here)["users"] == 4
    assert rounded(figures.trend(here)) == rounded(figures.trend(there))
    group = figures.figures(here)["groups"][0]["type"]
    assert figures.samples(here, group) == figures.samples(there, group)
    moved = [migration.migration(scope, *DAYS).as_json() for scope in (here, there)]
    assert moved[0] == moved[1]
    assert moved[0]["matrix"]


def test_audiences_of_groups_and_of_cells_live_where_the_model_does(
    world: World, models: tuple[Dataset, Dataset]
) -> None:
    call, there = world.api(), models[1]
    groups = there.stats["rfm"]["groups"]
    rule = {"kind": "rfm", "dataset": there.pk, "types": [groups[0]["type"]]}
    made = call("post", "audiences/", {"name": "Best", "rule": rule})
    assert made.status_code == 201, made.content
    [cell, *_rest] = migration.migration(figures.open_model(world.access, there.pk), *DAYS).as_json()[
        "matrix"
    ]
    body = {
        "from": str(DAYS[0]),
        "to": str(DAYS[1]),
        "before": cell["from"],
        "after": cell["to"],
        "name": "Moved",
    }
    kept = call("post", f"datasets/{there.pk}/rfm/migration/audiences/", body)
    assert kept.status_code == 201, kept.content
    world.run_jobs()
    best, moved = (Audience.objects.get(name=name) for name in ("Best", "Moved"))
    assert (best.source, best.count) == (there.source, groups[0]["users"])
    assert (moved.source, moved.count) == (there.source, cell["users"])
    scope = figures.open_model(world.access, there.pk, best.current)
    assert figures.figures(scope)["users"] == best.count
    refused = call("get", f"datasets/{models[0].pk}/rfm/overview/?audience={best.pk}")
    assert (refused.status_code, refused.json()["code"]) == (409, "model_does_not_fit")


def test_a_model_in_a_database_is_made_and_edited_on_its_page(world: World, database: Place) -> None:
    browser = Client()
    browser.force_login(world.access.user)
    base = f"/w/{world.workspace.slug}/datasets/"
    [table] = [name for name in names(browser, base, database) if name.endswith("sales")]
    step = browser.get(f"{base}new/", {"source": database.source, "table": table, "kind": "rfm"})
    assert step.status_code == 302 and "source=" in step["Location"]
    page = browser.get(step["Location"])
    posted = {
        **page.context["form"].initial,
        "user": "who",
        "id_type": "one_id",
        "time": "day",
        "amount": "money",
    }
    posted = {key: value for key, value in posted.items() if isinstance(value, str)}
    posted |= {"input": "transactions", "period": "history", "name": "By page"}
    made = browser.post(step["Location"], posted)
    assert made.status_code == 302, made.context["form"].errors
    world.run_jobs()
    model = Dataset.objects.get(name="By page")
    assert (model.state, model.source, model.users) == ("ready", database.source, 4)
    edit = browser.get(f"{base}{model.pk}/rfm/")
    assert edit.status_code == 200 and edit.context["form"].initial["time"] == "day"
    services.update(world.access, model, {"days": 10})
    assert browser.get(f"/w/{world.workspace.slug}/rfm/", {"model": model.pk}).status_code == 200


def names(browser: Client, base: str, place: Place) -> list[str]:
    found: list[str] = browser.get(f"{base}new/", {"source": place.source}).context["tables"]
    return found
