"""Addresses that a platform is given to report to. Each names its provider and cannot be guessed."""

from __future__ import annotations

import hmac

from django.conf import settings
from django.core import signing
from django.urls import reverse

from marketing.channels.models import Provider

_replies = signing.Signer(salt="tideline.replies")
SIGNATURE = "X-Tideline-Signature"
"""The header in which a platform signs what it reports: `sha256=` and the HMAC of the body in hexadecimal."""


def replies_url(provider: Provider) -> str:
    """Where the platform hands over what people answer to an SMS."""
    return settings.BASE_URL + reverse("replies-public:inbound", args=[_replies.sign(provider.pk)])


def read_replies_token(token: str) -> Provider | None:
    """The provider whose address it is; None where the address is not ours."""
    try:
        key = _replies.unsign(token)
    except signing.BadSignature:
        return None
    return Provider.objects.select_related("workspace").filter(pk=key, channel=Provider.Channel.SMS).first()


def is_signed(provider: Provider, body: bytes, given: str) -> bool:
    """Whether the provider's secret signed the body; always, where it has none."""
    secret = str(provider.config.get("callback_secret") or "")
    if not secret:
        return True
    return hmac.compare_digest(given.encode(), signature(secret, body).encode())


def signature(secret: str, body: bytes) -> str:
    return "sha256=" + hmac.digest(secret.encode(), body, "sha256").hex()
