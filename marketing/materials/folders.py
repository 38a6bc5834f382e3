"""Folders of materials."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction

from cdp.core import audit
from cdp.core.access import Access
from cdp.core.folders import Folders
from marketing.materials import services
from marketing.materials.models import Material, MaterialFolder

folders = Folders(MaterialFolder, "material_folder", "materials", services.visible)


def move(access: Access, materials: Iterable[Material], folder: MaterialFolder | None) -> int:
    """Put materials into a folder (None: the top). All or nothing, by their owners; returns how many moved."""
    rows = list(materials)
    for material in rows:
        services.require_owner(access, material)
    with transaction.atomic():
        for material in rows:
            before, material.folder = material.folder_id, folder
            material.save(update_fields=["folder", "updated_at"])
            audit.record(
                access,
                "material.moved",
                material,
                before={"folder": before},
                after={"folder": folder.pk if folder else None},
            )
    return len(rows)
