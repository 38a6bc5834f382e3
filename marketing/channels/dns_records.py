"""What should stand in the DNS so that receiving servers trust a provider's mail."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from marketing.channels import dkim_keys
from marketing.channels.models import Provider


def of(provider: Provider) -> list[dict[str, str]]:
    """Records to publish: type, name, value, purpose. Nothing here is looked up in the DNS."""
    if provider.channel != Provider.Channel.EMAIL or provider.type != "smtp":
        return []
    config = provider.config
    domains = sorted({row.address.rpartition("@")[2].lower() for row in provider.senders.all()})
    bounces = str(config.get("bounce_domain") or "").lower()
    host = str(config.get("host") or "")
    found: list[dict[str, str]] = []
    key = dkim_keys.record(config)
    if key is not None:
        found.append(_record("TXT", *key, _("DKIM: the key with which signatures are checked.")))
    for domain in dict.fromkeys([*([bounces] if bounces else []), *domains]):
        purpose = _("SPF: who may send for the domain. Add the servers that your mail server sends by.")
        found.append(_record("TXT", domain, f"v=spf1 a:{host} ~all", purpose))
    for domain in domains:
        purpose = _("DMARC: what becomes of mail that fails. Begin with none, go on to quarantine.")
        found.append(
            _record("TXT", f"_dmarc.{domain}", f"v=DMARC1; p=none; rua=mailto:postmaster@{domain}", purpose)
        )
    if bounces:
        mailbox = str(config.get("imap_host") or _("(your mailbox's server)"))
        purpose = _("Bounces: all addresses of this domain lead to the bounce mailbox.")
        found.append(_record("MX", bounces, f"10 {mailbox}", purpose))
    return found


def _record(kind: str, name: str, value: str, purpose: Any) -> dict[str, str]:
    return {"type": kind, "name": name, "value": value, "purpose": str(purpose)}
