"""Use cases of the material library."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterable
from functools import partial
from pathlib import PurePath
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Q, QuerySet, Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from admin_center.organizations.models import Workspace
from admin_center.organizations.settings import workspace_settings
from cdp.core import audit
from cdp.core.access import Access
from cdp.core.errors import Conflict, PermissionDenied, ValidationFailed
from marketing.materials import formats, usage
from marketing.materials.models import LIFETIME, Material, MaterialFolder, MaterialTag

MAX_TAGS = 10
MAX_WORKSPACE_TAGS = 50
MAX_DOWNLOAD = 200
MAX_DOWNLOAD_SIZE = 200 * formats.MB


def visible(access: Access) -> QuerySet[Material]:
    """One's own materials and shared ones; administrators see all."""
    rows = Material.objects.in_workspace(access.workspace)
    return rows if access.is_admin else rows.filter(Q(owner=access.user) | Q(shared=True))


def upload(
    access: Access, name: str, file: Any, *, shared: bool = False, folder: MaterialFolder | None = None
) -> Material:
    """Store a file. Raises ValidationFailed where the library does not take it."""
    found = formats.inspect(file.read(max(formats.LIMITS.values()) + 1))
    material = Material(
        workspace=access.workspace,
        owner=access.user,
        name=_name(PurePath(name).name[:100]),
        kind=found.kind,
        format=found.format,
        size=len(found.data),
        sha256=hashlib.sha256(found.data).hexdigest(),
        width=found.width,
        height=found.height,
        seconds=found.seconds,
        shared=shared,
        folder=folder,
    )
    with transaction.atomic():
        _lock(material.workspace_id)
        _check_room(access.workspace, material.size)
        if not default_storage.exists(material.path):
            default_storage.save(material.path, ContentFile(found.data))
        material.save()
        audit.record(access, "material.uploaded", material, after={"name": material.name, "shared": shared})
    return material


def _lock(workspace_id: str) -> None:
    """Uploads and removals take turns, so that no file goes while an equal one arrives."""
    Workspace.objects.select_for_update(no_key=True).get(pk=workspace_id)


def _check_room(workspace: Workspace, size: int) -> None:
    """Raises ValidationFailed where the library would be larger than the workspace may have it."""
    most = workspace_settings(workspace).quotas.materials_mb
    if most is None:
        return
    used = Material.objects.in_workspace(workspace).aggregate(total=Sum("size"))["total"] or 0
    if used + size > most * formats.MB:
        raise formats.refuse(
            _("The library may hold %(most)d MB, and %(used).1f MB are in it. Remove materials first.")
            % {"most": most, "used": used / formats.MB}
        )


def _name(text: str) -> str:
    text = text.strip()
    if not 1 <= len(text) <= 100:
        message = _("Give a name of 1 to 100 characters.")
        raise ValidationFailed(message, errors={"name": [message]})
    return text


def may_change(access: Access, material: Material) -> bool:
    """Owners and administrators may."""
    return access.is_admin or material.owner_id == access.user.pk


def require_owner(access: Access, material: Material) -> None:
    if not may_change(access, material):
        raise PermissionDenied(_("Only the owner and administrators may do this."))


def rename(access: Access, material: Material, name: str) -> Material:
    require_owner(access, material)
    before, material.name = material.name, _name(name)
    with transaction.atomic():
        material.save(update_fields=["name", "updated_at"])
        audit.record(
            access, "material.renamed", material, before={"name": before}, after={"name": material.name}
        )
    return material


def share(access: Access, material: Material, shared: bool) -> Material:
    """Show it to all who work with content, or to its owner alone."""
    require_owner(access, material)
    material.shared = shared
    with transaction.atomic():
        material.save(update_fields=["shared", "updated_at"])
        audit.record(access, "material.shared", material, after={"shared": shared})
    return material


def extend(access: Access, material: Material) -> Material:
    """Keep it for 365 days from now."""
    require_owner(access, material)
    material.expires_at, material.warned = timezone.now() + LIFETIME, False
    with transaction.atomic():
        material.save(update_fields=["expires_at", "warned", "updated_at"])
        audit.record(access, "material.extended", material)
    return material


