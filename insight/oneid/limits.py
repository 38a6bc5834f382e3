"""What a workspace says about its ID types: which of them join people, and how far they may."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from cdp.core.errors import ValidationFailed
from cdp.core.identifiers import ID_TYPES

STRONG, WEAK, OFF = "strong", "weak", "off"
USES = (STRONG, WEAK, OFF)
WEAK_TYPES = frozenset({"imei", "idfa", "imsi", "oaid", "mac", "taobao_nick"})
"""Devices go from hand to hand, and nicknames are changed."""
MOST = {STRONG: 5, WEAK: 1}
MAX_MOST, MAX_IDS, MAX_DAYS = 1000, 10_000, 3650
DEFAULT_IDS, DEFAULT_DAYS = 200, 180


def defaults() -> dict[str, Any]:
    """The limits that a workspace begins with.

    `use`: strong types join people by themselves; weak ones do where they lead to few people; `off` are not read.
    `most`: for a strong type, how many values of one other type an ID may be seen with before it counts as shared;
    for a weak type, how many people. `only_one`: a person has at most one value of the type. `max_ids`: how many IDs
    a person may have. `weak_days`: how long a weak ID's sightings count.
    """
    types = {}
    for key in ID_TYPES:
        use = WEAK if key in WEAK_TYPES else STRONG
        types[key] = {"use": use, "most": MOST[use], "only_one": False}
    return {"types": types, "max_ids": DEFAULT_IDS, "weak_days": DEFAULT_DAYS}


def complete(stored: dict[str, Any]) -> dict[str, Any]:
    """Stored limits with the defaults of what they do not say."""
    base = defaults()
    types = {key: {**value, **stored.get("types", {}).get(key, {})} for key, value in base["types"].items()}
    return {**base, **stored, "types": types}


def check(given: Any) -> dict[str, Any]:
    """Limits in full. Raises ValidationFailed with paths such as `limits/types/mobile/most`."""
    errors: dict[str, list[str]] = {}
    if not isinstance(given, dict):
        raise ValidationFailed(errors={"limits": [_("An object is needed here.")]})
    for key in sorted(map(str, set(given) - {"types", "max_ids", "weak_days"})):
        errors[f"limits/{key}"] = [_("Unknown field.")]
    types = given.get("types", {})
    if not isinstance(types, dict):
        raise ValidationFailed(errors={"limits/types": [_("An object is needed here.")]})
    for key, value in types.items():
        _check_type(str(key), value, errors)
    for key, most, least in (("max_ids", MAX_IDS, 2), ("weak_days", MAX_DAYS, 1)):
        if key in given:
            _whole(given[key], least, most, f"limits/{key}", errors)
    if errors:
        raise ValidationFailed(errors=errors)
    return complete(given)


def _check_type(key: str, value: Any, errors: dict[str, list[str]]) -> None:
    path = f"limits/types/{key}"
    if key not in ID_TYPES:
        errors[path] = [_("There is no such ID type.")]
        return
    if not isinstance(value, dict):
        errors[path] = [_("An object is needed here.")]
        return
    for name in sorted(map(str, set(value) - {"use", "most", "only_one"})):
        errors[f"{path}/{name}"] = [_("Unknown field.")]
    if value.get("use", STRONG) not in USES:
        errors[f"{path}/use"] = [_("Choose one of %(values)s.") % {"values": ", ".join(USES)}]
    if "most" in value:
        _whole(value["most"], 1, MAX_MOST, f"{path}/most", errors)
    if not isinstance(value.get("only_one", False), bool):
        errors[f"{path}/only_one"] = [_("Use true or false.")]


def _whole(value: Any, least: int, most: int, path: str, errors: dict[str, list[str]]) -> None:
    if type(value) is not int or not least <= value <= most:
        errors[path] = [_("Use a whole number from %(least)d to %(most)d.") % {"least": least, "most": most}]
