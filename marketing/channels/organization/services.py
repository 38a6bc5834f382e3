"""Use cases of an organization's providers: made once, granted to all or some of its workspaces.

Callers have checked that the person manages the organization.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from admin_center.organizations.models import Workspace
from cdp.core import audit
from cdp.core.access import Access
from cdp.core.errors import Conflict, NotFound, PreconditionFailed, ValidationFailed
from marketing.channels import health
from marketing.channels.base import find_type
from marketing.channels.dkim_keys import key_settings
from marketing.channels.models import Provider, SenderAddress, SharedProvider
from marketing.channels.services import assign, save

FOLLOWED = ("name", "config", "rate_per_second", "batch_size", "price", "price_currency", "enabled")
_OWN_PARTS = (SenderAddress,)
"""What a workspace adds to a provider, and what goes with it."""


def provider_of(organization: Any, pk: str) -> SharedProvider:
    """One of the organization's providers. Raises NotFound."""
    found = SharedProvider.objects.filter(organization=organization, pk=pk).first()
    if found is None:
        raise NotFound(_("There is no such %(what)s here.") % {"what": SharedProvider._meta.verbose_name})
    return found


@transaction.atomic
def create(access: Access, organization: Any, values: dict[str, Any]) -> SharedProvider:
    """A new provider, which no workspace has yet. Raises ValidationFailed as `services.create_provider` does."""
    shared = SharedProvider(organization=organization, channel=values["channel"], type=values["type"])
    kind = find_type(shared.channel, shared.type)
    if kind is not None and not kind.shareable:
        message = _("This kind of provider belongs to one workspace.")
        raise ValidationFailed(message, errors={"type": [message]})
    assign(shared, values)
    save(shared)
    after = {"name": shared.name, "channel": shared.channel}
    audit.record(access, "shared_provider.created", shared, after=after)
    return shared


@transaction.atomic
def update(
    access: Access, shared: SharedProvider, values: dict[str, Any], *, edit_version: int | None = None
) -> SharedProvider:
    """Change it everywhere at once. Raises ValidationFailed, also where a workspace has another of the new name."""
    shared = _locked(shared)
    if edit_version is not None and edit_version != shared.edit_version:
        raise PreconditionFailed()
    assign(shared, values)
    shared.bump()
    shared.last_error, shared.failing_since = "", None
    save(shared)
    try:
        with transaction.atomic():
            for provider in shared.providers.all():
                _follow(provider, shared)
    except IntegrityError:
        raise _name_taken(shared) from None
    audit.record(access, "shared_provider.changed", shared, after={"fields": sorted(values)})
    return shared


def make_dkim_key(access: Access, shared: SharedProvider, domain: str, selector: str) -> SharedProvider:
    """A new key for its mails in place of the present one. Raises ValidationFailed, ActionNotSupported."""
    with key_settings(shared.type, domain, selector) as config:
        return update(access, shared, {"config": config})


def test(access: Access, shared: SharedProvider) -> dict[str, Any]:
    """Try the connection: {"ok": bool, "lines": [...]}. What was found is kept, also in the workspaces."""
    found = health.check_shared(shared)
    if found.ok:
        audit.record(access, "shared_provider.tested", shared)
    return {"ok": found.ok, "lines": found.lines}


@transaction.atomic
def grant(
    access: Access, shared: SharedProvider, *, for_all: bool, workspaces: Sequence[Workspace] = ()
) -> None:
    """Say which workspaces have it from now on: all, also those to come, or these.

    Where it is taken away, send-outs that still wait for it do not leave; what was sent stays as it is. Raises
    ValidationFailed where a workspace has a provider of this name itself.
    """
    shared = _locked(shared)
    wanted = list(shared.organization.workspaces.all()) if for_all else list(workspaces)
    had = {row.workspace_id: row for row in shared.providers.filter(withdrawn_at=None)}
    for workspace in wanted:
        if workspace.pk not in had:
            _give(access, shared, workspace)
    for key in had.keys() - {workspace.pk for workspace in wanted}:
        _take(access, had[key])
    if shared.for_all != for_all:
        shared.for_all = for_all
        shared.save(update_fields=["for_all", "updated_at"])
        audit.record(access, "shared_provider.changed", shared, after={"for_all": for_all})


def granted(shared: SharedProvider) -> list[Workspace]:
    """The workspaces that have it now."""
    keys = shared.providers.filter(withdrawn_at=None).values("workspace")
    return list(Workspace.objects.filter(pk__in=keys))


