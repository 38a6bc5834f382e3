"""Pictures that templates show stay in the library."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Q

from marketing.content.models import Template
from marketing.materials import usage
from marketing.materials.models import Material


def _needed(ids: list[str]) -> Iterable[str]:
    """Of the materials, those whose content some template of their workspace names."""
    for pk, workspace, digest in Material.objects.filter(pk__in=ids).values_list("pk", "workspace", "sha256"):
        shows = Q(html__contains=digest) | Q(parts__contains=[{"sha256": digest}])
        if Template.objects.in_workspace(workspace).filter(shows).exists():
            yield pk


def register() -> None:
    usage.USES.add("templates", _needed)
