"""The figures of a send-out for each of the audiences that it went to.

Who is in several audiences gets one message and counts in each of them, so that together they may have more people than
the whole; `several` says how many those are.
"""

from __future__ import annotations

from typing import Any

from django.db import connection

from insight.audiences.models import Audience
from marketing.delivery import comparing
from marketing.delivery.models import Recipient, SendOut

COUNTS = ("people", "left_out", "sent", "delivered", "failed", "opened", "clicked", "unsubscribed")
_WHICH = {
    "people": "TRUE",
    "left_out": "r.state = 'filtered'",
    "sent": f"r.state IN ({comparing.SENT_SQL})",
    "delivered": "r.state = 'delivered'",
    "failed": "r.state = 'failed'",
    "opened": "r.opened_at IS NOT NULL",
    "clicked": "r.clicked_at IS NOT NULL",
    "unsubscribed": "r.unsubscribed_at IS NOT NULL",
}


def of(send_out: SendOut) -> list[dict[str, Any]]:
    """Per audience `id`, `name`, `COUNTS`, and `several`: those of its people who are in another one as well.

    Empty where it is not known who came from where, as of what is sent again to the failed.
    """
    if send_out.rows_deleted_at is not None:
        return [dict(row) for row in send_out.counters.get("audiences", [])]
    found = _audiences(send_out)
    counted = _counted(send_out, len(found))
    if not counted:
        return []
    none = dict.fromkeys((*COUNTS, "several"), 0)
    return [{"id": row.pk, "name": row.name, **counted.get(place, none)} for place, row in enumerate(found)]


def _audiences(send_out: SendOut) -> list[Audience]:
    """In the order of the bits."""
    others = send_out.parts.filter(excluded=False).select_related("audience")
    first = [send_out.audience] if send_out.audience else []
    return [*first, *(row.audience for row in others)]


def _counted(send_out: SendOut, number: int) -> dict[int, dict[str, int]]:
    counts = ", ".join(f"count(*) FILTER (WHERE {which})" for which in _WHICH.values())
    several = "count(*) FILTER (WHERE r.in_audiences & (r.in_audiences - 1) <> 0)"
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT p.place, {counts}, {several}
              FROM {Recipient._meta.db_table} r
              JOIN generate_series(0, %s - 1) AS p (place) ON r.in_audiences & (1 << p.place) <> 0
             WHERE r.send_out_id = %s GROUP BY p.place
            """,
            [number, send_out.pk],
        )
        return {place: dict(zip((*COUNTS, "several"), row, strict=True)) for place, *row in cursor.fetchall()}
