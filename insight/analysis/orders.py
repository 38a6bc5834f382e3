"""Custom orders of charts: one per person and tag."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _

from cdp.core.access import Access
from cdp.core.errors import ValidationFailed
from insight.analysis import choosing
from insight.analysis.models import ChartOrder

MOST = 5000


def of(access: Access, dataset_id: str, tags: Sequence[str]) -> dict[str, list[str]]:
    """The person's own orders of some tags; tags without one are left out."""
    rows = ChartOrder.objects.in_workspace(access.workspace).filter(
        user=access.user, dataset=dataset_id, tag__in=tags
    )
    return dict(rows.values_list("tag", "values"))


def keep(access: Access, dataset_id: str, tag: str, values: Any) -> list[str]:
    """Remember the order of a tag's values for the person; an empty one forgets it. Values that it does not name
    come last. Raises NotFound, ValidationFailed.
    """
    here = choosing.place(access, dataset_id)
    here.chosen([tag])
    if not isinstance(values, list) or len(values) > MOST or not all(isinstance(v, str) for v in values):
        message = _("Give a list of up to %(most)d values.") % {"most": MOST}
        raise ValidationFailed(message, errors={"values": [message]})
    found = list(dict.fromkeys(values))
    key = {"workspace": access.workspace, "user": access.user, "dataset": here.dataset, "tag": tag}
    if found:
        ChartOrder.objects.update_or_create(**key, defaults={"values": found})
    else:
        ChartOrder.objects.filter(**key).delete()
    return found
