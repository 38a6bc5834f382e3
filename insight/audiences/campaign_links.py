"""Audiences as campaigns show them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from cdp.core.access import Access
from insight.audiences import origins, visibility
from insight.audiences.models import Audience
from insight.campaigns import links

KIND = "audience"
_EDIT_PAGES = {"combination": "audiences:combination", "selection": "audiences:edit"}


def find(access: Access, ids: Sequence[str]) -> Iterable[links.Linked]:
    """Those that the person may see, the latest first."""
    if not access.can("insight.audience.list"):
        return
    for row in visibility.visible(access).filter(pk__in=ids).order_by("-updated_at"):
        yield links.Linked(
            id=row.pk,
            name=row.name,
            url=reverse("audiences:detail", args=[access.workspace.slug, row.pk]),
            state=row.get_state_display(),
            state_key=row.state,
            edit_url=edit_url(access, row),
            people=row.count,
            updated_at=row.updated_at,
        )


def edit_url(access: Access, audience: Audience) -> str:
    """Where the person can edit what the audience is made of; empty where they cannot."""
    page = _EDIT_PAGES.get(audience.origin)
    if (
        page is None
        or not visibility.may_change(access, audience)
        or not access.can("insight.audience.filter")
    ):
        return ""
    if "edit" not in origins.actions_of(audience):
        return ""
    return reverse(page, args=[access.workspace.slug, audience.pk])


def register() -> None:
    links.register(links.LinkedKind(KIND, _("Audiences"), "users-group", find))
