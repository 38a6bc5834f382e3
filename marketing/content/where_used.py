"""Templates that use a signature, a short link or a material."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from cdp.core.access import Access
from cdp.core.where_used import MOST, SEARCHES, Use
from marketing.channels.models import Provider
from marketing.content.models import Signature, Template
from marketing.links.models import ShortLink
from marketing.materials.models import Material


def naming(link: ShortLink, prefix: str = "") -> Q:
    """Templates in whose texts the link's short address stands."""
    address = rf"/s/{link.code}(?![0-9A-Za-z])"
    which = Q()
    for field in ("subject", "html", "text"):
        which |= Q(**{f"{prefix}{field}__regex": address})
    return which | Q(**{f"{prefix}push__url__regex": address})


def showing(material: Material, prefix: str = "") -> Q:
    """Templates whose mail or digital SMS has the file in it."""
    parts = {f"{prefix}parts__contains": [{"sha256": material.sha256}]}
    return Q(**{f"{prefix}html__contains": material.sha256}) | Q(**parts)


def _uses(access: Access, which: Q) -> Iterator[Use]:
    rows = Template.objects.in_workspace(access.workspace).filter(which, removed=False)
    may_see = access.can("marketing.content.manage")
    for row in rows.exclude(channel=Provider.Channel.CUSTOM).order_by("-updated_at")[:MOST]:
        if not may_see:
            yield Use("template", _("Template"))
            continue
        url = reverse("content:detail", args=[access.workspace.slug, row.pk])
        yield Use("template", _("Template"), row.pk, row.name, url)


def _of_signature(access: Access, signature: Signature) -> Iterator[Use]:
    return _uses(access, Q(signature=signature))


def _of_link(access: Access, link: ShortLink) -> Iterator[Use]:
    return _uses(access, naming(link))


def _of_material(access: Access, material: Material) -> Iterator[Use]:
    return _uses(access, showing(material))


def register() -> None:
    SEARCHES.add("templates with a signature", (Signature, _of_signature))
    SEARCHES.add("templates with a link", (ShortLink, _of_link))
    SEARCHES.add("templates with a material", (Material, _of_material))
