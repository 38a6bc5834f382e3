"""Codes of failed SMS in words. Those of platforms and operators that are not here are shown as they came."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from marketing.delivery.failed import NO_REPORT

_OFF = _("The phone is off or out of reach")
_NOBODY = _("The number is not in use")
_BLOCKED = _("The operator or the owner of the number blocks it")
_WORDS: dict[str, Any] = {
    NO_REPORT: _("No feedback within 72 hours"),
    "UNDELIV": _OFF,
    "EXPIRED": _OFF,
    "MOBILE_NOT_ON_SERVICE": _NOBODY,
    "MOBILE_NUMBER_ILLEGAL": _("Not a phone number"),
    "MOBILE_IN_BLACK": _BLOCKED,
    "REJECTD": _BLOCKED,
    "BLACK": _BLOCKED,
    "CARRIER_NOT_APPROVED": _("The carrier has not approved the template"),
}


def of(code: str) -> str:
    """Words for a code; nothing where it is not known."""
    return str(_WORDS.get(code, ""))
