"""Addresses at which platforms and mail servers report by themselves. They are secret: whoever knows one may report.

An address says for which provider it is and nothing else, so what comes there concerns that provider's messages alone.
"""

from __future__ import annotations

from django.conf import settings
from django.core import signing
from django.urls import reverse

from marketing.channels.models import Provider

_bounces = signing.Signer(salt="tideline.bounces")
_reports = signing.Signer(salt="tideline.reports")


def of(provider: Provider) -> str:
    """Where this provider may report; nothing where it has no such address."""
    if provider.type == "contract":
        return reports(provider)
    return bounces(provider) if provider.channel == Provider.Channel.EMAIL else ""


def bounces(provider: Provider) -> str:
    """Where returned mails are posted, as they are (message/rfc822)."""
    return settings.BASE_URL + reverse("delivery-public:bounces", args=[_bounces.sign(provider.pk)])


def reports(provider: Provider) -> str:
    """The base address of the contract's optional callbacks; `/receipts` is added to it."""
    url = settings.BASE_URL + reverse("delivery-public:receipts", args=[_reports.sign(provider.pk)])
    return url.removesuffix("/receipts")


def read_bounces_token(token: str) -> str | None:
    """The provider; None where the token is not ours."""
    return _read(_bounces, token)


def read_reports_token(token: str) -> str | None:
    """The provider; None where the token is not ours."""
    return _read(_reports, token)


def _read(signer: signing.Signer, token: str) -> str | None:
    try:
        return signer.unsign(token)
    except signing.BadSignature:
        return None
