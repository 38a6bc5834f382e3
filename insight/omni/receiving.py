"""The receiving side of pushes: IDs come in, those that the pack knows become the population."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pyarrow as pa
from django.db import transaction
from django.utils.translation import gettext as _

from cdp import lake
from cdp.jobs import JobContext, start_job
from insight.audiences.models import Audience
from insight.omni import pack as packs
from insight.omni.models import Intake, TagPack

POPULATION = "omni_population"
"""(device, first_seen): everybody of this workspace whom the pack knows."""
USED = "used_ids"
"""(id_type, device): the IDs that count against the organization's quota, each once in whatever form it came."""
_SCHEMA = pa.schema([("id_type", pa.string()), ("form", pa.string()), ("id", pa.string())])


def begin(workspace: Any, push: str) -> None:
    """An empty place for the IDs of a push; what an earlier attempt left is dropped."""
    lake.ensure_schema(workspace)
    with lake.cursor() as handle:
        handle.execute(
            f"CREATE OR REPLACE TABLE {lake.table_path(workspace, f'omni_in_{push}')} "
            "(id_type VARCHAR, form VARCHAR, id VARCHAR)"
        )


def take(workspace: Any, push: str, rows: Iterable[tuple[str, str, str]]) -> None:
    """Keep (ID type, form, ID); plain IDs are hashed on their way in, so that none is stored in the clear."""
    columns = list(zip(*rows, strict=True)) or [(), (), ()]
    batch = pa.table([pa.array(column, pa.string()) for column in columns], schema=_SCHEMA)
    with lake.cursor() as handle:
        handle.register("omni_batch", batch)
        handle.execute(
            f"INSERT INTO {lake.table_path(workspace, f'omni_in_{push}')} SELECT id_type, "
            "CASE form WHEN 'plain' THEN 'md5' ELSE form END, CASE form WHEN 'plain' THEN md5(id) ELSE lower(id) END "
            "FROM omni_batch"
        )
        handle.unregister("omni_batch")


def drop(workspace: Any, push: str) -> None:
    """Forget what an attempt brought in."""
    lake.drop_table(workspace, f"omni_in_{push}")


def finish(workspace: Any, push: str, audience: Any, pushed: int) -> Intake:
    """Everything of a push is in: it takes the place of the audience's former one, and is recognised by a job."""
    with transaction.atomic():
        Intake.objects.in_workspace(workspace).filter(audience=audience.pk, current=True).exclude(
            push=push
        ).update(current=False)
        row, _created = Intake.objects.update_or_create(
            push=push,
            defaults={
                "workspace": workspace,
                "audience": audience.pk,
                "audience_name": audience.name,
                "pushed": pushed,
                "current": True,
                "state": Intake.State.WAITING,
            },
        )
        start_recognition(workspace)
    return row


def start_recognition(workspace: Any) -> None:
    """Recognise what is waiting, where there is a pack."""
    if packs.current(workspace.organization_id) is not None:
        start_job(
            "omni.recognise",
            workspace=workspace,
            params={},
            title=_("Recognise IDs for omni-domain insight"),
            dedupe_key=f"omni.recognise:{workspace.pk}",
        )


def recognise(workspace: Any, job: JobContext) -> dict[str, int]:
    """Match every current intake with the pack, and put the population together. Repeated, it changes nothing."""
    pack = packs.require(workspace)
    rows = _current(workspace)
    for number, row in enumerate(rows):
        job.phase(
            _("Recognising “%(name)s”") % {"name": row.audience_name}, progress=5 + 75 * number // len(rows)
        )
        _recognise(row, pack)
    job.phase(_("Putting the population together"), progress=85)
    people = _population(workspace, rows)
    _forget(workspace)
    return {"audiences": len(rows), "people": people}


def is_waiting(workspace: Any) -> bool:
    """Whether something that counts has not been recognised yet."""
    return Intake.objects.in_workspace(workspace).filter(current=True, state=Intake.State.WAITING).exists()


def _current(workspace: Any) -> list[Intake]:
    """The intakes that count: the last one of each audience that still exists."""
    rows = list(Intake.objects.in_workspace(workspace).filter(current=True).order_by("pk"))
    alive = set(Audience.objects.in_workspace(workspace).values_list("pk", flat=True))
    gone = [row.pk for row in rows if row.audience not in alive]
    Intake.objects.filter(pk__in=gone).update(current=False)
    return [row for row in rows if row.audience in alive]


def _recognise(row: Intake, pack: TagPack) -> None:
    home = packs.place(pack.organization_id)
    known, used = lake.table_path(home, pack.ids_table), lake.table_path(home, USED)
    given, people = (lake.table_path(row.workspace, name) for name in (row.given_table, row.people_table))
    matched = f"(SELECT DISTINCT id_type, device FROM {given} JOIN {known} USING (id_type, form, id))"
    with transaction.atomic():
        # What is new to the organization is counted by one workspace at a time.
        type(pack.organization).objects.select_for_update().get(pk=pack.organization_id)
        with lake.transaction() as handle:
            handle.execute(f"CREATE TABLE IF NOT EXISTS {used} (id_type VARCHAR, device VARCHAR)")
            handle.execute(
                f"CREATE OR REPLACE TABLE {people} AS SELECT DISTINCT device FROM {matched} ORDER BY device"
            )
            counts = handle.execute(f"SELECT count(*), count(DISTINCT device) FROM {matched}").fetchone() or (
                0,
                0,
            )
            added = handle.execute(
                f"INSERT INTO {used} SELECT id_type, device FROM {matched} ANTI JOIN {used} USING (id_type, device)"
            ).fetchone() or (0,)
        row.recognised, row.devices = counts
        row.fresh += int(added[0])
        row.state = Intake.State.RECOGNISED
        row.save(update_fields=["recognised", "devices", "fresh", "state"])


def _population(workspace: Any, rows: list[Intake]) -> int:
    target = lake.table_path(workspace, POPULATION)
    lake.ensure_schema(workspace)
    parts = [f"SELECT device FROM {lake.table_path(workspace, row.people_table)}" for row in rows]
    everybody = " UNION ".join(parts) if parts else "SELECT NULL::VARCHAR AS device WHERE false"
    with lake.transaction() as handle:
        handle.execute(f"CREATE TABLE IF NOT EXISTS {target} (device VARCHAR, first_seen TIMESTAMPTZ)")
        handle.execute(
            f"CREATE OR REPLACE TABLE {target} AS SELECT device, coalesce(first_seen, now()) AS first_seen "
            f"FROM ({everybody}) LEFT JOIN {target} USING (device) ORDER BY device"
        )
    return lake.row_count(workspace, POPULATION)


def _forget(workspace: Any) -> None:
    """Drop the tables of intakes that another one has replaced."""
    names = set(lake.tables(workspace))
    for row in Intake.objects.in_workspace(workspace).filter(current=False):
        for name in (row.given_table, row.people_table):
            if name in names:
                lake.drop_table(workspace, name)


def recognised(workspace: Any) -> dict[str, Intake]:
    """The audiences of user insight whose people are known here, by their ID."""
    rows = Intake.objects.in_workspace(workspace).filter(current=True, state=Intake.State.RECOGNISED)
    return {row.audience: row for row in rows}
