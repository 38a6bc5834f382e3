"""Send-outs that use a template, a signature, a short link or a material, in any state."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Q, TextField
from django.db.models.functions import Cast
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from cdp.core.access import Access
from cdp.core.where_used import MOST, SEARCHES, Use
from marketing.content.models import Signature, Template
from marketing.content.where_used import naming, showing
from marketing.delivery.models import SendOut
from marketing.links.models import ShortLink
from marketing.materials.models import Material


def _uses(access: Access, which: Q) -> Iterator[Use]:
    """Once its content is fixed, that counts; before, what its templates say."""
    every = SendOut.objects.in_workspace(access.workspace)
    found = every.annotate(fixed=Cast("content", TextField())).filter(which).values("pk")
    for row in every.filter(pk__in=found).order_by("-updated_at", "pk")[:MOST]:
        if not access.can(f"marketing.{row.channel}.view"):
            yield Use("send_out", _("Send-out"))
            continue
        url = reverse("delivery:detail", args=[access.workspace.slug, row.pk])
        yield Use("send_out", _("Send-out"), row.pk, row.name, url, row.state, row.get_state_display())


def _of_template(access: Access, template: Template) -> Iterator[Use]:
    return _uses(access, Q(template=template) | Q(variants__template=template))


def _of_signature(access: Access, signature: Signature) -> Iterator[Use]:
    return _uses(access, Q(signature=signature))


def _of_link(access: Access, link: ShortLink) -> Iterator[Use]:
    fixed = Q(fixed__regex=rf"/s/{link.code}(?![0-9A-Za-z])")
    open_ones = Q(content={}) & (naming(link, "template__") | naming(link, "variants__template__"))
    return _uses(access, fixed | open_ones)


def _of_material(access: Access, material: Material) -> Iterator[Use]:
    open_ones = Q(content={}) & (showing(material, "template__") | showing(material, "variants__template__"))
    return _uses(access, Q(fixed__contains=material.sha256) | open_ones)


def register() -> None:
    SEARCHES.add("send-outs of a template", (Template, _of_template))
    SEARCHES.add("send-outs with a signature", (Signature, _of_signature))
    SEARCHES.add("send-outs with a link", (ShortLink, _of_link))
    SEARCHES.add("send-outs with a material", (Material, _of_material))
