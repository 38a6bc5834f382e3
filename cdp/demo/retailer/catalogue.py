"""What the shop sells, and who likes it.

Twelve tastes rule what people choose: each taste prefers some categories, brands and single items. A person follows
one taste most of the time and a second one sometimes, so that knowing somebody's purchases says more about the next
one than knowing what sells well.
"""

from __future__ import annotations

import math
import random
from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate

import duckdb
import pyarrow as pa

from cdp.demo.retailer.profiles import ATTRIBUTES, HISTORY_DAYS, PAGES, Profile

CATEGORIES: dict[str, dict[str, int]] = {
    "女装": {"连衣裙": 420, "女士外套": 680, "半身裙": 280, "女士裤装": 310, "家居服": 230},
    "男装": {"男士外套": 720, "衬衫": 290, "男士裤装": 330, "针织衫": 380},
    "童装": {"童装套装": 210, "童装外套": 320, "婴儿服": 160},
    "鞋包": {"休闲鞋": 460, "靴子": 620, "手提包": 880, "背包": 360},
    "配饰": {"围巾": 150, "帽子": 110, "首饰": 260},
    "礼品": {"巧克力": 130, "香氛": 220},
}
"""First and second categories, with a usual price in yuan."""

TASTES: tuple[tuple[str, ...], ...] = (
    ("连衣裙", "半身裙"),
    ("女士外套", "女士裤装", "围巾"),
    ("家居服", "香氛"),
    ("手提包", "首饰", "连衣裙"),
    ("巧克力", "香氛", "半身裙"),
    ("男士外套", "男士裤装"),
    ("衬衫", "针织衫"),
    ("休闲鞋", "背包", "男士裤装"),
    ("童装套装", "童装外套", "婴儿服"),
    ("靴子", "女士外套", "帽子"),
    ("休闲鞋", "帽子", "女士裤装"),
    ("婴儿服", "家居服", "围巾"),
)
COLORS = ("黑", "白", "米", "灰", "驼", "藏青", "红", "粉", "绿", "蓝")
MATERIALS = ("棉", "羊毛", "亚麻", "涤纶", "真丝", "牛皮", "混纺")
STYLES = ("通勤", "休闲", "复古", "运动", "甜美", "简约", "街头", "度假")
WORDS = ("云纹", "晚风", "青石", "拾光", "鹿野", "初雪", "半夏", "长汀", "浮岛", "栗色")
LEVELS = 3
"""Price levels of people: they look for the cheap, the usual or the dear things."""


@dataclass(frozen=True)
class Item:
    number: int
    name: str
    cat1: str
    cat2: str
    brand: int
    price: int
    """In cents."""
    launch: int
    """Day of the history on which it went on sale; negative for those before."""
    season: str
    popularity: float


