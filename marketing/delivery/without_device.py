"""Channels that write to registered devices alone: who of the ledger has none, and how many people have one."""

from __future__ import annotations

from django.db import connection

from cdp.core.identifiers import ID_TYPES
from insight.audiences import gathering
from marketing.channels.base import provider_type
from marketing.channels.models import Provider
from marketing.delivery.models import FilterReason, Recipient, SendOut
from marketing.devices import registry
from marketing.devices.models import PushDevice, PushDeviceId

MOST_COUNTED = 200_000
"""People whose devices are looked up one by one while audiences are being chosen."""
ROWS = 10_000


def leave_out(send_out: SendOut) -> int:
    """Leave out queued recipients without a device in use. Returns how many."""
    kind = provider_type(send_out.provider)
    if not kind.to_devices:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            UPDATE {Recipient._meta.db_table} r SET state = %s, reason = %s
             WHERE r.send_out_id = %s AND r.state = %s AND NOT EXISTS (
                   SELECT 1 FROM {PushDeviceId._meta.db_table} i
                     JOIN {PushDevice._meta.db_table} d ON d.id = i.device_id
                    WHERE i.person_hash = r.person_hash AND i.id_type = %s AND d.provider_id = %s AND d.enabled)
            """,
            [
                Recipient.State.FILTERED,
                FilterReason.NO_DEVICE,
                send_out.pk,
                Recipient.State.QUEUED,
                kind.id_type,
                send_out.provider_id,
            ],
        )
        return int(cursor.rowcount)


def reachable(provider: Provider, crowd: gathering.Crowd) -> int | None:
    """How many of the people have a device; None where they are too many to be looked up at once."""
    if crowd.at_most > MOST_COUNTED:
        return None
    kind = ID_TYPES[crowd.id_type]
    found: set[str] = set()
    for batch in gathering.batches(crowd, ROWS):
        rows = zip(batch.column("target").to_pylist(), batch.column("excluded").to_pylist(), strict=True)
        targets = [
            kind.normalise(target, encryption=crowd.form)
            for target, excluded in rows
            if target and not excluded
        ]
        found |= registry.with_device(provider, crowd.id_type, targets, crowd.form)
    return len(found)
