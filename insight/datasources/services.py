"""Use cases of tables: upload, import, replace, remove."""

from __future__ import annotations

import re
import shutil
import uuid
from pathlib import Path
from typing import Any, BinaryIO

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from cdp import lake
from cdp.core import audit
from cdp.core.access import Access
from cdp.core.errors import Conflict, TooLarge, ValidationFailed
from cdp.core.registry import Registry
from cdp.jobs import start_job
from cdp.jobs.models import Job
from insight.datasources import files
from insight.datasources.importing import TYPES
from insight.datasources.models import SourceTable, Upload

_NAME = re.compile(r"[\w][\w .-]{0,63}", re.UNICODE)
PREVIEW_ROWS = 50
users_of: Registry[Any] = Registry("table user")
"""Functions (table -> names of what is made of it), registered by higher layers."""


def check_name(name: str) -> str:
    name = name.strip()
    if not _NAME.fullmatch(name) or "/" in name:
        message = _("A name has 1 to 64 letters, digits, spaces, dots, dashes or underscores.")
        raise ValidationFailed(message, errors={"name": [message]})
    return name


def create_upload(access: Access, stream: BinaryIO, file_name: str) -> Upload:
    """Keep a sent file and look at its beginning. Raises TooLarge, ValidationFailed."""
    folder = Path(settings.UPLOAD_PATH)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / uuid.uuid4().hex
    size = 0
    try:
        with path.open("wb") as out:
            while chunk := stream.read(1 << 20):
                size += len(chunk)
                if size > settings.UPLOAD_MAX_BYTES:
                    raise TooLarge(
                        _("The file is larger than %(limit)d MB.")
                        % {"limit": settings.UPLOAD_MAX_BYTES >> 20}
                    )
                out.write(chunk)
        if not size:
            raise ValidationFailed(
                _("The file is empty."), code="empty_file", errors={"file": [_("It is empty.")]}
            )
        options = files.detect(path, file_name)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return Upload.objects.create(
        workspace=access.workspace,
        path=str(path),
        file_name=file_name[:255],
        bytes=size,
        options=options.as_json(),
        created_by=access.user,
    )


def preview(upload: Upload) -> dict[str, Any]:
    """The first rows of a text file as they will be read: {"columns": [...], "rows": [[...]]}; {} for other kinds."""
    options = files.Options(**upload.options)
    if options.format in ("xlsx", "parquet"):
        return {}
    path = Path(upload.path)
    names = files.column_names(path, options)
    lines = [line for line in files.sample(path, options).splitlines() if line.strip()]
    rows = [
        files.split(line, options.delimiter) for line in lines[options.header : PREVIEW_ROWS + options.header]
    ]
    return {"columns": names, "rows": rows}


def start_import(
    access: Access,
    upload: Upload,
    name: str,
    *,
    types: dict[str, str] | None = None,
    on_bad_rows: str = "fail",
    replace: SourceTable | None = None,
) -> Job:
    """Import a kept file as a new table (or a new version of one) in a job.

    Raises ValidationFailed for a bad name or types, Conflict where the name is taken.
    """
    unknown = sorted({kind for kind in (types or {}).values() if kind not in TYPES})
    if unknown:
        message = _("Unknown types: %(types)s. Known are %(known)s.") % {
            "types": ", ".join(unknown),
            "known": ", ".join(TYPES),
        }
        raise ValidationFailed(message, errors={"types": [message]})
    if on_bad_rows not in ("fail", "skip"):
        message = _("Choose fail or skip.")
        raise ValidationFailed(message, errors={"on_bad_rows": [message]})
    with transaction.atomic():
        table = replace or _new_table(access, check_name(name))
        audit.record(access, "table.uploaded", table, after={"name": table.name, "file": upload.file_name})
        return start_job(
            "table.import",
            access=access,
            workspace=access.workspace,
            params={"table": table.pk, "upload": upload.pk, "types": types or {}, "on_bad_rows": on_bad_rows},
            subject=table,
            title=_("Import %(name)s") % {"name": table.name},
            dedupe_key=f"table.import:{table.pk}",
        )


def _new_table(access: Access, name: str) -> SourceTable:
    existing = SourceTable.objects.in_workspace(access.workspace).filter(name=name).first()
    if existing is not None and existing.state == SourceTable.State.FAILED and not existing.version:
        existing.state, existing.error = SourceTable.State.IMPORTING, ""
        existing.save()
        return existing
    if existing is not None:
        message = _("There is a table with this name already. Replace it, or choose another name.")
        raise Conflict(message, code="name_taken", errors={"name": [message]})
    return SourceTable.objects.create(workspace=access.workspace, name=name, created_by=access.user)


def import_parquet(access: Access, name: str, path: Path) -> Job:
    """Import a Parquet file that lies on this machine (demo data); the file stays."""
    copy = Path(settings.UPLOAD_PATH) / uuid.uuid4().hex
    copy.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, copy)
    upload = Upload.objects.create(
        workspace=access.workspace,
        path=str(copy),
        file_name=path.name,
        bytes=copy.stat().st_size,
        options=files.Options(format="parquet").as_json(),
        created_by=access.user,
    )
    return start_import(access, upload, name)


def delete_table(access: Access, table: SourceTable) -> None:
    """Remove a table that no dataset is made of. Raises Conflict with their names."""
    users = used_by(table)
    if users:
        raise Conflict(
            _("Datasets are made of this table: %(names)s. Remove them first.") % {"names": ", ".join(users)},
            code="in_use",
        )
    with transaction.atomic():
        audit.record(access, "table.deleted", table, before={"name": table.name, "rows": table.rows})
        workspace, lake_table = table.workspace, table.lake_table
        table.delete()
    if lake_table:
        lake.drop_table(workspace, lake_table)


def used_by(table: SourceTable) -> list[str]:
    return [name for finder in users_of for name in finder(table)]
