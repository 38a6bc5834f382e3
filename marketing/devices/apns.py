"""Apple Push Notification service: messages to the installations of one app on iOS, by HTTP/2 and a token (ES256).

All calls of a moment go over one connection. `apns-id` names one device's message, the same on every try, and
`apns-collapse-id` makes a message that comes twice take the place of itself.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal
from urllib.parse import quote

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from marketing.channels.base import ConfigField, Message, Outcome, ProviderError, register_type
from marketing.channels.http2 import Call, Http2, Reply
from marketing.channels.models import Provider
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

SERVERS = {
    "production": "https://api.push.apple.com",
    "development": "https://api.sandbox.push.apple.com",
}
LONGEST_MESSAGE = 4096
TOKEN_SECONDS = 50 * 60
"""Apple takes a token for an hour, and a new one every 20 minutes at the most."""
_GONE = ("BadDeviceToken", "Unregistered", "ExpiredToken")
_SETTINGS = ("BadTopic", "MissingTopic", "TopicDisallowed", "BadCertificateEnvironment")
_STALE = "ExpiredProviderToken"
_KEY_ID = re.compile(r"[A-Z0-9]{10}")
_TOPIC = re.compile(r"[A-Za-z0-9.-]{1,255}")
_NOWHERE = "0" * 64


def read_key(text: str) -> ec.EllipticCurvePrivateKey:
    """The signing key of a .p8 file. Raises ValueError where it is none."""
    try:
        key = load_pem_private_key(text.encode(), None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ValueError(_("This is not the signing key of a .p8 file."))
    return key


def provider_token(config: dict[str, Any], now: float) -> str:
    """By what Apple knows the sender."""
    head = {"alg": "ES256", "kid": str(config["key_id"])}
    claims = {"iss": str(config["team_id"]), "iat": int(now)}
    return encryption.es256(head, claims, read_key(str(config["key"])))


@register_type
class ApnsType(app_push.AppType):
    """One app for iOS."""

    key = "apns"
    label = gettext_lazy("APNs app for iOS")
    id_type = "idfa"
    devices = "ios"
    fields = (
        ConfigField(
            "key",
            gettext_lazy("Signing key (.p8)"),
            kind="key",
            required=True,
            help_text=gettext_lazy(
                "From the Apple developer account: keys, Apple Push Notifications service."
            ),
        ),
        ConfigField("key_id", gettext_lazy("Key ID"), required=True),
        ConfigField("team_id", gettext_lazy("Team ID"), required=True),
        ConfigField(
            "topic",
            gettext_lazy("Bundle ID of the app"),
            required=True,
            help_text=gettext_lazy("As in com.example.shop."),
        ),
        ConfigField(
            "environment",
            gettext_lazy("Environment"),
            kind="choice",
            required=True,
            default="production",
            choices=(
                ("production", gettext_lazy("Production")),
                ("development", gettext_lazy("Development")),
            ),
            help_text=gettext_lazy("Apps from the App Store and TestFlight take messages from production."),
        ),
        *app_push.common_fields("idfa"),
        ConfigField(
            "base_url",
            gettext_lazy("Address of the interface"),
            kind="url",
            group=gettext_lazy("Address"),
            help_text=gettext_lazy("Leave it empty for that of Apple."),
        ),
    )

    def config_problems(self, config: dict[str, Any]) -> dict[str, str]:
        found = {}
        try:
            read_key(str(config.get("key") or ""))
        except ValueError as error:
            found["key"] = str(error)
        for name in ("key_id", "team_id"):
            if not _KEY_ID.fullmatch(str(config.get(name) or "")):
                found[name] = _("Ten capital letters and digits.")
        if not _TOPIC.fullmatch(str(config.get("topic") or "")):
            found["topic"] = _("As in com.example.shop.")
        urls = {"base_url": str(config["base_url"])} if config.get("base_url") else {}
        return {**found, **app_push.url_problems(urls)}

    def test(self, provider: Provider) -> list[str]:
        """A message to a device that cannot exist: that alone may be wrong with it."""
        with Http2(server_of(provider)) as http:
            client = ApnsClient(provider, http)
            content = {"aps": {"alert": "Test"}}
            [answer] = client.send([(_NOWHERE, content, client.headers(60, "test", str(uuid.uuid4())))])
        if answer.state != "gone":
            raise ProviderError(
                answer.detail or _("APNs has taken a message for a device that does not exist."),
                code="provider_refused",
                retryable=answer.state in ("down", "silent"),
                provider_code=answer.code,
            )
        seen = _("APNs has accepted the key for the app %(name)s.") % {"name": provider.config["topic"]}
        return [seen, app_push.registered(provider)]

    @contextmanager
    def session(self, provider: Provider, sender: str, *, at_once: int = 1) -> Iterator[ApnsSession]:
        with Http2(server_of(provider)) as http:
            http.open()
            with ApnsSession(provider, self.id_type, http) as session:
                yield session


def server_of(provider: Provider) -> str:
    return str(provider.config.get("base_url") or SERVERS[provider.config["environment"]])


_Written = tuple[str, dict[str, Any], dict[str, str]]
"""A device's token, the message, its headers."""


