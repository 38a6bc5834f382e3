"""Noting who follows a short link. Network addresses are never kept."""

from __future__ import annotations

import hmac

from django.conf import settings
from django.utils import timezone

from marketing.links import agents, parameters, regions
from marketing.links.models import LinkClick, ShortLink


def record(
    link: ShortLink, *, person: str, ip: str | None, user_agent: str, method: str, prefetch: bool
) -> LinkClick:
    """Keep a visit. A machine's counts for nobody, and a person's code that was made up names nobody."""
    agent = agents.read(user_agent)
    return LinkClick.objects.create(
        link=link,
        person=parameters.person_of(link, person),
        visitor=_visitor(link, ip, user_agent),
        device=agent.device,
        system=agent.system,
        region=regions.region_of(ip),
        is_machine=prefetch or agents.is_machine(user_agent, method),
    )


def _visitor(link: ShortLink, ip: str | None, user_agent: str) -> str:
    """Equal for one browser at one address on one day, and nothing that can be traced back without HASH_KEY."""
    message = "\n".join((link.pk, timezone.now().date().isoformat(), ip or "", user_agent)).encode()
    return hmac.digest(settings.HASH_KEY.encode(), message, "sha256").hex()[:32]
