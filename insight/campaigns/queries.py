"""Reads of campaigns that the console and the API share."""

from __future__ import annotations

from datetime import date

from django.db.models import Count, Q, QuerySet

from insight.campaigns.models import Campaign


def with_counts(rows: QuerySet[Campaign]) -> QuerySet[Campaign]:
    """The campaigns with `audiences` and `tasks`: how many of each belong to them."""
    return rows.annotate(
        audiences=Count("links", filter=Q(links__kind="audience")),
        tasks=Count("links", filter=~Q(links__kind="audience") & Q(links__isnull=False)),
    )


def in_state(state: str, today: date) -> Q:
    """The condition of being in a state on a day of the workspace's calendar."""
    if state == Campaign.State.PLANNED:
        return Q(starts__gt=today)
    if state == Campaign.State.ENDED:
        return Q(ends__lt=today)
    return Q(starts__lte=today, ends__gte=today)
