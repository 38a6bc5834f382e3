"""Push services and browsers in one: subscriptions to register somewhere, and the messages that come to them.

A push is a POST to a browser's address (RFC 8030), encrypted for it (RFC 8291), by a sender who signs (RFC 8292).
"""

from __future__ import annotations

import base64
import json
import os
import re
import struct
import time
from typing import Any

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from marketing.sandbox import devices
from marketing.sandbox.answers import Request, Response, as_json
from marketing.sandbox.options import Options
from marketing.sandbox.outcomes import of_browser
from marketing.sandbox.store import Store

PREFIX = "/webpush"
MOST_BYTES = 4096
WORDS = {"RECEIVED": ("shown",), "OPENED": ("shown", "clicked"), "IGNORED": ("shown", "closed")}
"""What a browser reports, one word a call."""
_DAY = 86_400
_CURVE = ec.SECP256R1()
_TOPIC = re.compile(r"[A-Za-z0-9_-]{1,32}")
_VAPID = re.compile(r"vapid t=([A-Za-z0-9_-]+\.[A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+), *k=([A-Za-z0-9_-]+)")


class Refused(Exception):
    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


class WebPush:
    """Answers everything below /webpush/."""

    def __init__(self, store: Store, options: Options) -> None:
        self.store = store
        self.options = options

    def answer(self, request: Request) -> Response:
        try:
            if (request.method, request.path) == ("POST", f"{PREFIX}/browsers"):
                return self._new(request)
            found = re.fullmatch(PREFIX + r"/to/([0-9a-f]{32})", request.path)
            if found is None or request.method != "POST":
                raise Refused(404, "There is no such address.")
            return self._push(request, found[1])
        except Refused as refusal:
            return as_json({"detail": str(refusal)}, refusal.status)

    def _new(self, request: Request) -> Response:
        """A browser subscribes. `key`: of the only sender; `answer`: a status instead of 201; `reaction`."""
        try:
            given = request.json() or {}
            status, reaction = int(given.get("answer", 201)), str(given.get("reaction", "shown"))
            of_browser(reaction)
        except (ValueError, AttributeError, KeyError):
            raise Refused(400, "Give key, answer and reaction (shown, clicked, closed, silent).") from None
        private = ec.generate_private_key(_CURVE)
        auth = os.urandom(16)
        browser = self.store.add_browser(
            private=_b64(private.private_numbers().private_value.to_bytes(32)),
            auth=_b64(auth),
            server_key=str(given.get("key", "")),
            answer=status,
            reaction=reaction,
        )
        subscription = {
            "endpoint": f"http://{request.headers.get('host', '')}{PREFIX}/to/{browser}",
            "expirationTime": None,
            "keys": {"p256dh": _b64(_point(private.public_key())), "auth": _b64(auth)},
        }
        return as_json(subscription, 201)

    def _push(self, request: Request, key: str) -> Response:
        browser = self.store.browser(key)
        if browser is None:
            raise Refused(404, "There is no such subscription.")
        _check_head(request)
        sender = _check_sender(request, browser["server_key"])
        if browser["answer"] != 201:
            raise Refused(browser["answer"], "This browser was made to answer so.")
        private = ec.derive_private_key(int.from_bytes(_unb64(browser["private"])), _CURVE)
        message = decrypt(request.body, private, _unb64(browser["auth"]))
        number = self._keep(browser, sender, message, request)
        location = f"http://{request.headers.get('host', '')}{PREFIX}/message/{number}"
        return Response(201, b"", headers={"Location": location})

    def _keep(self, browser: dict[str, Any], sender: str, message: bytes, request: Request) -> str:
        try:
            payload = json.loads(message)
            shown = {name: str(payload.get(name) or "") for name in ("title", "body", "report")}
        except (ValueError, AttributeError):
            payload, shown = (
                {"text": message.decode(errors="replace")},
                {"title": "", "body": "", "report": ""},
            )
        head = {
            name: request.headers[name] for name in ("ttl", "urgency", "topic") if name in request.headers
        }
        return devices.keep(
            self.store,
            self.options,
            browser,
            sender=sender,
            title=shown["title"],
            text=shown["body"],
            report=shown["report"],
            shown={"headers": head, "payload": payload},
            ttl=int(head["ttl"]),
        )


def _check_head(request: Request) -> None:
    if not re.fullmatch("[0-9]{1,9}", request.headers.get("ttl", "")):
        raise Refused(400, "TTL is missing.")
    if request.headers.get("content-encoding") != "aes128gcm":
        raise Refused(415, "The body must be aes128gcm.")
    if request.headers.get("urgency", "normal") not in ("very-low", "low", "normal", "high"):
        raise Refused(400, "There is no such urgency.")
    if "topic" in request.headers and not _TOPIC.fullmatch(request.headers["topic"]):
        raise Refused(400, "The topic has up to 32 letters of base64.")
    if len(request.body) > MOST_BYTES:
        raise Refused(413, "At most 4096 bytes.")


def _check_sender(request: Request, server_key: str) -> str:
    """Who sends it (`sub`). Raises Refused where the signature, the service or the time is wrong."""
    found = _VAPID.fullmatch(request.headers.get("authorization", ""))
    if found is None:
        raise Refused(401, "Authorization must be vapid t=…, k=….")
    signed, signature, key = found.groups()
    try:
        head, claims = (json.loads(_unb64(part)) for part in signed.split("."))
        raw = _unb64(signature)
        pair = encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
        public = ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, _unb64(key))
        public.verify(pair, signed.encode(), ec.ECDSA(hashes.SHA256()))
        lives = int(claims["exp"]) - time.time()
        right = head["alg"] == "ES256" and len(raw) == 64 and 0 < lives <= _DAY
        sender = str(claims.get("sub", ""))
    except (InvalidSignature, ValueError, KeyError, TypeError):
        raise Refused(403, "The signature is wrong.") from None
    if not right or claims.get("aud") != f"http://{request.headers.get('host', '')}":
        raise Refused(403, "The token is for another service or another time.")
    if not re.match("mailto:|https:", sender):
        raise Refused(403, "sub must say whom to write to.")
    if server_key and key != server_key:
        raise Refused(403, "The browser has subscribed to somebody else.")
    return sender


def decrypt(body: bytes, private: ec.EllipticCurvePrivateKey, auth: bytes) -> bytes:
    """What a browser reads of a body. Raises Refused where it was not meant for it."""
    if len(body) < 86 + 17:
        raise Refused(400, "The body is too short.")
    salt, (_record, length) = body[:16], struct.unpack("!IB", body[16:21])
    sender, cipher = body[21 : 21 + length], body[21 + length :]
    try:
        theirs = ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, sender)
        shared = private.exchange(ec.ECDH(), theirs)
        info = b"WebPush: info\x00" + _point(private.public_key()) + sender
        material = _derived(shared, auth, info, 32)
        key = _derived(material, salt, b"Content-Encoding: aes128gcm\x00", 16)
        nonce = _derived(material, salt, b"Content-Encoding: nonce\x00", 12)
        padded = AESGCM(key).decrypt(nonce, cipher, None).rstrip(b"\x00")
    except (ValueError, InvalidTag):
        raise Refused(400, "The body was encrypted for somebody else.") from None
    if not padded.endswith(b"\x02"):
        raise Refused(400, "The body has no end.")
    return padded[:-1]


def _derived(material: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(hashes.SHA256(), length, salt, info).derive(material)


def _point(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
