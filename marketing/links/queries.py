"""Reading short links, and counting their clicks."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import Count, F, Max, Min, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce, ExtractHour, NullIf, TruncDate
from django.utils import timezone

from cdp.core import timezones
from cdp.core.identifiers import ID_TYPES
from marketing.links import codes
from marketing.links.models import LinkClick, ShortLink

_WHO = Coalesce(NullIf(F("person"), Value("")), F("visitor"))
"""A person is a named number, or else a visitor of one day."""
CLICKS = Count("pk")
PEOPLE = Count(_WHO, distinct=True)
FIELDS = ("device", "system", "region")


def links(workspace: Any) -> QuerySet[ShortLink]:
    """The workspace's links."""
    return ShortLink.objects.in_workspace(workspace).filter(deleted_at=None)


def active(workspace: Any, term: str = "") -> QuerySet[ShortLink]:
    """The workspace's links that lead on now, the latest first; with a term in name, target or code."""
    rows = (
        links(workspace).filter(stopped_at=None, expires_at__gt=timezone.now()).order_by("-created_at", "pk")
    )
    found = Q(name__icontains=term) | Q(target__icontains=term) | Q(code__icontains=term)
    return rows.filter(found) if term else rows


def counted(workspace: Any) -> QuerySet[ShortLink]:
    """The workspace's links with their `views` and `people`."""
    of_link = LinkClick.objects.filter(link=OuterRef("pk"), is_machine=False).order_by().values("link")
    return links(workspace).annotate(
        views=Coalesce(Subquery(of_link.annotate(found=CLICKS).values("found")), 0),
        people=Coalesce(Subquery(of_link.annotate(found=PEOPLE).values("found")), 0),
    )


def clicks(link: ShortLink) -> QuerySet[LinkClick]:
    """The clicks of people."""
    return link.clicks.filter(is_machine=False)


def numbers(link: ShortLink) -> dict[str, Any]:
    """Clicks and people in all, named people, and visits of machines, which are in no other number."""
    found = clicks(link).aggregate(
        clicks=CLICKS,
        people=PEOPLE,
        named=Count("person", distinct=True, filter=~Q(person="")),
        first_at=Min("at"),
        last_at=Max("at"),
    )
    return {**found, "machines": link.clicks.filter(is_machine=True).count()}


def by_day(link: ShortLink) -> list[dict[str, Any]]:
    """Clicks and people of each day of the workspace, first to last: [{"day", "clicks", "people"}]."""
    day = TruncDate("at", tzinfo=timezones.zone(link.workspace))
    rows = clicks(link).annotate(day=day).values("day").annotate(clicks=CLICKS, people=PEOPLE)
    found = {row["day"]: row for row in rows.order_by("day")}
    if not found:
        return []
    first, last = min(found), max(found)
    days = (first + timedelta(days=number) for number in range((last - first).days + 1))
    return [found.get(day, {"day": day, "clicks": 0, "people": 0}) for day in days]


def by_hour(link: ShortLink) -> list[dict[str, int]]:
    """The 24 hours of the workspace's day, whatever the date: [{"hour", "clicks", "people"}]."""
    hour = ExtractHour("at", tzinfo=timezones.zone(link.workspace))
    rows = clicks(link).annotate(hour=hour).values("hour").annotate(clicks=CLICKS, people=PEOPLE)
    found = {row["hour"]: row for row in rows.order_by()}
    return [found.get(hour, {"hour": hour, "clicks": 0, "people": 0}) for hour in range(24)]


def by(link: ShortLink, field: str) -> list[dict[str, Any]]:
    """Clicks and people of each device, system or region, "" where it is not known: [{"value", "clicks", "people"}]."""
    rows = clicks(link).values(value=F(field)).annotate(clicks=CLICKS, people=PEOPLE)
    return list(rows.order_by("-clicks", "value"))


def people(link: ShortLink) -> QuerySet[LinkClick, dict[str, Any]]:
    """The named people: {"person", "clicks", "first_at", "last_at"}, who clicked last first."""
    rows = clicks(link).exclude(person="").values("person")
    found = rows.annotate(clicks=CLICKS, first_at=Min("at"), last_at=Max("at"))
    return found.order_by("-last_at", "person")


def mobile(link: ShortLink, person: str) -> str:
    """The mobile number of a person's code, "" for nobody."""
    return (codes.mobile_of(link.key, person) or "") if person else ""


def masked(link: ShortLink, person: str) -> str:
    return ID_TYPES["mobile"].mask(mobile(link, person))


def _in_text(after: str) -> str:
    """A pattern for short addresses in a text, with what stands behind them."""
    return rf"{re.escape(settings.SHORT_LINK_HOST)}/s/{after}"


def in_text(workspace: Any, text: str) -> QuerySet[ShortLink]:
    """The workspace's links whose short addresses stand in a text."""
    found = re.findall(_in_text(rf"([0-9A-Za-z]{{{codes.LENGTH}}})(?![0-9A-Za-z])"), text)
    return links(workspace).filter(code__in=set(found))


def is_cut(text: str) -> bool:
    """Whether a variable stands inside a short address, which would then lead nowhere."""
    return re.search(_in_text(r"[^\s<>\"']*\$\{"), text) is not None
