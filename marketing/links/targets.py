"""Where short links may lead: http and https addresses of domains that an administrator has named."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit, urlunsplit

from django.conf import settings
from django.utils.encoding import iri_to_uri
from django.utils.translation import gettext as _

from cdp.core.errors import ValidationFailed
from marketing.links.models import LinkDomain

LONGEST = 2000
_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_DOMAIN = re.compile(rf"{_HOST.pattern}|\*\.{_LABEL}(\.{_LABEL})+")
PERSON_PARAMETER = "ph"


def _refuse(message: str, field: str = "target", code: str | None = None) -> ValidationFailed:
    return ValidationFailed(message, errors={field: [message]}, code=code)


def _ascii(host: str) -> str:
    """The host as browsers send it, without a final dot; "" for what is no host name."""
    try:
        found = host.rstrip(".").encode("idna").decode().lower()
    except UnicodeError:
        return ""
    return found if len(found) <= 253 and _HOST.fullmatch(found) else ""


def check_domain(name: str) -> str:
    """The domain as it is kept. Raises ValidationFailed."""
    name = name.strip()
    wildcard = "*." if name.startswith("*.") else ""
    found = wildcard + _ascii(name.removeprefix("*."))
    if not _DOMAIN.fullmatch(found):
        message = _("Write a domain such as shop.example.com, or *.example.com for every name below it.")
        raise _refuse(message, "name")
    return found


def check(workspace: Any, url: str) -> str:
    """The address, put together anew from its parts so that every browser reads it as it was read here.

    Raises ValidationFailed: anything but http and https, accounts in the address, a domain that is not registered.
    """
    parts, host, port = _parts(url.strip())
    if not any(covers(domain.name, host) for domain in LinkDomain.objects.in_workspace(workspace)):
        message = _("%(domain)s is not among the domains that short links may lead to.") % {"domain": host}
        raise _refuse(message, code="link_domain")
    place = f"{host}:{port}" if port else host
    found = iri_to_uri(urlunsplit((parts.scheme, place, parts.path or "/", parts.query, parts.fragment)))
    if not found or len(found) > LONGEST:
        raise _refuse(_("An address has at most %(most)d characters.") % {"most": LONGEST})
    return found


def _parts(url: str) -> tuple[SplitResult, str, int | None]:
    bad = _refuse(_("Write an address that begins with https:// or http://, without blanks."))
    if not url or not url.isprintable() or any(character.isspace() or character == "\\" for character in url):
        raise bad
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise bad from None
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise bad
    if "@" in parts.netloc:
        raise _refuse(_("An address with an account or a password in it is not taken."))
    host = _ascii(parts.hostname or "")
    if not host:
        raise bad
    if host == urlsplit(settings.SHORT_LINK_HOST).hostname and parts.path.startswith("/s/"):
        raise _refuse(_("A short link cannot lead to a short link."))
    return parts, host, port


def covers(domain: str, host: str) -> bool:
    """Whether a registered domain allows a host."""
    return host.endswith(domain[1:]) if domain.startswith("*.") else host == domain


def leads_to(url: str, domain: str) -> bool:
    """Whether a checked address lies in a domain."""
    return covers(domain, urlsplit(url).hostname or "")


def with_query(target: str, query: str) -> str:
    """The target with the parameters of the short address behind its own, less the one that names the person."""
    more = [(key, value) for key, value in parse_qsl(query) if key != PERSON_PARAMETER]
    if not more:
        return target
    parts = urlsplit(target)
    both = "&".join(filter(None, (parts.query, urlencode(more))))
    return urlunsplit(parts._replace(query=both))
