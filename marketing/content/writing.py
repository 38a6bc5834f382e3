"""What is wrong with a text that somebody has written for a message."""

from __future__ import annotations

import re
from typing import Any

from django.utils.translation import gettext as _

from marketing.content import rendering
from marketing.links import parameters
from marketing.links import queries as short_links

_LIKE_A_VARIABLE = re.compile(r"\$\{[^}]*\}?")
_VARIABLE_IN_LINK = re.compile(r"https?://[^\s<>\"'】」）]*\$\{", re.IGNORECASE)


def problems(text: str) -> list[str]:
    """Variables that are none, short links that would lead nowhere, short parameters where nobody has a number."""
    found = _broken(text)
    if parameters.codes_in(text):
        found.append(_("Short parameters are for SMS: only there each recipient has a number."))
    elif short_links.is_cut(text):
        found.append(_("A short link has no variable in it."))
    return found


def sms_problems(workspace: Any, text: str) -> list[str]:
    """The same for an SMS, whose links have no variable in them but the short parameter of a short link."""
    found = _broken(text)
    strangers = parameters.strangers(workspace, [text])
    if strangers:
        found.append(
            _("%(found)s is a short parameter, and stands behind its own short link: copy both together.")
            % {"found": strangers[0]}
        )
    elif _VARIABLE_IN_LINK.search(parameters.PARAMETER.sub("", text)):
        found.append(_("A link has no variable in it."))
    return found


def _broken(text: str) -> list[str]:
    parts = _LIKE_A_VARIABLE.findall(text)
    broken = [part for part in parts if not rendering.VARIABLE.fullmatch(part)]
    if broken:
        return [
            _("%(found)s is no variable. Write ${name}: a letter, then letters, digits or _ (at most 32).")
            % {"found": broken[0][:40]}
        ]
    reserved = [
        part for part in parts if part[2:].startswith("sp_") and not parameters.PARAMETER.fullmatch(part)
    ]
    if reserved:
        return [
            _("%(found)s: names that begin with sp_ are kept for short parameters.") % {"found": reserved[0]}
        ]
    return []
