"""How a send-out went over time: people by the hour, or by the day where it took longer than two days."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.utils.dateparse import parse_datetime

from cdp.core import timezones
from marketing.delivery import comparing
from marketing.delivery.models import Recipient, SendOut

NAMES = ("sent", "delivered", "opened", "clicked")
HOURS = 48
"""So many are shown one by one."""


def of(send_out: SendOut) -> dict[str, Any]:
    """`unit` (hour or day) and `rows`: `at`, where the hour or day begins, and how many people were sent to,
    delivered to, opened first and clicked first in it. No hour or day between is left out.

    Each person counts once in each figure, so that they add up to those of the whole.
    """
    if send_out.rows_deleted_at is not None:
        return dict(send_out.counters.get("course") or {"unit": "hour", "rows": []})
    counted = _by_hour(send_out)
    if not counted:
        return {"unit": "hour", "rows": []}
    first, last = min(counted), max(counted)
    if last - first < timedelta(hours=HOURS):
        hours = int((last - first) / timedelta(hours=1))
        moments = [first + timedelta(hours=number) for number in range(hours + 1)]
        return {"unit": "hour", "rows": [_row(send_out, at, counted.get(at, {})) for at in moments]}
    return {"unit": "day", "rows": _by_day(send_out, counted)}


def _by_day(send_out: SendOut, counted: dict[datetime, dict[str, int]]) -> list[dict[str, Any]]:
    zone = timezones.zone(send_out.workspace)
    days: dict[datetime, dict[str, int]] = {}
    for hour, counts in counted.items():
        day = days.setdefault(hour.astimezone(zone).replace(hour=0, minute=0), dict.fromkeys(NAMES, 0))
        for name, count in counts.items():
            day[name] += count
    # Days of a zone are not all of 24 hours: wall-clock arithmetic goes from midnight to midnight.
    moment, last, rows = min(days), max(days), []
    while moment <= last:
        rows.append(_row(send_out, moment, days.get(moment, {})))
        moment += timedelta(days=1)
    return rows


def _row(send_out: SendOut, at: datetime, counts: dict[str, int]) -> dict[str, Any]:
    zone = timezones.zone(send_out.workspace)
    return {"at": at.astimezone(zone).isoformat(), **{name: counts.get(name, 0) for name in NAMES}}


def _by_hour(send_out: SendOut) -> dict[datetime, dict[str, int]]:
    """One pass over the ledger. No platform's clock puts a report before the hand-over, or into the future."""
    sql = f"""
        SELECT date_trunc('hour', m.at, %s), m.name, count(*)
          FROM {Recipient._meta.db_table} r
          JOIN {SendOut._meta.db_table} s ON s.id = r.send_out_id
         CROSS JOIN LATERAL (SELECT coalesce(r.handed_at, s.started_at, s.resolved_at) AS at) h
         CROSS JOIN LATERAL (VALUES
               ('sent', CASE WHEN r.state IN ({comparing.SENT_SQL}) THEN h.at END),
               ('delivered', CASE WHEN r.state = 'delivered' THEN coalesce(r.reported_at, h.at) END),
               ('opened', r.opened_at),
               ('clicked', r.clicked_at)) AS w (name, at)
         CROSS JOIN LATERAL (SELECT w.name, greatest(h.at, least(now(), w.at)) AS at) m
         WHERE r.send_out_id = %s AND w.at IS NOT NULL
         GROUP BY 1, 2
    """
    found: dict[datetime, dict[str, int]] = {}
    with connection.cursor() as cursor:
        cursor.execute(sql, [str(timezones.zone(send_out.workspace)), send_out.pk])
        for at, name, count in cursor.fetchall():
            found.setdefault(at, {})[name] = count
    return found


def moments(found: dict[str, Any]) -> list[datetime]:
    """The beginnings of its hours or days."""
    return [moment for row in found["rows"] if (moment := parse_datetime(row["at"])) is not None]
