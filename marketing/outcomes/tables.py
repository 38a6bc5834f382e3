"""The tables of message events in the lake, and the behaviour datasets that are made of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from django.utils import translation
from django.utils.translation import gettext as _

from cdp import lake
from cdp.core.languages import language_of
from cdp.lake.names import literal
from insight.datasets import rights
from insight.datasets import services as datasets
from insight.datasets.models import Dataset
from insight.datasources import kept
from insight.datasources.models import SourceTable
from marketing.delivery.models import SendOut
from marketing.outcomes.facts import COLUMNS, IN_FILE
from marketing.outcomes.models import EventTable

NAME = "message_events"
_KNOWN = ("id_type", "encryption", "user_id")
"""By what a person is known."""
_LISTED = ", ".join(f'"{name}"' for name, _kind in COLUMNS)


class _System(rights.Nobody):
    """Tideline itself, which owns nothing."""

    def __init__(self, workspace: Any) -> None:
        super().__init__(workspace)
        self.user = None


def write(workspace: Any, path: Path, send_outs: list[str]) -> list[EventTable]:
    """Make the part of these send-outs in the lake equal to the file; returns the tables that changed.

    All of it becomes visible at once.
    """

    def equal(handle: Any, path: str, facts: str) -> int:
        mine = f"send_out_id IN ({', '.join(map(literal, send_outs))})"
        there = f"SELECT {_LISTED} FROM {path} WHERE {mine}"
        gone = f"SELECT event_id FROM ({there} EXCEPT {facts})"
        deleted = _count(handle, f"DELETE FROM {path} WHERE {mine} AND event_id IN ({gone})")
        return deleted + _count(handle, f"INSERT INTO {path} ({facts}) EXCEPT ({there})")

    return _written(workspace, path, equal)


def add(workspace: Any, path: Path, carried: Sequence[tuple[str, str]]) -> list[EventTable]:
    """Add the events of the file that are not there yet; returns the tables that changed.

    `carried`: short addresses, with send-outs whose messages held them and whose rows are gone. A click on one belongs
    to the latest of these messages that the number got before.
    """
    placed = path.with_suffix(".placed.csv")
    try:
        with lake.cursor() as handle:
            handle.execute(
                f"COPY ({_placed(workspace, path, carried)}) TO {literal(str(placed))} (HEADER false)"
            )
        paths = [
            lake.table_path(workspace, row.table.lake_table)
            for row in EventTable.objects.in_workspace(workspace).select_related("table")
        ]
        known = " UNION ALL ".join(f"SELECT event_id FROM {path}" for path in paths)

        def missing(handle: Any, path: str, facts: str) -> int:
            new = f" AND event_id NOT IN ({known})" if known else ""
            return _count(handle, f"INSERT INTO {path} {facts}{new}")

        return _written(workspace, placed, missing)
    finally:
        placed.unlink(missing_ok=True)


def _placed(workspace: Any, path: Path, carried: Sequence[tuple[str, str]]) -> str:
    """A query of the file's events, those of late clicks with their message; no hash stands beside its number."""
    rows = EventTable.objects.in_workspace(workspace).select_related("table")
    without = f"SELECT * REPLACE (NULL::VARCHAR AS target_hash) FROM {_source(path)}"
    if not carried or not rows:
        return without
    wanted = ", ".join({literal(send_out) for _url, send_out in carried})
    sent = " UNION ALL ".join(
        f"SELECT {literal(row.id_type)} AS id_type, {literal(row.encryption)} AS encryption, * "
        f"FROM {lake.table_path(workspace, row.table.lake_table)} WHERE event = 'sent' AND send_out_id IN ({wanted})"
        for row in rows
    )
    pairs = ", ".join(f"({literal(url)}, {literal(send_out)})" for url, send_out in carried)
    of_message = ", ".join(
        f"coalesce(b.{name}, f.{name}) AS {name}"
        for name in (*_KNOWN, "send_out_id", "send_out", "campaign", "template", "variant")
    )
    replaced = f"{of_message}, NULL::VARCHAR AS target_hash"
    return f"""
        WITH facts AS (SELECT * FROM {_source(path)}),
        best AS (
            SELECT f.event_id AS click, s.* FROM facts f
              JOIN (VALUES {pairs}) c (url, send_out_id) ON c.url = f.link
              JOIN ({sent}) s ON s.send_out_id = c.send_out_id AND s.target_hash = f.target_hash AND s."at" <= f."at"
           QUALIFY row_number() OVER (PARTITION BY f.event_id ORDER BY s."at" DESC) = 1)
        SELECT f.* REPLACE ({replaced}) FROM facts f LEFT JOIN best b ON b.click = f.event_id
    """


