"""Counting which entries of the navigation a person opens, for "recently used" on the home page."""

from __future__ import annotations

from django.core.cache import cache
from django.db import connection

from cdp.console import navigation
from cdp.console.models import PageVisit
from cdp.core.access import Access

ONE_VISIT_SECONDS = 600
HOME = "console:home"


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
