"""How the calls of the contract say who makes them, as the platform asks."""

from __future__ import annotations

import re
import time
from typing import Any

from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from marketing.channels import signing
from marketing.channels.base import ConfigField

_HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}")
_TAKEN = {"content-type", "content-length", "host", "connection", "transfer-encoding"}


class Auth(models.TextChoices):
    BEARER = "bearer", gettext_lazy("Bearer token")
    HEADER = "header", gettext_lazy("A header of its own")
    HMAC = "hmac", gettext_lazy("HMAC signature, as webhooks have it")
    NONE = "none", gettext_lazy("None")


def fields() -> tuple[ConfigField, ...]:
    return (
        ConfigField(
            "auth",
            gettext_lazy("Authentication"),
            kind="choice",
            default=Auth.BEARER.value,
            choices=Auth.choices,
        ),
        ConfigField(
            "token",
            gettext_lazy("Token or key"),
            kind="secret",
            help_text=gettext_lazy(
                "The bearer token, the value of the header, or the key that calls are signed with. Without a bearer "
                "token none is sent."
            ),
        ),
        ConfigField(
            "auth_header",
            gettext_lazy("Name of the header"),
            default="X-Api-Key",
            help_text=gettext_lazy("Where the platform asks for a header of its own."),
        ),
    )


def problems(config: dict[str, Any]) -> dict[str, str]:
    """What is wrong with the settings, by name."""
    auth, header = config.get("auth"), str(config.get("auth_header") or "")
    if auth == Auth.HMAC and not signing.is_key(config.get("token")):
        return {"token": _("A key has 8 to 64 printable characters without spaces.")}
    if auth != Auth.HEADER:
        return {}
    found = {}
    if not _HEADER.fullmatch(header) or header.lower() in _TAKEN:
        found["auth_header"] = _("The name of a header, such as X-Api-Key.")
    if not config.get("token"):
        found["token"] = _("This is needed.")
    return found


def signed(config: dict[str, Any], body: bytes) -> tuple[dict[str, str], dict[str, str]]:
    """The headers and query parameters that a call with this body carries."""
    auth, token = config.get("auth") or Auth.BEARER, str(config.get("token") or "")
    if auth == Auth.NONE or not token:
        return {}, {}
    if auth == Auth.HEADER:
        return {str(config["auth_header"]): token}, {}
    if auth == Auth.HMAC:
        stamp, nonce = str(int(time.time())), signing.new_nonce()
        headers = {
            signing.SIGNATURE: signing.signature(token, stamp, nonce),
            signing.BODY_SIGNATURE: signing.body_signature(token, stamp, nonce, body),
        }
        return headers, {"timestamp": stamp, "nonce": nonce}
    return {"Authorization": f"Bearer {token}"}, {}
