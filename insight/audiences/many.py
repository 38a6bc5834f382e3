"""What is done to several audiences at once."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Iterator
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from cdp.core.access import Access
from cdp.core.errors import Conflict, DomainError, ValidationFailed
from insight.audiences import members, origins, services, usage, visibility
from insight.audiences.csv_options import CsvOptions
from insight.audiences.models import Audience

NAMED = 10


def blocking(audiences: Iterable[Audience]) -> list[tuple[Audience, usage.Use]]:
    """What keeps audiences from being deleted together; one of them that is made of another does not count."""
    rows = list(audiences)
    among = {row.pk for row in rows}
    return [
        (row, use) for row in rows for use in usage.used_by(row) if use.blocks and use.audience not in among
    ]


def delete(access: Access, audiences: Iterable[Audience]) -> int:
    """Delete audiences with their versions and snapshots: all of them, or none where one has to stay.

    Raises PermissionDenied, ActionNotSupported, and Conflict `audience_in_use` naming everything that needs one.
    """
    rows = {row.pk: row for row in audiences}
    for row in rows.values():
        visibility.check_change(access, row)
        origins.require(row, "delete")
    found = blocking(rows.values())
    if found:
        names = "; ".join(f"“{row.name}”: {use.kind} “{use.name}”" for row, use in found[:NAMED])
        raise Conflict(
            _("Nothing was deleted. These are still used: %(names)s. Change or delete the users first.")
            % {"names": names},
            code="audience_in_use",
            used_by=[
                {"audience": row.pk, "audience_name": row.name, "kind": str(use.kind), "name": use.name}
                for row, use in found
            ],
        )
    with transaction.atomic():
        for key in _derived_first(rows):
            services.delete(access, rows[key])
    return len(rows)


def _derived_first(rows: dict[str, Audience]) -> list[str]:
    """The IDs in an order in which none is deleted before what is made of it."""
    made_of_it = {
        key: {use.audience for use in usage.used_by(row)} & rows.keys() for key, row in rows.items()
    }
    ordered: list[str] = []
    while len(ordered) < len(rows):
        ordered += [key for key in rows if key not in ordered and made_of_it[key] <= set(ordered)]
    return ordered


def copy(
    access: Access, audiences: Iterable[Audience], changes: dict[str, Any]
) -> tuple[list[tuple[Audience, Audience]], list[tuple[Audience, DomainError]]]:
    """Copy each under a free name, with `changes` such as another folder; (copied with its copy, refused and why)."""
    made, refused = [], []
    for audience in audiences:
        try:
            made.append((audience, services.copy(access, audience, changes)))
        except DomainError as error:
            refused.append((audience, error))
    return made, refused


def export(access: Access, audiences: Iterable[Audience], options: CsvOptions) -> Iterator[bytes]:
    """A ZIP file with the members of each as CSV, streamed. Every download is logged before the first byte leaves.

    Raises ValidationFailed, ActionNotSupported, PermissionDenied, and Conflict `audience_empty`: all or none.
    """
    rows = list(audiences)
    if options.gzip:
        message = _("A ZIP file is compressed already.")
        raise ValidationFailed(message, errors={"gzip": [message]})
    for row in rows:
        origins.require(row, "download")
        visibility.check_download(access, row)
    empty = [row.name for row in rows if row.current is None]
    if empty:
        raise Conflict(
            _("These audiences have not been computed yet: %(names)s.") % {"names": ", ".join(empty[:NAMED])},
            code="audience_empty",
        )
    files = []
    taken: set[str] = set()
    for row in rows:
        assert row.current is not None
        name = _free(members.file_name(row.name, row.current.count), taken)
        files.append((name, members.export(access, row, row.current, options)))
    return _zipped(files)


def _free(name: str, taken: set[str]) -> str:
    """The name, numbered where another file of the archive has it; systems differ in whether case counts."""
    stem, candidate, number = name.removesuffix(".csv"), name, 1
    while candidate.lower() in taken:
        number += 1
        candidate = f"{stem} ({number}).csv"
    taken.add(candidate.lower())
    return candidate


class _Pipe(io.RawIOBase):
    """Where the archive is written to; what has been written is taken out piece by piece."""

    def __init__(self) -> None:
        self._written: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._written.append(bytes(data))
        return len(data)

    def taken(self) -> bytes:
        found, self._written = b"".join(self._written), []
        return found


def _zipped(files: list[tuple[str, Iterator[bytes]]]) -> Iterator[bytes]:
    pipe = _Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, pieces in files:
            with archive.open(name, "w", force_zip64=True) as entry:
                for piece in pieces:
                    entry.write(piece)
                    if found := pipe.taken():
                        yield found
    if found := pipe.taken():
        yield found
