"""Where something is used: higher layers register a search, and the thing's page and API list what they find."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from cdp.core.access import Access
from cdp.core.registry import Registry

MOST = 50
"""So many are listed of each kind, the latest first."""


@dataclass(frozen=True)
class Use:
    """Something that uses it. `id`, `name` and `url` are empty where the person may not see it."""

    kind: str
    label: Any
    id: str = ""
    name: str = ""
    url: str = ""
    state: str = ""
    state_label: Any = ""

    def as_json(self) -> dict[str, str]:
        return {"kind": self.kind, "id": self.id, "name": self.name, "state": self.state}


SEARCHES: Registry[tuple[type, Callable[[Access, Any], Iterable[Use]]]] = Registry("search of uses")
"""Each with the model of what it looks for; asked with the access of whoever looks, and the object."""


def of(access: Access, obj: Any) -> list[Use]:
    """Everything that uses the object."""
    return [use for model, search in SEARCHES if isinstance(obj, model) for use in search(access, obj)]


def as_json(access: Access, obj: Any) -> dict[str, Any]:
    return {"uses": [use.as_json() for use in of(access, obj)]}
