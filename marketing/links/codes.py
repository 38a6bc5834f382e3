"""The codes of short links, and the codes that stand for people in them.

A person's code is the mobile number under a keyed permutation of all texts of a length in letters and digits, so codes
of two numbers never collide, and without the key nobody can read them. There are two lengths:

- ten characters, with a key per link, in addresses that are handed out one by one: of 84 million made-up codes about
  one names a number;
- six characters, with a key per workspace, in texts where every character costs money: of six made-up codes about one
  names a number.

A round adds to one half modulo the number of texts of half the length, so whatever comes out is a text of the length:
no walk back into the domain is needed, as it would be with rounds on bits.
"""

from __future__ import annotations

import hashlib
import secrets
import string

from cdp.core.identifiers import ID_TYPES

ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
_VALUES = {character: value for value, character in enumerate(ALPHABET)}
LENGTH = 6
PERSON_LENGTH, PARAMETER_LENGTH = 10, 6
_NUMBERS = 10**10
"""Mobile numbers are a 1 and ten digits."""
_ROUNDS = 8


def new_code() -> str:
    """A code for a link, one of 57 thousand million."""
    return "".join(secrets.choice(ALPHABET) for _place in range(LENGTH))


def is_code(text: str) -> bool:
    """Whether a text could be the code of a link."""
    return len(text) == LENGTH and all(character in _VALUES for character in text)


def new_key() -> str:
    return secrets.token_hex(32)


def person_code(key: str, mobile: str, length: int = PERSON_LENGTH) -> str | None:
    """The code of a mobile number under this key; None where it is no mobile number."""
    number = ID_TYPES["mobile"].normalise(mobile)
    if number is None:
        return None
    half = len(ALPHABET) ** (length // 2)
    left, right = divmod(int(number[1:]), half)
    secret = bytes.fromhex(key)
    for turn in range(_ROUNDS):
        left, right = right, (left + _mix(secret, turn, right, half)) % half
    return _text(left, length // 2) + _text(right, length // 2)


def mobile_of(key: str, code: str, length: int = PERSON_LENGTH) -> str | None:
    """The mobile number behind a code; None where the code was not made with this key."""
    if len(code) != length or any(character not in _VALUES for character in code):
        return None
    half = len(ALPHABET) ** (length // 2)
    left, right = _number(code[: length // 2]), _number(code[length // 2 :])
    secret = bytes.fromhex(key)
    for turn in reversed(range(_ROUNDS)):
        left, right = (right - _mix(secret, turn, left, half)) % half, left
    number = left * half + right
    return f"1{number:010d}" if number < _NUMBERS else None


def _mix(key: bytes, turn: int, value: int, half: int) -> int:
    """A pseudo-random function of the key: a round of the permutation."""
    digest = hashlib.blake2b(b"%d:%d" % (turn, value), key=key, digest_size=16).digest()
    return int.from_bytes(digest) % half


def _text(number: int, length: int) -> str:
    found = ""
    for _place in range(length):
        number, rest = divmod(number, len(ALPHABET))
        found = ALPHABET[rest] + found
    return found


def _number(text: str) -> int:
    number = 0
    for character in text:
        number = number * len(ALPHABET) + _VALUES[character]
    return number
