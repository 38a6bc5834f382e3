"""Headings of tags."""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from cdp.core import audit
from cdp.core.access import Access
from cdp.core.errors import ValidationFailed
from insight.datasets.models import TagCategory


def create(access: Access, name: str) -> TagCategory:
    """Raises ValidationFailed for a bad or taken name."""
    category = TagCategory(workspace=access.workspace, name=_clean(name))
    _save(category)
    audit.record(access, "tag_category.created", category, after={"name": category.name})
    return category


def rename(access: Access, category: TagCategory, name: str) -> TagCategory:
    """Raises ValidationFailed for a bad or taken name."""
    before = category.name
    category.name = _clean(name)
    _save(category)
    audit.record(
        access, "tag_category.renamed", category, before={"name": before}, after={"name": category.name}
    )
    return category


def delete(access: Access, category: TagCategory) -> None:
    """Remove a heading; its tags stay, without one."""
    audit.record(access, "tag_category.deleted", category, before={"name": category.name})
    category.delete()


def _clean(name: str) -> str:
    name = name.strip()
    if not 1 <= len(name) <= 32:
        message = _("Give a name of 1 to 32 characters.")
        raise ValidationFailed(message, errors={"name": [message]})
    return name


def _save(category: TagCategory) -> None:
    try:
        with transaction.atomic():
            category.save()
    except IntegrityError:
        message = _("There is a category of this name already.")
        raise ValidationFailed(message, errors={"name": [message]}) from None
