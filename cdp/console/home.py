"""What modules put on the home page: counted tiles with shortcuts, and steps of the way for a new workspace.

Counts are kept for a minute per person; making or deleting one of the counted objects throws them away at once.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.cache import cache
from django.db import models, transaction
from django.db.models.signals import post_delete, post_save
from django.urls import reverse

from cdp.console import navigation
from cdp.core.access import Access

KEPT_SECONDS = 60


@dataclass(frozen=True)
class Part:
    """How many of a tile's objects are of one kind, and the page of these."""

    key: str
    label: Any
    count: int
    url: str


@dataclass(frozen=True)
class Shortcut:
    """A way to make one more. `args` come after the workspace in the address that it leads to."""

    url_name: str
    label: Any
    permission: str
    args: tuple[str, ...] = ()


@dataclass(frozen=True)
class Tile:
    """A number with a link to its list, which `query` narrows down, and shortcuts to make one more.

    `key` is its name in the API. `parts` says how many there are of each kind, and where these are. People need one of
    `any_of` where it is given, in the place of `permission`. `of` are the models that are counted; without them the
    number is never kept, but counted each time.
    """

    key: str
    label: Any
    icon: str
    count: Callable[[Access], int]
    url_name: str
    permission: str
    shortcuts: tuple[Shortcut, ...] = ()
    query: str = ""
    order: int = 100
    parts: Callable[[Access], Sequence[Part]] | None = None
    any_of: tuple[str, ...] = ()
    of: tuple[type[models.Model], ...] = ()

    def is_visible(self, access: Access) -> bool:
        return any(access.can(point) for point in self.any_of or (self.permission,))


@dataclass(frozen=True)
class Step:
    """A first step. `done` looks at real objects of the workspace."""

    label: Any
    text: Any
    done: Callable[[Access], bool]
    url_name: str
    permission: str
    order: int = 100


_tiles: list[Tile] = []
_steps: list[Step] = []


def register(item: Tile | Step) -> None:
    """Add a tile or a step to the home page."""
    target: list[Any] = _tiles if isinstance(item, Tile) else _steps
    if item in target:
        return
    target.append(item)
    target.sort(key=lambda entry: entry.order)
    for model in item.of if isinstance(item, Tile) else ():
        name = f"home.{model._meta.label}"
        post_save.connect(_saved, sender=model, dispatch_uid=f"{name}.saved")
        post_delete.connect(_deleted, sender=model, dispatch_uid=f"{name}.deleted")


def _saved(instance: Any, created: bool, **_more: Any) -> None:
    if created:
        _deleted(instance)


def _deleted(instance: Any, **_more: Any) -> None:
    key = instance.workspace_id
    # At once for whoever made it, and again once others see it: they may have counted meanwhile.
    forget(key)
    transaction.on_commit(lambda: forget(key), robust=True)


def forget(workspace_id: Any) -> None:
    """Throw away the workspace's counts."""
    cache.set(f"home:{workspace_id}", uuid.uuid4().hex, None)


def tiles(access: Access) -> list[dict[str, Any]]:
    """What the person may see: key, label, icon, count, parts, url, and shortcuts with label and url."""
    slug = access.workspace.slug
    shown = [tile for tile in _tiles if tile.is_visible(access)]
    name = _name(access)
    kept: dict[str, Any] = cache.get(name) or {}
    numbers = {
        tile.key: kept[tile.key] if tile.key in kept else (tile.count(access), _parts(tile, access))
        for tile in shown
    }
    if missing := [tile.key for tile in shown if tile.of and tile.key not in kept]:
        fresh = {key: numbers[key] for key in missing}
        cache.set(name, {**kept, **fresh}, KEPT_SECONDS)
    return [
        {
            "key": tile.key,
            "label": tile.label,
            "icon": tile.icon,
            "count": numbers[tile.key][0],
            "parts": numbers[tile.key][1],
            "url": reverse(tile.url_name, args=[slug]) + (f"?{tile.query}" if tile.query else ""),
            "shortcuts": [
                {"label": way.label, "url": reverse(way.url_name, args=[slug, *way.args])}
                for way in tile.shortcuts
                if access.can(way.permission)
            ],
        }
        for tile in shown
    ]


def _parts(tile: Tile, access: Access) -> list[Part]:
    return list(tile.parts(access)) if tile.parts else []


def _name(access: Access) -> str:
    """Where the counts of a person are kept: what they may do, here or with this token, is a part of it."""
    rights = [item.visible(access) for item in navigation.items()]
    rights += [access.is_admin, *(tile.is_visible(access) for tile in _tiles)]
    may = hashlib.sha256(bytes(rights)).hexdigest()[:16]
    workspace = f"home:{access.workspace.pk}"
    return f"{workspace}:{cache.get(workspace, '')}:{access.user.pk}:{may}"


def steps(access: Access) -> list[dict[str, Any]]:
    """Steps that the person may take, each with whether it is done."""
    slug = access.workspace.slug
    return [
        {
            "label": step.label,
            "text": step.text,
            "done": step.done(access),
            "url": reverse(step.url_name, args=[slug]),
        }
        for step in _steps
        if access.can(step.permission)
    ]
