"""Who needs short links: higher layers register a question here, so that what waits to be sent leads somewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from cdp.core.registry import Registry
from marketing.links.models import ShortLink

USES: Registry[Callable[[ShortLink], Iterable[str]]] = Registry("use of short links")
"""Each is asked with a link and answers with the names of what needs it."""


def users(link: ShortLink) -> list[str]:
    return [name for needing in USES for name in needing(link)]
