"""IDs that an audience does not save although its datasets have them, so that channels can use them in one step."""

from __future__ import annotations

from django.utils.translation import gettext as _

from cdp.core.access import Access
from cdp.core.errors import ValidationFailed
from insight.audiences import identities, origins, rules, services, visibility
from insight.audiences.catalog import Unknown
from insight.audiences.models import Audience
from insight.audiences.sources import WorkspaceCatalog

SELECT = "insight.audience.filter"
REACHED_BY = ("plain", "aes")


def addable(access: Access, audience: Audience) -> list[str]:
    """ID types that people can be reached by and that the person could let the audience save, in order of its rule.

    None where the person may not change the audience, its origin has no rule to edit, or the rule fits no more.
    """
    if not (
        audience.rule
        and "edit" in origins.actions_of(audience)
        and access.can(SELECT)
        and visibility.may_change(access, audience)
    ):
        return []
    catalog = WorkspaceCatalog(access.workspace, audience.source, access=access)
    try:
        columns = identities.id_columns(rules.parse_rule(audience.rule), catalog)
    except (rules.RuleInvalid, Unknown):
        return []
    held = {audience.user_id_type, *audience.save_ids}
    # Of several columns of a type the first one decides the form, as it does when the IDs are saved.
    forms: dict[str, str] = {}
    for column in columns:
        forms.setdefault(column.id_type, column.encryption)
    return [key for key, form in forms.items() if key not in held and form in REACHED_BY]


def add(access: Access, audience: Audience, id_type: str) -> Audience:
    """Save the ID, too, and compute anew. Raises ValidationFailed, PermissionDenied, ActionNotSupported."""
    visibility.check_change(access, audience)
    origins.require(audience, "edit")
    if id_type not in addable(access, audience):
        message = _("The datasets of the audience have no such ID that it does not save already.")
        raise ValidationFailed(message, errors={"id_type": [message]})
    return services.update(access, audience, {"save_ids": [*audience.save_ids, id_type]})
