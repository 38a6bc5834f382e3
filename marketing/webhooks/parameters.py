"""The parameters of a webhook, and the values that a message gives them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cdp.core.texts import is_storable

MOST = 20
LONGEST = 2000
TYPES = {
    "string": gettext_lazy("Text without variables"),
    "integer": gettext_lazy("Whole number"),
    "text": gettext_lazy("Text with variables"),
}
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,31}")
_RESERVED = "vars"


def read(given: Any, errors: dict[str, list[str]]) -> list[dict[str, str]]:
    """Parameters as they are kept; what is wrong with one goes to `errors` at `parameters/<place>`."""
    if not isinstance(given, Sequence) or isinstance(given, str):
        errors["parameters"] = [_("Give a list of parameters.")]
        return []
    if len(given) > MOST:
        errors["parameters"] = [_("At most %(most)d parameters.") % {"most": MOST}]
    found: list[dict[str, str]] = []
    for place, item in enumerate(given):
        row = (
            {part: str(item.get(part) or "").strip() for part in ("name", "label", "type")}
            if isinstance(item, Mapping)
            else {}
        )
        if problem := _problem(row, [other["name"] for other in found]):
            errors[f"parameters/{place}"] = [problem]
        else:
            found.append({**row, "label": row["label"] or row["name"]})
    return found


def _problem(row: dict[str, str], taken: list[str]) -> str:
    if not row or not NAME.fullmatch(row["name"]):
        return _("A parameter's name is a letter, then letters, digits or _ (at most 32).")
    if row["name"] == _RESERVED:
        return _("“vars” is kept for the texts of variables.")
    if row["name"] in taken:
        return _("Two parameters are called “%(name)s”.") % {"name": row["name"]}
    if row["type"] not in TYPES:
        return _("The type is one of %(types)s.") % {"types": ", ".join(TYPES)}
    if len(row["label"]) > 64 or not is_storable(row["label"]):
        return _("A display name has at most 64 characters.")
    return ""


def problems(declared: Sequence[Mapping[str, str]], values: Mapping[str, Any]) -> dict[str, list[str]]:
    """What is wrong with values, by parameter; those that are missing are not."""
    kinds = {row["name"]: row["type"] for row in declared}
    found: dict[str, list[str]] = {}
    for name, value in values.items():
        if name not in kinds:
            found[name] = [_("The webhook has no such parameter.")]
        elif not isinstance(value, str | int) or isinstance(value, bool) or not is_storable(str(value)):
            found[name] = [_("This must be text.")]
        elif len(text := str(value)) > LONGEST:
            found[name] = [_("At most %(most)d characters.") % {"most": LONGEST}]
        elif kinds[name] == "integer" and text and not re.fullmatch(r"-?[0-9]{1,18}", text):
            found[name] = [_("A whole number is needed.")]
        elif kinds[name] != "text" and "${" in text:
            found[name] = [_("This parameter takes no variables.")]
    return found


def missing(declared: Sequence[Mapping[str, str]], values: Mapping[str, Any]) -> list[str]:
    """Display names of the parameters that have no value."""
    return [row["label"] for row in declared if not str(values.get(row["name"], "")).strip()]
