"""What requests of the API say about audiences, read and checked."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from rest_framework.request import Request

from cdp.core.errors import ValidationFailed

MOST_AT_ONCE = 500


def body(request: Request) -> dict[str, Any]:
    if not isinstance(request.data, dict):
        raise ValidationFailed(_("Send a JSON object."))
    return request.data


def chosen(data: dict[str, Any]) -> list[str]:
    """The IDs in `audiences`."""
    given = data.get("audiences")
    if not isinstance(given, list) or not 1 <= len(given) <= MOST_AT_ONCE:
        message = _("Give a list of 1 to %(most)d audiences.") % {"most": MOST_AT_ONCE}
        raise ValidationFailed(message, errors={"audiences": [message]})
    return list(dict.fromkeys(str(key) for key in given))


def refresh_options(data: dict[str, Any]) -> dict[str, Any]:
    snapshot, first = data.get("snapshot"), data.get("datasets_first", False)
    for name, value in (("snapshot", snapshot), ("datasets_first", first)):
        if not isinstance(value, bool) and not (name == "snapshot" and value is None):
            raise ValidationFailed(_("Use true or false."), errors={name: [_("Use true or false.")]})
    return {"snapshot": snapshot, "datasets_first": first}


def uploaded_file(request: Request) -> tuple[Any, str]:
    file = request.FILES.get("file")
    if file is None:
        message = _("Send a file.")
        raise ValidationFailed(message, errors={"file": [message]})
    return file, file.name
