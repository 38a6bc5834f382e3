"""Parts of charts as conditions: added to the rule of an audience that there is already."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from cdp.core.access import Access
from cdp.core.errors import PermissionDenied, ValidationFailed
from insight.analysis import choosing
from insight.audiences import origins, services, visibility
from insight.audiences.counting import preview_counts
from insight.audiences.models import Audience

SELECT = "insight.audience.filter"
OPERATORS = ("union", "intersect", "subtract")


@dataclass(frozen=True)
class Addition:
    """An audience and what its rule becomes with a condition more."""

    audience: Audience
    operator: str
    condition: Any

    @property
    def compared(self) -> dict[str, Any]:
        """With the rule of today as a part of its own, so that both are counted."""
        return {"op": self.operator, "items": [self.audience.rule, self.condition]}

    @property
    def rule(self) -> dict[str, Any]:
        """Without another bracket where the rule is joined in the same way already."""
        before = self.audience.rule
        if before.get("op") == self.operator:
            return {"op": self.operator, "items": [*before["items"], self.condition]}
        return self.compared


def offered(access: Access, dataset_id: str, search: str = "") -> QuerySet[Audience]:
    """Selections that the person may edit and that know their people by the dataset's identifier."""
    here = choosing.place(access, dataset_id)
    rows = visibility.visible(access).filter(
        origin="selection", source=here.dataset.source, user_id_type=here.id_type, rule__isnull=False
    )
    if not visibility.manages_all(access):
        rows = rows.filter(owner=access.user)
    return rows.filter(name__icontains=search).order_by("name") if search else rows.order_by("name")


def preview(access: Access, audience_id: str, condition: Any, operator: Any) -> dict[str, int]:
    """`{"before", "after", "part"}`: people of the audience's rule today, of the changed one, of the condition."""
    addition = _added(access, audience_id, condition, operator)
    counts = preview_counts(access, addition.compared)
    by_path = {row["path"]: row["count"] for row in [*counts["conditions"], *counts["groups"]]}
    return {"before": by_path["items/0"], "after": counts["count"], "part": by_path["items/1"]}


def add(access: Access, audience_id: str, condition: Any, operator: Any, *, etag: str = "") -> Audience:
    """Change the audience's rule by the condition and compute it. Raises NotFound, PermissionDenied,
    ActionNotSupported, ValidationFailed with the paths of a rule that cannot be used.
    """
    addition = _added(access, audience_id, condition, operator)
    return services.update(access, addition.audience, {"rule": addition.rule}, etag=etag)


def _added(access: Access, audience_id: str, condition: Any, operator: Any) -> Addition:
    audience = visibility.get_visible(access, audience_id)
    if not access.can(SELECT):
        raise PermissionDenied(point=SELECT)
    visibility.check_change(access, audience)
    origins.require(audience, "edit")
    if audience.rule is None or audience.origin != "selection":
        message = _("Only audiences made by selection take another condition.")
        raise ValidationFailed(message, errors={"audience": [message]})
    if operator not in OPERATORS:
        message = _("Use one of %(values)s.") % {"values": ", ".join(OPERATORS)}
        raise ValidationFailed(message, errors={"operator": [message]})
    return Addition(audience, operator, condition)
