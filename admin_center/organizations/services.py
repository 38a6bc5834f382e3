"""Creating and changing organizations and workspaces."""

from __future__ import annotations

import re
import secrets
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.text import slugify
from django.utils.translation import gettext as _

from admin_center.organizations.models import Organization, Workspace
from admin_center.organizations.settings import update_settings
from admin_center.organizations.signals import workspace_created
from cdp.core import audit
from cdp.core.access import Access
from cdp.core.errors import ValidationFailed

EDITABLE = ("name", "description", "time_zone")


@transaction.atomic
def create_organization(name: str, *, owner: Any = None, access: Access | None = None) -> Organization:
    """A new organization. `owner` becomes one of its managers, for good.

    Raises ValidationFailed for a missing, long or taken name, or an owner who is in an organization already.
    """
    organization = Organization(name=name.strip())
    _clean(organization)
    organization.save(force_insert=True)
    if owner is not None:
        if owner.organization_id is not None:
            raise ValidationFailed(_("You are in an organization already."))
        owner.organization, owner.is_manager, owner.is_owner = organization, True, True
        owner.save(update_fields=["organization", "is_manager", "is_owner", "updated_at"])
    audit.record(access, "organization.created", organization, after={"name": organization.name})
    return organization


@transaction.atomic
def found_organization(name: str, workspace: str, *, owner: Any, access: Access | None = None) -> Workspace:
    """A new organization with its owner and a first workspace of the given name, which is returned."""
    organization = create_organization(name, owner=owner, access=access)
    return create_workspace(organization, workspace, access=access)


@transaction.atomic
def create_workspace(
    organization: Organization,
    name: str,
    *,
    slug: str = "",
    description: str = "",
    time_zone: str = "Asia/Shanghai",
    access: Access | None = None,
) -> Workspace:
    """A new workspace with the preset roles; the organization's first one becomes its default.

    Without a `slug` one is made from the name. Raises ValidationFailed with the fields that need another value.
    """
    workspace = Workspace(
        organization=organization,
        name=name.strip(),
        slug=slug.strip() or free_slug(name),
        description=description.strip(),
        time_zone=time_zone,
        is_default=not organization.workspaces.exists(),
    )
    _clean(workspace)
    workspace.save(force_insert=True)
    workspace_created.send(Workspace, workspace=workspace)
    after = {"name": workspace.name, "slug": workspace.slug, "time_zone": workspace.time_zone}
    audit.record(access, "workspace.created", workspace, after=after, workspace=workspace)
    return workspace


@transaction.atomic
def update_workspace(workspace: Workspace, changes: dict[str, Any], *, access: Access | None = None) -> None:
    """Change name, description, time zone and settings (see `settings.WorkspaceSettings`), all or nothing.

    Raises ValidationFailed with the fields that need another value.
    """
    fields = {field: str(changes[field]).strip() for field in EDITABLE if field in changes}
    before = {field: getattr(workspace, field) for field in fields}
    for field, value in fields.items():
        setattr(workspace, field, value)
    _clean(workspace)
    if before != fields:
        workspace.bump()
        workspace.save(update_fields=[*fields, "edit_version", "updated_at"])
        audit.record(access, "workspace.changed", workspace, before=before, after=fields, workspace=workspace)
    others = {key: value for key, value in changes.items() if key not in EDITABLE}
    if others:
        update_settings(workspace, others, access=access)


@transaction.atomic
def rename_organization(
    organization: Organization, name: str, *, access: Access | None = None
) -> Organization:
    before, organization.name = organization.name, name.strip()
    _clean(organization)
    organization.save(update_fields=["name", "updated_at"])
    audit.record(
        access,
        "organization.changed",
        organization,
        before={"name": before},
        after={"name": organization.name},
    )
    return organization


@transaction.atomic
def make_default(workspace: Workspace, *, access: Access | None = None) -> None:
    """Make it the workspace that people join who are added without naming one."""
    Workspace.objects.filter(organization=workspace.organization_id, is_default=True).update(is_default=False)
    Workspace.objects.filter(pk=workspace.pk).update(is_default=True)
    workspace.is_default = True
    audit.record(access, "workspace.made_default", workspace, workspace=workspace)


def free_slug(name: str) -> str:
    """An unused address part made from a name; names without Latin letters get a random one."""
    base = re.sub(r"_+", "-", slugify(name))[:32].strip("-") or f"ws-{secrets.token_hex(3)}"
    taken = set(Workspace.objects.filter(slug__startswith=base).values_list("slug", flat=True))
    number, slug = 1, base
    while slug in taken:
        number += 1
        slug = f"{base}-{number}"
    return slug


def _clean(row: Organization | Workspace) -> None:
    try:
        row.full_clean()
    except ValidationError as error:
        errors = {("name" if field == "__all__" else field): e for field, e in error.message_dict.items()}
        raise ValidationFailed(
            _("Nothing was saved: some fields need another value."), errors=errors
        ) from None
