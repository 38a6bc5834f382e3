"""Ways an audience can come about, and what each of them allows.

An origin says which actions its audiences offer and what their members are. Buttons that do not apply are hidden;
in the API they answer 409 `action_not_supported`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cdp.core.errors import ActionNotSupported, ValidationFailed
from cdp.core.registry import Registry

if TYPE_CHECKING:
    from cdp.core.access import Access
    from insight.audiences.membership import Members
    from insight.audiences.models import Audience

ACTIONS = frozenset(
    {"edit", "refresh", "snapshot", "copy", "analyse", "download", "move", "delete", "use", "combine", "push"}
)
"""What selections offer. Other origins have fewer, or their own, such as `replace` for uploads."""


@dataclass(frozen=True)
class Origin:
    """How the audiences of one origin behave.

    `members` computes who belongs to an audience; None where members only ever arrive from outside.
    `copy(access, audience, values)` makes a copy where a rule alone does not describe the audience.
    `refreshable` says for one audience whether a refresh can change it, `words` what it is made of where no rule does.
    """

    key: str
    label: Any
    actions: frozenset[str]
    members: Callable[[Audience, Any], Members] | None = None
    copy: Callable[[Access, Audience, dict[str, Any]], Audience] | None = None
    refreshable: Callable[[Audience], bool] | None = None
    words: Callable[[Access, Audience], str] | None = None


ORIGINS: Registry[Origin] = Registry("audience origin")


def register(origin: Origin) -> Origin:
    return ORIGINS.add(origin.key, origin)


def origin_of(audience: Audience) -> Origin:
    return ORIGINS[audience.origin]


def offering(action: str) -> list[str]:
    """Keys of the origins whose audiences offer an action."""
    return [origin.key for origin in ORIGINS if action in origin.actions]


def actions_of(audience: Audience) -> frozenset[str]:
    """What the audience offers: the actions of its origin, refreshing only where that could change something."""
    origin = origin_of(audience)
    if origin.refreshable is not None and not origin.refreshable(audience):
        return origin.actions - {"refresh"}
    return origin.actions


def require(audience: Audience, action: str) -> Origin:
    """Raises ActionNotSupported where the audience, by its origin, does not offer the action."""
    origin = origin_of(audience)
    if action not in actions_of(audience):
        raise ActionNotSupported(
            _("An audience of the origin “%(origin)s” does not offer this.") % {"origin": origin.label},
            action=action,
        )
    return origin


def uncombinable(path: str) -> ValidationFailed:
    """The refusal of an audience that a rule or set operation names at `path` and whose origin forbids that."""
    message = _("Audiences of this origin cannot be combined.")
    return ValidationFailed(
        message, code=ActionNotSupported.code, status=409, errors={path: [message]}, action="combine"
    )


_KINDS = {
    frozenset({"tag"}): gettext_lazy("Tag selection"),
    frozenset({"behaviour"}): gettext_lazy("Behaviour selection"),
    frozenset({"rfm"}): gettext_lazy("RFM selection"),
    frozenset({"aipl"}): gettext_lazy("AIPL selection"),
    frozenset({"audience"}): gettext_lazy("Selection from audiences"),
}


def label_of(audience: Audience) -> Any:
    """The origin as shown: selections are named after the kinds of their conditions, mixed ones as crossed."""
    if audience.origin != "selection" or not audience.rule:
        return origin_of(audience).label
    kinds = frozenset(_leaf_kinds(audience.rule))
    return _KINDS.get(kinds, gettext_lazy("Crossed selection"))


def _leaf_kinds(node: dict[str, Any]) -> list[str]:
    if "items" in node:
        return [kind for item in node["items"] for kind in _leaf_kinds(item)]
    kind = str(node.get("kind", ""))
    return ["behaviour" if kind == "sequence" else kind]
