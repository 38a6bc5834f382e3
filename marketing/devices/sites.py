"""A brand's site: from where browsers may register, and how it proves whose browser it is."""

from __future__ import annotations

import hmac
import json
import re
import secrets
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _

from cdp.core import audit
from cdp.core.access import Access
from cdp.core.errors import ValidationFailed
from cdp.core.outbound import check_url
from marketing.channels.models import Provider

TYPE = "webpush"
MOST_ORIGINS = 20
LONGEST_ENDPOINT = 1000
_ORIGIN = re.compile(r"(https?)://([A-Za-z0-9.-]+|\[[0-9a-fA-F:]+\])(:[0-9]{1,5})?")
_LOCAL = ("localhost", "127.0.0.1", "[::1]")


def read_origins(text: str) -> list[str]:
    """Addresses of sites, without path. Raises ValueError: without https a browser lets no site notify anybody."""
    found = [part.rstrip("/").lower() for part in re.split(r"[\s,]+", text) if part]
    for origin in found:
        match = _ORIGIN.fullmatch(origin)
        if match is None or (match[1] == "http" and match[2] not in _LOCAL):
            raise ValueError(
                _("“%(origin)s” is not like https://www.example.com.") % {"origin": origin[:100]}
            )
    if not found or len(found) > MOST_ORIGINS:
        raise ValueError(_("Give 1 to %(most)d addresses.") % {"most": MOST_ORIGINS})
    return list(dict.fromkeys(found))


def origins_of(site: Provider) -> list[str]:
    return read_origins(str(site.config["origins"]))


def find(key: str) -> Provider | None:
    """The site with this public key, while its channel is in use."""
    return (
        Provider.objects.select_related("workspace")
        .filter(pk=key, channel=Provider.Channel.PUSH, type=TYPE, enabled=True)
        .first()
    )


def check_endpoint(endpoint: str) -> None:
    """Raises ValidationFailed unless it may be called: https, and no address inside the own network.

    An installation that allows private addresses is one to try things out on, and may have a push service without TLS.
    """
    if len(endpoint) > LONGEST_ENDPOINT:
        raise ValidationFailed(_("The address is too long."), code="bad_url")
    if urlsplit(endpoint).scheme != "https" and not settings.OUTBOUND_ALLOW_PRIVATE:
        raise ValidationFailed(_("The address of a push service starts with https://."), code="bad_url")
    check_url(endpoint)


def signature(secret: str, site: str, id_type: str, value: str) -> str:
    """What the brand's server gives to its pages: HMAC-SHA256 of three lines, as lower-case hexadecimal."""
    return hmac.digest(secret.encode(), "\n".join((site, id_type, value)).encode(), "sha256").hex()


def is_signed(site: Provider, id_type: str, value: str, given: str) -> bool:
    """Whether the brand's server vouches for the ID, or the site asks for nothing of the kind."""
    secret = str(site.config.get("signing_secret") or "")
    if not given or not secret:
        return bool(site.config.get("unsigned")) and not given
    return hmac.compare_digest(signature(secret, site.pk, id_type, value).encode(), given.encode())


def new_secret(access: Access, site: Provider) -> str:
    """A signing secret in place of the one before, which no longer counts. It is shown this once."""
    access.require("marketing.accounts.manage")
    secret = secrets.token_urlsafe(32)
    site.config = {**site.config, "signing_secret": secret}
    site.save(update_fields=["config", "updated_at"])
    audit.record(access, "provider.secret_made", site)
    return secret


# Scripts


@cache
def _file(name: str) -> str:
    return (Path(__file__).parent / "scripts" / name).read_text()


def client_script(site: Provider) -> str:
    """The script that the site's pages load."""
    given = {"site": base_url(site), "publicKey": site.config["vapid_public"]}
    return _file("client.js").replace('"__TIDELINE__"', json.dumps(given))


def worker_script() -> str:
    """What the site's own service worker imports."""
    return _file("worker.js")


def base_url(site: Provider) -> str:
    return settings.BASE_URL + reverse("devices-public:site", args=[site.pk])


def snippets(site: Provider) -> dict[str, str]:
    """Texts to copy into the site: `page` for its pages, `worker` for the file /tideline-sw.js."""
    base, id_type = base_url(site), site.config["id_type"]
    page = f"""<script src="{base}client.js"></script>
<button type="button" id="notify-me">…</button>
<script>
  document.getElementById("notify-me").addEventListener("click", () =>
    tideline.subscribe({{ idType: "{id_type}", id: "…", signature: "…" }}));
</script>"""
    return {"page": page, "worker": f'importScripts("{base}worker.js");'}
