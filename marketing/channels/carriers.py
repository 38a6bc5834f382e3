"""Whose network a mainland mobile number belongs to, by its first digits.

Numbers can be taken along to another carrier, so this is an estimate; the platform knows, and reports the number as
failed where we are wrong. A provider's settings may add to the table or say otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from django.db import models
from django.utils.translation import gettext_lazy as _

from marketing.channels.models import Provider


class Carrier(models.TextChoices):
    """The three that review digital SMS."""

    MOBILE = "mobile", _("China Mobile")
    UNICOM = "unicom", _("China Unicom")
    TELECOM = "telecom", _("China Telecom")


SETTING = "carrier_prefixes"
_LONGEST = 7
_PREFIXES = {
    Carrier.MOBILE: "134 135 136 137 138 139 147 148 150 151 152 157 158 159 165 172 178 182 183 184 187 188 195 197 "
    "198 1440 1703 1705 1706",
    Carrier.UNICOM: "130 131 132 140 145 146 155 156 166 167 171 175 176 185 186 196 1704 1707 1708 1709",
    Carrier.TELECOM: "133 141 149 153 162 173 174 177 180 181 189 190 191 193 199 1349 1410 1700 1701 1702",
}
_TABLE = {prefix: carrier for carrier, prefixes in _PREFIXES.items() for prefix in prefixes.split()}
_ENTRY = re.compile(r"\s*(1\d{2,6})\s*=\s*(mobile|unicom|telecom)\s*")


def own_table(provider: Provider) -> dict[str, Carrier]:
    """What the provider's settings say besides the common table."""
    return read(str(provider.config.get(SETTING) or "")) or {}


def read(text: str) -> dict[str, Carrier] | None:
    """`165=unicom, 1703=telecom` as a table; None where it is written otherwise."""
    entries = [_ENTRY.fullmatch(part) for part in text.split(",") if part.strip()]
    return None if None in entries else {found[1]: Carrier(found[2]) for found in entries if found}


def carrier_of(number: str, own: Mapping[str, Carrier] | None = None) -> Carrier | None:
    """The carrier of a normalised number, by the longest prefix that is known; None for all others."""
    for length in range(_LONGEST, 2, -1):
        start = number[:length]
        found = (own or {}).get(start) or _TABLE.get(start)
        if found is not None:
            return found
    return None
