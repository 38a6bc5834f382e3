"""The end of materials: owners are told a month before, then what nobody uses goes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from django.db import transaction
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from cdp.console.notices import notify
from cdp.core import audit
from cdp.core.languages import language_of
from marketing.materials import services, usage
from marketing.materials.models import NOTICE, Material

BATCH = 500


def warn() -> int:
    """Tell owners once of what ends within 30 days and is in nobody's use; the answer is of how many materials."""
    ending = Material.objects.filter(
        warned=False, owner__is_active=True, expires_at__lte=timezone.now() + NOTICE
    )
    found = _unused(ending.select_related("owner", "workspace").order_by("expires_at"))
    of_owner: dict[tuple[str, str | None], list[Material]] = defaultdict(list)
    for item in found:
        of_owner[item.workspace_id, item.owner_id].append(item)
    for items in of_owner.values():
        with transaction.atomic():
            Material.objects.filter(pk__in=[item.pk for item in items]).update(warned=True)
            _tell(items)
    return len(found)


def _tell(items: list[Material]) -> None:
    """One notice on all of them, which are one person's in one workspace and ordered by their end."""
    first, count = items[0], len(items)
    assert first.owner is not None
    with translation.override(language_of(first.owner)), timezone.override(first.workspace.time_zone):
        title = ngettext(
            "A material of yours is removed on %(date)s",
            "%(count)d of your materials are removed soon, the first on %(date)s",
            count,
        ) % {"count": count, "date": date_format(timezone.localtime(first.expires_at), "Y-m-d")}
        names = ", ".join(item.name for item in items[:3]) + ("…" if count > 3 else "")
        notify(
            first.workspace,
            first.owner,
            title,
            text=_("%(names)s: keep them 365 more days, or download them.") % {"names": names},
            url=reverse("materials:list", args=[first.workspace.slug]) + "?whose=mine&ending=soon",
            level="warning",
        )


def expire() -> int:
    """Remove what is past its time and in nobody's use; the answer is how many went."""
    with transaction.atomic():
        due = Material.objects.filter(expires_at__lte=timezone.now()).select_related("workspace")
        gone = _unused(due.order_by("expires_at"))[:BATCH]
        for item in gone:
            audit.record(None, "material.expired", item, before={"name": item.name}, workspace=item.workspace)
        services.remove(gone)
    return len(gone)


def _unused(materials: Iterable[Material]) -> list[Material]:
    rows = list(materials)
    used = usage.in_use([item.pk for item in rows])
    return [item for item in rows if item.pk not in used]
