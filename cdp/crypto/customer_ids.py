"""IDs that a customer keeps AES-encrypted in their own warehouse.

AES-128 in ECB mode, PKCS#7 padding, UTF-8 in, standard Base64 out; the key is 16 characters of 0-9 and A-F (or a-f),
used as their ASCII bytes. Equal to MySQL's `TO_BASE64(AES_ENCRYPT(text, key))`. ECB shows equal values as equal: that
is what makes such columns joinable, and why Tideline only reads this format and never chooses it for itself.
"""

from __future__ import annotations

import base64
import binascii
import re

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from cdp.core.errors import ValidationFailed

_KEY = re.compile(r"[0-9A-Fa-f]{16}")
_BLOCK_BITS = 128


def check_key(key: str) -> bytes:
    """The key's bytes; raises ValidationFailed unless it is 16 hexadecimal characters."""
    if not _KEY.fullmatch(key):
        raise ValidationFailed("The AES key has 16 characters of 0-9 and A-F.", code="bad_aes_key")
    return key.encode("ascii")


def encrypt_id(text: str, key: str) -> str:
    """Base64 cipher text of an ID."""
    padder = PKCS7(_BLOCK_BITS).padder()
    padded = padder.update(text.encode()) + padder.finalize()
    encryptor = Cipher(algorithms.AES(check_key(key)), modes.ECB()).encryptor()
    return base64.b64encode(encryptor.update(padded) + encryptor.finalize()).decode()


def decrypt_id(cipher: str, key: str) -> str | None:
    """The ID behind a Base64 cipher text; None where the text is not AES or was made with another key."""
    try:
        raw = base64.b64decode(cipher.strip(), validate=True)
        decryptor = Cipher(algorithms.AES(check_key(key)), modes.ECB()).decryptor()
        padded = decryptor.update(raw) + decryptor.finalize()
        unpadder = PKCS7(_BLOCK_BITS).unpadder()
        return (unpadder.update(padded) + unpadder.finalize()).decode()
    except (binascii.Error, ValueError):
        return None
