"""Audiences whose members come from a file of IDs or from a table, not from a rule.

A file is read once into a lake table of its own (`<audience>_file<n>`); the audience's versions are made from that. A
table is read at each refresh.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import Any, BinaryIO

import duckdb
import ibis
from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cdp import lake
from cdp.core import audit
from cdp.core.access import Access
from cdp.core.errors import Conflict, DomainError, NotFound, ValidationFailed
from cdp.core.identifiers import ENCRYPTIONS, ID_TYPES
from cdp.jobs import JobContext, register, start_job
from cdp.jobs.models import Job
from cdp.lake.names import literal, quote
from cdp.warehouse import get_engine
from insight.audiences import origins, refreshing, services, visibility
from insight.audiences.identities import IdColumn
from insight.audiences.membership import USER, Members
from insight.audiences.models import Audience, AudienceVersion
from insight.audiences.table_contract import check_table, identity_of
from insight.audiences.tasks import RefreshAudience
from insight.datasources import files
from insight.datasources import services as datasources
from insight.datasources.models import SourceTable, Upload

UPLOAD, TABLE = "upload", "table"
MAX_LINES = 20_000_000
MAX_REJECTED = 1_000
TEMPLATE = f"{USER}\n"
IN_MEMORY = 1_000_000
"""Bytes of a file of IDs that need no file on disk."""


def check_identity(data: Mapping[str, Any]) -> tuple[str, str]:
    """(ID type, encryption) of given IDs. Raises ValidationFailed."""
    id_type, encryption = str(data.get("id_type") or ""), str(data.get("encryption") or "plain")
    errors: dict[str, list[str]] = {}
    if id_type not in ID_TYPES:
        errors["id_type"] = [_("Choose one of %(types)s.") % {"types": ", ".join(ID_TYPES)}]
    if encryption not in ENCRYPTIONS:
        errors["encryption"] = [_("Choose one of %(types)s.") % {"types": ", ".join(ENCRYPTIONS)}]
    if errors:
        raise ValidationFailed(
            _("The audience was not saved: some fields need another value."), errors=errors
        )
    return id_type, encryption


def upload(access: Access, stream: BinaryIO, file_name: str, data: Mapping[str, Any]) -> tuple[Audience, Job]:
    """Make an audience of a CSV or TXT file with one ID per line.

    `data`: id_type, encryption (plain, md5, sha256, aes), name, folder, public, remark.
    Raises ValidationFailed, TooLarge.
    """
    id_type, encryption = check_identity(data)
    common = {key: value for key, value in data.items() if key not in ("id_type", "encryption")}
    kept = _keep(access, stream, file_name)
    try:
        with transaction.atomic():
            detail = {"file": file_name, "encryption": encryption, "files": 0}
            audience = services.create_outside(access, UPLOAD, common, user_id_type=id_type, detail=detail)
            return audience, _start(access, audience, kept)
    except BaseException:
        _discard(kept)
        raise


def of_ids(
    access: Access,
    ids: Iterable[str],
    file_name: str,
    id_type: str,
    data: Mapping[str, Any],
    *,
    encryption: str = "plain",
) -> tuple[Audience, Job]:
    """Make an audience of IDs that are at hand, as if their file were uploaded. `data`: as there, without identity."""
    with SpooledTemporaryFile(max_size=IN_MEMORY) as file:
        file.write(TEMPLATE.encode())
        file.writelines(f"{value}\n".encode() for value in ids)
        file.seek(0)
        values = {**data, "id_type": id_type, "encryption": encryption}
        return upload(access, file, file_name, values)  # type: ignore[arg-type]


def replace_file(access: Access, audience: Audience, stream: BinaryIO, file_name: str) -> Job:
    """Give an uploaded audience the IDs of another file; the members stay the old ones until it has been read."""
    visibility.check_change(access, audience)
    if audience.origin != UPLOAD:
        origins.require(audience, "replace")
    kept = _keep(access, stream, file_name)
    try:
        with transaction.atomic():
            audit.record(access, "audience.file_replaced", audience, after={"file": file_name})
            return _start(access, audience, kept)
    except BaseException:
        _discard(kept)
        raise


def _keep(access: Access, stream: BinaryIO, file_name: str) -> Upload:
    kept = datasources.create_upload(access, stream, file_name)
    if kept.options.get("format") not in ("csv", "txt", "tsv"):
        _discard(kept)
        message = _("Upload a CSV or TXT file with one ID per line.")
        raise ValidationFailed(message, code="unknown_format", errors={"file": [message]})
    return kept


def _discard(kept: Upload) -> None:
    Path(kept.path).unlink(missing_ok=True)
    Upload.objects.filter(pk=kept.pk).delete()


def _start(access: Access, audience: Audience, kept: Upload) -> Job:
    Audience.objects.filter(pk=audience.pk).update(state=Audience.State.WAITING, reason="", reason_code="")
    return start_job(
        "audience.upload",
        access=access,
        workspace=audience.workspace,
        params={"audience": audience.pk, "upload": kept.pk},
        subject=audience,
        title=_("Read the IDs of “%(name)s”") % {"name": audience.name},
        dedupe_key=f"audience.upload:{audience.pk}:{kept.pk}",
    )


@register
class UploadAudience(RefreshAudience):
    """Reads a file of IDs, then computes the audience from it."""

    kind = "audience.upload"
    label = gettext_lazy("Upload an audience")
    version_kind = AudienceVersion.Kind.MANUAL

    def run(self, job: JobContext) -> dict[str, Any]:
        audience = Audience.objects.in_workspace(job.workspace).filter(pk=job.params["audience"]).first()
        if audience is None:
            raise NotFound(_("The audience has been deleted meanwhile."))
        kept = Upload.objects.filter(pk=job.params["upload"]).first()
        if kept is not None:
            # A job that was killed after this finds the file read and goes on with the members.
            job.phase(_("Reading the file"), progress=5)
            read_file(audience, kept)
            _discard(kept)
        return super().run(job)

    def on_failed(self, job: JobContext, error: DomainError) -> None:
        kept = Upload.objects.filter(pk=job.params["upload"]).first()
        if kept is not None:
            _discard(kept)
        super().on_failed(job, error)


def read_file(audience: Audience, kept: Upload) -> None:
    """The first column of the file, normalised and distinct, as a lake table; what was refused is counted and kept.

    Raises ValidationFailed where there are too many lines or no valid ID; the members then stay as they were.
    """
    options = files.Options(**kept.options)
    number = audience.origin_detail.get("files", 0) + 1
    table, refused = f"{audience.pk}_file{number}", f"{audience.pk}_refused{number}"
    work = Path(settings.LAKE_TEMP_PATH) / f"audience-{kept.pk}.csv"
    work.parent.mkdir(parents=True, exist_ok=True)
    try:
        path = files.as_utf8_csv(Path(kept.path), options, work)
        delimiter = "," if options.delimiter == "spaces" else options.delimiter
        counts = _load(audience, path, delimiter, table, refused)
    finally:
        work.unlink(missing_ok=True)
    old = audience.origin_detail.get("table"), audience.origin_detail.get("refused_table")
    audience.origin_detail = {
        **audience.origin_detail,
        **counts,
        "file": kept.file_name,
        "files": number,
        "table": table,
        "refused_table": refused,
    }
    audience.save(update_fields=["origin_detail"])
    for name in old:
        if name and name not in (table, refused):
            lake.drop_table(audience.workspace, name)


def _load(audience: Audience, path: Path, delimiter: str, table: str, refused: str) -> dict[str, int]:
    workspace, kind = audience.workspace, ID_TYPES[audience.user_id_type]
    encryption = audience.origin_detail["encryption"]
    lake.ensure_schema(workspace)
    source = (
        f"read_csv({literal(str(path))}, delim={literal(delimiter)}, quote='\"', header=false, all_varchar=true, "
        "auto_detect=false, columns={'raw': 'VARCHAR'}, null_padding=true, strict_mode=false, ignore_errors=false)"
        if not _has_more_columns(path, delimiter)
        else f"(SELECT column0 AS raw FROM read_csv({literal(str(path))}, delim={literal(delimiter)}, quote='\"', "
        "header=false, all_varchar=true, null_padding=true, strict_mode=false))"
    )
    normalised = kind.sql_normalise("trim(raw)", encryption=encryption)
    target = lake.table_path(workspace, table)
    try:
        with lake.transaction() as handle:
            handle.execute(
                f"CREATE OR REPLACE TEMP TABLE given AS SELECT row_number() OVER () AS line, raw, {normalised} AS id "
                f"FROM {source}"
            )
            handle.execute(f"DELETE FROM given WHERE line = 1 AND lower(trim(raw)) = '{USER}'")
            row = handle.execute(
                "SELECT count(*), count(*) FILTER (raw IS NULL OR trim(raw) = ''), count(id), count(DISTINCT id) "
                "FROM given"
            ).fetchone()
            lines, blank, valid, distinct = row or (0, 0, 0, 0)
            if lines > MAX_LINES:
                raise ValidationFailed(
                    _("The file has %(lines)d lines; at most %(limit)d can be read.")
                    % {"lines": lines, "limit": MAX_LINES},
                    code="too_many_lines",
                )
            if not distinct:
                raise ValidationFailed(
                    _("None of the %(lines)d lines is a valid ID of the type “%(type)s”.")
                    % {"lines": lines, "type": kind.label},
                    code="no_valid_ids",
                )
            handle.execute(
                f"CREATE OR REPLACE TABLE {target} AS SELECT DISTINCT id AS {quote(USER)} FROM given "
                "WHERE id IS NOT NULL"
            )
            handle.execute(
                f"CREATE OR REPLACE TABLE {lake.table_path(workspace, refused)} AS "
                "SELECT line, left(raw, 200) AS value FROM given WHERE id IS NULL AND trim(raw) <> '' "
                f"ORDER BY line LIMIT {MAX_REJECTED}"
            )
            handle.execute("DROP TABLE given")
    except duckdb.Error as error:
        raise ValidationFailed(
            _("The file cannot be read as a list of IDs, one per line."), code="unreadable", reason=str(error)
        ) from error
    return {
        "lines": lines,
        "blank": blank,
        "invalid": lines - blank - valid,
        "duplicates": valid - distinct,
        "valid": distinct,
    }


def _has_more_columns(path: Path, delimiter: str) -> bool:
    with path.open(encoding="utf-8", errors="replace") as lines:
        return any(delimiter in line for _number, line in zip(range(1000), lines, strict=False))


def from_table(access: Access, data: Mapping[str, Any]) -> tuple[Audience, Job]:
    """Make an audience of a table whose only column is `user_unique_id`.

    `data`: table, id_type, encryption, drop_bad (leave out duplicates and empty values), name, folder, public, remark.
    Raises ValidationFailed with counts and examples where the table breaks the contract.
    """
    id_type, encryption = check_identity(data)
    name = str(data.get("table") or "")
    drop_bad = data.get("drop_bad", False)
    if not isinstance(drop_bad, bool):
        raise ValidationFailed(_("Use true or false."), errors={"drop_bad": [_("Use true or false.")]})
    table = SourceTable.objects.in_workspace(access.workspace).filter(name=name).first()
    if table is None or not table.lake_table:
        message = _("There is no such table, or it has not been loaded.")
        raise ValidationFailed(message, code="table_missing", errors={"table": [message]})
    check_table(table, id_type, encryption, drop_bad)
    own = ("table", "id_type", "encryption", "drop_bad")
    common = {key: value for key, value in data.items() if key not in own}
    detail = {"source_table": table.pk, "table_name": name, "encryption": encryption, "drop_bad": drop_bad}
    with transaction.atomic():
        audience = services.create_outside(access, TABLE, common, user_id_type=id_type, detail=detail)
        return audience, refreshing.request(access, audience, snapshot=False)


def _members(audience: Audience, people: ibis.Table) -> Members:
    """Members whose one ID is the identifier itself."""
    id_type = audience.user_id_type
    column = IdColumn(
        id_type, audience.pk, audience.name, USER, audience.origin_detail["encryption"], 1.0, True
    )
    return Members(people.select(USER, **{id_type: people[USER]}), id_type, {id_type: [column]})


def _of_upload(audience: Audience, _today: date) -> Members:
    name = audience.origin_detail.get("table")
    if not name:
        raise Conflict(
            _("The file of this audience has not been read. Upload it again."), code="file_missing"
        )
    return _members(audience, get_engine(audience.source).table(audience.workspace, name))


def _of_table(audience: Audience, _today: date) -> Members:
    detail = audience.origin_detail
    table = SourceTable.objects.in_workspace(audience.workspace_id).filter(pk=detail["source_table"]).first()
    if table is None or not table.lake_table:
        raise Conflict(
            _("The table “%(name)s” is no longer there.") % {"name": detail["table_name"]},
            code="table_missing",
        )
    check_table(table, audience.user_id_type, detail["encryption"], detail["drop_bad"])
    name = f"{audience.pk}_read"
    identity = identity_of(audience.user_id_type, detail["encryption"])
    source = lake.table_path(audience.workspace, table.lake_table)
    with lake.transaction() as handle:
        handle.execute(
            f"CREATE OR REPLACE TABLE {lake.table_path(audience.workspace, name)} AS "
            f"SELECT DISTINCT id AS {quote(USER)} FROM (SELECT {identity} AS id FROM {source}) WHERE id IS NOT NULL"
        )
    return _members(audience, get_engine(audience.source).table(audience.workspace, name))


def _copy(access: Access, audience: Audience, data: dict[str, Any]) -> Audience:
    """A copy that reads the same table, or has the same IDs in a table of its own."""
    if audience.origin == TABLE:
        detail = audience.origin_detail
        given = {"id_type": audience.user_id_type, "table": detail["table_name"], **data}
        return from_table(
            access, {**given, "encryption": detail["encryption"], "drop_bad": detail["drop_bad"]}
        )[0]
    source = audience.origin_detail.get("table")
    if not source:
        raise Conflict(_("The audience has not been computed yet."), code="audience_empty")
    with transaction.atomic():
        detail = {**audience.origin_detail, "files": 1, "refused_table": ""}
        copied = services.create_outside(
            access, UPLOAD, data, user_id_type=audience.user_id_type, detail=detail
        )
        copied.origin_detail["table"] = f"{copied.pk}_file1"
        copied.save(update_fields=["origin_detail"])
        engine = get_engine(audience.source)
        engine.create_table_as(
            audience.workspace, copied.origin_detail["table"], engine.table(audience.workspace, source)
        )
        refreshing.request(access, copied, snapshot=False)
    return copied


def audiences_of_table(table: SourceTable) -> list[str]:
    """Names of the audiences that are read from the table."""
    rows = Audience.objects.in_workspace(table.workspace_id)
    return list(
        rows.filter(origin=TABLE, origin_detail__source_table=table.pk)
        .order_by("name")
        .values_list("name", flat=True)
    )


def _upload_words(_access: Access, audience: Audience) -> str:
    return _("The IDs of the file %(name)s.") % {"name": audience.origin_detail.get("file", "")}


def _table_words(_access: Access, audience: Audience) -> str:
    return _("Everybody in the table %(name)s.") % {"name": audience.origin_detail["table_name"]}


_EVERYTHING = origins.ACTIONS - {"edit"}
origins.register(
    origins.Origin(
        key=UPLOAD,
        label=gettext_lazy("Upload"),
        actions=(_EVERYTHING - {"refresh"}) | {"replace"},
        members=_of_upload,
        copy=_copy,
        words=_upload_words,
    )
)
origins.register(
    origins.Origin(
        key=TABLE,
        label=gettext_lazy("From a table"),
        actions=_EVERYTHING,
        members=_of_table,
        copy=_copy,
        words=_table_words,
    )
)
datasources.users_of.add("table audiences", audiences_of_table)
