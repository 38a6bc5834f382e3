"""Matching the people of a ledger with behaviour: one query of the engine.

The ledger knows its people by the audience's identifier. Behaviour that knows its people by the same one is matched
directly, other behaviour through the workspace's identities.
"""

from __future__ import annotations

from typing import Any, Protocol

import ibis
import pyarrow as pa
from django.db import connection
from django.db.models import Min
from django.utils import timezone
from django.utils.translation import gettext as _

from cdp.core import timezones
from cdp.core.errors import Conflict
from cdp.core.identifiers import ID_TYPES
from cdp.warehouse import LakeEngine
from insight.audiences.catalog import BehaviourDataset, Unknown
from insight.audiences.sources import WorkspaceCatalog
from insight.datasets import rights
from insight.datasets.models import Dataset, DatasetField
from insight.oneid import queries as oneid
from marketing.delivery import comparing
from marketing.delivery.models import Recipient, SendOut

CONTROL = -1
"""The group of those kept back; the others are in the group of their variant's number."""
ROWS = 50_000
_PEOPLE = ibis.schema({"person": "string", "lot": "int32", "since": "timestamp"})
_ARROW = pa.schema([("person", pa.string()), ("lot", pa.int32()), ("since", pa.timestamp("us"))])


class Chosen(Protocol):
    """What counts; see `conversion.Conversion`."""

    dataset: str
    types: tuple[str, ...]
    days: int
    least_amount: Any
    amount: bool


def count(send_out: SendOut, chosen: Chosen) -> dict[str, Any]:
    """`groups` by lot with people, converted and amount; `converted` of all written to; `version`, `counted_at`.

    Raises Conflict where the behaviour cannot be matched.
    """
    access = rights.access_of(send_out.owner, send_out.workspace)
    catalog = WorkspaceCatalog(send_out.workspace, "lake", access=access)
    try:
        behaviour = catalog.dataset(chosen.dataset)
    except Unknown as error:
        raise Conflict(str(error), code="not_counted") from None
    row, _fields = catalog.row(chosen.dataset)
    if not isinstance(behaviour, BehaviourDataset):
        raise Conflict(_("Conversions are counted from behaviour."), code="not_counted")
    if message := mismatch(send_out, row):
        raise Conflict(message, code="not_counted")
    people = ledger(send_out)
    found = (
        LakeEngine().execute_with(_query(send_out, row, behaviour, chosen), {"_ledger": people}).to_pylist()
    )
    groups = {
        str(item["lot"]): {
            "people": item["people"],
            "converted": item["converted"],
            "amount": float(item["amount"] or 0) if chosen.amount else None,
        }
        for item in found
    }
    return {
        "groups": groups,
        "converted": sum(item["converted"] for item in found if item["lot"] != CONTROL),
        "version": row.version,
        "refreshed_at": row.refreshed_at.isoformat() if row.refreshed_at else None,
        "counted_at": timezone.now().isoformat(),
        "dataset_name": row.name,
    }


def _query(send_out: SendOut, row: Dataset, behaviour: BehaviourDataset, chosen: Chosen) -> ibis.Table:
    people = ibis.table(_PEOPLE, name="_ledger")
    table = behaviour.table
    conditions = [table["type"].isin(list(chosen.types))]
    if behaviour.form == "key_value":
        # The same behaviour has a row for each attribute.
        conditions.append(table["object_key"] == behaviour.base_attribute)
    if chosen.least_amount is not None:
        conditions.append(table["amount"] >= chosen.least_amount)
    rows = table.filter(conditions)
    amount = rows["amount"].cast("float64") if chosen.amount else ibis.literal(0.0)
    events = rows.select(user="user_unique_id", at=rows["at"].cast("timestamp"), amount=amount)
    keyed = _keyed(send_out, row, people)
    until = keyed["since"] + ibis.interval(days=chosen.days)
    joined = keyed.inner_join(
        events, [keyed["user"] == events["user"], events["at"] >= keyed["since"], events["at"] < until]
    )
    each = joined.group_by("person").aggregate(spent=joined["amount"].sum())
    every = people.left_join(each, people["person"] == each["person"])
    return every.group_by("lot").aggregate(
        people=every["person"].nunique(),
        converted=every["person"].nunique(where=every["spent"].notnull() | every["person_right"].notnull()),
        amount=every["spent"].sum(),
    )


def _keyed(send_out: SendOut, row: Dataset, people: ibis.Table) -> ibis.Table:
    """person, since, user: each person with the IDs by which the behaviour knows them."""
    field = _identifier(row)
    ours, form = known_by(send_out)
    if (field.id_type, field.encryption) == (ours, form):
        return people.select("person", "since", user="person")
    graph = oneid.current_graph(send_out.workspace)
    assert graph is not None
    table = oneid.map_table(graph)
    own = table.filter((table["id_type"] == ours) & (table["encryption"] == form))
    other = table.filter((table["id_type"] == field.id_type) & (table["encryption"] == field.encryption))
    ids = own.select("one_id", own=own["id_value"])
    theirs = other.select("one_id", user=other["id_value"])
    known = people.inner_join(ids, people["person"] == ids["own"]).select("person", "since", "one_id")
    return known.inner_join(theirs, "one_id").select("person", "since", "user")


def mismatch(send_out: SendOut, row: Dataset) -> str:
    """Why the people of a send-out cannot be found in a dataset; empty where they can."""
    if row.source != "lake":
        return _("“%(name)s” lives in a database outside, where recipients cannot be matched.") % {
            "name": row.name
        }
    field = _identifier(row)
    ours, form = known_by(send_out)
    if (field.id_type, field.encryption) == (ours, form) or oneid.current_graph(send_out.workspace):
        return ""
    return _(
        "“%(name)s” knows its people by another ID (%(theirs)s) than the audience does (%(ours)s). Set up "
        "identities, and they can be matched."
    ) % {"name": row.name, "theirs": ID_TYPES[field.id_type].label, "ours": ID_TYPES[ours].label}


def _identifier(row: Dataset) -> DatasetField:
    return row.fields.get(role="identifier")


def known_by(send_out: SendOut) -> tuple[str, str]:
    """By which ID the ledger knows its people, and in which form."""
    first = send_out.audience
    version = send_out.audience_version or (first.current if first else None)
    if version is None:
        return first.user_id_type if first else "one_id", "plain"
    return version.user_id_type, version.id_stats.get(version.user_id_type, {}).get("encryption", "plain")


def ledger(send_out: SendOut) -> pa.Table:
    """Everybody who was written to or kept back, with the local moment from which their days count."""
    zone = timezones.zone(send_out.workspace)
    first = send_out.recipients.aggregate(at=Min("handed_at"))["at"]
    started = first or send_out.started_at or timezone.now()
    states = [*comparing.SENT, Recipient.State.CONTROL]
    parts: list[pa.RecordBatch] = []
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT DISTINCT ON (person) person, CASE WHEN state = 'control' THEN %s ELSE variant END,
                   coalesce(handed_at, %s) AT TIME ZONE %s
              FROM {Recipient._meta.db_table} WHERE send_out_id = %s AND state = ANY(%s) ORDER BY person, handed_at
            """,
            [CONTROL, started, str(zone), send_out.pk, [str(state) for state in states]],
        )
        while rows := cursor.fetchmany(ROWS):
            columns: Any = zip(*rows, strict=True)
            parts.append(
                pa.record_batch([pa.array(c, f.type) for c, f in zip(columns, _ARROW, strict=True)], _ARROW)
            )
    return pa.Table.from_batches(parts, _ARROW)
