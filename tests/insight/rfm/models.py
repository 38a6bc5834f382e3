"""RFM models of the printed customers and of given transactions, and the slow way to score them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from cdp.core import timezones
from insight.datasets.models import Dataset
from tests.insight.datasets.test_rfm import BANDS, CUSTOMERS
from tests.insight.datasets.world import World

USER = {"column": "who", "id_type": "mobile"}
Order = tuple[str, date, float]


def printed(world: World) -> Dataset:
    """The eight customers of the printed example; c1 is 13800000001 and so on."""
    today = timezones.today(world.workspace)
    rows = ", ".join(
        f"('1380000000{number}', DATE '{today}' - {days}, {count}, {amount})"
        for number, (_name, days, count, amount, *_rest) in enumerate(CUSTOMERS, start=1)
    )
    world.table("customers", f"SELECT * FROM (VALUES {rows}) t(who, day, n, money)")
    given = {"kind": "rfm", "table": "customers", "user_id": USER, "input": "customers", "bands": BANDS}
    return world.dataset({**given, "name": "Printed", "time": "day", "amount": "money", "count": "n"})


def of_orders(world: World, orders: Iterable[Order], **more: Any) -> Dataset:
    put(world, orders)
    given = {"kind": "rfm", "table": "orders", "user_id": USER, "input": "transactions", "bands": BANDS}
    return world.dataset({**given, "name": "Orders", "time": "day", "amount": "money", **more})


def put(world: World, orders: Iterable[Order]) -> None:
    rows = ", ".join(f"('{who}', DATE '{day}', {money!r}::DOUBLE)" for who, day, money in orders)
    world.table("orders", f"SELECT * FROM (VALUES {rows}) t(who, day, money)")


def band(name: str, value: float) -> float:
    """The score of a value by BANDS."""
    place = sum(value >= bound for bound in BANDS[name]["bounds"])
    return float(BANDS[name]["scores"][place])


TYPE = {
    (True, True, True): "high_value",
    (False, True, True): "key_keep",
    (True, False, True): "key_develop",
    (False, False, True): "key_win_back",
    (True, True, False): "general_value",
    (False, True, False): "general_keep",
    (True, False, False): "general_develop",
    (False, False, False): "potential",
}


def scores(orders: Iterable[Order], as_of: date, days: int | None = None) -> dict[str, tuple[float, ...]]:
    """(r_days, f, m, rs, fs, ms) per customer, from the orders of the period."""
    by_user: dict[str, list[tuple[date, float]]] = {}
    for who, day, money in orders:
        if day <= as_of and (days is None or (as_of - day).days < days):
            by_user.setdefault(who, []).append((day, money))
    found: dict[str, tuple[float, ...]] = {}
    for who, rows in by_user.items():
        bought = [day for day, money in rows if money >= 0]
        if bought:
            r, f = float((as_of - max(bought)).days), float(len(bought))
            m = float(sum(money for _day, money in rows))
            found[who] = (r, f, m, band("r", r), band("f", f), band("m", m))
    return found


def types(found: Mapping[str, tuple[float, ...]], compare: Mapping[str, float]) -> dict[str, str]:
    return {
        who: TYPE[rs >= compare["r"], fs >= compare["f"], ms >= compare["m"]]
        for who, (_r, _f, _m, rs, fs, ms) in found.items()
    }
