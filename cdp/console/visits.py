"""Which entries of the navigation a person opens, and which of them most: "recently used" on the home page."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.core.cache import cache
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from cdp.console import navigation
from cdp.console.models import PageVisit
from cdp.core.access import Access

ONE_VISIT_SECONDS = 600
HOME = "console:home"
DAYS, MOST_USED = 30, 8


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
            f"INSERT INTO {table} AS seen (user_id, workspace_id, url_name, visits, last_at)"
            " VALUES (%s, %s, %s, 1, now()) ON CONFLICT (user_id, workspace_id, url_name)"
            " DO UPDATE SET visits = seen.visits + 1, last_at = now()",
            [access.user.pk, access.workspace.pk, url_name],
        )


def most_used(access: Access) -> list[dict[str, Any]]:
    """Entries of the navigation that the person used most in the last 30 days: label, icon, url."""
    visits = PageVisit.objects.filter(
        user=access.user, workspace=access.workspace, last_at__gte=timezone.now() - timedelta(days=DAYS)
    ).order_by("-visits", "-last_at")[:MOST_USED]
    by_name = {item.url_name: item for item in navigation.items() if item.visible(access)}
    return [
        {"label": item.label, "icon": item.icon, "url": reverse(item.url_name, args=[access.workspace.slug])}
        for visit in visits
        if (item := by_name.get(visit.url_name)) is not None
    ]
