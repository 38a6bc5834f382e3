"""Who needs materials: templates and tasks register a question here, so that what they use stays."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from cdp.core.registry import Registry

USES: Registry[Callable[[list[str]], Iterable[str]]] = Registry("use of materials")
"""Each is asked with IDs of materials and answers with those that it needs."""


def in_use(ids: list[str]) -> set[str]:
    """Those of the materials that anything needs."""
    return {pk for needed in USES for pk in needed(ids)}
