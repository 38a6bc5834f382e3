"""The length of an SMS, and the parts that it is billed as.

Most platforms bill every text as UCS-2: 70 characters in one part, 67 in each of several. Others bill a text of the
GSM 7-bit alphabet alone by that: 160 in one part, 153 in each of several, and two for each of its extension table
(3GPP TS 23.038). One character outside of it makes the whole text UCS-2, where emoji count twice (UTF-16).
"""

from __future__ import annotations

from dataclasses import dataclass

from marketing.channels.capabilities import Billing, SignatureForm
from marketing.links import codes, parameters

GSM_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_EXTENSION = "\f^{}\\[~]|€"
_GSM = frozenset(GSM_BASIC + GSM_EXTENSION)
_LAST_OF_ONE_UNIT = "\uffff"


@dataclass(frozen=True)
class Alphabet:
    """How many units one SMS holds, and each part of a longer one; `double`: whether a character takes two."""

    single: int
    part: int
    gsm: bool

    def double(self, character: str) -> bool:
        return character in GSM_EXTENSION if self.gsm else character > _LAST_OF_ONE_UNIT


UCS2, GSM7 = Alphabet(70, 67, gsm=False), Alphabet(160, 153, gsm=True)


@dataclass(frozen=True)
class SmsLength:
    """Units of a whole SMS (signature, text, unsubscribe line), the parts it is billed as, and by which alphabet.

    `foreign`: of a text that is billed as UCS-2 where GSM would be cheaper, the first character that forces it.
    """

    characters: int
    parts: int
    gsm: bool = False
    foreign: str = ""


def signed(signature: str, form: str = SignatureForm.CHINESE) -> str:
    """The signature as it stands in front of the text; nothing where it is the sender."""
    if not signature or form == SignatureForm.SENDER:
        return ""
    return f"[{signature}] " if form == SignatureForm.SQUARE else f"【{signature}】"


def measure(text: str, billing: str = Billing.UCS2) -> SmsLength:
    """The length of a whole text, as the platform bills it. A part never ends within a character of two units."""
    text = parameters.PARAMETER.sub("x" * codes.PARAMETER_LENGTH, text)
    foreign = next((sign for sign in text if sign not in _GSM), "") if billing == Billing.GSM7 else ""
    alphabet = GSM7 if billing == Billing.GSM7 and not foreign else UCS2
    parts, room, units = 0, 0, 0
    for sign in text:
        size = 2 if alphabet.double(sign) else 1
        units += size
        if size > room:
            parts, room = parts + 1, alphabet.part
        room -= size
    return SmsLength(units, 1 if units <= alphabet.single else parts, alphabet.gsm, foreign)
