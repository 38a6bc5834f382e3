"""A small catalogue of items, as rows and as a table of either engine."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from cdp.core import timezones
from cdp.lake.names import literal
from insight.datasets.models import Dataset
from insight.items import services
from insight.items.models import ItemPool
from tests.insight.audiences import reference
from tests.insight.datasets.places import Place

COLOURS = ["red", "blue", "Ärmel", None, ""]
SIZES = [["S"], ["S", "M"], ["L"], ["M", "XL"], None]
NAMES = ["Coat", "Rain coat", "Shoe", "hat", "O'Hara scarf", None]
TYPES = {"colour": "enum", "sizes": "multi", "price": "number", "launched": "date", "title": "text"}
DEFINITION: dict[str, Any] = {
    "name": "Catalogue",
    "kind": "item_tags",
    "table": "catalogue",
    "item_id": "sku",
    "item_name": "title",
    "tags": [
        {"column": "colour", "name": "Colour", "type": "enum", "category": "Look"},
        {"column": "sizes", "name": "Sizes", "type": "multi", "separator": "|"},
        {"column": "price", "name": "Price", "type": "number"},
        {"column": "launched", "name": "Launched", "type": "date"},
    ],
}


def catalogue(count: int = 40) -> list[dict[str, Any]]:
    """The same rows each time."""
    chance = random.Random(7)
    return [
        {
            "sku": f"A{number:03d}",
            "title": chance.choice(NAMES),
            "colour": chance.choice(COLOURS),
            "sizes": chance.choice(SIZES),
            "price": chance.choice([None, 0.0, 9.5, 10.0, 250.0]),
            "launched": chance.choice([None, date(2026, 1, 1) + timedelta(days=number * 9)]),
        }
        for number in range(1, count + 1)
    ]


def as_select(rows: list[dict[str, Any]]) -> str:
    """The rows as a SELECT that both engines understand."""

    def value(name: str, found: Any) -> str:
        kind = {"price": "DOUBLE PRECISION", "launched": "DATE"}.get(name, "VARCHAR")
        if isinstance(found, list):
            found = "|".join(found)
        return f"CAST({'NULL' if found is None else literal(str(found))} AS {kind})"

    lines = ", ".join("(" + ", ".join(value(*pair) for pair in row.items()) + ")" for row in rows)
    return f"SELECT * FROM (VALUES {lines}) t({', '.join(rows[0])})"


@dataclass
class Shop:
    """The catalogue's dataset in a place, with its rows."""

    place: Place
    dataset: Dataset
    rows: list[dict[str, Any]]

    @property
    def access(self) -> Any:
        return self.place.world.access

    def tag(self, tag: str, operator: str, value: Any = None, **more: Any) -> dict[str, Any]:
        leaf = {"kind": "tag", "dataset": self.dataset.pk, "tag": tag, "operator": operator, **more}
        return leaf if value is None else {**leaf, "value": value}

    @property
    def red(self) -> dict[str, Any]:
        return self.tag("colour", "in", ["red"])

    def expected(self, rule: Any) -> set[str]:
        """The IDs that the slow reference finds."""
        own = {"item_id": "sku", "item_name": "title"}
        types = {**TYPES, "item_id": "text", "item_name": "text"}
        rows = [
            {"user_unique_id": row["sku"], **row, **{name: row[column] for name, column in own.items()}}
            for row in self.rows
        ]
        datasets = {self.dataset.pk: {"kind": "tags", "types": types, "rows": rows}}
        world = reference.World(datasets, {}, timezones.today(self.place.world.workspace))
        return world.people(rule)

    def pool(self, rule: Any = None, name: str = "Red", **more: Any) -> ItemPool:
        """A pool, computed."""
        made = services.create(self.access, {"name": name, "rule": rule or self.red, **more})
        return self.finish(made)

    def finish(self, pool: ItemPool) -> ItemPool:
        self.place.world.run_jobs(allow_failure=True)
        return ItemPool.objects.select_related("current", "workspace", "owner", "dataset").get(pk=pool.pk)

    def write(self, rows: list[dict[str, Any]]) -> None:
        """Other rows in the table; the dataset has them after its refresh."""
        self.rows = rows
        put(self.place, rows)
        self.place.world.compute(self.dataset)


def put(place: Place, rows: list[dict[str, Any]]) -> None:
    if place.server is None:
        place.world.table("catalogue", as_select(rows))
    else:
        place.server.run("DROP TABLE IF EXISTS catalogue", f"CREATE TABLE catalogue AS {as_select(rows)}")


def open_shop(place: Place) -> Shop:
    rows = catalogue()
    put(place, rows)
    return Shop(place, place.dataset(DEFINITION), rows)
