"""Addresses at which platforms and mail servers report by themselves. They are secret: whoever knows one may report.

An address says for which provider it is and nothing else, so what comes there concerns that provider's messages alone.
"""

from __future__ import annotations

import hmac

from django.conf import settings
from django.core import signing
from django.urls import reverse

from marketing.channels.models import Provider

_bounces = signing.Signer(salt="tideline.bounces")
_reports = signing.Signer(salt="tideline.reports")
_replies = signing.Signer(salt="tideline.replies")
SIGNATURE = "X-Tideline-Signature"
"""The header in which a platform signs what it reports: `sha256=` and the HMAC of the body in hexadecimal."""


def address_of(provider: Provider) -> str:
    """Where this provider may report; nothing where it has no such address."""
    if provider.type == "contract":
        return reports_url(provider)
    return bounces_url(provider) if (provider.channel, provider.type) == ("email", "smtp") else ""


def bounces_url(provider: Provider) -> str:
    """Where returned mails are posted, as they are (message/rfc822)."""
    return settings.BASE_URL + reverse("delivery-public:bounces", args=[_bounces.sign(provider.pk)])


def reports_url(provider: Provider) -> str:
    """The base address of the contract's optional callbacks; `/receipts` and `/inbound` are added to it."""
    url = settings.BASE_URL + reverse("delivery-public:receipts", args=[_reports.sign(provider.pk)])
    return url.removesuffix("/receipts")


def replies_url(provider: Provider) -> str:
    """Where the platform hands over what people answer to an SMS."""
    return settings.BASE_URL + reverse("replies-public:inbound", args=[_replies.sign(provider.pk)])


def read_bounces_token(token: str) -> Provider | None:
    """The provider whose address it is; None where the address is not ours."""
    return _read(_bounces, token)


def read_reports_token(token: str) -> Provider | None:
    """The provider whose address it is; None where the address is not ours."""
    return _read(_reports, token)


def read_replies_token(token: str) -> Provider | None:
    """The provider whose address it is; None where the address is not ours."""
    return _read(_replies, token)


def _read(signer: signing.Signer, token: str) -> Provider | None:
    try:
        key = signer.unsign(token)
    except signing.BadSignature:
        return None
    return Provider.objects.select_related("workspace").filter(pk=key).first()


def is_signed(provider: Provider, body: bytes, given: str) -> bool:
    """Whether the provider's secret signed the body; always, where it has none."""
    secret = str(provider.config.get("callback_secret") or "")
    if not secret:
        return True
    return hmac.compare_digest(given.encode(), signature(secret, body).encode())


def signature(secret: str, body: bytes) -> str:
    return "sha256=" + hmac.digest(secret.encode(), body, "sha256").hex()
