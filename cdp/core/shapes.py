"""What pydantic finds wrong with a value, in words for the person, in the language of the request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

_PLAIN = {
    "extra_forbidden": gettext_lazy("Unknown field."),
    "missing": gettext_lazy("This is needed."),
    "finite_number": gettext_lazy("Give a number."),
    "dict_type": gettext_lazy("Give an object."),
    "model_type": gettext_lazy("Give an object."),
    "model_attributes_type": gettext_lazy("Give an object."),
    "union_tag_not_found": gettext_lazy("Give a “kind”."),
}
_KINDS = {
    "string": gettext_lazy("Give a text."),
    "int": gettext_lazy("Give a whole number."),
    "float": gettext_lazy("Give a number."),
    "bool": gettext_lazy("Give true or false."),
    "list": gettext_lazy("Give a list."),
    "tuple": gettext_lazy("Give a list."),
    "date": gettext_lazy("Give a date such as 2026-03-01."),
}


def problem_text(found: Mapping[str, Any]) -> str:
    """The message of one entry of `ValidationError.errors()`."""
    context = found.get("ctx", {})
    kind = str(found["type"])
    match kind:
        case "value_error" | "assertion_error":
            return str(context.get("error", found["msg"]))
        case "literal_error":
            return _("Choose one of %(values)s.") % {"values": context["expected"].replace("' or '", "', '")}
        case "union_tag_invalid":
            return _("Choose a kind: %(kinds)s.") % {"kinds": context["expected_tags"]}
        case "greater_than_equal":
            return _("Give at least %(least)s.") % {"least": context["ge"]}
        case "less_than_equal":
            return _("Give at most %(most)s.") % {"most": context["le"]}
        case "greater_than":
            return _("Give more than %(least)s.") % {"least": context["gt"]}
        case "string_too_short":
            return _("This may not be empty.")
        case "string_too_long":
            return _("At most %(most)d characters.") % {"most": context["max_length"]}
        case "too_short" if context["min_length"] > 1:
            return _("Give at least %(least)s.") % {"least": context["min_length"]}
        case "too_short":
            return _("The list is empty.")
        case "too_long":
            return _("At most %(most)d values.") % {"most": context["max_length"]}
    if kind in _PLAIN:
        return str(_PLAIN[kind])
    named = _KINDS.get(kind.split("_")[0])
    return str(named) if named else _("This value does not fit here.")
