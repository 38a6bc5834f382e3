"""What a push message has besides title and text: what a tap opens, how long it may wait, parts for each system."""

from __future__ import annotations

import re
from typing import Any

from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from marketing.content import rendering, writing

LONGEST_TITLE, LONGEST_TEXT = 100, 500
USUAL_TITLE, USUAL_TEXT = 50, 120
"""What phones show in full; makers' own channels cut what is longer."""
MOST_HOURS = 72
MOST_EXTRA, LONGEST_EXTRA, LONGEST_CUSTOM, LONGEST_URL = 20, 500, 500, 1000
MOST_BADGE = 9999
RESERVED = ("aps", "d", "p", "tideline", "from", "gcm", "message_type")
"""Names that platforms and Tideline use themselves beside the own parameters."""
_PACKAGE = re.compile(r"[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z][A-Za-z0-9_]*)+")
_ACTIVITY = re.compile(r"\.?[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z][A-Za-z0-9_]*)*")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")


class Action(models.TextChoices):
    """What happens after a tap on the message."""

    APP = "app", gettext_lazy("Open the app or the site")
    URL = "url", gettext_lazy("Open a link (Android and browsers)")
    PAGE = "page", gettext_lazy("Open a page of the app (Android only)")
    CUSTOM = "custom", gettext_lazy("Hand a text to the app (Android only)")


DEFAULTS: dict[str, Any] = {
    "action": Action.APP.value,
    "url": "",
    "custom": "",
    "vendor": False,
    "package": "",
    "activity": "",
    "extra": {},
    "ttl_hours": MOST_HOURS,
    "subtitle": "",
    "badge": None,
    "sound": True,
}
_TEXTS = ("action", "url", "custom", "package", "activity", "subtitle")
_WITH_VARIABLES = ("url", "custom", "subtitle")


def complete(given: dict[str, Any]) -> dict[str, Any]:
    """All fields, those that are not given with their defaults."""
    return {**DEFAULTS, **given}


def texts(given: dict[str, Any]) -> list[str]:
    """The texts in which variables are replaced, besides title and text."""
    return [str(complete(given)[name]) for name in _WITH_VARIABLES] + [
        str(value) for value in (complete(given)["extra"] or {}).values()
    ]


def fill(given: dict[str, Any], values: dict[str, str]) -> dict[str, Any]:
    """The fields with every variable replaced."""
    push = complete(given)
    named = {name: rendering.fill(push[name], values) for name in _WITH_VARIABLES}
    extra = {name: rendering.fill(value, values) for name, value in push["extra"].items()}
    return {**push, **named, "extra": extra}


def problems(given: Any) -> dict[str, list[str]]:
    """What keeps the fields from being saved: "push/url" and the like with their messages."""
    if not isinstance(given, dict):
        return {"push": [_("Give an object.")]}
    errors = {f"push/{name}": [_("Unknown field.")] for name in given if name not in DEFAULTS}
    push = complete({name: value for name, value in given.items() if name in DEFAULTS})
    for name in _TEXTS:
        if not isinstance(push[name], str):
            errors[f"push/{name}"] = [_("Give a text.")]
    for name in ("vendor", "sound"):
        if not isinstance(push[name], bool):
            errors[f"push/{name}"] = [_("Give true or false.")]
    return errors or {f"push/{name}": [message] for name, message in _problems(push).items()}


def _problems(push: dict[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    action = push["action"]
    if action not in Action.values:
        found["action"] = _("Choose one of the list.")
    if action == Action.URL and not re.match(r"https?://[^\s]+$", push["url"]):
        found["url"] = _("A link starts with http:// or https://.")
    if len(push["url"]) > LONGEST_URL:
        found["url"] = _("At most %(most)d characters.") % {"most": LONGEST_URL}
    if action == Action.CUSTOM and not push["custom"].strip():
        found["custom"] = _("This is needed.")
    if len(push["custom"]) > LONGEST_CUSTOM:
        found["custom"] = _("At most %(most)d characters.") % {"most": LONGEST_CUSTOM}
    if action == Action.PAGE or push["vendor"] or push["package"] or push["activity"]:
        if not _PACKAGE.fullmatch(push["package"]):
            found["package"] = _("The full name of the package, as in com.example.shop.")
        if not _ACTIVITY.fullmatch(push["activity"]):
            found["activity"] = _("The name of the activity, as in MainActivity.")
    if not _is_number(push["ttl_hours"], 1, MOST_HOURS):
        found["ttl_hours"] = _("A whole number from 1 to %(most)d.") % {"most": MOST_HOURS}
    if push["badge"] is not None and not _is_number(push["badge"], 0, MOST_BADGE):
        found["badge"] = _("A whole number from 0 to %(most)d.") % {"most": MOST_BADGE}
    if len(push["subtitle"]) > LONGEST_TITLE:
        found["subtitle"] = _("At most %(most)d characters.") % {"most": LONGEST_TITLE}
    if message := _extra_problem(push["extra"]):
        found["extra"] = message
    for name in _WITH_VARIABLES:
        if wrong := writing.problems(push[name]):
            found.setdefault("action", wrong[0])
    return found


def _extra_problem(extra: Any) -> str:
    if not isinstance(extra, dict) or len(extra) > MOST_EXTRA:
        return _("At most %(most)d parameters, each with a name and a text.") % {"most": MOST_EXTRA}
    for name, value in extra.items():
        if not _NAME.fullmatch(name) or name in RESERVED:
            return _("“%(name)s” cannot be the name of a parameter.") % {"name": name[:64]}
        if not isinstance(value, str) or len(value) > LONGEST_EXTRA:
            return _("The text of “%(name)s” has at most %(most)d characters.") % {
                "name": name,
                "most": LONGEST_EXTRA,
            }
        if wrong := writing.problems(value):
            return wrong[0]
    return ""


def _is_number(value: Any, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
