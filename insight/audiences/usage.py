"""Who uses an audience. Higher layers register a finder; deletion is refused while something found is in use."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from cdp.core.registry import Registry
from insight.audiences.models import Audience, AudienceVersion, Dependency


@dataclass(frozen=True)
class Use:
    """One object that uses an audience. `blocks`: the audience cannot be deleted while it does.

    `audience` is the ID of the object where it is itself an audience.
    """

    kind: Any
    name: str
    url: str = ""
    blocks: bool = True
    audience: str = ""


Finder = Callable[[Audience], Iterable[Use]]
_finders: Registry[Finder] = Registry("audience use")


def register_use(key: str, finder: Finder) -> None:
    """`finder(audience)` lists what uses it. Called in AppConfig.ready by modules that hold audiences."""
    _finders.add(key, finder)


def used_by(audience: Audience) -> list[Use]:
    """Everything that uses the audience, other audiences first."""
    return [use for finder in _finders for use in finder(audience)]


def _derived(audience: Audience) -> Iterable[Use]:
    from django.urls import reverse

    rows = (
        Audience.objects.in_workspace(audience.workspace_id)
        .filter(dependencies__kind=Dependency.Kind.AUDIENCE, dependencies__target=audience.pk)
        .order_by("name")
    )
    slug = audience.workspace.slug
    for pk, name in rows.values_list("pk", "name"):
        url = reverse("audiences:detail", args=[slug, pk])
        yield Use(Audience._meta.verbose_name, name, url, audience=pk)


register_use("audience", _derived)


def snapshot_readers(version: AudienceVersion) -> list[str]:
    """Names of audiences whose rule reads this very snapshot."""
    keys = {version.pk, version.snapshot_name, version.number}
    rows = Audience.objects.filter(
        dependencies__kind=Dependency.Kind.AUDIENCE, dependencies__target=version.audience_id
    )
    return [row.name for row in rows if _reads(row.rule, version.audience_id, keys)]


def _reads(node: Any, audience_id: str, keys: set[Any]) -> bool:
    if not isinstance(node, dict):
        return False
    if "items" in node:
        return any(_reads(item, audience_id, keys) for item in node["items"])
    return node.get("audience") == audience_id and node.get("snapshot") in keys
