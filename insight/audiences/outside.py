"""Audiences whose members come from a file of IDs or from a table, not from a rule.

A file is read once into a table of its own (`<audience>_file<n>`) in the data source where the audience lives; its
versions are made from that. A table is read at each refresh, where it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import Any, BinaryIO

import ibis
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cdp.core import audit
from cdp.core.access import Access
from cdp.core.errors import Conflict, DomainError, NotFound, ValidationFailed
from cdp.core.identifiers import ENCRYPTIONS, ID_TYPES
from cdp.jobs import JobContext, register, start_job
from cdp.jobs.models import Job
from cdp.warehouse import get_engine
from insight.audiences import id_files, origins, places, refreshing, services, visibility
from insight.audiences.identities import IdColumn
from insight.audiences.membership import USER, Members
from insight.audiences.models import Audience, AudienceVersion
from insight.audiences.table_contract import check_table, distinct_ids
from insight.audiences.tasks import RefreshAudience
from insight.datasets import storage
from insight.datasets.joining import Source
from insight.datasources import files
from insight.datasources import services as datasources
from insight.datasources.connections import in_place
from insight.datasources.models import LAKE, Connection, SourceTable, Upload

UPLOAD, TABLE = "upload", "table"
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

    `data`: id_type, encryption (plain, md5, sha256, aes), source (where it shall live, the lake unless told), name,
    folder, public, remark. Raises ValidationFailed, TooLarge.
    """
    id_type, encryption = check_identity(data)
    source = places.check(access, data.get("source"))
    common = {key: value for key, value in data.items() if key not in ("id_type", "encryption", "source")}
    kept = _keep(access, stream, file_name)
    try:
        with transaction.atomic():
            places.hold(access.workspace, source)
            detail = {"file": file_name, "encryption": encryption, "files": 0}
            audience = services.create_outside(
                access, UPLOAD, common, user_id_type=id_type, detail=detail, source=source
            )
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
    places.check(access, audience.source)
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
    """The IDs of the file as a table where the audience lives; what was refused is counted and kept.

    Raises ValidationFailed where there are too many lines or no valid ID; the members then stay as they were.
    """
    workspace, engine = audience.workspace, get_engine(audience.source)
    number = audience.origin_detail.get("files", 0) + 1
    tables = {"table": f"{audience.pk}_file{number}", "refused_table": f"{audience.pk}_refused{number}"}
    options, encryption = files.Options(**kept.options), audience.origin_detail["encryption"]
    with id_files.read(Path(kept.path), options, audience.user_id_type, encryption) as found:
        engine.load(workspace, tables["table"], found.ids)
        engine.load(workspace, tables["refused_table"], found.refused)
    old = [audience.origin_detail.get(name) for name in tables]
    audience.origin_detail = {
        **audience.origin_detail,
        **found.counts,
        **tables,
        "file": kept.file_name,
        "files": number,
    }
    audience.save(update_fields=["origin_detail"])
    gone = [name for name in old if name and name not in tables.values()]
    storage.drop_named(workspace, audience.source, gone)


def from_table(access: Access, data: Mapping[str, Any]) -> tuple[Audience, Job]:
    """Make an audience of a table whose only column is `user_unique_id`; it lives where the table does.

    `data`: source (the lake unless told), table, id_type, encryption, drop_bad (leave out duplicates and empty values),
    name, folder, public, remark. Raises PermissionDenied for people who may not see tables, Conflict where rows of the
    table must not be read, ValidationFailed with counts and examples where it breaks the contract.
    """
    access.require(places.SEE_TABLES)
    id_type, encryption = check_identity(data)
    name, source = str(data.get("table") or ""), places.check(access, data.get("source"))
    drop_bad = data.get("drop_bad", False)
    if not isinstance(drop_bad, bool):
        raise ValidationFailed(_("Use true or false."), errors={"drop_bad": [_("Use true or false.")]})
    table = places.table(access.workspace, source, name)
    check_table(table, id_type, encryption, drop_bad)
    own = ("source", "table", "id_type", "encryption", "drop_bad")
    common = {key: value for key, value in data.items() if key not in own}
    key = table.table.pk if source == LAKE else ""
    detail = {"source_table": key, "table_name": name, "encryption": encryption, "drop_bad": drop_bad}
    with transaction.atomic():
        places.hold(access.workspace, source)
        audience = services.create_outside(
            access, TABLE, common, user_id_type=id_type, detail=detail, source=source
        )
        return audience, refreshing.request(access, audience, snapshot=False)


def _members(audience: Audience, people: ibis.Table) -> Members:
    """Members whose one ID is the identifier itself."""
    id_type = audience.user_id_type
    column = IdColumn(
        id_type, audience.pk, audience.name, USER, audience.origin_detail["encryption"], 1.0, True
    )
    return Members(
        people.select(USER, **{id_type: people[USER]}),
        id_type,
        {id_type: [column]},
        user_id_encryption=column.encryption,
    )


def _of_upload(audience: Audience, _today: date) -> Members:
    name = audience.origin_detail.get("table")
    if not name:
        raise Conflict(
            _("The file of this audience has not been read. Upload it again."), code="file_missing"
        )
    return _members(audience, get_engine(audience.source).table(audience.workspace, name))


def _of_table(audience: Audience, _today: date) -> Members:
    detail = audience.origin_detail
    table = _table_of(audience)
    check_table(table, audience.user_id_type, detail["encryption"], detail["drop_bad"])
    name, engine = f"{audience.pk}_read", get_engine(audience.source)
    engine.create_table_as(
        audience.workspace, name, distinct_ids(table, audience.user_id_type, detail["encryption"])
    )
    return _members(audience, engine.table(audience.workspace, name))


def _table_of(audience: Audience) -> Source:
    """The table that the audience reads. Raises Conflict where it, or its data source, is gone."""
    detail, workspace = audience.origin_detail, audience.workspace
    name = detail["table_name"]
    if audience.source == LAKE:
        # It may have been removed, and another one made of that name.
        row = SourceTable.objects.in_workspace(workspace).filter(pk=detail["source_table"]).first()
        name = row.name if row is not None else ""
    try:
        return places.table(workspace, audience.source, name)
    except ValidationFailed as error:
        raise Conflict(
            _("The table “%(name)s” is no longer there.") % {"name": detail["table_name"]},
            code="table_missing",
        ) from error


def _copy(access: Access, audience: Audience, data: dict[str, Any]) -> Audience:
    """A copy that reads the same table, or has the same IDs in a table of its own."""
    if audience.origin == TABLE:
        detail = audience.origin_detail
        given = {"id_type": audience.user_id_type, "table": _table_of(audience).table.name, **data}
        given["source"] = audience.source
        return from_table(
            access, {**given, "encryption": detail["encryption"], "drop_bad": detail["drop_bad"]}
        )[0]
    source = audience.origin_detail.get("table")
    if not source:
        raise Conflict(_("The audience has not been computed yet."), code="audience_empty")
    with transaction.atomic():
        places.hold(access.workspace, audience.source)
        detail = {**audience.origin_detail, "files": 1, "refused_table": ""}
        copied = services.create_outside(
            access,
            UPLOAD,
            data,
            user_id_type=audience.user_id_type,
            detail=detail,
            source=audience.source,
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
    """Names of the audiences that are read from a table of the lake."""
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


def audiences_in(source: Connection) -> list[str]:
    """Names of the audiences that live in a data source without a dataset that would keep it."""
    rows = Audience.objects.filter(source=source.pk, rule__isnull=True)
    return list(rows.order_by("name").values_list("name", flat=True))


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
in_place.users_of.add("audiences", audiences_in)
