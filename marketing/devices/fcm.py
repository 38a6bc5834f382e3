"""Firebase Cloud Messaging, HTTP v1: messages to the installations of one app on Android or iOS.

A service account signs a token (RS256), Google gives an access token for it (RFC 7523), and with that each device is
written to by a call of its own. A message that comes twice takes the place of itself.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import requests
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from marketing.channels.base import (
    ConfigField,
    Message,
    Outcome,
    ProviderError,
    register_type,
)
from marketing.channels.exchange import exchange, read_json
from marketing.channels.models import Provider
from marketing.channels.upush import activity
from marketing.devices import access_tokens, app_push, encryption
from marketing.devices.models import PushDevice
from marketing.devices.sessions import (
    TOO_LONG,
    Addressed,
    Answer,
    DeviceSession,
    of_error,
    taken_and_rest,
    too_long,
    wait_seconds,
)

BASE_URL = "https://fcm.googleapis.com"
SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
CALLS_AT_ONCE = 10
LONGEST_MESSAGE = 4096
"""Bytes of the notification or data of one message."""
_QUOTA_SECONDS = 60
_ACCOUNT = ("project_id", "client_email", "private_key", "token_uri")
_TEST_TOKEN = "tideline-connection-test"


def read_account(text: str) -> dict[str, str]:
    """A service account's key file. Raises ValueError where it is none."""
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict) or any(not isinstance(found.get(name), str) for name in _ACCOUNT):
        raise ValueError(_("This is not the JSON key file of a service account."))
    _private_key(found)
    return {name: str(found[name]) for name in (*_ACCOUNT, "private_key_id") if name in found}


