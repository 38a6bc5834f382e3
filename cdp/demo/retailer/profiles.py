"""How large the retailer is, and the facts that all its tables share."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

HISTORY_DAYS = 760
DAY = 86_400
END = HISTORY_DAYS * DAY
"""Times are counted in seconds from the first day's midnight; END is the midnight after `as_of`."""

AES_KEY = "0123456789ABCDEF"
"""The key of the column `mobile_aes`. It is public: it guards nothing but invented numbers."""

ONLINE = ("小程序", "app", "官网", "微信", "天猫", "京东")
STORES = tuple(f"门店{number}" for number in range(1, 21))
CHANNELS = ("小程序", "app", "官网", "微信", *STORES, "天猫", "京东")
REFUND_STORE = "门店7"
BEHAVIOUR_TYPES = ("购买", "加购", "浏览", "收藏", "登录", "注册", "退款", "打开短信")
ATTRIBUTES = ("一级类目", "二级类目", "品牌", "商品", "页面")
PAGES = ("首页", "会员中心", "注册页", "订单页", "活动页", "短信落地页")


@dataclass(frozen=True)
class Profile:
    """`share`: of all browsing and the like, how much is kept. `chunk`: users whose behaviour is made at once."""

    users: int
    items: int
    share: float = 1.0
    chunk: int = 100_000
    in_memory: bool = True


PROFILES = {
    "test": Profile(2_000, 60),
    "demo": Profile(60_000, 400),
    "train": Profile(800_000, 1_200, share=0.05, chunk=200_000, in_memory=False),
    "bench": Profile(10_000_000, 5_000, share=0.15, chunk=250_000, in_memory=False),
}


@dataclass(frozen=True)
class Persona:
    """How somebody buys. `share`: of all users. Days between orders have the median `gap`; `life` is the mean time
    in days until they stop; the first order comes within the first `start` of the history."""

    name: str
    share: float
    most: int
    gap: float = 0
    life: float = 0
    start: float = 1
    lines: float = 0.26


PERSONAS = (
    Persona("loyal", 0.0255, 56, gap=24, life=9000, start=0.2, lines=0.62),  # the very important ones
    Persona("loyal", 0.0235, 40, gap=34, life=600, start=0.8),
    Persona("regular", 0.126, 24, gap=36, life=400, start=0.85),
    Persona("occasional", 0.21, 8, gap=165, life=400, start=0.95),
    Persona("one_off", 0.315, 2, gap=420, life=60),
    Persona("never", 0.3, 0),
)
VIP, LOYAL, REGULAR, OCCASIONAL, ONE_OFF, NEVER = range(6)
WAVE_SHARE = 0.3
WAVE_FIRST, WAVE_LAST = 70, 40
"""The churn wave: this share of the regular customers stops buying between so many days before the end."""


def first_day(as_of: date) -> date:
    return as_of - timedelta(days=HISTORY_DAYS - 1)


def moment(seconds: str, as_of: date) -> str:
    """SQL for the TIMESTAMP of a number of seconds."""
    epoch = (first_day(as_of) - date(1970, 1, 1)).days * DAY
    return f"make_timestamp((({seconds})::BIGINT + {epoch}) * 1000000)"
