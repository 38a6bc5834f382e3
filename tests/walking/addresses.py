"""Every address of the console and the API that lies below a workspace."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

CONSOLE, API = "w/<slug:workspace>/", "api/v1/workspaces/<slug:workspace>/"


@dataclass(frozen=True)
class Address:
    """A path below a workspace; `place` is what Full.objects is searched by, `names` are the variables in it."""

    place: str
    pattern: str
    names: tuple[str, ...]

    @property
    def is_api(self) -> bool:
        return self.place.startswith("api/")

    def path(self, workspace: str, objects: dict[str, dict[str, str]]) -> str:
        """The path with a workspace's objects. Raises LookupError where no object is known for it."""
        fitting = [start for start in objects if self.place.startswith(start)]
        if self.names and not fitting:
            raise LookupError(f"No object is known for {self.place}: add one to tests/walking.")
        values = objects[max(fitting, key=len)] if fitting else {}
        missing = [name for name in self.names if name not in values]
        if missing:
            raise LookupError(f"{self.place} needs {missing}: add them in tests/walking.")
        below = self.pattern.format(**{name: values[name] for name in self.names})
        return f"/{'api/v1/workspaces' if self.is_api else 'w'}/{workspace}/{below}"


def addresses() -> list[Address]:
    """Every path of the console and the API that lies below a workspace."""
    found = []
    for route in _walk(get_resolver()):
        for start, short in ((CONSOLE, "w/"), (API, "api/")):
            if route.startswith(start) and "format" not in route:
                names: list[str] = []

                def note(match: re.Match[str], names: list[str] = names) -> str:
                    names.append(match.group("name"))
                    return "{" + match.group("name") + "}"

                below = route.removeprefix(start).replace("^", "").replace("$", "")
                below = re.sub(r"\(\?P<(?P<name>\w+)>[^)]*\)", note, below)
                below = re.sub(r"<(?:\w+:)?(?P<name>\w+)>", note, below)
                found.append(Address(short + below, below, tuple(names)))
    return found


def _walk(resolver: Any, prefix: str = "") -> Iterator[str]:
    for item in resolver.url_patterns:
        if isinstance(item, URLResolver):
            yield from _walk(item, prefix + str(item.pattern))
        elif isinstance(item, URLPattern):
            yield prefix + str(item.pattern)
