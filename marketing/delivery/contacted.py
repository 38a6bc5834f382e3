"""Whom the runs of a plan have written to, kept as hashes alone when the recipients themselves are deleted."""

from __future__ import annotations

from django.db import connection

from marketing.delivery.models import PlanContact, Recipient, SendOut


def remember(key: str) -> None:
    """Before the recipients of a send-out go. Nothing where it is not the run of a plan; may run twice."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            INSERT INTO {PlanContact._meta.db_table} (plan_id, person_hash)
            SELECT s.plan_id, r.person_hash
              FROM {Recipient._meta.db_table} r JOIN {SendOut._meta.db_table} s ON s.id = r.send_out_id
             WHERE s.id = %s AND s.plan_id IS NOT NULL
               AND r.state IN ('handed', 'delivered', 'unknown')
            ON CONFLICT (plan_id, person_hash) DO NOTHING
            """,
            [key],
        )
