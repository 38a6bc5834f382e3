"""Web push on the wire: the message encrypted for one browser (RFC 8291, RFC 8188), and who sends it (RFC 8292)."""

from __future__ import annotations

import base64
import json
import os
import struct
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

LONGEST_MESSAGE = 3993
"""Bytes that fit into the 4096 which every push service takes (RFC 8030, 7.2): less header (86), tag and delimiter."""
TOKEN_SECONDS = 12 * 3600
_RECORD = 4096
_CURVE = ec.SECP256R1()
_LAST_RECORD = b"\x02"


def b64(data: bytes) -> str:
    """Base64 as the Web writes it: URL-safe, without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    """Raises ValueError."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def new_key() -> tuple[str, str]:
    """A new key pair, public (an uncompressed point) and private (a number), as base64."""
    key = ec.generate_private_key(_CURVE)
    return b64(_point(key)), b64(key.private_numbers().private_value.to_bytes(32))


def private_key(text: str) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int.from_bytes(unb64(text)), _CURVE)


def public_key(data: bytes) -> ec.EllipticCurvePublicKey:
    """Raises ValueError where this is no point of the curve."""
    return ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, data)


def _point(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def encrypt(
    message: bytes,
    p256dh: str,
    auth: str,
    *,
    salt: bytes | None = None,
    key: ec.EllipticCurvePrivateKey | None = None,
) -> bytes:
    """The body of a push (`aes128gcm`) that only the browser with these keys can read. Raises ValueError.

    `salt` and `key` are random for each message, and given only to compare with known results.
    """
    if len(message) > LONGEST_MESSAGE:
        raise ValueError("The message is too long.")
    salt, key = salt or os.urandom(16), key or ec.generate_private_key(_CURVE)
    theirs, ours = unb64(p256dh), _point(key)
    shared = key.exchange(ec.ECDH(), public_key(theirs))
    secret, nonce = _keys(shared, unb64(auth), theirs, ours, salt)
    cipher = AESGCM(secret).encrypt(nonce, message + _LAST_RECORD, None)
    return salt + struct.pack("!IB", _RECORD, len(ours)) + ours + cipher


def _keys(shared: bytes, auth: bytes, browser: bytes, sender: bytes, salt: bytes) -> tuple[bytes, bytes]:
    """Content key and nonce (RFC 8291, 3.4)."""
    material = _derived(shared, auth, b"WebPush: info\x00" + browser + sender, 32)
    key = _derived(material, salt, b"Content-Encoding: aes128gcm\x00", 16)
    return key, _derived(material, salt, b"Content-Encoding: nonce\x00", 12)


def _derived(material: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(hashes.SHA256(), length, salt, info).derive(material)


def authorization(endpoint: str, *, public: str, private: str, contact: str, now: float) -> str:
    """The header that names the sender to the push service of an endpoint."""
    parts = urlsplit(endpoint)
    claims = {
        "aud": f"{parts.scheme}://{parts.netloc}",
        "exp": int(now) + TOKEN_SECONDS,
        "sub": contact,
    }
    token = es256({"typ": "JWT", "alg": "ES256"}, claims, private_key(private))
    return f"vapid t={token}, k={public}"


def unsigned_token(head: dict[str, Any], claims: dict[str, Any]) -> str:
    """The two parts of a JSON Web Token that its signature stands for."""
    parts = (json.dumps(part, separators=(",", ":")).encode() for part in (head, claims))
    return ".".join(b64(part) for part in parts)


def es256(head: dict[str, Any], claims: dict[str, Any], key: ec.EllipticCurvePrivateKey) -> str:
    """A JSON Web Token signed by ECDSA on P-256 with SHA-256 (RFC 7518, 3.4)."""
    signed = unsigned_token(head, claims)
    r, s = decode_dss_signature(key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
    return f"{signed}.{b64(r.to_bytes(32) + s.to_bytes(32))}"
