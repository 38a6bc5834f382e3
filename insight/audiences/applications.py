"""What can be done with an audience elsewhere: "send an e-mail to it". Channels register themselves here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from cdp.core.access import Access
from cdp.core.identifiers import ID_TYPES
from cdp.core.registry import Registry
from insight.audiences import queries
from insight.audiences.models import Audience


@dataclass(frozen=True)
class Application:
    """`url(workspace_slug, audience_id)` opens the creation page with the audience filled in.

    `id_types`: the audience must hold at least one of them; empty where any will do.
    """

    key: str
    label: Any
    icon: str
    permission: str
    url: Callable[[str, str], str]
    id_types: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True)
class Offer:
    """An application as the page shows it; `reason` says why it cannot be used with this audience."""

    label: Any
    icon: str
    url: str
    reason: str = ""


APPLICATIONS: Registry[Application] = Registry("audience application")


def register(application: Application) -> Application:
    """Called in AppConfig.ready by modules that can use audiences."""
    return APPLICATIONS.add(application.key, application)


def offers(access: Access, audience: Audience) -> list[Offer]:
    """The applications that the person may use, with those disabled whose ID types the audience does not hold."""
    # Nobody can be written to by a hash.
    held = {item["id_type"] for item in queries.id_types(audience) if item["encryption"] in ("plain", "aes")}
    found = []
    for item in APPLICATIONS:
        if not access.can(item.permission):
            continue
        reason = ""
        if item.id_types and not item.id_types & held:
            names = ", ".join(str(ID_TYPES[key].label) for key in sorted(item.id_types))
            reason = _("The audience must be saved with one of these IDs: %(names)s.") % {"names": names}
        elif audience.current_id is None:
            reason = _("The audience has not been computed yet.")
        found.append(Offer(item.label, item.icon, item.url(access.workspace.slug, audience.pk), reason))
    return found