def workspaces_named(organization: Any, slugs: Iterable[Any]) -> list[Workspace]:
    """Workspaces of the organization by their addresses. Raises ValidationFailed for others."""
    wanted = list(dict.fromkeys(str(slug) for slug in slugs))
    found = {row.slug: row for row in Workspace.objects.filter(organization=organization, slug__in=wanted)}
    if len(found) != len(wanted):
        message = _("Choose workspaces of your organization.")
        raise ValidationFailed(message, errors={"workspaces": [message]})
    return [found[slug] for slug in wanted]


def join(workspace: Workspace) -> None:
    """Give a new workspace what its organization has for all."""
    for shared in SharedProvider.objects.filter(organization=workspace.organization_id, for_all=True):
        _give(None, shared, workspace)


def uses(shared: SharedProvider) -> list[dict[str, Any]]:
    """Where it is used: [{"workspace": address, "name", "what", "count"}]; what has been sent counts as well."""
    found = []
    for provider in shared.providers.select_related("workspace").order_by("workspace__name"):
        for what, count in _uses_of(provider):
            place = {"workspace": provider.workspace.slug, "name": provider.workspace.name}
            found.append({**place, "what": what, "count": count})
    return found


@transaction.atomic
def delete(access: Access, shared: SharedProvider) -> None:
    """Remove it from everywhere. Raises Conflict (in_use, with `used`) while something needs it."""
    shared = _locked(shared)
    if used := uses(shared):
        raise Conflict(
            _("Workspaces use this provider: %(where)s. Switch it off instead.")
            % {"where": ", ".join(sorted({item["name"] for item in used}))},
            code="in_use",
            used=used,
        )
    audit.record(access, "shared_provider.deleted", shared, before={"name": shared.name})
    shared.providers.all().delete()
    shared.delete()


def _locked(shared: SharedProvider) -> SharedProvider:
    return SharedProvider.objects.select_for_update().select_related("organization").get(pk=shared.pk)


def _give(access: Access | None, shared: SharedProvider, workspace: Workspace) -> None:
    provider = shared.providers.filter(workspace=workspace).first() or Provider(
        workspace=workspace, shared=shared, channel=shared.channel, type=shared.type
    )
    provider.withdrawn_at = None
    provider.checked_at, provider.succeeded_at = shared.checked_at, shared.succeeded_at
    provider.last_error, provider.failing_since = shared.last_error, shared.failing_since
    try:
        with transaction.atomic():
            _follow(provider, shared)
    except IntegrityError:
        raise _name_taken(shared) from None
    audit.record(access, "provider.granted", provider, after={"name": provider.name}, workspace=workspace)


def _take(access: Access, provider: Provider) -> None:
    audit.record(
        access, "provider.withdrawn", provider, before={"name": provider.name}, workspace=provider.workspace
    )
    if _uses_of(provider):
        provider.withdrawn_at, provider.enabled = timezone.now(), False
        provider.save(update_fields=["withdrawn_at", "enabled", "updated_at"])
    else:
        provider.delete()


def _follow(provider: Provider, shared: SharedProvider) -> None:
    for name in FOLLOWED:
        setattr(provider, name, getattr(shared, name))
    provider.enabled = shared.enabled and provider.withdrawn_at is None
    provider.consecutive_errors, provider.paused_until = 0, None
    provider.last_error, provider.failing_since = shared.last_error, shared.failing_since
    provider.bump()
    provider.save()


def _uses_of(provider: Provider) -> list[tuple[str, int]]:
    """Rows of other parts that name it, by what they are."""
    found = []
    for relation in Provider._meta.get_fields(include_hidden=True):
        if not (relation.one_to_many or relation.one_to_one) or relation.related_model in _OWN_PARTS:
            continue
        model: Any = relation.related_model
        count = model._default_manager.filter(**{relation.field.name: provider}).count()
        if count:
            found.append((str(model._meta.verbose_name), count))
    return found


def _name_taken(shared: SharedProvider) -> ValidationFailed:
    others = Provider.objects.filter(
        workspace__organization=shared.organization_id, channel=shared.channel, name=shared.name
    ).exclude(shared=shared)
    names = ", ".join(others.order_by("workspace__name").values_list("workspace__name", flat=True))
    message = _("These workspaces have a provider of this name themselves: %(names)s.") % {"names": names}
    return ValidationFailed(message, errors={"name": [message], "workspaces": [message]})
