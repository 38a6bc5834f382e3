"""Installing a tag pack from tables of the lake, and finding the one in use.

A pack is a wide table: hashed IDs (`mac_md5`, `imei_md5`, `idfa_md5`, `alipay_id_md5`, or the same with `_sha256`) and
a column per tag; a list of tags (`tag_id`, `name`, `category`); and, if there is one, a baseline (`tag_id`, `value`,
`share`) for the whole network. Without a baseline the pack itself is the network.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from cdp import lake
from cdp.core import audit
from cdp.core.access import Access
from cdp.core.errors import Conflict, ValidationFailed
from cdp.jobs import JobContext, start_job
from cdp.jobs.models import Job
from cdp.lake.names import literal, quote
from insight.datasources.models import SourceTable
from insight.omni import quota
from insight.omni.models import TagPack

ID_TYPES = ("imei", "mac", "idfa", "alipay_id")
"""In this order the first known ID names the device."""
FORMS = ("md5", "sha256")
MOST_TAGS = 300
MOST_VALUES = 200
FIELDS = {"name", "licence", "pack", "tags", "baseline"}


def place(organization: Any) -> str:
    """Where an organization's packs lie in the lake: beside the workspaces."""
    return f"omni_{getattr(organization, 'pk', organization)}"


def current(organization: Any) -> TagPack | None:
    """The pack in use."""
    return TagPack.objects.filter(organization=organization, state=TagPack.State.READY).first()


def require(workspace: Any) -> TagPack:
    """Raises Conflict omni_not_ready while there is no pack."""
    found = current(workspace.organization_id)
    if found is None:
        raise Conflict(_("No tag pack has been installed yet."), code="omni_not_ready")
    return found


def install(access: Access, data: Mapping[str, Any]) -> tuple[TagPack, Job]:
    """Install a pack from tables of this workspace, for the whole organization.

    `data`: name, licence, and the names of tables: pack, tags, baseline (optional). Raises ValidationFailed.
    """
    quota.check_manages(access)
    errors = {str(key): [_("Unknown field.")] for key in set(data) - FIELDS}
    name = str(data.get("name") or "").strip()
    if not 1 <= len(name) <= 64:
        errors["name"] = [_("Give a name of 1 to 64 characters.")]
    licence = str(data.get("licence") or "").strip()
    if len(licence) > 200:
        errors["licence"] = [_("Use at most %(length)d characters.") % {"length": 200}]
    needs = {
        "tags": {"tag_id", "name", "category"},
        "baseline": {"tag_id", "value", "share"},
        "pack": set[str](),
    }
    tables = {}
    for key, needed in needs.items():
        wanted = str(data.get(key) or "")
        if key == "baseline" and not wanted:
            continue
        table = (
            SourceTable.objects.in_workspace(access.workspace)
            .filter(name=wanted)
            .exclude(lake_table="")
            .first()
        )
        if table is None:
            errors[key] = [_("Choose a table of this workspace.")]
            continue
        missing = sorted(needed - {column["name"] for column in table.columns})
        if missing:
            errors[key] = [_("The table lacks the columns: %(names)s.") % {"names": ", ".join(missing)}]
        tables[key] = table
    if "pack" in tables and not id_columns_of(tables["pack"]):
        errors["pack"] = [_("The table has no column of hashed IDs, such as imei_md5.")]
    if errors:
        raise ValidationFailed(_("Some fields need another value."), errors=errors)
    with transaction.atomic():
        organization = access.workspace.organization
        type(organization).objects.select_for_update().get(pk=organization.pk)
        last = TagPack.objects.filter(organization=organization).first()
        row = TagPack.objects.create(
            organization=organization,
            number=last.number + 1 if last else 1,
            name=name,
            licence=licence,
            id_columns=id_columns_of(tables["pack"]),
            installed_by=access.user,
        )
        audit.record(access, "omni.pack_installed", row, after={"name": name})
        job = start_job(
            "omni.install",
            access=access,
            workspace=access.workspace,
            params={"pack": row.pk, "tables": {key: table.pk for key, table in tables.items()}},
            title=_("Install the tag pack “%(name)s”") % {"name": name},
        )
    return row, job


def id_columns_of(table: SourceTable) -> list[str]:
    """The columns of hashed IDs that a pack's table has."""
    names = {column["name"] for column in table.columns}
    return [f"{kind}_{form}" for form in FORMS for kind in ID_TYPES if f"{kind}_{form}" in names]


