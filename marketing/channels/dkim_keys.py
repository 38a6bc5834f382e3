"""DKIM (RFC 6376): keys of a mail server's sender domain, and signing mails with them.

The private key lies encrypted in the provider's settings and is shown to nobody; what belongs into the DNS is made
from it.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import dkim
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.utils.translation import gettext as _

from cdp.core.access import Access
from cdp.core.errors import ActionNotSupported, ValidationFailed
from marketing.channels.models import Provider

SIGNED = (
    b"from",
    b"to",
    b"subject",
    b"date",
    b"message-id",
    b"list-unsubscribe",
    b"list-unsubscribe-post",
    b"mime-version",
    b"content-type",
    b"content-transfer-encoding",
)
BITS, LEAST_BITS = 2048, 1024
_SELECTOR = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.IGNORECASE)


def make(access: Access, provider: Provider, domain: str, selector: str) -> Provider:
    """A new key for the provider in place of the present one; noted in the audit log. Raises ValidationFailed."""
    from marketing.channels.services import update_provider

    with key_settings(provider.type, domain, selector) as config:
        return update_provider(access, provider, {"config": config})


@contextmanager
def key_settings(kind: str, domain: str, selector: str) -> Iterator[dict[str, str]]:
    """A new key as settings to save within; what is wrong is raised by the names `domain` and `selector`."""
    if kind != "smtp":
        raise ActionNotSupported(_("This provider signs its mail by itself."))
    config = {"dkim_domain": domain.strip(), "dkim_selector": selector.strip(), "dkim_key": new_key()}
    missing = {name: [_("This is needed.")] for name in ("domain", "selector") if not config[f"dkim_{name}"]}
    if missing:
        raise ValidationFailed(errors=missing)
    try:
        yield config
    except ValidationFailed as error:
        named = {name.removeprefix("config/dkim_"): found for name, found in error.errors.items()}
        raise ValidationFailed(str(error), errors=named) from None


def new_key() -> str:
    """A private RSA key as PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=BITS)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    ).decode()


@lru_cache(maxsize=64)
def _loaded(pem: str) -> rsa.RSAPrivateKey | None:
    """None where it is no RSA key without a password."""
    try:
        key = serialization.load_pem_private_key(pem.strip().encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, rsa.RSAPrivateKey) else None


def problems(config: dict[str, Any]) -> dict[str, str]:
    """What keeps mails from being signed with these settings, by their names. Without any there is no signing."""
    parts = {name: str(config.get(name) or "") for name in ("dkim_domain", "dkim_selector", "dkim_key")}
    if not any(parts.values()):
        return {}
    found = {name: _("Signing needs domain, selector and key.") for name, value in parts.items() if not value}
    if parts["dkim_selector"] and not _SELECTOR.fullmatch(parts["dkim_selector"]):
        found["dkim_selector"] = _("Letters, digits and hyphens, 63 at most.")
    if parts["dkim_key"]:
        key = _loaded(parts["dkim_key"])
        if key is None or key.key_size < LEAST_BITS:
            found["dkim_key"] = _("A private RSA key of at least 1024 bits in PEM form, without a password.")
    return found


def record(config: dict[str, Any]) -> tuple[str, str] | None:
    """Name and value of the TXT record with the public key; None where mails are not signed."""
    key = _loaded(str(config.get("dkim_key") or "")) if config.get("dkim_key") else None
    if key is None:
        return None
    public = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    name = f"{config['dkim_selector']}._domainkey.{config['dkim_domain']}"
    return name, f"v=DKIM1; k=rsa; p={base64.b64encode(public).decode()}"


def sign(raw: bytes, config: dict[str, Any]) -> bytes:
    """The mail with a signature on top; as it is where the settings hold no key. `raw` has CRLF line ends."""
    key = _loaded(str(config.get("dkim_key") or "")) if config.get("dkim_key") else None
    if key is None:
        return raw
    # Each name once, and only those that the mail has: some checkers do not take signed headers that are not there.
    there = {line.partition(b":")[0].strip().lower() for line in _head(raw).split(b"\r\n")}
    signature = dkim.sign(
        raw,
        str(config["dkim_selector"]).encode(),
        str(config["dkim_domain"]).encode(),
        _traditional(str(config["dkim_key"])),
        canonicalize=(b"relaxed", b"relaxed"),
        include_headers=[name for name in SIGNED if name in there],
    )
    return bytes(signature) + raw


@lru_cache(maxsize=64)
def _traditional(pem: str) -> bytes:
    """The key in the form that signing reads, whatever the form it was given in."""
    key = _loaded(pem)
    assert key is not None
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )


def _head(raw: bytes) -> bytes:
    return raw.partition(b"\r\n\r\n")[0]
