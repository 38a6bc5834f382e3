"""Several datasets looked at side by side, each by itself: no user is joined with another dataset's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from cdp.core.access import Access
from cdp.core.errors import ValidationFailed
from insight.analysis.choosing import MOST_DATASETS
from insight.analysis.perspective import perspective


def pivot(
    access: Access, wanted: Sequence[Mapping[str, Any]], *, null_filter: bool = False, token: str = ""
) -> list[dict[str, Any]]:
    """Up to five datasets with tags of each: one answer as of `perspective` per dataset, in order.

    Raises ValidationFailed for a sixth, and where one is named twice.
    """
    if not 1 <= len(wanted) <= MOST_DATASETS:
        message = _("Choose 1 to %(most)d datasets.") % {"most": MOST_DATASETS}
        raise ValidationFailed(message, errors={"datasets": [message]})
    if len({item["dataset"] for item in wanted}) < len(wanted):
        message = _("Name each dataset once.")
        raise ValidationFailed(message, errors={"datasets": [message]})
    return [
        perspective(
            access,
            item["dataset"],
            item["tags"],
            null_filter=null_filter,
            token=f"{token}:{item['dataset']}" if token else "",
        )
        for item in wanted
    ]
