"""What can be done with an audience elsewhere: "send an e-mail to it". Channels register themselves here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from cdp.core.access import Access
from cdp.core.identifiers import ID_TYPES
from cdp.core.registry import Registry
from insight.audiences import adding_ids, origins, queries
from insight.audiences.models import Audience


@dataclass(frozen=True)
class Application:
    """`url(workspace_slug, audience_id, …)` opens the creation page with the audience filled in, or with up to `most`.

    `id_types`: the audience must hold at least one of them; empty where any will do.
    """

    key: str
    label: Any
    icon: str
    permission: str
    url: Callable[..., str]
    id_types: frozenset[str] = field(default_factory=frozenset)
    most: int = 1


@dataclass(frozen=True)
class Offer:
    """An application as the page shows it; `reason` says why it cannot be used with this audience.

    `addable`: `[{"id_type", "label"}]`, IDs that would do, and that the audience's datasets have although it does not
    save them.
    """

    label: Any
    icon: str
    url: str
    reason: str = ""
    key: str = ""
    id_types: frozenset[str] = frozenset()
    addable: Sequence[dict[str, str]] = ()

    def as_json(self) -> dict[str, Any]:
        return {
            "key": self.key,
            "label": str(self.label),
            "id_types": sorted(self.id_types),
            "usable": not self.reason,
            "reason": self.reason or None,
            "addable": [item["id_type"] for item in self.addable],
            "url": self.url,
        }


APPLICATIONS: Registry[Application] = Registry("audience application")


def register(application: Application) -> Application:
    """Called in AppConfig.ready by modules that can use audiences."""
    return APPLICATIONS.add(application.key, application)


def offers(access: Access, audience: Audience) -> list[Offer]:
    """The applications that the person may use, with those disabled whose ID types the audience does not hold.

    None where the origin of the audience does not offer its use.
    """
    return offers_for(access, [audience]) if "use" in origins.actions_of(audience) else []


def offers_for(access: Access, audiences: Sequence[Audience]) -> list[Offer]:
    """The applications that the person may use, for all of the audiences together."""
    held = {audience.pk: _held(audience) for audience in audiences}
    addable: list[str] | None = None
    keys = [audience.pk for audience in audiences]
    found = []
    for item in APPLICATIONS:
        if not access.can(item.permission):
            continue
        reasons = {row: _reason(item, row, held[row.pk]) for row in audiences}
        reason = next((text for text in reasons.values() if text), "")
        if reason and len(audiences) > 1:
            reason = "; ".join(f"“{row.name}”: {text}" for row, text in reasons.items() if text)
        if len(audiences) > item.most:
            reason = ngettext(
                "It takes %(most)d audience at once.", "It takes %(most)d audiences at once.", item.most
            ) % {"most": item.most}
        url = item.url(access.workspace.slug, *keys[: item.most])
        more: list[dict[str, str]] = []
        if len(audiences) == 1 and item.id_types and not item.id_types & held[keys[0]]:
            addable = adding_ids.addable(access, audiences[0]) if addable is None else addable
            more = [named(key) for key in addable if key in item.id_types]
        found.append(Offer(item.label, item.icon, url, reason, item.key, item.id_types, more))
    return found


def named(id_type: str) -> dict[str, str]:
    return {"id_type": id_type, "label": str(ID_TYPES[id_type].label)}


def _held(audience: Audience) -> set[str]:
    """The ID types that people can be reached by: nobody can be written to by a hash."""
    return {item["id_type"] for item in queries.id_types(audience) if item["encryption"] in ("plain", "aes")}


def _reason(item: Application, audience: Audience, held: set[str]) -> str:
    """Why the audience cannot be used for this; empty where it can."""
    if "use" not in origins.actions_of(audience):
        return _("Audiences of this origin are not used here.")
    if item.id_types and not item.id_types & held:
        names = ", ".join(str(ID_TYPES[key].label) for key in sorted(item.id_types))
        return _("The audience must be saved with one of these IDs: %(names)s.") % {"names": names}
    if audience.current_id is None:
        return _("The audience has not been computed yet.")
    return ""
