"""What a template was before: every save keeps a version, and an old one can be looked at and brought back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from cdp.core.errors import NotFound
from marketing.content.models import Signature, Template, TemplateVersion

FIELDS = (
    "name",
    "purpose",
    "subject",
    "sender_name",
    "html",
    "design",
    "text",
    "parts",
    "signature",
    "note",
    "push",
    "defaults",
)
"""What people write of a template."""
MOST = 50
"""So many versions of a template are kept, the latest."""


def _snapshot(template: Template) -> dict[str, Any]:
    return {field: getattr(template, "signature_id" if field == "signature" else field) for field in FIELDS}


def _version(template: Template, *, saved_by: Any, saved_at: datetime) -> TemplateVersion:
    return TemplateVersion(
        template=template,
        number=template.edit_version,
        content=_snapshot(template),
        saved_by=saved_by,
        saved_at=saved_at,
    )


def keep_before(template: Template) -> None:
    """Keep a template as it is stored, before it is changed, where nothing is kept of it yet."""
    stored = Template.objects.get(pk=template.pk)
    if not stored.versions.filter(number=stored.edit_version).exists():
        _version(stored, saved_by=stored.owner, saved_at=stored.updated_at).save()


def keep(template: Template, user: Any, *, restored_from: int | None = None) -> TemplateVersion:
    """Keep a template as it was just saved."""
    made = _version(template, saved_by=user, saved_at=timezone.now())
    made.restored_from = restored_from
    before = template.versions.filter(number__lt=made.number).first()
    if before is not None:
        made.changed = [field for field in FIELDS if before.content.get(field) != made.content[field]]
    made.save()
    oldest = template.versions.values_list("number", flat=True)[MOST : MOST + 1]
    template.versions.filter(number__lte=max(oldest, default=0)).delete()
    return made


def history(template: Template) -> list[TemplateVersion]:
    """The versions, the latest first; of a template that was never changed the present one alone."""
    found = list(template.versions.select_related("saved_by"))
    if not found or found[0].number != template.edit_version:
        found.insert(0, _version(template, saved_by=template.owner, saved_at=template.updated_at))
    return found


def get(template: Template, number: int) -> TemplateVersion:
    """Raises NotFound."""
    for row in history(template):
        if row.number == number:
            return row
    raise NotFound(_("This version of the template is not kept."))


def values(version: TemplateVersion) -> dict[str, Any]:
    """The fields as services take them. A signature that is gone is none."""
    key = version.content.get("signature")
    signature = Signature.objects.filter(pk=key).first() if key else None
    return {**version.content, "signature": signature}


def as_template(version: TemplateVersion) -> Template:
    """The template as it was then, to show; it is not saved."""
    now = version.template
    return Template(
        pk=now.pk,
        workspace=now.workspace,
        channel=now.channel,
        edit_version=version.number,
        **values(version),
    )
