"""Use cases of tables: upload, import, replace, remove."""

from __future__ import annotations

import re
import shutil
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from cdp import lake
from cdp.core import audit
from cdp.core.access import Access
from cdp.core.errors import Conflict, TooLarge, ValidationFailed
from cdp.core.registry import Registry
from cdp.jobs import start_job
from cdp.jobs.models import Job
from cdp.jobs.services import active_job
from insight.datasources import encodings, files, kept, parquet
from insight.datasources.importing import TYPES
from insight.datasources.jobs import discard
from insight.datasources.models import Feed, SourceTable, Upload, uploads_folder

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


def may_see_values(access: Access) -> bool:
    """Whether a person sees what stands in refused rows: those who send files, and those who see IDs anyway."""
    return access.can("insight.datasource.manage") or access.can("privacy.unmask")


def create_upload(
    access: Access,
    stream: BinaryIO,
    file_name: str,
    *,
    reading: Mapping[str, Any] | None = None,
    may_guess: bool = False,
) -> Upload:
    """Keep a sent file and look at its beginning.

    `reading` may hold encoding, delimiter and header, where the looking is not to decide. Without `may_guess` an
    encoding that is not certain is refused. Raises TooLarge, ValidationFailed.
    """
    given = check_reading(reading or {})
    path = uploads_folder() / uuid.uuid4().hex
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
        options = files.detect(path, file_name, encoding=given.get("encoding", ""))
        if not options.sure and not may_guess:
            raise encodings.uncertain(options.encoding)
        return Upload.objects.create(
            workspace=access.workspace,
            path=str(path),
            file_name=file_name[:255],
            bytes=size,
            options={**options.as_json(), **given},
            created_by=access.user,
        )
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def check_reading(given: Mapping[str, Any]) -> dict[str, Any]:
    """How a file is to be read: encoding, delimiter, header, as far as given. Raises ValidationFailed at the field."""
    errors, found = {}, {key: value for key, value in given.items() if value not in (None, "")}
    if found.get("encoding", "utf-8") not in encodings.ENCODINGS:
        errors["encoding"] = [_("Choose one of %(types)s.") % {"types": ", ".join(encodings.ENCODINGS)}]
    if found.get("delimiter") == "tab":
        found["delimiter"] = "\t"
    if found.get("delimiter", ",") not in files.DELIMITERS:
        known = ", ".join("tab" if item == "\t" else item for item in files.DELIMITERS)
        errors["delimiter"] = [_("Choose one of %(types)s.") % {"types": known}]
    if isinstance(found.get("header"), str) and found["header"].lower() in ("true", "false"):
        found["header"] = found["header"].lower() == "true"
    if not isinstance(found.get("header", True), bool):
        errors["header"] = [_("Choose true or false.")]
    if errors:
        raise ValidationFailed(_("Some fields need another value."), errors=errors)
    return {key: found[key] for key in ("encoding", "delimiter", "header") if key in found}


