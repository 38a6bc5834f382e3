"""Short links of the demo retailer, with clicks as a send-out brings them: many at first, then fewer and fewer."""

from __future__ import annotations

import hashlib
import random
from datetime import datetime, timedelta

from django.utils import timezone

from cdp.core import timezones
from cdp.core.access import Access
from cdp.demo.steps import one
from marketing.links import codes, services
from marketing.links.models import LinkClick, LinkDomain, ShortLink

DOMAIN = "shop.example.com"
LINKS = (
    ("会员日主会场", f"https://{DOMAIN}/member-day?channel=sms", 30, 9, 640),
    ("新品试用申请", f"https://{DOMAIN}/trial", 7, 4, 210),
    ("门店周末活动", f"https://{DOMAIN}/stores/weekend", 1, 12, 95),
)
"""Name, target, days of validity, days since it was made, clicks."""
DEVICES = (
    ("phone", "Android", 46),
    ("phone", "iOS", 38),
    ("phone", "HarmonyOS", 8),
    ("computer", "Windows", 6),
    ("tablet", "iOS", 2),
)
NAMED = 0.7
MACHINES = 0.06
NIGHT = 0.85
"""So many of the clicks before seven in the morning are left out, as people sleep."""


def load(access: Access) -> None:
    """Three links, two of them active; each is made once, with its clicks."""
    one(LinkDomain, access, lambda: services.add_domain(access, DOMAIN), name=DOMAIN)
    for name, target, days, age, count in LINKS:
        one(
            ShortLink,
            access,
            lambda name=name, rest=(target, days, age, count): _make(access, name, *rest),
            name=name,
        )


def _make(access: Access, name: str, target: str, days: int, age: int, count: int) -> ShortLink:
    link = services.create(access, name=name, target=target, days=days)
    made = timezone.now() - timedelta(days=age)
    if age >= days:
        link.expires_at = made + timedelta(days=days)
    link.created_at = made
    link.save(update_fields=["created_at", "expires_at"])
    end = min(link.expires_at, timezone.now())
    LinkClick.objects.bulk_create(_clicks(link, made, end, count), batch_size=500)
    return link


def _clicks(link: ShortLink, made: datetime, end: datetime, count: int) -> list[LinkClick]:
    """The same clicks at every run, apart from their day."""
    chance = random.Random(link.name)
    zone = timezones.zone(link.workspace)
    found: list[LinkClick] = []
    while len(found) < count:
        at = made + timedelta(hours=chance.expovariate(1 / 20))
        asleep = at.astimezone(zone).hour < 7 and chance.random() < NIGHT
        if at >= end or asleep:
            continue
        device, system, _weight = chance.choices(DEVICES, [weight for *_rest, weight in DEVICES])[0]
        member = min(int(chance.expovariate(1 / (count / 3))), count)
        mobile = f"1380013{member:04d}"
        machine = chance.random() < MACHINES
        named = not machine and chance.random() < NAMED
        found.append(
            LinkClick(
                link=link,
                at=at,
                person=(codes.person_code(link.key, mobile) or "") if named else "",
                visitor=hashlib.sha256(f"{member} {at.date()}".encode()).hexdigest()[:32],
                device="other" if machine else device,
                system="" if machine else system,
                is_machine=machine,
            )
        )
    return found
