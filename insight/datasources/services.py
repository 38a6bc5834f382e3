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
    append: bool = False,
) -> Job:
    """Import a kept file as a new table, or as a new version of the table `replace`, in a job.

    With `append` the new version has the old rows and then those of the file, whose columns must be the same.
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
        event = "table.appended" if append else "table.replaced" if replace else "table.uploaded"
        audit.record(access, event, table, after={"name": table.name, "file": upload.file_name})
        return start_job(
            "table.import",
            access=access,
            workspace=access.workspace,
            params={
                "table": table.pk,
                "upload": upload.pk,
                "types": types or {},
                "on_bad_rows": on_bad_rows,
                "mode": "append" if append else "replace",
            },
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
        workspace, bad_rows = table.workspace, table.bad_rows_path
        names = [
            table.lake_table_of(version) for version in range(max(1, table.version - 1), table.version + 2)
        ]
        table.delete()
    bad_rows.unlink(missing_ok=True)
    for name in names:
        lake.drop_table(workspace, name)


def describe(access: Access, table: SourceTable, *, name: str, description: str) -> SourceTable:
    """Give a table another name or description. Raises ValidationFailed, Conflict for a name that is taken or in use.

    Datasets refer to a table itself, so that they follow a new name.
    """
    name = check_name(name)
    if len(description) > 500:
        message = _("Use at most %(length)d characters.") % {"length": 500}
        raise ValidationFailed(message, errors={"description": [message]})
    before = {"name": table.name, "description": table.description}
    others = SourceTable.objects.in_workspace(table.workspace_id).filter(name=name).exclude(pk=table.pk)
    if others.exists():
        message = _("There is a table with this name already.")
        raise Conflict(message, code="name_taken", errors={"name": [message]})
    table.name, table.description = name, description.strip()
    table.save(update_fields=["name", "description", "updated_at"])
    audit.record(
        access, "table.changed", table, before=before, after={"name": name, "description": table.description}
    )
    return table


def reread(upload: Upload, *, encoding: str, delimiter: str, header: bool) -> Upload:
    """Read a kept text file in another way than was guessed. Raises ValidationFailed for unknown choices."""
    errors = {}
    if encoding not in files.ENCODINGS:
        errors["encoding"] = [_("Choose one of %(types)s.") % {"types": ", ".join(files.ENCODINGS)}]
    if delimiter not in files.DELIMITERS:
        errors["delimiter"] = [_("Choose one of the separators.")]
    if errors:
        raise ValidationFailed(_("Some fields need another value."), errors=errors)
    upload.options = {**upload.options, "encoding": encoding, "delimiter": delimiter, "header": header}
    upload.save(update_fields=["options"])
    return upload


def used_by(table: SourceTable) -> list[str]:
    return [name for finder in users_of for name in finder(table)]