class Catalogue:
    """Items and the tables from which people draw them. The last item is in the shop, but nobody ever looks at it."""

    def __init__(self, profile: Profile, seed: int) -> None:
        self._random = random.Random(f"{seed}:catalogue")
        self.slots = 2048 if profile.items < 1000 else 16384
        self.brands = [f"品牌{_letters(number)}" for number in range(max(6, min(48, profile.items // 16)))]
        self.cat1 = list(CATEGORIES)
        self.cat2 = [name for group in CATEGORIES.values() for name in group]
        self.items = [self._item(number) for number in range(1, profile.items + 1)]

    def _item(self, number: int) -> Item:
        chance = self._random
        cat2 = (
            self.cat2[(number - 1) % len(self.cat2)]
            if number <= 2 * len(self.cat2)
            else chance.choice(self.cat2)
        )
        cat1 = next(name for name, group in CATEGORIES.items() if cat2 in group)
        price = CATEGORIES[cat1][cat2] * math.exp(0.38 * chance.gauss(0, 1))
        return Item(
            number,
            f"{chance.choice(WORDS)}{cat2}{number:04d}",
            cat1,
            cat2,
            chance.randrange(len(self.brands)),
            max(29, round(price / 10) * 10 - 1) * 100,
            chance.randrange(60, HISTORY_DAYS - 20) if chance.random() < 0.15 else -chance.randrange(20, 900),
            chance.choices(("春夏", "秋冬", "四季"), (0.3, 0.35, 0.35))[0],
            math.exp(0.3 * chance.gauss(0, 1)),
        )

    def weights(self, taste: int, noise: list[float], brands: list[float]) -> list[float]:
        """How much a taste likes each item, whatever it costs."""
        result = []
        for item in self.items:
            liked = TASTES[taste]
            category = 1.0 / (1 + liked.index(item.cat2)) if item.cat2 in liked else 0.02
            result.append(category * item.popularity * brands[item.brand] * noise[item.number - 1])
        result[-1] = 0.0
        return result

    def draws(self) -> pa.Table:
        """For each taste, price level and half of the year: which item each of `slots` equal chances gives."""
        chance = self._random
        columns: dict[str, list[int]] = {name: [] for name in ("taste", "level", "warm", "slot", "item")}
        for taste in range(len(TASTES)):
            noise = [math.exp(0.9 * chance.gauss(0, 1)) for _item in self.items]
            brands = [math.exp(0.7 * chance.gauss(0, 1)) for _brand in self.brands]
            liked = self.weights(taste, noise, brands)
            for level in range(LEVELS):
                for warm in (0, 1):
                    drawn = self._draw(liked, level, warm)
                    columns["taste"] += [taste] * self.slots
                    columns["level"] += [level] * self.slots
                    columns["warm"] += [warm] * self.slots
                    columns["slot"] += range(self.slots)
                    columns["item"] += drawn
        return pa.table({name: pa.array(values, pa.int32()) for name, values in columns.items()})

    def _draw(self, liked: list[float], level: int, warm: int) -> list[int]:
        weights = []
        for item, weight in zip(self.items, liked, strict=True):
            usual = CATEGORIES[item.cat1][item.cat2] * 100
            apart = math.log(item.price / usual) - (level - 1) * 0.35
            season = 1.0 if item.season == "四季" else 1.6 if (item.season == "春夏") == bool(warm) else 0.35
            weights.append(weight * math.exp(-1.6 * apart * apart) * season)
        passed = list(accumulate(weights))
        return [
            bisect_right(passed, (slot + 0.5) / self.slots * passed[-1]) + 1 for slot in range(self.slots)
        ]

    def instead(self, item: Item) -> int:
        """What is bought while the item is not on sale yet."""
        old = [other for other in self.items[:-1] if other.launch <= 0]
        same = [other for other in old if other.cat2 == item.cat2] or old
        return max(same, key=lambda other: (other.popularity, other.number)).number

    def load(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Make the tables item, draw and object."""
        chance = self._random
        rows = [
            {
                "item": item.number,
                "item_id": f"A{item.number:05d}",
                "item_name": item.name,
                "cat1": item.cat1,
                "cat2": item.cat2,
                "brand": self.brands[item.brand],
                "cat1_no": self.cat1.index(item.cat1) + 1,
                "cat2_no": self.cat2.index(item.cat2) + 1,
                "brand_no": item.brand + 1,
                "price": item.price,
                "launch": item.launch,
                "instead": item.number if item.launch <= 0 else self.instead(item),
                "season": item.season,
                "spec": chance.choice(("均码", "S/M/L", "S/M/L/XL")),
                "buy_threshold": "会员" if chance.random() < 0.2 else "非会员",
                "profit_rate": round(chance.uniform(0.25, 0.7), 2),
                "launch_price": round(item.price * chance.choice((1, 1, 1.1, 1.25)) / 100) * 100,
                "color": chance.choice(COLORS),
                "material": chance.choice(MATERIALS),
                "style": ",".join(sorted(chance.sample(STYLES, chance.choice((1, 2, 2, 3))))),
            }
            for item in self.items
        ]
        connection.register("item_rows", pa.Table.from_pylist(rows))
        connection.execute("CREATE TABLE item AS SELECT * FROM item_rows")
        connection.register("draw_rows", self.draws())
        connection.execute(
            """CREATE TABLE draw AS SELECT d.*, i.launch, i.instead
               FROM draw_rows d JOIN item i USING (item)"""
        )
        values = {
            "一级类目": self.cat1,
            "二级类目": self.cat2,
            "品牌": self.brands,
            "商品": [item.name for item in self.items],
            "页面": PAGES,
        }
        objects = [
            {"attr": attr, "no": number, "object_attr": name, "object_value": value}
            for attr, name in enumerate(ATTRIBUTES, 1)
            for number, value in enumerate(values[name], 1)
        ]
        connection.register("object_rows", pa.Table.from_pylist(objects))
        connection.execute(
            """CREATE TABLE object AS
               SELECT attr::TINYINT AS attr, no::INTEGER AS no, object_attr, object_value,
                      CASE WHEN object_attr = '商品' THEN (SELECT item_id FROM item WHERE item = no) END AS value_id
               FROM object_rows ORDER BY attr, no"""
        )
        for name in ("item_rows", "draw_rows", "object_rows"):
            connection.unregister(name)


def _letters(number: int) -> str:
    """A … Z, AA, AB …"""
    return chr(65 + number) if number < 26 else _letters(number // 26 - 1) + chr(65 + number % 26)
