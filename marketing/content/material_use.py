"""Pictures that templates show stay in the library."""

from __future__ import annotations

from collections.abc import Iterable

from marketing.content.models import Template
from marketing.materials import usage
from marketing.materials.models import Material


def _needed(ids: list[str]) -> Iterable[str]:
    """Of the materials, those whose content some template of their workspace names."""
    for pk, workspace, digest in Material.objects.filter(pk__in=ids).values_list("pk", "workspace", "sha256"):
        if Template.objects.in_workspace(workspace).filter(html__contains=digest).exists():
            yield pk


def register() -> None:
    usage.USES.add("templates", _needed)
