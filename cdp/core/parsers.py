"""Reading the bodies of API requests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from rest_framework import exceptions
from rest_framework.parsers import JSONParser


class TextJSONParser(JSONParser):
    """JSON without the character NUL, which the database holds in no text."""

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        found = super().parse(stream, media_type, parser_context)
        if _has_nul(found):
            raise exceptions.ParseError(_("Texts must not contain the character NUL."))
        return found


def _has_nul(found: Any) -> bool:
    waiting = [found]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            if "\0" in item:
                return True
        elif isinstance(item, Mapping):
            waiting += [*item, *item.values()]
        elif isinstance(item, list):
            waiting += item
    return False
