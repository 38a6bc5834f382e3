"""A workspace whose short links may lead to shop.example.com, and the people who follow them."""

from __future__ import annotations

from typing import Any

from django.test import Client

from marketing.links import services
from marketing.links.models import ShortLink
from tests.factories import make_access

PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Mobile/15E148 MicroMessenger/8.0.49"
)
ANDROID = "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 Chrome/126.0 Mobile Safari/537.36"
COMPUTER = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/126.0 Safari/537.36"
TARGET = "https://shop.example.com/sale"


def make_shop() -> Any:
    """The access of an administrator."""
    access = make_access()
    services.add_domain(access, "shop.example.com")
    return access


def make_link(access: Any, **values: Any) -> ShortLink:
    return services.create(access, **{"name": "Sale", "target": TARGET, "days": 7, **values})


def follow(
    link: ShortLink, query: str = "", *, ip: str = "203.0.113.7", agent: str = PHONE, **headers: Any
) -> Any:
    """What a browser gets that asks for the short address."""
    headers = {"User-Agent": agent, **headers}
    return Client().get(f"/s/{link.code}{query}", headers=headers, REMOTE_ADDR=ip)
