"""Outgoing connections: addresses inside the own network are refused unless the installation allows them."""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import gettext as _

from cdp.core.errors import ValidationFailed


def check_url(url: str) -> None:
    """Raises ValidationFailed unless `url` is http(s) and its host resolves to public addresses only."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValidationFailed(_("The address must start with http:// or https://."), code="bad_url")
    check_host(parts.hostname)


def check_host(host: str) -> None:
    """Raises ValidationFailed where the host resolves to a private address and the installation forbids that."""
    if settings.OUTBOUND_ALLOW_PRIVATE:
        return
    try:
        found = {entry[4][0] for entry in socket.getaddrinfo(host, None)}
    except socket.gaierror:
        raise ValidationFailed(
            _("The host name %(host)s is not known.") % {"host": host}, code="host_unknown"
        ) from None
    if any(not ipaddress.ip_address(str(address).split("%")[0]).is_global for address in found):
        raise ValidationFailed(
            _("%(host)s lies inside a private network, where calls are not allowed.") % {"host": host},
            code="private_address",
        )
