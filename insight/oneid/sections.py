"""What the page of a person shows besides their IDs. Higher layers add sections of their own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cdp.core.access import Access
from cdp.core.registry import Registry
from insight.oneid.queries import Person


@dataclass(frozen=True)
class Section:
    """`build` gives the section's data for somebody as JSON (`None`: not for this reader); `template` shows it.

    `page` is what the reader has turned to, 1 at first. Sections decide by the reader's rights what they show.
    """

    key: str
    label: Any
    icon: str
    template: str
    build: Callable[[Access, Person, int], dict[str, Any] | None]
    order: int = 100


SECTIONS: Registry[Section] = Registry("section of a person's page")


def register(section: Section) -> Section:
    """Called in AppConfig.ready."""
    return SECTIONS.add(section.key, section)


def build(access: Access, person: Person, pages: dict[str, int]) -> list[dict[str, Any]]:
    """All sections that the reader may see: `{"key", "label", "icon", "template", "data"}`."""
    found = []
    for section in sorted(SECTIONS, key=lambda item: item.order):
        data = section.build(access, person, pages.get(section.key, 1))
        if data is not None:
            found.append(
                {
                    "key": section.key,
                    "label": section.label,
                    "icon": section.icon,
                    "template": section.template,
                    "data": data,
                }
            )
    return found
