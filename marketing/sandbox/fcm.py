"""Firebase Cloud Messaging in small: a service account, its access tokens, and messages to devices (HTTP v1)."""

from __future__ import annotations

import base64
import json
import re
import secrets
import threading
import time
from typing import Any
from urllib.parse import parse_qs

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
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

PREFIX = "/fcm"
PROJECT = "sandbox-shop"
ACCOUNT = "tideline@sandbox-shop.iam.gserviceaccount.com"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
TOKEN_SECONDS = 3600
MOST_BYTES = 4096
_STATUS = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND"}
_OWN = {
    403: "SENDER_ID_MISMATCH",
    404: "UNREGISTERED",
    429: "QUOTA_EXCEEDED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}


class Refused(Exception):
    """`own` is FCM's code, `field` the part of the message that is wrong."""

    def __init__(self, status: int, why: str, *, own: str = "", field: str = "") -> None:
        super().__init__(why)
        self.status, self.own, self.field = status, own, field


class Fcm:
    """Answers everything below /fcm/."""

    def __init__(self, store: Store, options: Options) -> None:
        self.store = store
        self.options = options
        self._tokens: dict[str, float] = {}
        self._lock = threading.Lock()

    def answer(self, request: Request) -> Response:
        try:
            match request.method, request.path:
                case "GET", "/fcm/service-account":
                    return as_json(self.account(request))
                case "POST", "/fcm/devices":
                    return self._new_device(request)
                case "POST", "/fcm/token":
                    return self._token(request)
            found = re.fullmatch(PREFIX + r"/v1/projects/([^/]+)/messages:send", request.path)
            if found is None or request.method != "POST":
                raise Refused(404, "There is no such address.")
            return self._send(request, found[1])
        except Refused as refusal:
            return _failed(refusal)

    def account(self, request: Request) -> dict[str, str]:
        """The key file that belongs into the settings of a channel, and the address of the interface."""
        base = f"http://{request.headers.get('host', '')}{PREFIX}"
        return {
            "type": "service_account",
            "project_id": PROJECT,
            "private_key_id": "sandbox",
            "private_key": devices.key_of(self.store, "fcm", _new_key),
            "client_email": ACCOUNT,
            "token_uri": f"{base}/token",
        }

    def _new_device(self, request: Request) -> Response:
        """An installation of the app. `answer`: a status instead of 200; `reaction`."""
        try:
            _given, status, reaction = devices.made_from(request)
        except (ValueError, TypeError) as error:
            raise Refused(400, str(error)) from None
        key = self.store.add_browser(private="", auth="", server_key="fcm", answer=status, reaction=reaction)
        return as_json({"token": f"fcm:{key}"}, 201)

    def _token(self, request: Request) -> Response:
        form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
        why = (
            "grant_type"
            if form.get("grant_type") != GRANT
            else self._problem(form.get("assertion", ""), request)
        )
        if why:
            return as_json({"error": "invalid_grant", "error_description": f"Invalid JWT: {why}"}, 400)
        token = secrets.token_urlsafe(24)
        with self._lock:
            self._tokens[token] = time.time() + TOKEN_SECONDS
        return as_json({"access_token": token, "expires_in": TOKEN_SECONDS, "token_type": "Bearer"})

    def _problem(self, assertion: str, request: Request) -> str:
        """What is wrong with a signed request for a token; empty where nothing is."""
        account = self.account(request)
        key = load_pem_private_key(account["private_key"].encode(), None)
        assert isinstance(key, rsa.RSAPrivateKey)
        signed, _dot, signature = assertion.rpartition(".")
        try:
            key.public_key().verify(_unb64(signature), signed.encode(), padding.PKCS1v15(), hashes.SHA256())
            head, claims = (json.loads(_unb64(part)) for part in signed.split("."))
            now, issued, ends = time.time(), int(claims["iat"]), int(claims["exp"])
        except (InvalidSignature, ValueError, KeyError, TypeError):
            return "signature"
        if head.get("alg") != "RS256" or claims.get("iss") != ACCOUNT or SCOPE not in claims.get("scope", ""):
            return "claims"
        if claims.get("aud") != account["token_uri"]:
            return "audience"
        return "" if issued - 60 <= now < ends <= issued + 3600 else "time"

    def _send(self, request: Request, project: str) -> Response:
        self._check_token(request)
        if project != PROJECT:
            raise Refused(403, f"There is no permission for the project {project}.")
        try:
            content = request.json()
            message = content["message"]
            token = str(message["token"])
        except (ValueError, KeyError, TypeError):
            raise Refused(400, "The request has no message with a token.") from None
        _check(message)
        device = self.store.browser(token.removeprefix("fcm:")) if token.startswith("fcm:") else None
        if device is None or device["server_key"] != "fcm":
            why = "The registration token is not a valid FCM registration token"
            raise Refused(400, why, own="INVALID_ARGUMENT", field="message.token")
        if device["answer"] != 200:
            raise Refused(
                device["answer"], "This device was made to answer so.", own=_OWN.get(device["answer"], "")
            )
        number = "validated" if content.get("validate_only") else self._keep(message, device)
        return as_json({"name": f"projects/{project}/messages/{number}"})

    def _check_token(self, request: Request) -> None:
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
        with self._lock:
            until = self._tokens.get(bearer, 0)
        if until < time.time():
            raise Refused(401, "The access token is missing, unknown or too old.")

    def forget_tokens(self) -> None:
        """All access tokens end."""
        with self._lock:
            self._tokens.clear()

    def _keep(self, message: dict[str, Any], device: dict[str, Any]) -> str:
        notification, data = message.get("notification") or {}, message.get("data") or {}
        try:
            own = json.loads(data.get("tideline") or "{}")
        except ValueError:
            own = {}
        # What the system shows itself tells the app nothing before it is tapped.
        quiet = bool(notification) and device["reaction"] != "clicked"
        ttl = str((message.get("android") or {}).get("ttl", "60s"))
        return devices.keep(
            self.store,
            self.options,
            device,
            sender=PROJECT,
            title=str(notification.get("title") or data.get("title") or ""),
            text=str(notification.get("body") or data.get("body") or ""),
            report=str(own.get("report") or ""),
            shown={"payload": message, "own": own},
            ttl=int(float(ttl.removesuffix("s"))),
            reaction="silent" if quiet else "",
        )


def _check(message: dict[str, Any]) -> None:
    data = message.get("data") or {}
    if any(not isinstance(value, str) for value in data.values()):
        raise Refused(400, "Values of data are texts.", own="INVALID_ARGUMENT", field="message.data")
    if (
        len(json.dumps({**data, **(message.get("notification") or {})}, ensure_ascii=False).encode())
        > MOST_BYTES
    ):
        raise Refused(400, "Android message is too big", own="INVALID_ARGUMENT", field="message")
    ttl = (message.get("android") or {}).get("ttl", "60s")
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)?s", str(ttl)):
        raise Refused(400, "A duration ends in s.", own="INVALID_ARGUMENT", field="message.android.ttl")


def _failed(refusal: Refused) -> Response:
    details: list[dict[str, Any]] = []
    if refusal.own:
        kind = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
        details.append({"@type": kind, "errorCode": refusal.own})
    if refusal.field:
        violation = {"field": refusal.field, "description": str(refusal)}
        details.append({"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [violation]})
    status = _STATUS.get(refusal.status) or refusal.own or "UNKNOWN"
    error = {"code": refusal.status, "message": str(refusal), "status": status, "details": details}
    answer = as_json({"error": error}, refusal.status)
    if refusal.status in (429, 503):
        answer.headers["Retry-After"] = "30"
    return answer


def _new_key() -> str:
    key = rsa.generate_private_key(65537, 2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