def _written(workspace: Any, path: Path, act: Callable[[Any, str, str], int]) -> list[EventTable]:
    """Do something with each table and the file's rows that belong into it; returns those that changed by it."""
    source = _source(path)
    with lake.cursor() as handle:
        kinds = handle.execute(f"SELECT DISTINCT id_type, encryption FROM {source} ORDER BY ALL").fetchall()
    for id_type, encryption in kinds:
        _ensure(workspace, id_type, encryption)
    changed = []
    with lake.transaction() as handle:
        handle.execute(f"CREATE OR REPLACE TEMP TABLE message_facts AS SELECT * FROM {source}")
        for row in EventTable.objects.in_workspace(workspace).select_related("table", "dataset"):
            facts = (
                f"SELECT {_LISTED} FROM message_facts WHERE id_type = {literal(row.id_type)} "
                f"AND encryption = {literal(row.encryption)}"
            )
            if act(handle, lake.table_path(workspace, row.table.lake_table), facts):
                changed.append(row)
        handle.execute("DROP TABLE message_facts")
    for row in changed:
        kept.written(row.table)
    return changed


def _source(path: Path) -> str:
    """The file as SQL; what is empty in it is null."""
    kinds = ", ".join(f"{literal(name)}: {literal(kind)}" for name, kind in IN_FILE)
    form = "auto_detect = false, header = false, delim = ',', quote = '\"', escape = '\"'"
    return f"read_csv({literal(str(path))}, {form}, columns = {{{kinds}}})"


def _count(handle: Any, statement: str) -> int:
    return int(handle.execute(statement).fetchall()[0][0])


def replies_without_send_out(workspace: Any) -> set[str]:
    """IDs of the replies in the lake that belong to no send-out."""
    row = EventTable.objects.in_workspace(workspace).filter(id_type="mobile", encryption="plain").first()
    if row is None:
        return set()
    path = lake.table_path(row.workspace_id, row.table.lake_table)
    with lake.cursor() as handle:
        found = handle.execute(
            f"SELECT event_id FROM {path} WHERE send_out_id IS NULL AND event = 'replied'"
        ).fetchall()
    return {key for (key,) in found}


def _ensure(workspace: Any, id_type: str, encryption: str) -> None:
    """Make table and dataset for people who are known by this ID, where there are none."""
    row = EventTable.objects.in_workspace(workspace).filter(id_type=id_type, encryption=encryption).first()
    if row is None:
        name = "_".join([NAME, id_type, *([encryption] if encryption != "plain" else [])])
        row = EventTable.objects.create(
            workspace=workspace,
            id_type=id_type,
            encryption=encryption,
            table=kept.create(workspace, name, COLUMNS),
        )
    if row.dataset_id is None:
        with translation.override(_language(workspace)):
            row.dataset = _make_dataset(row)
        row.save(update_fields=["dataset"])


def _language(workspace: Any) -> str:
    """That of whoever sent something last."""
    last = SendOut.objects.in_workspace(workspace).filter(owner__isnull=False).order_by("-created_at").first()
    return language_of(last.owner if last is not None else None)


def _make_dataset(row: EventTable) -> Dataset:
    labels = {
        "send_out": _("Send-out"),
        "campaign": _("Campaign"),
        "template": _("Template"),
        "variant": _("Variant"),
        "link": _("Link"),
        "failure": _("Reason of failure"),
        "send_out_id": _("Send-out ID"),
    }
    data = {
        "name": _free_name(row),
        "description": _("What happened to messages. Tideline keeps it up to date."),
        "kind": Dataset.Kind.BEHAVIOUR,
        "table": row.table.name,
        "user_id": {"column": "user_id", "id_type": row.id_type, "encryption": row.encryption},
        "time": "at",
        "type": {"column": "event"},
        "channel": "channel",
        "object_columns": [{"column": column, "name": label} for column, label in labels.items()],
    }
    dataset = datasets.create(_System(row.workspace), data)
    # Pages of behaviour open with what people have made themselves.
    Dataset.objects.filter(pk=dataset.pk).update(public=True, is_default=False)
    dataset.public, dataset.is_default = True, False
    return dataset


def _free_name(row: EventTable) -> str:
    name = _("Messages")
    if EventTable.objects.in_workspace(row.workspace_id).exclude(pk=row.pk).exists():
        name = _("Messages (%(id_type)s)") % {"id_type": row.known_by}
    taken = set(Dataset.objects.in_workspace(row.workspace_id).values_list("name", flat=True))
    return next(given for given in (name, *(f"{name} {n}" for n in range(2, 100))) if given not in taken)


def keeps(table: SourceTable) -> bool:
    """Whether a table of the built-in source is one of these."""
    return EventTable.objects.filter(table=table).exists()


def users_of(dataset: Dataset) -> list[str]:
    """What keeps a dataset from being removed."""
    return [_("the record of messages")] if EventTable.objects.filter(dataset=dataset).exists() else []
