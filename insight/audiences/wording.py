"""The rule in words, for people, with hints on what may surprise them."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from cdp.core.access import Access
from insight.audiences import origins, rules
from insight.audiences.models import Audience
from insight.audiences.sources import WorkspaceCatalog
from insight.audiences.summary import summarise

_NEGATIVE = frozenset(
    {
        "not_in",
        "not_contains",
        "not_starts_with",
        "not_ends_with",
        "contains_none",
        "!=",
        "not_between",
        "not_within",
    }
)


def summary(workspace: Any, rule: rules.Rule) -> dict[str, Any]:
    """`{"text", "warnings": [...]}` in the language of the request."""
    return {"text": _sentence(rule, workspace), "warnings": warnings(rule)}


def warnings(rule: rules.Rule) -> list[str]:
    """What the rule leaves out although one might think that it does not."""
    found = []
    if any(
        isinstance(leaf, rules.TagLeaf) and leaf.operator in _NEGATIVE for _path, leaf in rules.leaves(rule)
    ):
        found.append(
            _(
                "People without a value match no negative condition. Add “has no value” where they should be included."
            )
        )
    return found


def of(access: Access, audience: Audience) -> str:
    """What the audience is made of, in words: its rule, or what its origin says of it."""
    words = origins.origin_of(audience).words
    return words(access, audience) if words else stored(audience)


def stored(audience: Audience) -> str:
    """An audience's rule in words; what is gone is named as gone."""
    if not audience.rule:
        return ""
    try:
        return _sentence(rules.parse_rule(audience.rule), audience.workspace)
    except rules.RuleInvalid as error:
        return str(error)


def _sentence(rule: rules.Rule, workspace: Any) -> str:
    text = summarise(rule, WorkspaceCatalog(workspace, access=None))
    return text[:1].upper() + text[1:]
