"""Noting who follows a short link. Network addresses are never kept."""

from __future__ import annotations

import hmac
from collections.abc import Callable

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from cdp.core.registry import Registry
from marketing.links import agents, parameters, regions
from marketing.links.models import LinkClick, ShortLink

followers: Registry[Callable[[ShortLink, LinkClick], None]] = Registry("follower of short links")
"""Functions that are called with the visit of a person whose number is known, registered by higher layers."""


def record(
    link: ShortLink, *, person: str, ip: str | None, user_agent: str, method: str, prefetch: bool
) -> LinkClick:
    """Keep a visit. A machine's counts for nobody, and a person's code that was made up names nobody."""
    agent = agents.read(user_agent)
    with transaction.atomic():
        click = LinkClick.objects.create(
            link=link,
            person=parameters.person_of(link, person),
            visitor=_visitor(link, ip, user_agent),
            device=agent.device,
            system=agent.system,
            region=regions.region_of(ip),
            is_machine=prefetch or agents.is_machine(user_agent, method),
        )
        if click.person and not click.is_machine:
            for follow in followers:
                follow(link, click)
    return click


def _visitor(link: ShortLink, ip: str | None, user_agent: str) -> str:
    """Equal for one browser at one address on one day, and nothing that can be traced back without HASH_KEY."""
    message = "\n".join((link.pk, timezone.now().date().isoformat(), ip or "", user_agent)).encode()
    return hmac.digest(settings.HASH_KEY.encode(), message, "sha256").hex()[:32]
