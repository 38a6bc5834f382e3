"""What is wrong with a text that somebody has written for a message."""

from __future__ import annotations

import re

from django.utils.translation import gettext as _

from marketing.content import rendering
from marketing.links import queries as short_links

_LIKE_A_VARIABLE = re.compile(r"\$\{[^}]*\}?")


def problems(text: str) -> list[str]:
    """Variables that are none, and short links that would lead nowhere."""
    found = []
    broken = [part for part in _LIKE_A_VARIABLE.findall(text) if not rendering.VARIABLE.fullmatch(part)]
    if broken:
        found.append(
            _("%(found)s is no variable. Write ${name}: a letter, then letters, digits or _ (at most 32).")
            % {"found": broken[0][:40]}
        )
    if short_links.is_cut(text):
        found.append(_("A short link has no variable in it."))
    return found
