"""Bringing the events of a workspace up to date, and writing those of a send-out before its rows go."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from admin_center.organizations.models import Workspace
from cdp.core import locks
from insight.datasets import services as datasets
from marketing.channels.models import Provider
from marketing.delivery import link_use
from marketing.delivery.models import SendOut
from marketing.links import queries as short_links
from marketing.links.models import LinkClick
from marketing.outcomes import facts, tables
from marketing.outcomes.models import EventRun, EventTable, WrittenSendOut
from marketing.replies.models import InboundMessage

EVERY = timedelta(hours=1)
AT_ONCE = 5
"""Send-outs that are written in one transaction of the lake."""
MARGIN = timedelta(days=1)
"""Clicks are looked at again for so long: one that was being noted during a run is found by the next."""


def due_workspaces() -> QuerySet[Workspace]:
    """Where an hour has passed since the last run, or a send-out has ended since, and there may be something new."""
    now = timezone.now()
    mine = EventRun.objects.filter(workspace=OuterRef("pk"))
    run = EventRun.objects.filter(workspace=OuterRef("workspace"))
    kept = SendOut.objects.filter(
        workspace=OuterRef("pk"), rows_deleted_at__isnull=True, resolved_at__isnull=False
    )
    ended = kept.filter(~Exists(run.filter(ran_at__gte=OuterRef("finished_at"))), finished_at__isnull=False)
    clicked = LinkClick.objects.filter(link__workspace=OuterRef("pk"), at__gte=now - MARGIN).exclude(
        person=""
    )
    replied = InboundMessage.objects.filter(workspace=OuterRef("pk"), received_at__gte=now - MARGIN)
    an_hour_ago = ~Exists(mine.filter(ran_at__gt=now - EVERY))
    something = Exists(kept) | Exists(clicked) | Exists(replied)
    return Workspace.objects.filter(Q(Exists(ended)) | (Q(an_hour_ago) & Q(something)))


def write_all(workspace: Workspace, *, whole: bool = False) -> int:
    """Write what is new of a workspace; returns how many tables changed.

    `whole`: also compare send-outs whose rows have not changed since they were written, and all clicks.
    """
    began = timezone.now()
    last = EventRun.objects.filter(workspace=workspace).first()
    since = last.ran_at - MARGIN if last is not None and not whole else None
    keys = list(_kept(workspace).order_by("created_at").values_list("pk", flat=True))
    changed: dict[str, EventTable] = {}
    for start in range(0, len(keys), AT_ONCE):
        for row in _write_part(workspace, keys[start : start + AT_ONCE], whole=whole):
            changed[row.pk] = row
    for row in _write_rest(workspace, since):
        changed[row.pk] = row
    EventRun.objects.update_or_create(workspace=workspace, defaults={"ran_at": began})
    for row in EventTable.objects.in_workspace(workspace).select_related("dataset__owner"):
        dataset = row.dataset
        if dataset is not None and (row.pk in changed or not dataset.version):
            datasets.queue_refresh(dataset, owner=dataset.owner, periodic=True)
    return len(changed)


def _kept(workspace: Workspace) -> QuerySet[SendOut]:
    """Send-outs whose rows are there and of which something may still be written."""
    rows = SendOut.objects.in_workspace(workspace).filter(
        rows_deleted_at__isnull=True, resolved_at__isnull=False
    )
    return rows.exclude(written_events__last=True)


def _write_part(workspace: Workspace, keys: list[str], *, whole: bool) -> list[EventTable]:
    with locks.alone(_lock(workspace)), _file() as path:
        # Looked at again: their rows may have gone while others wrote.
        rows = _kept(workspace).filter(pk__in=keys).select_related("template", "audience", "audience_version")
        due = _changed(rows, whole=whole)
        return _write(workspace, path, due) if due else []


def write_last(key: str) -> None:
    """Write a send-out for the last time, before its rows go. Once that is done nothing is written of it again."""
    send_out = (
        SendOut.objects.select_related("workspace", "template", "audience", "audience_version")
        .filter(pk=key)
        .first()
    )
    if send_out is None:
        return
    with locks.alone(_lock(send_out.workspace)), _file() as path:
        written = WrittenSendOut.objects.filter(send_out=key).first()
        if written is not None and written.last:
            return
        changed = _write(send_out.workspace, path, {send_out: facts.fingerprint(send_out)}, last=True)
    for row in changed:
        if row.dataset is not None:
            datasets.queue_refresh(row.dataset, owner=row.dataset.owner, periodic=True)


def _changed(rows: QuerySet[SendOut], *, whole: bool) -> dict[SendOut, str]:
    """Those whose rows are not as they were when they were written, with how they are now."""
    known = dict(WrittenSendOut.objects.filter(send_out__in=rows).values_list("send_out", "fingerprint"))
    found = {row: facts.fingerprint(row) for row in rows}
    return {row: mark for row, mark in found.items() if whole or known.get(row.pk) != mark}


def _write(
    workspace: Workspace, path: Path, due: dict[SendOut, str], *, last: bool = False
) -> list[EventTable]:
    """Fingerprints were taken before the rows are read: what changes in between is written again by the next run."""
    for send_out in due:
        facts.of_send_out(send_out, path)
    changed = tables.write(workspace, path, [send_out.pk for send_out in due])
    WrittenSendOut.objects.bulk_create(
        [
            WrittenSendOut(send_out=row, fingerprint=mark, last=last, written_at=timezone.now())
            for row, mark in due.items()
        ],
        update_conflicts=True,
        unique_fields=["send_out"],
        update_fields=["fingerprint", "last", "written_at"],
    )
    return changed


def _write_rest(workspace: Workspace, since: datetime | None) -> list[EventTable]:
    with locks.alone(_lock(workspace)), _file() as path:
        written = tables.replies_without_send_out(workspace)
        facts.without_send_out(workspace, path, since=since, written=written)
        return tables.add(workspace, path, _carried(workspace)) if path.stat().st_size else []


def _carried(workspace: Workspace) -> list[tuple[str, str]]:
    """Short addresses with the SMS that held them and whose rows are gone; of others clicks are noted as they come."""
    gone = SendOut.objects.in_workspace(workspace).filter(
        channel=Provider.Channel.SMS, written_events__last=True
    )
    links = list(short_links.links(workspace))
    texts = [(row.pk, link_use.text_of(row)) for row in gone.select_related("template")] if links else []
    return [(link.url, key) for key, text in texts for link in links if link.url in text]


def _lock(workspace: Workspace) -> str:
    """One writer per workspace at a time."""
    return f"message-events:{workspace.pk}"


@contextmanager
def _file() -> Iterator[Path]:
    """An empty file in the lake's working folder, removed at the end."""
    folder = Path(settings.LAKE_TEMP_PATH)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"message-events-{uuid.uuid4().hex}.csv"
    path.touch()
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)
