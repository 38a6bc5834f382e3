"""Web push: messages to the browsers in which people have allowed a site of the brand to notify them.

Each browser has a push service of its maker; a message is one POST to the address that the browser has given, encrypted
so that the push service cannot read it. One person's message goes to all of their browsers.
"""

from __future__ import annotations

import copy
import json
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cdp.core.errors import ValidationFailed
from cdp.core.identifiers import id_type_choices
from marketing.channels.base import (
    ConfigField,
    Message,
    Outcome,
    PersonalProviderType,
    ProviderError,
    ProviderType,
    register_type,
)
from marketing.channels.exchange import exchange
from marketing.channels.models import Provider
from marketing.devices import encryption, registry, sites
from marketing.devices.models import PushDevice
from marketing.devices.sessions import TOO_LONG, Addressed, Answer, DeviceSession, too_long

_CONTACT = re.compile(r"(mailto:[^\s@<>]+@[^\s@<>]+|https://[^\s<>]+)", re.IGNORECASE)
_GONE = (404, 410)


@register_type
class WebPushType(PersonalProviderType):
    """The browsers of one site, or of several sites of the same brand."""

    key = "webpush"
    channel = "push"
    label = gettext_lazy("Web push (browsers)")
    id_type = "one_id"
    to_devices = True
    shareable = False
    devices = "web"
    setup_url_name = "devices:site"
    fields = (
        ConfigField(
            "contact",
            gettext_lazy("Contact for push services"),
            required=True,
            help_text=gettext_lazy(
                "mailto:you@example.com or an https:// address. Push services write there when something is wrong."
            ),
        ),
        ConfigField(
            "origins",
            gettext_lazy("Addresses of the site"),
            required=True,
            help_text=gettext_lazy(
                "From which browsers may register, with commas between them: https://www.example.com"
            ),
        ),
        ConfigField(
            "id_type",
            gettext_lazy("The site knows people by"),
            kind="choice",
            required=True,
            default="one_id",
            choices=id_type_choices(),
            help_text=gettext_lazy("Audiences must be saved with this ID."),
        ),
        ConfigField(
            "unsigned",
            gettext_lazy("Take IDs without a signature"),
            kind="flag",
            default=False,
            help_text=gettext_lazy(
                "Anybody could then register their browser under the ID of somebody else, and read that person's "
                "messages. Only for trying things out."
            ),
        ),
    )

    def of(self, provider: Provider) -> ProviderType:
        found = copy.copy(self)
        found.id_type = str(provider.config.get("id_type") or self.id_type)  # type: ignore[misc]
        return found

    def completed(self, config: dict[str, Any], old: dict[str, Any]) -> dict[str, Any]:
        """Keys are made once: with others, all browsers would have to subscribe anew."""
        errors: dict[str, list[str]] = {}
        if config["contact"] and not _CONTACT.fullmatch(str(config["contact"])):
            errors["config/contact"] = [_("Give mailto: with an address, or an https:// address.")]
        try:
            config["origins"] = ", ".join(sites.read_origins(str(config["origins"])))
        except ValueError as error:
            errors["config/origins"] = [str(error)]
        if old.get("id_type") not in (None, "", config["id_type"]):
            errors["config/id_type"] = [
                _("This stays as it is, since browsers are registered by it. Make another channel.")
            ]
        if errors:
            raise ValidationFailed(_("Some fields need another value."), errors=errors)
        kept = {
            name: old[name] for name in ("vapid_public", "vapid_private", "signing_secret") if name in old
        }
        if "vapid_private" not in kept:
            kept["vapid_public"], kept["vapid_private"] = encryption.new_key()
        # Browsers report one by one what became of a message.
        return {**config, **kept, "receipts": True}

    def test(self, provider: Provider) -> list[str]:
        """Nothing can be called before a browser is registered; what is missing on our side is told."""
        config = provider.config
        encryption.authorization(
            "https://push.example",
            public=config["vapid_public"],
            private=config["vapid_private"],
            contact=config["contact"],
            now=time.time(),
        )
        if not config.get("signing_secret") and not config.get("unsigned"):
            raise ProviderError(
                _("There is no signing secret yet, so no browser can register. Make one under “Set up”.")
            )
        count = registry.reachable(provider).count()
        return [_("The keys are ready."), _("Browsers and apps registered: %(count)d.") % {"count": count}]

    @contextmanager
    def session(self, provider: Provider, sender: str, *, at_once: int = 1) -> Iterator[WebPushSession]:
        with WebPushSession(provider, self.id_type) as session:
            yield session


class WebPushSession(DeviceSession):
    """Writes to the browsers of one person after another."""

    def send_to(self, addressed: Sequence[Addressed]) -> Iterator[Outcome]:
        for message, browsers in addressed:
            body = json.dumps(message.push["payload"], ensure_ascii=False, separators=(",", ":")).encode()
            if len(body) > encryption.LONGEST_MESSAGE:
                yield Outcome(message.key, "failed", TOO_LONG, too_long())
            else:
                answers = [self._post(browser, body, message) for browser in browsers]
                yield self.outcome(message, browsers, answers)

    def _post(self, browser: PushDevice, body: bytes, message: Message) -> Answer:
        endpoint, config = str(browser.address["endpoint"]), self.provider.config
        headers = {
            "Authorization": encryption.authorization(
                endpoint,
                public=config["vapid_public"],
                private=config["vapid_private"],
                contact=config["contact"],
                now=time.time(),
            ),
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(message.push["ttl"]),
            "Urgency": "normal",
            "Topic": message.push["topic"],
        }
        try:
            sites.check_endpoint(endpoint)
            cipher = encryption.encrypt(body, browser.address["p256dh"], browser.address["auth"])
            # What it says besides is not read: the address is a visitor's choice.
            with exchange("POST", endpoint, data=cipher, headers=headers, stream=True) as response:
                return _read(response.status_code, response.headers.get("Location", ""))
        except ProviderError as error:
            state = "silent" if error.uncertain else "busy" if error.retryable else "refused"
            return Answer(state, error.code, str(error))
        except (ValidationFailed, ValueError) as error:
            return Answer("refused", "bad_address", str(error))


def _read(status: int, location: str) -> Answer:
    if 200 <= status < 300:
        return Answer("taken", detail=location)
    if status in _GONE:
        return Answer("gone")
    if status == 429 or status >= 500:
        detail = _("The push service takes nothing just now (%(status)d).") % {"status": status}
        return Answer("busy", str(status), detail)
    if status == 413:
        return Answer("refused", TOO_LONG, too_long())
    return Answer(
        "refused", str(status), _("The push service refused the message (%(status)d).") % {"status": status}
    )