class ApnsClient:
    """Calls for one app."""

    def __init__(self, provider: Provider, http: Http2) -> None:
        self.config = provider.config
        self.http = http
        same = {name: self.config[name] for name in ("key", "key_id", "team_id")}
        self.tokens = access_tokens.Kept(provider.pk, json.dumps([*same.values()]), self._new_token)

    def _new_token(self) -> tuple[str, float]:
        return provider_token(self.config, time.time()), TOKEN_SECONDS + access_tokens.SPARE_SECONDS

    def headers(self, ttl: int, collapse: str, number: str) -> dict[str, str]:
        return {
            "apns-topic": str(self.config["topic"]),
            "apns-push-type": "alert",
            "apns-priority": "10",
            "apns-expiration": str(int(time.time()) + ttl),
            "apns-collapse-id": collapse,
            "apns-id": number,
        }

    def send(self, written: Sequence[_Written]) -> list[Answer]:
        """What became of each. A token that is refused is made anew once. Raises ProviderError without a connection."""
        token = self.tokens.get()
        answers = self._send(written, token)
        stale = [place for place, answer in enumerate(answers) if answer.code == _STALE]
        if stale and (newer := self.tokens.get(instead_of=token)) != token:
            again = self._send([written[place] for place in stale], newer)
            for place, answer in zip(stale, again, strict=True):
                answers[place] = answer
        return answers

    def _send(self, written: Sequence[_Written], token: str) -> list[Answer]:
        calls = [
            Call(
                f"/3/device/{quote(device, safe='')}",
                {"authorization": f"bearer {token}", **headers},
                json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode(),
            )
            for device, content, headers in written
        ]
        fits = [call for call in calls if len(call.body) <= LONGEST_MESSAGE]
        found = iter(self.http.send(fits) if fits else ())
        return [
            _read(next(found))
            if len(call.body) <= LONGEST_MESSAGE
            else Answer("refused", TOO_LONG, too_long())
            for call in calls
        ]


class ApnsSession(DeviceSession):
    """All calls of a handful of messages at the same time."""

    def __init__(self, provider: Provider, id_type: str, http: Http2) -> None:
        super().__init__(provider, id_type)
        self.client = ApnsClient(provider, http)

    def send_to(self, addressed: Sequence[Addressed]) -> Iterator[Outcome]:
        pairs = [(message, device) for message, devices in addressed for device in devices]
        answers = self.client.send([self._written(*pair) for pair in pairs]) if pairs else []
        yield from taken_and_rest(self, addressed, answers)

    def _written(self, message: Message, device: PushDevice) -> _Written:
        content = {
            **message.push["payload"]["extra"],
            app_push.OWN: app_push.own_part(message),
            "aps": app_push.aps_of(message),
        }
        topic = message.push["topic"]
        headers = self.client.headers(message.push["ttl"], topic, message_id(topic, device))
        return str(device.address["token"]), content, headers


def message_id(topic: str, device: PushDevice) -> str:
    """The same for the same message to the same device."""
    digest = hashlib.sha256(f"{topic}\n{device.pk}".encode()).hexdigest()
    return str(uuid.UUID(digest[:32]))


def _read(reply: Reply | ProviderError) -> Answer:
    if isinstance(reply, ProviderError):
        return of_error(reply)
    if reply.status == 200:
        return Answer("taken", detail=reply.headers.get("apns-id", ""))
    code = _reason(reply) or str(reply.status)
    detail = _("APNs refused: %(code)s (%(status)d)") % {"code": code, "status": reply.status}
    asked = wait_seconds(reply.headers.get("retry-after", ""))
    return Answer(_state(reply.status, code), TOO_LONG if reply.status == 413 else code, detail, asked)


def _state(status: int, code: str) -> Literal["gone", "denied", "busy", "down", "refused", "silent"]:
    if status == 410 or code in _GONE:
        return "gone"
    if status in (401, 403) or code in _SETTINGS:
        return "denied"
    if code == "TooManyRequests":
        return "busy"
    if status == 429 or status >= 500:
        return "down"
    # Without a status nobody has answered.
    return "refused" if status else "silent"


def _reason(reply: Reply) -> str:
    try:
        found = json.loads(reply.body)
    except ValueError:
        return ""
    return str(found.get("reason") or "")[:64] if isinstance(found, dict) else ""