def set_tags(access: Access, material: Material, names: Iterable[str]) -> Material:
    """Give it exactly these tags; new ones are made. At most 10 on a material and 50 in the workspace."""
    require_owner(access, material)
    wanted = sorted({name.strip() for name in names if name.strip()})
    if len(wanted) > MAX_TAGS or any(len(name) > 32 or {",", "，"} & set(name) for name in wanted):
        message = _("A material has at most 10 tags of at most 32 characters, without commas.")
        raise ValidationFailed(message, errors={"tags": [message]})
    with transaction.atomic():
        _lock(material.workspace_id)
        every = MaterialTag.objects.in_workspace(material.workspace_id)
        known = set(every.filter(name__in=wanted).values_list("name", flat=True))
        new = [name for name in wanted if name not in known]
        if new and every.count() + len(new) > MAX_WORKSPACE_TAGS:
            message = _("The workspace has 50 tags of materials. Remove one first.")
            raise ValidationFailed(message, errors={"tags": [message]})
        MaterialTag.objects.bulk_create(
            MaterialTag(workspace_id=material.workspace_id, name=name) for name in new
        )
        material.tags.set(every.filter(name__in=wanted))
        audit.record(access, "material.tagged", material, after={"tags": wanted})
    return material


def add_tags(access: Access, material: Material, names: Iterable[str]) -> Material:
    """Give it these tags as well."""
    with transaction.atomic():
        _lock(material.workspace_id)
        present = material.tags.values_list("name", flat=True)
        return set_tags(access, material, [*present, *names])


def delete_tag(access: Access, tag: MaterialTag) -> None:
    """Remove a tag; the materials stay."""
    with transaction.atomic():
        audit.record(access, "material_tag.deleted", tag, before={"name": tag.name})
        tag.delete()


def delete(access: Access, material: Material) -> None:
    require_owner(access, material)
    if usage.in_use([material.pk]):
        raise Conflict(_("Templates or tasks use this material, so it stays."), code="in_use")
    with transaction.atomic():
        audit.record(access, "material.deleted", material, before={"name": material.name})
        remove([material])


def remove(materials: list[Material]) -> None:
    """Remove rows, and files that no other row has. Inside a transaction."""
    for workspace in sorted({item.workspace_id for item in materials}):
        _lock(workspace)
    Material.objects.filter(pk__in=[item.pk for item in materials]).delete()
    for path in filter(None, (item.thumbnail_path for item in materials)):
        transaction.on_commit(partial(default_storage.delete, path))
    for item in {item.path: item for item in materials}.values():
        transaction.on_commit(partial(_drop_file, item))


def _drop_file(material: Material) -> None:
    """Asks only once the rows are gone for good, as an equal file may have come meanwhile."""
    with transaction.atomic():
        _lock(material.workspace_id)
        same = Material.objects.filter(
            workspace=material.workspace_id, sha256=material.sha256, format=material.format
        )
        if not same.exists():
            default_storage.delete(material.path)


def archive(access: Access, materials: Iterable[Material]) -> bytes:
    """A ZIP of at most 200 materials and 200 MB; equal names get numbers."""
    rows = list(materials)
    if len(rows) > MAX_DOWNLOAD:
        raise ValidationFailed(_("One download holds at most 200 materials. Tick fewer."))
    if sum(row.size for row in rows) > MAX_DOWNLOAD_SIZE:
        raise ValidationFailed(_("One download holds at most 200 MB. Tick fewer materials."))
    body, taken = io.BytesIO(), set()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_STORED) as out:
        for row in rows:
            stem = PurePath(row.name.replace("\\", "/")).name
            if stem.casefold().endswith(f".{row.format}"):
                stem = stem[: -len(row.format) - 1]
            stem = stem.strip(". ") or row.pk
            name, number = f"{stem}.{row.format}", 1
            while name.casefold() in taken:
                number += 1
                name = f"{stem} ({number}).{row.format}"
            taken.add(name.casefold())
            with default_storage.open(row.path) as file:
                out.writestr(name, file.read())
    audit.record(access, "material.downloaded", None, detail={"materials": [row.pk for row in rows]})
    return body.getvalue()