def write(row: TagPack, tables: Mapping[str, SourceTable], job: JobContext) -> None:
    """Copy the pack, and note its tags and baseline. Raises ValidationFailed saying what of the tables is wrong."""
    job.phase(_("Reading the list of tags"), progress=5)
    tags = _tags(tables["tags"], tables["pack"])
    job.phase(_("Copying the pack"), progress=20)
    home, source = place(row.organization_id), _path(tables["pack"])
    lake.ensure_schema(home)
    ids = [f"lower(nullif(trim({quote(name)}::VARCHAR), '')) AS {name}" for name in row.id_columns]
    columns = [f"nullif(trim({quote(item['tag'])}::VARCHAR), '') AS {quote(item['tag'])}" for item in tags]
    device = f"coalesce({', '.join(row.id_columns)})"
    target, known = lake.table_path(home, row.table), lake.table_path(home, row.ids_table)
    with lake.transaction() as handle:
        handle.execute(
            f"CREATE OR REPLACE TABLE {target} AS SELECT {device} AS device, * "
            f"FROM (SELECT {', '.join([*ids, *columns])} FROM {source}) WHERE {device} IS NOT NULL "
            f"QUALIFY row_number() OVER (PARTITION BY {device} ORDER BY {', '.join(row.id_columns)}) = 1 "
            "ORDER BY device"
        )
        parts = [
            f"SELECT {literal(name.rpartition('_')[0])} AS id_type, {literal(name.rpartition('_')[2])} AS form, "
            f"{name} AS id, device FROM {target} WHERE {name} IS NOT NULL"
            for name in row.id_columns
        ]
        handle.execute(
            f"CREATE OR REPLACE TABLE {known} AS SELECT id_type, form, id, min(device) AS device "
            f"FROM ({' UNION ALL '.join(parts)}) GROUP BY ALL ORDER BY id_type, form, id"
        )
    job.phase(_("Counting values"), progress=70)
    with lake.cursor() as handle:
        devices = handle.execute(f"SELECT count(*) FROM {target}").fetchone() or (0,)
        counted = handle.execute(
            f"SELECT tag, value, count(*) FROM (UNPIVOT (SELECT {', '.join(quote(item['tag']) for item in tags)} "
            f"FROM {target}) ON COLUMNS(*) INTO NAME tag VALUE value) GROUP BY ALL ORDER BY 1, 3 DESC, 2"
        ).fetchall()
    if not devices[0]:
        raise ValidationFailed(_("The pack has no row with an ID."), code="no_rows")
    baseline = _baseline(tables["baseline"]) if "baseline" in tables else {}
    values: dict[str, list[str]] = {}
    for tag, value, count in counted:
        values.setdefault(tag, []).append(value)
        if "baseline" not in tables:
            baseline.setdefault(tag, {})[value] = count / devices[0]
    row.tags = [{**item, "values": values.get(item["tag"], [])[:MOST_VALUES]} for item in tags]
    row.baseline, row.devices, row.state = baseline, devices[0], TagPack.State.READY
    row.save()


def _path(table: SourceTable) -> str:
    return lake.table_path(table.workspace_id, table.lake_table)


def _tags(listed: SourceTable, pack: SourceTable) -> list[dict[str, str]]:
    with lake.cursor() as handle:
        rows = handle.execute(
            "SELECT tag_id::VARCHAR, coalesce(name::VARCHAR, ''), coalesce(category::VARCHAR, '') "
            f"FROM {_path(listed)} WHERE tag_id IS NOT NULL LIMIT {MOST_TAGS + 1}"
        ).fetchall()
    if not 1 <= len(rows) <= MOST_TAGS:
        raise ValidationFailed(_("A pack has 1 to %(most)d tags.") % {"most": MOST_TAGS})
    names = [row[0] for row in rows]
    columns = {column["name"] for column in pack.columns}
    missing = [name for name in names if name not in columns]
    if missing:
        raise ValidationFailed(
            _("The pack lacks the columns of these tags: %(names)s.") % {"names": ", ".join(missing[:10])}
        )
    if len(set(names)) < len(names):
        raise ValidationFailed(_("A tag stands in the list more than once."))
    return [{"tag": tag, "name": name or tag, "category": category} for tag, name, category in rows]


def _baseline(table: SourceTable) -> dict[str, dict[str, float]]:
    with lake.cursor() as handle:
        rows = handle.execute(
            f"SELECT tag_id::VARCHAR, value::VARCHAR, try_cast(share AS DOUBLE) FROM {_path(table)}"
        ).fetchall()
    found: dict[str, dict[str, float]] = {}
    for tag, value, share in rows:
        if share is None or not 0 <= share <= 1:
            raise ValidationFailed(
                _("The baseline has a share that is not between 0 and 1: tag %(tag)s, value %(value)s.")
                % {"tag": tag, "value": value}
            )
        found.setdefault(tag, {})[value] = share
    return found
