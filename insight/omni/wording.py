"""Definitions of omni audiences in words."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cdp.core.access import Access
from insight.audiences import visibility
from insight.audiences.models import Audience
from insight.omni import pack as packs
from insight.omni.models import TagPack

OPERATIONS = {
    "union": gettext_lazy("or"),
    "intersect": gettext_lazy("and"),
    "subtract": gettext_lazy("but not"),
}


def groups(
    access: Access, pack: TagPack | None, audience: Audience
) -> list[tuple[Any, list[tuple[Any, str]]]]:
    """Per group its operation and its conditions, each with its operation; the first ones have none."""
    parts = audience.origin_detail["groups"]
    wanted = {item["audience"] for part in parts for item in part["items"] if "audience" in item}
    names = dict(visibility.visible(access).filter(pk__in=wanted).values_list("pk", "name"))
    return [
        (
            OPERATIONS[part["op"]] if number else "",
            [
                (OPERATIONS[item["op"]] if place else "", _item(pack, names, item))
                for place, item in enumerate(part["items"])
            ],
        )
        for number, part in enumerate(parts)
    ]


def sentence(access: Access, audience: Audience) -> str:
    """The whole definition in one sentence."""
    found = groups(access, packs.current(access.workspace.organization_id), audience)
    several = len(found) > 1
    words = []
    for operation, items in found:
        inside = " ".join(f"{op} {text}".strip() for op, text in items)
        words.append(f"{operation} ({inside})".strip() if several else inside)
    return " ".join(words)


def _item(pack: TagPack | None, names: dict[str, str], item: dict[str, Any]) -> str:
    if "audience" in item:
        return _("in the audience “%(name)s”") % {"name": names.get(item["audience"], item["audience"])}
    found = pack.tag(item["tag"]) if pack else None
    values = ", ".join(item["values"])
    return _("%(tag)s is %(values)s") % {"tag": found["name"] if found else item["tag"], "values": values}
