"""The key that an organization's customer IDs are AES-encrypted with in its own warehouse. It is never shown again."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from admin_center.organizations.models import Organization, Workspace
from cdp.core import audit
from cdp.core.access import Access
from cdp.core.errors import Conflict, PermissionDenied, ValidationFailed
from cdp.crypto import customer_ids


def of(workspace: Workspace) -> str:
    """The key of the workspace's organization; "" while there is none."""
    found: Any = Organization.objects.filter(workspaces=workspace).values_list("id_key", flat=True).first()
    return found or ""


def is_set(workspace: Workspace) -> bool:
    return bool(of(workspace))


def put(access: Access, key: str) -> None:
    """Keep the key, for good. Raises PermissionDenied, ValidationFailed, and Conflict where there is one."""
    if not access.user.is_manager:
        raise PermissionDenied(_("Only managers of the organization set its key."))
    try:
        customer_ids.check_key(key)
    except ValidationFailed:
        message = _("The key has 16 characters of 0-9 and A-F.")
        raise ValidationFailed(message, errors={"key": [message]}) from None
    with transaction.atomic():
        organization = Organization.objects.select_for_update().get(workspaces=access.workspace)
        if organization.id_key:
            raise Conflict(
                _("The organization has its key. It cannot be changed, since IDs were encrypted with it."),
                code="id_key_set",
            )
        organization.id_key = key
        organization.save(update_fields=["id_key", "updated_at"])
        audit.record(access, "organization.id_key_set", organization)
