"""Checking rules against the workspace's data, with errors as the API and the console show them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.utils.translation import gettext as _

from cdp.core.access import Access
from cdp.core.errors import ValidationFailed
from cdp.core.identifiers import ID_TYPES
from cdp.core.registry import Registry
from insight.audiences import origins, provenance, rules, visibility
from insight.audiences.checking import ModelDayMissing
from insight.audiences.checking import check as check_rule
from insight.audiences.identities import Identity, identity_of, identity_of_dataset
from insight.audiences.models import Audience
from insight.audiences.renewing import renewed
from insight.audiences.sources import WorkspaceCatalog

circles: Registry[Callable[[rules.Rule, Audience], Iterable[tuple[str, list[str]]]]] = Registry("circle")
"""Finders of conditions, (path, messages), that are themselves made from the audience; higher layers register them."""


def invalid(error: rules.RuleInvalid) -> ValidationFailed:
    """A rule's errors as the API and the console show them: paths below `rule`.

    Where nothing is wrong with the rule but that a model lacks the day it asks for, the status is 409.
    """
    errors = {rules.join("rule", path): list(messages) for path, messages in error.errors.items()}
    if isinstance(error, ModelDayMissing):
        days = {rules.join("rule", path): found for path, found in error.nearest.items()}
        message = " ".join(text for found in error.errors.values() for text in found)
        return ValidationFailed(message, code=error.code, status=409, errors=errors, nearest_days=days)
    return ValidationFailed(_("The rule cannot be used."), code=error.code, errors=errors)


def check_data(rule: rules.Rule, catalog: WorkspaceCatalog) -> rules.Rule:
    """The rule, with former operators replaced by those that mean the same today.

    Raises ValidationFailed where it does not fit the data, or mixes users known by different IDs, or by the same in
    different forms (an MD5 hash never equals the number that it was made of). Its code
    is `model_day_missing` where a flow names a day on which the model was not computed, `no_identities` where a
    condition is to be translated and nobody's identities are known. Where different IDs could be translated, the error
    has `translations`: by the path of a condition, the ID type to translate to.
    """
    rule = renewed(rule, catalog)
    try:
        check_rule(rule, catalog, today=catalog.today)
    except rules.RuleInvalid as error:
        raise invalid(error) from None
    _check_identities(rule, catalog)
    first = Identity()
    errors: dict[str, list[str]] = {}
    translations: dict[str, dict[str, str]] = {}
    for path, leaf in rules.leaves(rule):
        here = rules.join("rule", path)
        part = "audience" if isinstance(leaf, rules.AudienceLeaf) else "dataset"
        if isinstance(leaf, rules.BehaviourLeaf) and leaf.base:
            errors |= _misfitting_base(leaf, here, catalog)
        found = identity_of(leaf, catalog)
        first = first if first.id_type else found
        if found.id_type and found != first:
            labels = {"found": found.label, "first": first.label}
            message = _(
                "This knows its users by %(found)s, the conditions before by %(first)s: they cannot be combined."
            )
            # A translation keeps the form: hashes lead to hashes.
            if found.encryption == first.encryption and catalog.identities() is not None:
                translations[here] = {"to": first.id_type, "label": str(ID_TYPES[first.id_type].label)}
                message = _(
                    "This knows its users by %(found)s, the conditions before by %(first)s. "
                    "To combine them, translate this condition to %(first)s."
                )
            errors[rules.join(here, part)] = [message % labels]
    if errors:
        more: dict[str, Any] = {"translations": translations} if translations else {}
        raise ValidationFailed(_("The rule cannot be used."), errors=errors, **more)
    return rule


def _misfitting_base(leaf: rules.BehaviourLeaf, path: str, catalog: WorkspaceCatalog) -> dict[str, list[str]]:
    """What is wrong with the dataset that a “did not” is out of: who did is left out of it by their identifiers."""
    assert leaf.base is not None
    found, wanted = identity_of_dataset(leaf.base, catalog), identity_of_dataset(leaf.dataset, catalog)
    if found == wanted:
        return {}
    message = _(
        "This dataset knows its users by %(found)s, the behaviour by %(wanted)s: nobody could be left out of it."
    ) % {"found": found.label, "wanted": wanted.label}
    return {rules.join(path, "base"): [message]}


def _check_identities(rule: rules.Rule, catalog: WorkspaceCatalog) -> None:
    """Raises ValidationFailed with 409 `no_identities` where a translation has nothing to translate with."""
    mapped = [path for path, leaf in rules.leaves(rule) if leaf.map is not None]
    if mapped and catalog.identities() is None:
        message = _("The identities have not been computed yet: set them up and start a run.")
        errors = {rules.join(rules.join("rule", path), "map"): [message] for path in mapped}
        raise ValidationFailed(message, code="no_identities", status=409, errors=errors)


def checked_rule(
    access: Access,
    data: Any,
    audience: Audience | None = None,
    *,
    catalog: WorkspaceCatalog | None = None,
) -> rules.Rule:
    """The parsed rule, fitting the workspace's datasets and the audiences that the person sees.

    Raises ValidationFailed with paths below `rule`; a rule that leads back to `audience` itself is refused. A
    `catalog` that is given keeps what was looked up, for whoever compiles the rule next.
    """
    try:
        rule = rules.parse_rule(data)
    except rules.RuleInvalid as error:
        raise invalid(error) from None
    rule = check_data(rule, catalog or WorkspaceCatalog(access.workspace, access=access))
    errors: dict[str, list[str]] = {}
    wanted = {
        leaf.audience: path for path, leaf in rules.leaves(rule) if isinstance(leaf, rules.AudienceLeaf)
    }
    seen = dict(visibility.visible(access).filter(pk__in=wanted).values_list("pk", "origin"))
    combined = origins.offering("combine")
    for audience_id, path in wanted.items():
        where = rules.join("rule", rules.join(path, "audience"))
        if audience_id not in seen:
            errors[where] = [_("There is no such audience here.")]
        elif seen[audience_id] not in combined:
            raise origins.uncombinable(where)
        elif audience is not None and provenance.leads_to(audience_id, audience.pk):
            errors[where] = [_("This audience is itself made from the one you are editing.")]
    if audience is not None:
        for leads_back in circles:
            errors.update({rules.join("rule", path): found for path, found in leads_back(rule, audience)})
    if errors:
        raise ValidationFailed(_("The rule cannot be used."), errors=errors)
    return rule
