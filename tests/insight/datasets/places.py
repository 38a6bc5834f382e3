"""The same rows in the lake and in a PostgreSQL database in which datasets live."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cdp.warehouse import get_engine
from insight.datasets.models import Dataset
from insight.datasources.connections import engines, services
from insight.datasources.models import Connection
from tests.insight.datasets.world import BEHAVIOUR, DEFINITION, EVENTS, MEMBERS, World
from tests.insight.datasources.servers import Server

WIDE_EVENTS = """
    SELECT * FROM (VALUES
        ('u1', '2026-01-01 10:00:00', 1.50, 'coats', true),
        ('u1', '2026/1/2 9:30', 2.25, 'hats', false),
        ('u2', '20260103', 3.00, '', NULL),
        ('u3', '2026-02-30', 4.00, 'shoes', true),
        ('u4', '03.02.2026', NULL, ' socks ', true),
        ('', '2026-01-05T08:00:00.5', 1.00, 'belts', true)
    ) t(who, at_time, money, category, online)
"""
WIDE: dict[str, Any] = {
    "name": "Purchases",
    "kind": "behaviour",
    "table": "purchases",
    "user_id": {"column": "who", "id_type": "one_id"},
    "time": "at_time",
    "type": {"constant": "purchase"},
    "amount": "money",
    "object_columns": [{"column": "category", "name": "Category"}, {"column": "online", "name": "Online"}],
}
ITEMS = """
    SELECT * FROM (VALUES (1.0, 'Coat', 'red;blue', 10), (2.0, 'Hat', '', NULL)) t(sku, title, colours, price)
"""
ITEM_TAGS: dict[str, Any] = {
    "name": "Items",
    "kind": "item_tags",
    "table": "items",
    "item_id": "sku",
    "item_name": "title",
    "tags": [
        {"column": "colours", "name": "Colours", "type": "multi", "separator": ";"},
        {"column": "price", "name": "Price", "type": "number"},
    ],
}
SALES = """
    SELECT * FROM (VALUES
        ('u1', '2026-01-05', 2400.0, '13800000001', 2), ('u1', '2026-02-10', 10.5, '+8613800000001', 1),
        ('u2', '2026-01-20 10:00:00', 1500.0, NULL, 3), ('u2', '20260203', -500.0, 'none', NULL),
        ('u3', '2026-02-20', 60.25, '13800000003', 5), ('u4', NULL, 60.0, NULL, 1),
        ('', '2026-01-01', 5.0, NULL, 1), ('u5', '2026-02-30', 5.0, NULL, 1), ('u6', '2026-02-01', NULL, NULL, 1),
        ('u7', '2026-03-01', 99.0, NULL, 1)
    ) t(who, day, money, phone, n)
"""
RFM: dict[str, Any] = {
    "name": "Buyers",
    "kind": "rfm",
    "table": "sales",
    "user_id": {"column": "who", "id_type": "one_id"},
    "ids": [{"column": "phone", "id_type": "mobile"}],
    "fix_prefix": True,
    "input": "transactions",
    "time": "day",
    "amount": "money",
}
TOTALS: dict[str, Any] = {
    **RFM,
    "name": "Totals",
    "input": "customers",
    "count": "n",
    "bands": {"m": {"bounds": [100, 1000], "scores": [1, 2, 3]}},
    "compare": {"m": 2},
}
TABLES = {"members": MEMBERS, "events": EVENTS, "purchases": WIDE_EVENTS, "items": ITEMS, "sales": SALES}
DEFINITIONS = {
    "tags": DEFINITION,
    "key_value": BEHAVIOUR,
    "wide": WIDE,
    "items": ITEM_TAGS,
    "rfm": RFM,
    "totals": TOTALS,
}


@dataclass
class Place:
    """Where the tables lie; `server` is None for the lake."""

    world: World
    source: str
    server: Server | None = None

    def dataset(self, data: dict[str, Any] | None = None, **more: Any) -> Dataset:
        return self.world.dataset({**(data or DEFINITION), "source": self.source, **more})

    def rows(self, dataset: Dataset) -> list[dict[str, Any]]:
        """The rows of the current version, in an order of their own."""
        engine = get_engine(self.source)
        found = engine.execute(engine.table(self.world.workspace, dataset.lake_table)).to_pylist()
        return sorted(found, key=repr)

    def tables(self) -> list[str]:
        """The tables of datasets and audiences that are there."""
        names = get_engine(self.source).tables(self.world.workspace)
        return [name for name in names if name.startswith(("ds_", "aud_"))]


def lake_place(world: World) -> Place:
    for name, select in TABLES.items():
        world.table(name, select)
    return Place(world, "lake")


def postgres_place(world: World, server: Server) -> Place:
    server.run(*(f"CREATE TABLE {name} AS {select}" for name, select in TABLES.items()))
    return Place(world, connect(world, server).pk, server)


def connect(world: World, server: Server, **more: Any) -> Connection:
    """A source in which datasets may live."""
    return services.create(world.access, server.settings(name="Warehouse", **{"push_down": True, **more}))


def close(place: Place) -> None:
    """Let go of the database, so that it can be dropped."""
    engines.forget(place.source)
