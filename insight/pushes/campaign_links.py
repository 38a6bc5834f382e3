"""Pushes as campaigns show them: single ones, and those by schedule as one task each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models.signals import pre_delete
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cdp.core.access import Access
from insight.audiences.models import Audience
from insight.campaigns import links
from insight.datasets.models import Dataset
from insight.pushes import interfaces, sources
from insight.pushes.models import Push, PushSetting

KIND = "push"
_OBJECTS = ("audience__workspace", "dataset__workspace")


def find(access: Access, ids: Sequence[str]) -> Iterable[links.Linked]:
    """Those of what the person may see, by schedule first, the latest of each first."""
    if not access.can(interfaces.PUSH):
        return
    schedules = [key for key in ids if key.isdecimal()]
    seen = sources.visible(access)
    settings = PushSetting.objects.in_workspace(access.workspace).filter(seen, pk__in=schedules)
    for setting in settings.select_related("interface", *_OBJECTS).order_by("-updated_at"):
        page = sources.of(setting.subject).page()
        yield _linked(
            setting,
            url=f"{page}?interface={setting.interface_id}",
            state=_("Switched on") if setting.enabled else _("Switched off"),
            state_key="active" if setting.enabled else "off",
            group=Push.Mode.PERIODIC.label,
        )
    rows = Push.objects.in_workspace(access.workspace).filter(seen, pk__in=ids)
    for row in rows.select_related(*_OBJECTS).order_by("-created_at"):
        yield _linked(
            row,
            url=sources.of(row.subject).page("history"),
            state=row.get_state_display(),
            state_key=row.state,
            people=row.users,
            group=row.get_mode_display(),
        )


def _linked(row: Any, **more: Any) -> links.Linked:
    return links.Linked(id=str(row.pk), name=str(row), updated_at=row.updated_at, **more)


def _forget(sender: Any, instance: Any, **_more: Any) -> None:
    """An audience or a model goes, and its pushes with it."""
    field = "audience" if sender is Audience else "dataset"
    for model in (Push, PushSetting):
        links.forget(KIND, *map(str, model.objects.filter(**{field: instance}).values_list("pk", flat=True)))


def register() -> None:
    """Called once when the app is ready."""
    links.register(
        links.LinkedKind(KIND, gettext_lazy("Pushes"), "cloud-upload", find, groups=gettext_lazy("How"))
    )
    for model in (Audience, Dataset):
        pre_delete.connect(_forget, sender=model, dispatch_uid=f"pushes.forget_links.{model.__name__}")