def preview(upload: Upload) -> dict[str, Any]:
    """The first rows as they will be read: {"columns": [...], "rows": [[...]]}. Raises ValidationFailed."""
    options, path = files.Options(**upload.options), Path(upload.path)
    if options.format == "parquet":
        names, rows = parquet.first_rows(path, PREVIEW_ROWS)
        return {"columns": names, "rows": rows}
    rows = files.first_rows(path, options, PREVIEW_ROWS + options.header)
    if not rows:
        raise ValidationFailed(_("The file is empty."), code="empty_file")
    if options.header:
        return {"columns": files.check_names(rows[0]), "rows": rows[1:]}
    return {"columns": [f"column_{number}" for number in range(1, len(rows[0]) + 1)], "rows": rows}


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
    Raises ValidationFailed for a bad name or types, Conflict where the name is taken or an import is running.
    """
    if append and types:
        message = _("Rows that are appended take the types of the table.")
        raise ValidationFailed(message, errors={"types": [message]})
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
    _check_waiting(access, upload)
    if replace is not None:
        kept.check_not_kept(replace)
    if replace is not None and Feed.objects.filter(table=replace).exists():
        raise Conflict(
            _("This table is copied from a database. Part it from there before you load files into it."),
            code="table_fed",
        )
    with transaction.atomic():
        table = replace or new_table(access, check_name(name))
        event = "table.appended" if append else "table.replaced" if replace else "table.uploaded"
        audit.record(access, event, table, after={"name": table.name, "file": upload.file_name})
        job = start_job(
            "table.import",
            access=access,
            workspace=access.workspace,
            params={
                "table": table.pk,
                "upload": upload.pk,
                "types": types or {},
                "on_bad_rows": on_bad_rows,
                "mode": "append" if append else "replace",
                "version": table.version,
            },
            subject=table,
            title=_("Import %(name)s") % {"name": table.name},
            dedupe_key=f"table.import:{table.pk}",
        )
        if job.params.get("upload") != upload.pk:
            raise Conflict(
                _("Another file is being imported into this table. Wait until that has ended."), code="busy"
            )
        return job


def new_table(access: Access, name: str, *, fed: bool = False) -> SourceTable:
    """A table that is about to be loaded; one that failed at its first try is taken again.

    With `fed` it may be one that was to be copied from a database. Raises Conflict where the name is taken.
    """
    existing = SourceTable.objects.in_workspace(access.workspace).filter(name=name).first()
    if existing is not None and (
        existing.state != SourceTable.State.FAILED
        or existing.version
        or (not fed and Feed.objects.filter(table=existing).exists())
    ):
        raise _name_taken()
    if existing is not None:
        existing.state, existing.error = SourceTable.State.IMPORTING, ""
        existing.save()
        return existing
    try:
        with transaction.atomic():
            return SourceTable.objects.create(workspace=access.workspace, name=name, created_by=access.user)
    except IntegrityError as error:
        raise _name_taken() from error


def _name_taken() -> Conflict:
    message = _("There is a table with this name already. Replace it, or choose another name.")
    return Conflict(message, code="name_taken", errors={"name": [message]})


def import_parquet(
    access: Access, name: str, path: Path, *, replace: SourceTable | None = None, append: bool = False
) -> Job:
    """Import a Parquet file that lies on this machine (demo data); the file stays. See `start_import`."""
    copy = uploads_folder() / uuid.uuid4().hex
    shutil.copyfile(path, copy)
    upload = Upload.objects.create(
        workspace=access.workspace,
        path=str(copy),
        file_name=path.name,
        bytes=copy.stat().st_size,
        options=files.Options(format="parquet").as_json(),
        created_by=access.user,
    )
    return start_import(access, upload, name, replace=replace, append=append)


def delete_table(access: Access, table: SourceTable) -> None:
    """Remove a table that no dataset is made of. Raises Conflict with their names."""
    kept.check_not_kept(table)
    users = used_by(table)
    if users:
        raise Conflict(
            _("Datasets are made of this table: %(names)s. Remove them first.") % {"names": ", ".join(users)},
            code="in_use",
        )
    if active_job(table):
        raise Conflict(
            _("Rows are being loaded into this table. Wait until that has ended, or cancel it."),
            code="busy",
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
        raise _name_taken()
    table.name, table.description = name, description.strip()
    table.save(update_fields=["name", "description", "updated_at"])
    audit.record(
        access, "table.changed", table, before=before, after={"name": name, "description": table.description}
    )
    return table


def reread(access: Access, upload: Upload, given: Mapping[str, Any]) -> Upload:
    """Read a kept file in another way than was guessed: see `check_reading`. Raises ValidationFailed, Conflict."""
    reading = check_reading(given)
    _check_waiting(access, upload)
    upload.options = {**upload.options, **reading, "sure": True}
    upload.save(update_fields=["options"])
    return upload


def discard_upload(access: Access, upload: Upload) -> None:
    """Remove a kept file. Raises Conflict while it is being imported."""
    _check_waiting(access, upload)
    discard(upload)


def _check_waiting(access: Access, upload: Upload) -> None:
    active = Job.objects.filter(workspace=access.workspace, status__in=Job.ACTIVE)
    if active.filter(params__upload=upload.pk).exists():
        raise Conflict(_("This file is being imported already."), code="busy")


def used_by(table: SourceTable) -> list[str]:
    return [name for finder in users_of for name in finder(table)]
