"""What modules put on the home page: counted tiles with a shortcut, and steps of the way for a new workspace."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from cdp.core.access import Access


@dataclass(frozen=True)
class Part:
    """How many of a tile's objects are of one kind, and the page of these."""

    label: Any
    count: int
    url: str


@dataclass(frozen=True)
class Tile:
    """A number with a link to its list and a button to make one more.

    `create_args` come after the workspace in the address that the button leads to. `parts` says how many there are of
    each kind, and where these are. People need one of `any_of` where it is given, in the place of `permission`.
    """

    label: Any
    icon: str
    count: Callable[[Access], int]
    url_name: str
    permission: str
    create_url_name: str = ""
    create_label: Any = ""
    create_permission: str = ""
    create_args: tuple[str, ...] = ()
    order: int = 100
    parts: Callable[[Access], Sequence[Part]] | None = None
    any_of: tuple[str, ...] = ()

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
    if item not in target:
        target.append(item)
        target.sort(key=lambda entry: entry.order)


def tiles(access: Access) -> list[dict[str, Any]]:
    slug = access.workspace.slug
    found = []
    for tile in _tiles:
        if tile.is_visible(access):
            creates = bool(tile.create_url_name) and access.can(tile.create_permission or tile.permission)
            found.append(
                {
                    "label": tile.label,
                    "icon": tile.icon,
                    "count": tile.count(access),
                    "url": reverse(tile.url_name, args=[slug]),
                    "create_url": reverse(tile.create_url_name, args=[slug, *tile.create_args])
                    if creates
                    else "",
                    "create_label": tile.create_label,
                    "parts": tile.parts(access) if tile.parts else [],
                }
            )
    return found


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
