from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PushesConfig(AppConfig):
    name = "insight.pushes"
    label = "pushes"
    verbose_name = _("pushes")

    def ready(self) -> None:
        from cdp.console import navigation
        from insight.audiences import extras, usage
        from insight.datasets import extras as dataset_extras
        from insight.datasets import services as datasets
        from insight.pushes import campaign_links, jobs  # noqa: F401  (registers its kinds)
        from insight.tags import lineage

        campaign_links.register()
        extras.EXTRAS.add("pushes", _entries, partial(_failed, "audience"))
        usage.register_use("pushes", _uses)
        dataset_extras.EXTRAS.add("pushes", _model_entries, partial(_failed, "dataset"))
        datasets.users_of.add("periodic pushes", _model_uses)
        lineage.users_of.add("periodic pushes", _tag_uses)
        navigation.register(
            navigation.NavItem(
                "insight",
                _("Push interfaces"),
                "cloud-upload",
                "pushes:interfaces",
                "insight.push.manage",
                order=70,
            )
        )


def _entries(access: Any, audience: Any) -> Iterator[Any]:
    from django.urls import reverse

    from cdp.console.extras import Entry
    from insight.audiences import origins, visibility
    from insight.pushes.models import Push

    if not access.can("insight.push") or "push" not in origins.actions_of(audience):
        return
    slug = access.workspace.slug
    if audience.current_id and visibility.may_download(access, audience):
        yield Entry(_("Push"), "cloud-upload", reverse("pushes:push", args=[slug, audience.pk]))
    failed = Push.objects.filter(audience=audience, seen=False).exists()
    yield Entry(_("Push history"), "history", reverse("pushes:history", args=[slug, audience.pk]), failed)


def _failed(field: str) -> Any:
    """Whether a push of the audience or dataset, as `field` says, has failed and nobody has looked yet."""
    from django.db.models import Exists, OuterRef

    from insight.pushes.models import Push

    return Exists(Push.objects.filter(**{field: OuterRef("pk")}, seen=False))


def _uses(audience: Any) -> Iterable[Any]:
    """Periodic pushes keep an audience from being deleted."""
    from django.urls import reverse

    from insight.audiences.usage import Use
    from insight.pushes.models import PushSetting

    slug = audience.workspace.slug
    for row in PushSetting.objects.filter(audience=audience, enabled=True).select_related("interface"):
        yield Use(
            PushSetting._meta.verbose_name,
            row.interface.name,
            reverse("pushes:push", args=[slug, audience.pk]) + f"?interface={row.interface_id}",
        )


def _model_entries(access: Any, dataset: Any) -> Iterator[Any]:
    """Of AIPL models, for those who may change them."""
    from cdp.console.extras import Entry
    from insight.datasets import rights
    from insight.pushes import sources
    from insight.pushes.models import Push

    if dataset.kind != dataset.Kind.AIPL or not access.can("insight.push"):
        return
    source = sources.of(dataset)
    if dataset.version and rights.may_manage(access, dataset):
        yield Entry(_("Push"), "cloud-upload", source.page())
    failed = Push.objects.filter(dataset=dataset, seen=False).exists()
    yield Entry(_("Push history"), "history", source.page("history"), failed)


def _model_uses(dataset: Any) -> list[str]:
    """Periodic pushes keep a model from being deleted."""
    from django.utils.translation import gettext

    from insight.pushes.models import PushSetting

    rows = PushSetting.objects.filter(dataset=dataset, enabled=True).select_related("interface")
    return [gettext("periodic push to %(name)s") % {"name": row.interface.name} for row in rows]


def _tag_uses(access: Any, item: Any) -> Iterable[Any]:
    """The periodic pushes of audiences that the person sees which send a tag."""
    from django.urls import reverse

    from insight.audiences import visibility
    from insight.audiences.usage import Use
    from insight.pushes.models import PushSetting

    sent = [{"kind": "tag", "dataset": item.dataset_id, "column": item.column}]
    rows = PushSetting.objects.in_workspace(access.workspace).filter(
        enabled=True, fields__contains=sent, audience__in=visibility.visible(access)
    )
    for row in rows.select_related("audience", "interface").order_by("audience__name", "pk"):
        url = reverse("pushes:push", args=[access.workspace.slug, row.audience_id])
        yield Use(PushSetting._meta.verbose_name, str(row), f"{url}?interface={row.interface_id}")
