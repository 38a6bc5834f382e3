"""Small pictures of materials, for the library and the choice of pictures.

No picture is ever decoded on the server: the browser of a material's owner draws a small one of what it shows anyway,
and the library takes it as a picture like any other, only smaller.
"""

from __future__ import annotations

import hashlib
from functools import partial
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from django.utils.translation import gettext as _

from cdp.core import audit
from cdp.core.access import Access
from marketing.materials import formats, services
from marketing.materials.models import SIDE, Material

MOST_BYTES = 200 * 1024
_FORMATS = ("png", "jpg")


def keep(access: Access, material: Material, file: Any) -> Material:
    """Take a small picture of a picture or a video, in place of the one before. Raises ValidationFailed."""
    services.require_owner(access, material)
    if material.kind not in (Material.Kind.IMAGE, Material.Kind.VIDEO):
        raise formats.refuse(_("Only pictures and videos have a small picture."))
    data = file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise formats.refuse(_("The small picture is larger than 200 KB."))
    found = formats.inspect(data)
    if found.format not in _FORMATS or max(found.width or 0, found.height or 0) > SIDE:
        raise formats.refuse(
            _("The small picture is a PNG or JPG of at most %(side)d pixels.") % {"side": SIDE}
        )
    before = material.thumbnail_path
    material.thumbnail = f"{hashlib.sha256(found.data).hexdigest()[:16]}.{found.format}"
    if material.thumbnail_path == before:
        return material
    with transaction.atomic():
        if not default_storage.exists(material.thumbnail_path):
            default_storage.save(material.thumbnail_path, ContentFile(found.data))
        material.save(update_fields=["thumbnail", "updated_at"])
        audit.record(access, "material.thumbnail_kept", material)
        if before:
            transaction.on_commit(partial(default_storage.delete, before))
    return material
