"""Who needs templates and signatures: higher layers register a question here, so that what waits to be sent stays."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from cdp.core.registry import Registry
from marketing.content.models import Template

USES: Registry[Callable[[Template], Iterable[str]]] = Registry("use of templates")
"""Each is asked with a template and answers with the names of what needs it."""


def users(template: Template) -> list[str]:
    return [name for needing in USES for name in needing(template)]