def _private_key(account: dict[str, str]) -> rsa.RSAPrivateKey:
    try:
        key = load_pem_private_key(account["private_key"].encode(), None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ValueError(_("The private key in the file cannot be read."))
    return key


def assertion(account: dict[str, str], now: float) -> str:
    """The token by which the service account asks for an access token; good for an hour."""
    head = {"alg": "RS256", "typ": "JWT"}
    if "private_key_id" in account:
        head["kid"] = account["private_key_id"]
    claims = {
        "iss": account["client_email"],
        "scope": SCOPE,
        "aud": account["token_uri"],
        "iat": int(now),
        "exp": int(now) + 3600,
    }
    signed = encryption.unsigned_token(head, claims)
    signature = _private_key(account).sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{signed}.{encryption.b64(signature)}"


class FcmClient:
    """Calls for one project, several at once if need be."""

    def __init__(self, provider: Provider) -> None:
        self.account = read_account(str(provider.config["service_account"]))
        base = str(provider.config["base_url"]).rstrip("/")
        self.url = f"{base}/v1/projects/{quote(self.account['project_id'], safe='')}/messages:send"
        self.tokens = access_tokens.Kept(provider.pk, json.dumps(self.account), self._new_token)
        self.calls = requests.Session()

    def _new_token(self) -> tuple[str, float]:
        form = {"grant_type": GRANT, "assertion": assertion(self.account, time.time())}
        response = exchange("POST", self.account["token_uri"], data=form)
        try:
            # To ask for a token changes nothing, whatever became of the call.
            answer = read_json(response, uncertain=False)
        except ProviderError as error:
            error.uncertain = False
            raise
        token = answer.get("access_token")
        if response.status_code != 200 or not isinstance(token, str):
            said = answer.get("error_description") or answer.get("error") or response.reason
            raise ProviderError(
                _("The service account gets no access token: %(message)s") % {"message": said},
                code="provider_refused",
                provider_code=str(answer.get("error") or response.status_code),
            )
        lives = answer.get("expires_in")
        return token, float(lives) if isinstance(lives, (int, float)) else 3600.0

    def post(self, content: dict[str, Any]) -> requests.Response:
        """The answer to one message; a token that is refused is made anew once. Raises ProviderError."""
        token = self.tokens.get()
        response = self._post(content, token)
        if response.status_code == 401 and _error_code(response) != "THIRD_PARTY_AUTH_ERROR":
            response = self._post(content, self.tokens.get(instead_of=token))
        return response

    def _post(self, content: dict[str, Any], token: str) -> requests.Response:
        body = json.dumps(content, ensure_ascii=False).encode()
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json; charset=utf-8"}
        return exchange("POST", self.url, session=self.calls, data=body, headers=headers)

    def send(self, message: dict[str, Any]) -> Answer:
        try:
            return _read(self.post({"message": message}))
        except ProviderError as error:
            return of_error(error)


def _fields(id_type: str, *more: ConfigField) -> Sequence[ConfigField]:
    return (
        ConfigField(
            "service_account",
            gettext_lazy("Key file of the service account (JSON)"),
            kind="key",
            required=True,
            help_text=gettext_lazy("From the Firebase console: project settings, service accounts."),
        ),
        *app_push.common_fields(id_type),
        *more,
        ConfigField(
            "base_url",
            gettext_lazy("Address of the interface"),
            kind="url",
            required=True,
            default=BASE_URL,
            group=gettext_lazy("Address"),
        ),
    )


class FcmType(app_push.AppType):
    """One app of a Firebase project."""

    def config_problems(self, config: dict[str, Any]) -> dict[str, str]:
        try:
            account = read_account(str(config.get("service_account") or ""))
        except ValueError as error:
            return {"service_account": str(error)}
        return app_push.url_problems(
            {"service_account": account["token_uri"], "base_url": config["base_url"]}
        )

    def test(self, provider: Provider) -> list[str]:
        """A message that is only looked at, to a device that does not exist: so much has to be said of the device."""
        client = FcmClient(provider)
        response = client.post({"validate_only": True, "message": {"token": _TEST_TOKEN}})
        answer = _read(response)
        if answer.state not in ("gone", "refused", "taken"):
            raise ProviderError(
                answer.detail,
                code="provider_refused",
                retryable=answer.state == "down",
                provider_code=answer.code,
            )
        seen = _("Firebase has accepted the service account for the project %(name)s.")
        return [seen % {"name": client.account["project_id"]}, app_push.registered(provider)]

    @contextmanager
    def session(self, provider: Provider, sender: str, *, at_once: int = 1) -> Iterator[FcmSession]:
        with (
            FcmClient(provider).calls as calls,
            ThreadPoolExecutor(CALLS_AT_ONCE, thread_name_prefix="fcm") as pool,
            FcmSession(provider, self, pool) as session,
        ):
            session.client.calls = calls
            session.client.tokens.get()
            yield session


@register_type
class FcmAndroidType(FcmType):
    key = "fcm_android"
    label = gettext_lazy("FCM app for Android")
    id_type = "imei"
    devices = "android"
    fields = _fields(
        "imei",
        ConfigField(
            "own_display",
            gettext_lazy("The app shows messages itself"),
            kind="flag",
            default=False,
            help_text=gettext_lazy(
                "It then gets data messages, and can tell that a message has arrived or was swiped away. Otherwise "
                "Android shows them, and the app hears of taps alone."
            ),
        ),
    )

    def tells_received(self, provider: Provider) -> bool:
        return super().tells_received(provider) and bool(provider.config.get("own_display"))


@register_type
class FcmIosType(FcmType):
    key = "fcm_ios"
    label = gettext_lazy("FCM app for iOS")
    id_type = "idfa"
    devices = "ios"
    fields = _fields("idfa")


class FcmSession(DeviceSession):
    """Several calls at once."""

    def __init__(self, provider: Provider, kind: FcmType, pool: ThreadPoolExecutor) -> None:
        super().__init__(provider, kind.id_type)
        self.kind = kind
        self.pool = pool
        self.client = FcmClient(provider)

    def send_to(self, addressed: Sequence[Addressed]) -> Iterator[Outcome]:
        language = translation.get_language()

        def one(pair: tuple[Message, PushDevice]) -> Answer:
            # Threads begin without the language of the job.
            with translation.override(language):
                return self._send_one(*pair)

        pairs = [(message, device) for message, devices in addressed for device in devices]
        yield from taken_and_rest(self, addressed, list(self.pool.map(one, pairs)))

    def _send_one(self, message: Message, device: PushDevice) -> Answer:
        own_display = bool(self.provider.config.get("own_display"))
        content = message_for(message, self.kind.devices, own_display=own_display)
        if len(json.dumps(content, ensure_ascii=False).encode()) > LONGEST_MESSAGE:
            return Answer("refused", TOO_LONG, too_long())
        return self.client.send({"token": str(device.address["token"]), **content})


def message_for(message: Message, system: str, *, own_display: bool) -> dict[str, Any]:
    """One device's message, but for its token. With `own_display` the app gets the texts as data."""
    push, payload = message.push["options"], message.push["payload"]
    texts = {"title": payload["title"], "body": payload["body"]}
    own = json.dumps(app_push.own_part(message), ensure_ascii=False)
    data = {**payload["extra"], app_push.OWN: own}
    if system == "ios":
        headers = {
            "apns-priority": "10",
            "apns-expiration": str(int(time.time()) + message.push["ttl"]),
            "apns-collapse-id": message.push["topic"],
        }
        apns = {"headers": headers, "payload": {"aps": app_push.aps_of(message)}}
        return {"notification": texts, "data": data, "apns": apns}
    android: dict[str, Any] = {
        "ttl": f"{message.push['ttl']}s",
        "priority": "HIGH",
        "collapse_key": message.push["topic"],
    }
    if own_display:
        return {"data": {**data, **texts}, "android": android}
    shown = {"tag": message.push["topic"]}
    if push["action"] == "page":
        shown["click_action"] = activity(push["package"], push["activity"])
    return {"notification": texts, "data": data, "android": {**android, "notification": shown}}


def _read(response: requests.Response) -> Answer:
    status = response.status_code
    if status == 200:
        return Answer("taken", detail=str(_json(response).get("name") or "")[:200])
    code = _error_code(response) or str(status)
    said = _error(response).get("message") or response.reason
    detail = _("FCM refused: %(message)s (%(code)s)") % {"message": str(said)[:300], "code": code}
    if code == "UNREGISTERED" or (status == 400 and _is_about_token(response)):
        return Answer("gone", code, detail)
    if status == 429 or status >= 500:
        asked = wait_seconds(response.headers.get("Retry-After", ""))
        detail = _("FCM takes nothing just now (%(code)s).") % {"code": code}
        return Answer("down", code, detail, asked or (_QUOTA_SECONDS if status == 429 else 0))
    if code in ("INVALID_ARGUMENT", "SENDER_ID_MISMATCH"):
        return Answer("refused", code, detail)
    return Answer("denied", code, detail)


def _json(response: requests.Response) -> dict[str, Any]:
    try:
        found = response.json()
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {}


def _error(response: requests.Response) -> dict[str, Any]:
    found = _json(response).get("error")
    return found if isinstance(found, dict) else {}


def _details(response: requests.Response) -> list[dict[str, Any]]:
    found = _error(response).get("details")
    return [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []


def _error_code(response: requests.Response) -> str:
    """FCM's own code where it gives one, that of the interface otherwise."""
    own = next((row["errorCode"] for row in _details(response) if row.get("errorCode")), "")
    return str(own or _error(response).get("status") or "")[:64]


def _is_about_token(response: requests.Response) -> bool:
    fields = [
        violation.get("field")
        for row in _details(response)
        for violation in row.get("fieldViolations") or ()
        if isinstance(violation, dict)
    ]
    return "message.token" in fields or "not a valid FCM registration token" in str(
        _error(response).get("message")
    )
