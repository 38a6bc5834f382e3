"""Apple's push service in small: a signing key, devices, and messages to them by HTTP/2."""

from __future__ import annotations

import base64
import json
import re
import time
import uuid
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from marketing.sandbox import devices
from marketing.sandbox.answers import Request, Response, as_json
from marketing.sandbox.options import Options
from marketing.sandbox.store import Store

PREFIX = "/apns"
KEY_ID, TEAM_ID, TOPIC = "SANDBOXKEY", "SANDBOXTEA", "com.example.shop"
MOST_BYTES = 4096
_TOKEN_SECONDS = 3600
_REASONS = {
    400: "BadDeviceToken",
    410: "Unregistered",
    429: "TooManyRequests",
    500: "InternalServerError",
    503: "ServiceUnavailable",
}


class Refused(Exception):
    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Apns:
    """Answers everything below /apns/ of the sandbox, and /3/device/ on the port that speaks HTTP/2."""

    def __init__(self, store: Store, options: Options) -> None:
        self.store = store
        self.options = options
        self.base_url = ""

    def answer(self, request: Request) -> Response:
        """Key and devices to try with."""
        match request.method, request.path:
            case "GET", "/apns/key":
                return as_json(self.settings())
            case "POST", "/apns/devices":
                return self._new_device(request)
        return as_json({"detail": "There is no such address."}, 404)

    def settings(self) -> dict[str, str]:
        """What belongs into the settings of a channel."""
        return {
            "key": devices.key_of(self.store, "apns", _new_key),
            "key_id": KEY_ID,
            "team_id": TEAM_ID,
            "topic": TOPIC,
            "base_url": self.base_url,
        }

    def _new_device(self, request: Request) -> Response:
        """An installation of the app. `answer`: a status instead of 200; `reaction`."""
        try:
            _given, status, reaction = devices.made_from(request)
        except (ValueError, TypeError) as error:
            return as_json({"detail": str(error)}, 400)
        key = self.store.add_browser(private="", auth="", server_key="apns", answer=status, reaction=reaction)
        return as_json({"token": key * 2}, 201)

    def push(self, request: Request) -> Response:
        """One message, as Apple takes it."""
        number = request.headers.get("apns-id") or str(uuid.uuid4())
        try:
            self._push(request, number)
        except Refused as refusal:
            content: dict[str, Any] = {"reason": str(refusal)}
            if refusal.status == 410:
                content["timestamp"] = int(time.time() * 1000)
            answer = as_json(content, refusal.status)
            answer.headers["apns-id"] = number
            if refusal.status in (429, 503):
                answer.headers["retry-after"] = "30"
            return answer
        return Response(200, b"", headers={"apns-id": number})

    def _push(self, request: Request, number: str) -> None:
        found = re.fullmatch(r"/3/device/([^/]*)", request.path)
        if found is None or request.method != "POST":
            raise Refused(404, "BadPath")
        self._check_sender(request)
        content = _content(request)
        token = found[1]
        device = self.store.browser(token[:32]) if re.fullmatch("[0-9a-f]{64}", token) else None
        if device is None or device["server_key"] != "apns":
            raise Refused(400, "BadDeviceToken")
        if device["answer"] != 200:
            raise Refused(device["answer"], _REASONS.get(device["answer"], "Forbidden"))
        alert = content["aps"].get("alert") or {}
        alert = alert if isinstance(alert, dict) else {"title": str(alert)}
        own = content.get("tideline")
        head = {name: value for name, value in request.headers.items() if name.startswith("apns-")}
        devices.keep(
            self.store,
            self.options,
            device,
            sender=TOPIC,
            title=str(alert.get("title") or ""),
            text=str(alert.get("body") or ""),
            report=str(own.get("report") or "") if isinstance(own, dict) else "",
            shown={"headers": head, "payload": content},
            ttl=max(0, int(head.get("apns-expiration") or 0) - int(time.time())),
            # Nobody is told that a message has arrived on an iPhone.
            reaction="" if device["reaction"] == "clicked" else "silent",
            same=f"{number}/{token}",
        )

    def _check_sender(self, request: Request) -> None:
        token = request.headers.get("authorization", "").removeprefix("bearer ")
        if not token:
            raise Refused(403, "MissingProviderToken")
        signed, _dot, signature = token.rpartition(".")
        key = load_pem_private_key(self.settings()["key"].encode(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        try:
            raw = _unb64(signature)
            pair = encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
            key.public_key().verify(pair, signed.encode(), ec.ECDSA(hashes.SHA256()))
            head, claims = (json.loads(_unb64(part)) for part in signed.split("."))
            right = (head["alg"], head["kid"], claims["iss"]) == ("ES256", KEY_ID, TEAM_ID)
            age = time.time() - int(claims["iat"])
        except (InvalidSignature, ValueError, KeyError, TypeError):
            raise Refused(403, "InvalidProviderToken") from None
        if not right or age < -60:
            raise Refused(403, "InvalidProviderToken")
        if age > _TOKEN_SECONDS:
            raise Refused(403, "ExpiredProviderToken")


def _content(request: Request) -> dict[str, Any]:
    """The message. Raises Refused with what is wrong with it or its headers."""
    if request.headers.get("apns-topic") != TOPIC:
        raise Refused(400, "BadTopic" if request.headers.get("apns-topic") else "MissingTopic")
    if request.headers.get("apns-push-type") != "alert":
        raise Refused(400, "InvalidPushType")
    if len(request.headers.get("apns-collapse-id", "")) > 64:
        raise Refused(400, "BadCollapseId")
    if not re.fullmatch("[0-9]{1,12}", request.headers.get("apns-expiration", "0")):
        raise Refused(400, "BadExpirationDate")
    if len(request.body) > MOST_BYTES:
        raise Refused(413, "PayloadTooLarge")
    try:
        content = request.json()
    except ValueError:
        content = None
    if not isinstance(content, dict) or not isinstance(content.get("aps"), dict):
        raise Refused(400, "PayloadEmpty")
    return content


def _new_key() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
