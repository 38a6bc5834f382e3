"""Which entries of the navigation a person opens, and which of them most: "recently used" on the home page."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.core.cache import cache
from django.db import connection
from django.db.models import Max, Sum
from django.urls import reverse
from django.utils import timezone

from cdp.console import navigation
from cdp.console.models import PageVisit
from cdp.core import timezones
from cdp.core.access import Access

ONE_VISIT_SECONDS = 600
HOME = "console:home"
DAYS, MOST_USED = 30, 8
KEPT_DAYS = 400


def note_visit(access: Access, url_name: str) -> None:
    """Count a visit to an entry of the navigation, at most once in ten minutes.

    Reloading and coming back from a detail page are the same visit; so most pages cost no write.
    """
    if url_name == HOME or url_name not in {item.url_name for item in navigation.items()}:
        return
    key = f"visit:{access.workspace.pk}:{access.user.pk}:{url_name}"
    if not cache.add(key, 1, ONE_VISIT_SECONDS):
        return
    table = connection.ops.quote_name(PageVisit._meta.db_table)
    with connection.cursor() as cursor:
        # One statement: two tabs opened at once must not collide.
        cursor.execute(
            f"INSERT INTO {table} AS seen (user_id, workspace_id, url_name, day, visits, last_at)"
            " VALUES (%s, %s, %s, %s, 1, now()) ON CONFLICT (user_id, workspace_id, url_name, day)"
            " DO UPDATE SET visits = seen.visits + 1, last_at = now()",
            [access.user.pk, access.workspace.pk, url_name, timezones.today(access.workspace)],
        )


def most_used(access: Access) -> list[dict[str, Any]]:
    """Entries of the navigation that the person used most in the last 30 days, today included: label, icon, url."""
    by_name = {item.url_name: item for item in navigation.items() if item.visible(access)}
    first = timezones.today(access.workspace) - timedelta(days=DAYS - 1)
    rows = PageVisit.objects.filter(
        user=access.user, workspace=access.workspace, day__gte=first, url_name__in=by_name
    )
    counted = rows.values("url_name").annotate(times=Sum("visits"), last=Max("last_at"))
    most = counted.order_by("-times", "-last")[:MOST_USED]
    found = [by_name[row["url_name"]] for row in most]
    return [
        {"label": item.label, "icon": item.icon, "url": reverse(item.url_name, args=[access.workspace.slug])}
        for item in found
    ]


def forget_old() -> int:
    """Remove days that nothing asks about any more; how many rows went."""
    limit = timezone.now().date() - timedelta(days=KEPT_DAYS)
    return PageVisit.objects.filter(day__lt=limit).delete()[0]
