"""The codes of short links, and the codes that stand for people in them.

A person's code is the mobile number under a keyed permutation of all texts of ten letters and digits: numbers never
collide, each link has a key of its own, and of 84 million made-up codes about one names a number.
"""

from __future__ import annotations

import hashlib
import secrets
import string

from cdp.core.identifiers import ID_TYPES

ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
_VALUES = {character: value for value, character in enumerate(ALPHABET)}
LENGTH = 6
PERSON_LENGTH = 10
_NUMBERS = 10**10
"""Mobile numbers are a 1 and ten digits."""
_HALF = len(ALPHABET) ** (PERSON_LENGTH // 2)
_ROUNDS = 8


def new_code() -> str:
    """A code for a link, one of 57 thousand million."""
    return "".join(secrets.choice(ALPHABET) for _place in range(LENGTH))


def is_code(text: str) -> bool:
    """Whether a text could be the code of a link."""
    return len(text) == LENGTH and all(character in _VALUES for character in text)


def new_key() -> str:
    return secrets.token_hex(32)


def person_code(key: str, mobile: str) -> str | None:
    """The code of a mobile number in the link with this key; None where it is no mobile number."""
    number = ID_TYPES["mobile"].normalise(mobile)
    if number is None:
        return None
    left, right = divmod(int(number[1:]), _HALF)
    secret = bytes.fromhex(key)
    for turn in range(_ROUNDS):
        left, right = right, (left + _mix(secret, turn, right)) % _HALF
    return _text(left) + _text(right)


def mobile_of(key: str, code: str) -> str | None:
    """The mobile number behind a code; None where the code was not made with this key."""
    if len(code) != PERSON_LENGTH or any(character not in _VALUES for character in code):
        return None
    left, right = _number(code[: PERSON_LENGTH // 2]), _number(code[PERSON_LENGTH // 2 :])
    secret = bytes.fromhex(key)
    for turn in reversed(range(_ROUNDS)):
        left, right = (right - _mix(secret, turn, left)) % _HALF, left
    number = left * _HALF + right
    return f"1{number:010d}" if number < _NUMBERS else None


def _mix(key: bytes, turn: int, half: int) -> int:
    """A pseudo-random function of the key: a round of the permutation."""
    digest = hashlib.blake2b(b"%d:%d" % (turn, half), key=key, digest_size=16).digest()
    return int.from_bytes(digest) % _HALF


def _text(number: int) -> str:
    found = ""
    for _place in range(PERSON_LENGTH // 2):
        number, rest = divmod(number, len(ALPHABET))
        found = ALPHABET[rest] + found
    return found


def _number(text: str) -> int:
    number = 0
    for character in text:
        number = number * len(ALPHABET) + _VALUES[character]
    return number
