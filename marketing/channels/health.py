"""Whether providers still let us in: tried when somebody asks, and every hour; who looks after them is told."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from admin_center.permissions.looking_after import administrators_of, managers_of, tell
from cdp.core.errors import ValidationFailed
from cdp.core.registry import Registry
from marketing.channels.base import ProviderError, provider_type
from marketing.channels.models import Channel, Provider, SharedProvider

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Hold:
    """Why nothing may leave by a provider; `for_good` where waiting does not help."""

    reason: str
    for_good: bool = False


holds: Registry[Any] = Registry("what holds providers back")
"""Functions (provider -> Hold or None), registered by higher layers."""


def held_by(provider: Provider) -> Hold | None:
    """What holds a provider back, besides the provider itself; None where nothing does."""
    return next((found for finder in holds if (found := finder(provider)) is not None), None)


@dataclass(frozen=True)
class Found:
    """What a test saw. `denied`: the provider lets nobody in until its settings change."""

    ok: bool
    lines: list[str]
    denied: bool = False


def check(provider: Provider) -> Found:
    """Try a provider and keep on it what was found; of a shared one also on what other workspaces have of it."""
    found = _try(provider)
    rows = provider.alike()
    rows.update(**_noted(provider, found))
    if found.ok:
        rows.update(consecutive_errors=0, paused_until=None)
    if provider.shared_id:
        SharedProvider.objects.filter(pk=provider.shared_id).update(**_noted(provider, found))
    provider.refresh_from_db()
    return found


def check_shared(shared: SharedProvider) -> Found:
    """The same for a provider of an organization, also where no workspace has it yet."""
    found = _try(shared.as_provider())
    noted = _noted(shared, found)
    SharedProvider.objects.filter(pk=shared.pk).update(**noted)
    shared.providers.update(**noted)
    if found.ok:
        shared.providers.update(consecutive_errors=0, paused_until=None)
    shared.refresh_from_db()
    return found


def check_all() -> int:
    """Try every provider that is in use; answers how many let nobody in."""
    own = Provider.objects.filter(enabled=True, shared=None).exclude(channel=Channel.CUSTOM)
    failing = 0
    for row in [*own.select_related("workspace__organization"), *SharedProvider.objects.filter(enabled=True)]:
        try:
            failing += _watch(row)
        except Exception:
            log.exception("The provider %s could not be checked.", row.pk)
    return failing


def _try(provider: Provider) -> Found:
    if (hold := held_by(provider)) is not None:
        return Found(False, [hold.reason], denied=True)
    try:
        return Found(True, [str(line) for line in provider_type(provider).test(provider)])
    except (ProviderError, ValidationFailed) as error:
        return Found(False, [str(error)], isinstance(error, ProviderError) and error.denied)


def _noted(provider: Provider | SharedProvider, found: Found) -> dict[str, Any]:
    """A provider that could not be reached keeps what is known of its keys."""
    now = timezone.now()
    if found.ok:
        return {"checked_at": now, "succeeded_at": now, "last_error": "", "failing_since": None}
    noted: dict[str, Any] = {"checked_at": now, "last_error": found.lines[0][:500]}
    return {**noted, "failing_since": provider.failing_since or now} if found.denied else noted


def _watch(provider: Provider | SharedProvider) -> bool:
    known = provider.failing_since is not None
    if isinstance(provider, SharedProvider):
        found = check_shared(provider)
        people, workspace = managers_of(provider.organization), None
        url = reverse("organization-providers:detail", args=[provider.pk])
    else:
        found = check(provider)
        workspace = provider.workspace
        people = administrators_of(workspace)
        url = reverse("channels:detail", args=[workspace.slug, provider.pk])
    if found.denied and not known:
        tell(
            people,
            _("The provider “%(provider)s” does not let us in any more"),
            {"provider": provider},
            text=found.lines[0],
            url=url,
            level="error",
            workspace=workspace,
        )
    return found.denied
